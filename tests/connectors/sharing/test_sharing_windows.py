"""Windows of lists that are asked for at once leave as whole lists, where those are short."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from connectors.errors import Garbled, TimedOut
from connectors.records import Window
from tests.connectors.canned import canned, reading
from tests.connectors.sharing.many_asking import NAME, Ask, Held, asking, settled


class HeldProducts(Held):
    """Products of customers, three each; the windows that were asked for are noted."""

    def __init__(self, each: int = 3) -> None:
        super().__init__()
        self.each = each
        self.limits: list[str] = []

    async def __call__(self, request: web.Request) -> web.Response:
        owners = request.query["relatedParty.id"].split(",")
        let = asyncio.Event()
        self.asked.append(owners)
        self.limits.append(request.query["limit"])
        self._let.append(let)
        self.began.put_nowait(len(self.asked))
        await let.wait()
        if any(owner in self.fail for owner in owners):
            return web.Response(text="<html>")
        rows = [
            {"id": f"P{owner}-{n}", "relatedParty": [{"id": owner, "role": "customer", "@referredType": "Customer"}]}
            for owner in owners
            for n in range(self.each)
        ]
        first = int(request.query.get("offset", 0))
        rows = rows[first : first + int(request.query["limit"])]
        return web.json_response(rows, headers={"X-Total-Count": str(self.each * len(owners))})


@pytest.mark.parametrize("each", [3, 9])
async def test_windows_gather_as_lists_where_they_held_the_whole_lists(each: int) -> None:
    """Where they did not, a list may be long: every window stays a question of its own."""

    def first(key: str) -> Ask:
        return lambda connectors: connectors.crm.products_of_customers([key], Window(0, 5), NAME)

    held = HeldProducts(each)
    async with canned(product=held) as server, reading(server, share_after=1) as connectors:
        learning = asking(first("1"), connectors)
        await held.calls(1)
        held.let(1)
        await learning.task
        under_way = asking(first("2"), connectors)
        await held.calls(2)
        waiting = [asking(first(key), connectors) for key in ("3", "4")]
        if each > 5:
            await held.calls(4)
            held.let(4)
        else:
            held.let(2)
            await held.calls(3)
            held.let(3)
        answers = [await one.task for one in (under_way, *waiting)]

    assert [list(found) for found in answers] == [["2"], ["3"], ["4"]]
    owners = [{one.customer_ids for one in found[key].items} for key, found in zip("234", answers, strict=True)]
    assert owners == [{("2",)}, {("3",)}, {("4",)}]
    assert held.asked == ([["1"], ["2"], ["3", "4"]] if each < 5 else [["1"], ["2"], ["3"], ["4"]])
    assert set(held.limits[:2]) == {"5"}
    assert [found[key].complete for key, found in zip("34", answers[1:], strict=True)] == [each < 5] * 2


@pytest.mark.parametrize(
    ("windows", "asked"),
    [
        ([("2", 5)], [(["2"], "5")]),
        ([("2", 5), ("2", 5)], [(["2"], "5")]),
        ([("2", 5), ("2", 4)], [(["2"], "whole")]),
        ([("2", 5), ("3", 5)], [(["2", "3"], "whole")]),
    ],
    ids=["alone", "the same", "two of one list", "two lists"],
)
async def test_a_window_is_asked_as_such_where_nobody_asks_beside_it(
    windows: list[tuple[str, int]], asked: list[tuple[list[str], str]]
) -> None:
    def first(key: str, limit: int) -> Ask:
        return lambda connectors: connectors.crm.products_of_customers([key], Window(0, limit), NAME)

    held = HeldProducts()
    async with canned(product=held) as server, reading(server, share_after=9) as connectors:
        learning = asking(first("1", 5), connectors)
        await held.calls(1)
        held.let(1)
        await learning
        several = [asking(first(*one), connectors) for one in windows]
        await held.calls(2)
        several.append(asking(first(*windows[0]), connectors))  # joins what is under way
        await settled()
        held.let(9)
        answers = [await one for one in several]
    for (key, _limit), found in zip([*windows, windows[0]], answers, strict=True):
        assert [row.id for row in found[key].items] == [f"P{key}-{n}" for n in range(3)]
        assert {row.customer_ids for row in found[key].items} == {(key,)}
    limits = [one if one in ("4", "5") else "whole" for one in held.limits[1:]]
    assert list(zip(held.asked[1:], limits, strict=True)) == asked
    assert connectors.crm.is_idle


def window(key: str, limit: int = 5, offset: int = 0) -> Ask:
    return lambda connectors: connectors.crm.products_of_customers([key], Window(offset, limit), NAME)


@asynccontextmanager
async def products(**settings: Any) -> AsyncIterator[tuple[Any, HeldProducts]]:
    """A CRM of which it is known that windows of 5 hold whole lists."""
    held = HeldProducts()
    async with canned(product=held) as server, reading(server, **settings) as connectors:
        learning = asking(window("1"), connectors)
        await held.calls(1)
        held.let(1)
        await learning
        yield connectors, held


async def test_a_window_that_fails_is_asked_for_once() -> None:
    async with products() as (c, held):
        held.fail["2"] = 200
        one = asking(window("2"), c)
        await held.calls(2)
        held.let(9)
        assert type((await one)["2"]) is Garbled
        assert held.limits == ["5", "5"]


async def test_a_window_whose_company_fails_is_asked_for_as_a_window() -> None:
    async with products() as (c, held):
        held.fail["3"] = 200
        several = [asking(window(key), c) for key in "23"]
        await held.calls(2)
        held.let(2)
        await held.calls(4)
        held.let(4)
        assert [row.id for row in (await several[0])["2"].items] == ["P2-0", "P2-1", "P2-2"]
        assert type((await several[1])["3"]) is Garbled
        assert (held.asked[1], sorted(held.asked[2:])) == (["2", "3"], [["2"], ["3"]])
        assert held.limits[2:] == ["5", "5"]


async def test_two_windows_of_a_list_that_cannot_be_read_whole_are_asked_for_as_windows() -> None:
    async with products() as (c, held):
        held.fail["2"] = 200
        several = [asking(window("2", limit), c) for limit in (5, 4)]
        await held.calls(2)
        held.let(2)
        await held.calls(4)
        held.fail.clear()
        held.let(4)
        for one in several:
            assert [row.id for row in (await one)["2"].items] == ["P2-0", "P2-1", "P2-2"]
        assert (held.asked[1:], sorted(held.limits[2:])) == ([["2"]] * 3, ["4", "5"])


async def test_the_end_of_a_longer_list_is_no_short_list() -> None:
    """What a later page shows says nothing about whole lists: the next windows are questions of their own."""
    async with products() as (c, held):
        later = asking(window("2", offset=2), c)
        await held.calls(2)
        held.let(2)
        await later
        both = [asking(window(key), c) for key in "34"]
        await held.calls(4)
        held.let(9)
        for one in both:
            await one
        assert held.asked[1:] == [["2"], ["3"], ["4"]]


async def test_what_gathers_looks_at_the_clock_when_others_left_before_it() -> None:
    held = HeldProducts()
    async with canned(product=held) as server, reading(server, share_after=1, timeout=30) as c:
        direct = asking(window("1"), c)
        short, long = (
            asking(lambda c, key=key: c.crm.products_of_customers([key], None, NAME), c, seconds)
            for key, seconds in (("2", 0.3), ("3", 20))
        )
        async with asyncio.timeout(5):
            assert type((await short)["2"]) is TimedOut
        assert held.asked == [["1"]]
        held.let(1)
        await held.calls(2)
        held.let(2)
        assert [*await direct, *await long] == ["1", "3"]


async def test_who_asks_in_its_own_way_may_join_a_window_asked_alone() -> None:
    """Between the two it turned out that lists are longer. What fails is not asked again as a whole list."""
    async with products() as (c, held):
        held.fail["2"] = 200
        first = asking(window("2"), c)
        await held.calls(2)
        full = asking(window("3", limit=3), c)
        await held.calls(3)
        held.let_one(3)
        await held.calls(4)  # a total of the page's own rows is doubted once
        held.let_one(4)
        await full
        second = asking(window("2"), c)
        await settled()
        held.let(9)
        assert [type((await one)["2"]) for one in (first, second)] == [Garbled, Garbled]
        assert held.asked[1:] == [["2"], ["3"], ["3"]]


@pytest.mark.parametrize(
    ("window", "each"), [(Window(2, 5), 3), (Window(0, 3), 3)], ids=["a later page", "a full page"]
)
async def test_what_a_window_does_not_show_is_no_short_list(window: Window, each: int) -> None:
    held = HeldProducts(each)
    async with canned(product=held) as server, reading(server, share_after=1) as connectors:

        async def ask(connectors: Any) -> Any:
            return await connectors.crm.products_of_customers(["1"], window, NAME)

        learning = asking(ask, connectors)
        await held.calls(1)
        held.let(9)
        await learning.task
        under_way = asking(lambda c: c.crm.products_of_customers(["2"], Window(0, 5), NAME), connectors)
        await held.calls(2)
        beside = asking(lambda c: c.crm.products_of_customers(["3"], Window(0, 5), NAME), connectors)
        await held.calls(3)  # at once, and not behind the one before
        held.let(9)
        await under_way.task
        assert not (await beside.task)["3"].complete
