"""Long answers are read in turns: what waits for the event loop meanwhile gets it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
import pytest

from connectors.errors import Garbled
from connectors.reading.grouping import group_by_key
from connectors.reading.repair import repaired, repaired_in_turns
from connectors.reading.rows import Batch, Identified, RowDecoder, Unreadable
from connectors.reading.turns import TURN, Turns

T = TypeVar("T")


class Row(Identified):
    text: str | None = None


async def beside(work: Coroutine[Any, Any, T]) -> tuple[T, int]:
    """What the work gives, and how often others had their turn meanwhile."""
    doing, turns = asyncio.ensure_future(work), 0
    while not doing.done():
        turns += 1
        await asyncio.sleep(0)
    return doing.result(), turns


def decoder() -> RowDecoder[Row]:
    return RowDecoder(Row, lambda _: None)


def listed(rows: list[bytes]) -> bytes:
    return b"[" + b",".join(rows) + b"]"


ODD = {
    "nulls": [b"null"] * 60_000,
    "odd attributes": [b'{"id": 1, "text": [1]}'] * 20_000,
    "right ones": [b'{"id": "1", "text": "%s"}' % (b"a" * 60)] * 60_000,
}


@pytest.mark.parametrize("name", ODD)
async def test_many_rows_take_several_turns(name: str) -> None:
    (rows, _), turns = await beside(decoder().rows(listed(ODD[name])))
    assert len(rows) == len(ODD[name])
    assert turns > 4


async def test_few_rows_take_one() -> None:
    (rows, all_read), turns = await beside(decoder().rows(listed([b'{"id": "1"}'] * 50)))
    assert (len(rows), all_read, turns) == (50, True, 1)


async def test_the_rows_of_a_long_list_are_those_of_a_short_one() -> None:
    parts = [b'{"id": "%d", "text": "%s"}' % (number, b"x" * 300) for number in range(2_000)]
    parts[7], parts[1_999] = b'{"id": null}', b"3"
    long, _ = await decoder().rows(listed(parts))
    short = [row for part in parts for row in (await decoder().rows(listed([part])))[0]]
    assert long == short
    assert [number for number, one in enumerate(long) if isinstance(one, Unreadable)] == [7, 1_999]


async def test_an_odd_row_that_is_huge_is_not_looked_at() -> None:
    huge = msgspec.json.encode([{"id": "1", "text": ["x" * 300_000]}])
    (row,), _ = await decoder().rows(huge)
    assert (isinstance(row, Unreadable), row.id) == (True, "1")


async def test_grouping_many_rows_takes_several_turns() -> None:
    rows = [Row(str(number)) for number in range(100_000)]
    found, turns = await beside(
        group_by_key([Batch(["1"], rows)], None, lambda _: ("1",), unreadable=lambda key: Garbled("crm", key))
    )
    assert found["1"].items == rows  # type: ignore[union-attr]  # no failure
    assert turns > 2


BROKEN = listed([b'{"id": "a\\ud800b", "text": "a\\qb", "n": NaN}'] * 30_000)


async def test_many_broken_texts_are_repaired_in_turns() -> None:
    mended, turns = await beside(repaired_in_turns(BROKEN))
    assert mended == repaired(BROKEN) == listed([b'{"id": "a\\ufffdb", "text": "a\\ufffdqb", "n": null}'] * 30_000)
    assert turns > 4


@pytest.mark.parametrize("text", [b'"' + b"\\q" * 100_000 + b'"', b'"' + b"\xff" * 100_000 + b'"'])
async def test_a_huge_text_that_is_broken_is_replaced_as_a_whole(text: bytes) -> None:
    assert await repaired_in_turns(listed([text, b'"a"'])) == b'["\\ufffd","a"]'


def test_a_turn_is_short() -> None:
    assert TURN <= 0.01


async def test_of_all_that_is_interrupted_one_goes_on_in_each_turn() -> None:
    happened: list[str] = []

    async def work(name: str) -> None:
        for _ in range(3):
            happened.append(name)
            await Turns().next()

    async def ticking() -> None:
        while True:
            happened.append("turn")
            await asyncio.sleep(0)

    ticks = asyncio.create_task(ticking())
    given_up = asyncio.create_task(work("given up"))
    works = [asyncio.create_task(work(str(number))) for number in range(20)]
    await asyncio.sleep(0)
    given_up.cancel()
    async with asyncio.timeout(10):
        await asyncio.gather(*works)
    ticks.cancel()

    begun, *later = " ".join(happened).split("turn")[1:]
    assert len(begun.split()) == 22, "what is new begins at once"
    assert max(len(one.split()) for one in later) == 1
    assert [one.strip() for one in later if one.strip()] == [str(number) for number in range(20)] * 2
