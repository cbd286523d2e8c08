"""Answers in other encodings than JSON's own, numbers that JSON does not have, and headers that count nothing."""

import asyncio
import gzip
from typing import Any

import pytest
from aiohttp import web

from connectors.errors import Garbled, TooLarge
from connectors.http.encoding import as_utf8, as_utf8_in_turns
from connectors.records import Window
from tests.connectors.canned import canned, reading

NAME = frozenset({"name"})
CUSTOMER = '[{"id": "1", "name": "Žofie Žďár"}]'


def answering(body: bytes, content_type: str = "application/json", **headers: str) -> Any:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Type": content_type, **headers})

    return answer


@pytest.mark.parametrize(
    ("encoding", "content_type"),
    [
        ("utf-8", "application/json"),
        ("utf-8-sig", "application/json"),
        ("utf-16", "application/json"),
        ("utf-32", "application/json"),
        ("utf-16-le", "application/json; charset=UTF-16LE"),
        ("utf-16-be", 'application/json;charset="utf-16be"'),
        ("iso-8859-2", "application/json; charset=ISO-8859-2"),
        ("cp1250", "application/json; charset=windows-1250"),
        ("utf-8", "application/json; charset=ISO-8859-1"),  # which some servers say by default
        ("utf-8", "application/json; charset=made-up"),
    ],
)
async def test_a_text_is_the_same_in_every_encoding(encoding: str, content_type: str) -> None:
    async with canned(customer=answering(CUSTOMER.encode(encoding), content_type)) as server, reading(server) as c:
        assert (await c.crm.customers(["1"], NAME))["1"].name == "Žofie Žďár"
        assert c.systems[0].probe.http.health.notices == []


def test_an_encoding_that_there_is_not_is_left_alone() -> None:
    assert as_utf8(b'["\xe9"]', "application/json; charset=iso-8859-12") == b'["\xe9"]'


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\xff\xfe" + b"\x00\xd8a\0" * 20_000, None),
        (b"\xfe\xff" + "a😀".encode("utf-16-be") * 20_000 + b"\xd8", None),
        (b"\xff\xfe\0\0" + b"\xff" * 100_001, None),
        (b"\x81\xe9" * 200_000, "a/b; charset=windows-1252"),
        ("é".encode() * 50_000, "a/b; charset=windows-1252"),
        (b"\xef\xbb\xbf" + b"a" * 100_000, "a/b; charset=utf-16"),
        (b"\xe9" * 100_000, "a/b; charset=iso-8859-12"),
    ],
)
async def test_a_long_body_is_decoded_in_turns_and_is_the_same(body: bytes, content_type: str | None) -> None:
    """32 MB of bytes that windows-1252 does not have took a turn of 8 seconds."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        beside = group.create_task(others())
        found = await as_utf8_in_turns(body, content_type)
        beside.cancel()
    assert found == as_utf8(body, content_type)
    if b"\x81" in body:
        assert turns > 1


@pytest.mark.parametrize("none", ["NaN", "Infinity", "-Infinity"])
async def test_a_number_that_is_none_costs_itself(none: str) -> None:
    rows = f'[{{"id": "1", "name": "NaN, -Infinity"}}, {{"id": "2", "name": {none}, "x": [{none}, 1]}}]'
    async with canned(customer=rows) as server, reading(server) as c:
        found = await c.crm.customers(["1", "2"], NAME)
        assert [found["1"].name, found["2"].name] == ["NaN, -Infinity", None]
        assert [one for one in c.systems[0].probe.http.health.notices if "NaN" in one]


async def test_a_body_in_another_encoding_than_it_says_is_garbled_and_not_unreachable() -> None:
    async with canned(customer=answering(b"abc", **{"Content-Encoding": "gzip"})) as server, reading(server) as c:
        failure = (await c.crm.customers(["1"], NAME))["1"]
    assert isinstance(failure, Garbled)
    zipped = answering(gzip.compress(CUSTOMER.encode()), **{"Content-Encoding": "gzip"})
    async with canned(customer=zipped) as server, reading(server) as c:
        assert (await c.crm.customers(["1"], NAME))["1"].name == "Žofie Žďár"


async def test_a_body_that_becomes_large_is_unpacked_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """33 MB of blanks in 33 KB took one turn of 0.15 seconds."""
    monkeypatch.setattr("connectors.reading.turns.TURN", 0.0)
    zipped, turns = answering(gzip.compress(b" " * 12_000_000, 1), **{"Content-Encoding": "gzip"}), 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with (
        canned(customer=zipped) as server,
        reading(server, max_bytes=11_000_000) as c,
        asyncio.TaskGroup() as group,
    ):
        beside = group.create_task(others())
        assert isinstance((await c.crm.customers(["1"], NAME))["1"], TooLarge)
        beside.cancel()
    assert turns > 20


@pytest.mark.parametrize("total", ["9" * 5000, "-1", "1.0", "many", "", "\u0661"])
async def test_a_total_that_is_no_number_of_rows_is_none(total: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        text = "[]" if "offset" in request.query and request.query["offset"] != "0" else CUSTOMER
        return web.json_response(text=text, headers={"X-Total-Count": total})

    async with canned(customer=answer) as server, reading(server) as c:
        rows = await c.crm.customer_list(Window(0, 5), NAME)
    assert [one.id for one in rows.items] == ["1"]
