"""Long lists and objects are split in turns, into what msgspec finds in them at once."""

import asyncio
import json
from random import Random
from typing import Any

import msgspec
import pytest

from connectors.reading import split
from connectors.reading.rows import LARGEST, Identified, RowDecoder, Unreadable
from tests.edges import TIMES

CASES = 120 * TIMES


def anything(random: Random, deep: int = 3) -> Any:
    """A random value, with texts that look like what separates values."""
    text = "".join(random.choice('},[]{" \\,:aé\n') for _ in range(random.randrange(8)))
    kinds: list[Any] = [None, True, random.randrange(1000), -1.5e3, text, [], {}]
    if deep:
        several = [anything(random, deep - 1) for _ in range(random.randrange(5))]
        kinds += [several, several, {f"{number}{text}": one for number, one in enumerate(several)}] * 2
    return random.choice(kinds)


def written(value: Any, random: Random) -> bytes:
    return json.dumps(value, indent=random.choice((None, 1)), ensure_ascii=random.random() < 0.5).encode()


async def all_values(body: bytes) -> list[bytes]:
    return [bytes(one) async for some in split.values(body) for one in some]


def at_once(body: bytes) -> list[bytes] | None:
    """What msgspec finds; None where it is no list."""
    try:
        return [bytes(one) for one in msgspec.json.decode(body, type=list[msgspec.Raw])]
    except msgspec.DecodeError:
        return None


async def test_a_list_is_split_as_msgspec_splits_it(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(1)
    for number in range(CASES):
        monkeypatch.setattr(split, "AT_ONCE", random.choice((1, 8, 64)))
        body = written([anything(random) for _ in range(random.randrange(12))], random)
        assert await all_values(body) == at_once(body), (number, body)


async def test_what_is_no_list_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(2)
    for number in range(CASES):
        monkeypatch.setattr(split, "AT_ONCE", random.choice((1, 8, 64)))
        body = bytearray(written([anything(random) for _ in range(1 + random.randrange(12))], random))
        for _ in range(random.choice((1, 2))):
            body[random.randrange(len(body))] = random.choice(b'},[]{" \\,:1')
        expected = at_once(bytes(body))
        try:
            found = await all_values(bytes(body))
        except msgspec.DecodeError:
            found = None
        assert found == expected, (number, bytes(body))


@pytest.mark.parametrize(
    "body", [b"[1,]", b"[1,,2]", b"[,1]", b"[1 2]", b"[1]]", b"[1],", b"[1", b"{}", b"", b"[1,2]x"]
)
async def test_malformed_lists(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    for size in (1, 2, 3, 100):
        monkeypatch.setattr(split, "AT_ONCE", size)
        with pytest.raises(msgspec.DecodeError):
            await all_values(body)


async def test_a_member_is_what_msgspec_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(3)
    monkeypatch.setattr(split, "AT_ONCE", 1)
    for _ in range(CASES):
        several = {random.choice('abé"'): anything(random) for _ in range(1 + random.randrange(4))}
        body = written(several, random)
        for name in (*several, "c"):
            found = await split.member(body, name)
            assert found == msgspec.json.decode(body, type=dict[str, msgspec.Raw]).get(name), body


HUGE = {
    "numbers": b"[" + b"1," * 600_000 + b"1]",
    "one row of numbers": b'[{"id":"1","x":[' + b"1," * 3_000_000 + b"1]}]",
    "one row of objects": b'[{"id":"1","x":[' + b"{}," * 49_000 + b"1]}]",
    "one text": b'[{"id":"1","x":"' + b'\\"' * 500_000 + b'"}]',
}


@pytest.mark.parametrize("name", HUGE)
async def test_others_have_their_turns_meanwhile(name: str) -> None:
    doing, turns = asyncio.ensure_future(all_values(HUGE[name])), 0
    while not doing.done():
        turns += 1
        await asyncio.sleep(0)
    assert doing.result() == at_once(HUGE[name])
    assert turns > 2


async def test_no_more_is_read_than_may_be() -> None:
    found, all_read = await RowDecoder(Identified, lambda _: None).rows(HUGE["numbers"], 20_000)
    assert 20_000 < len(found) <= 20_000 + split.AT_ONCE
    assert not all_read


async def test_a_row_that_is_too_large_is_not_read() -> None:
    said: list[str] = []
    body = b'[{"id":"1","x":"' + b"a" * LARGEST + b'"},{"id":"2"}]'
    first, second = (await RowDecoder(Identified, said.append).rows(body))[0]
    assert (first.__class__, first.id) == (Unreadable, None)
    assert second == Identified("2")
    assert said == [f"has a row of more than {LARGEST} bytes, which is not read"]


async def test_nobody_walks_for_long_through_one_value() -> None:
    """16 MB of small members took 22 seconds."""
    members = b",".join(b'"%d":0' % number for number in range(1_000_000))
    with pytest.raises(msgspec.DecodeError, match="a value has more than 100000 texts, lists and objects"):
        await all_values(b"[{" + members + b"}]")
    with pytest.raises(msgspec.DecodeError, match="an object has more than 100000 members"):
        await split.member(b"{" + members + b"}", "id")
