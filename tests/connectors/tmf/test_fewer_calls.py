"""What need not be asked is not asked, and what is asked holds its bounds."""

import json
from typing import Any

import pytest
from aiohttp import web

from connectors.errors import TooMuch
from connectors.records import Rows, Window
from sandbox.data.world import World
from tests.connectors.asking import connected
from tests.connectors.canned import canned, reading
from tests.systems import Systems, asked

NAME = frozenset({"name"})
ALL_READ: dict[str, Any] = {"read_everything": True}


@pytest.mark.parametrize("filters", [[], ["name"], ["serialNumber"]])
async def test_a_search_that_reads_everything_reads_it_once(systems: Systems, filters: list[str]) -> None:
    async with connected(systems) as c:
        text = (await c.inventory.resources(["RES-1001-1"], None))["RES-1001-1"].serial_number
        found = {word: (await c.inventory.resources_named(word, Window(0, 5000), None)).items for word in (text, "o")}
    systems["inventory"].requests.clear()
    async with connected(systems, inventory={"profile": ALL_READ | {"filters": filters}}) as c:
        for word, expected in found.items():
            rows = await c.inventory.resources_named(word, Window(0, 5), None)
            assert [*rows.items] == [*expected]
            assert (rows.total, rows.complete) == (len(expected), True)
    assert [line.partition("?")[2].count("offset=") for line in asked(systems["inventory"])].count(0) == len(found)


@pytest.mark.parametrize("profile", [{"filters": []}, {"id_list": "none"}])
async def test_many_ids_cost_the_whole_list_where_that_is_less(
    systems: Systems, world: World, profile: dict[str, Any]
) -> None:
    """200 ids in two pages; what is not in the list is still asked for, and few ids are asked for as ever."""
    numbers = [str(number) for number in world.numbers]
    async with connected(systems, crm={"max_calls": 150, "profile": profile | {"page_size": 100}}) as c:
        found = await c.crm.customers([*numbers, "0", "9"], NAME)
        assert {key: one.id for key, one in found.items()} == {key: key for key in numbers}
        lists, ones = _by_kind(asked(systems["crm"]))
        assert (lists, ones) == (2, 2)
        systems["crm"].requests.clear()
        assert len(await c.crm.customers(numbers[:20], NAME)) == 20
        assert _by_kind(asked(systems["crm"])) == (0, 20)


async def test_a_list_that_is_longer_is_tried_once(systems: Systems, world: World) -> None:
    numbers = [str(number) for number in world.numbers][:50]
    async with connected(systems, crm={"profile": {"filters": [], "page_size": 2}}) as c:
        for lists in (1, 0):
            assert len(await c.crm.customers(numbers, NAME)) == 50
            assert _by_kind(asked(systems["crm"])) == (lists, 50)
            systems["crm"].requests.clear()


async def test_the_bound_of_calls_holds() -> None:
    """Where the list is too long for them, too, nothing more is asked."""

    async def listed(request: web.Request) -> web.Response:
        start, limit = int(request.query.get("offset", 0)), int(request.query["limit"])
        return web.Response(text=json.dumps([{"id": str(n)} for n in range(start, start + limit)]))

    async with canned(customer=listed) as server:
        settings = {"max_calls": 20, "profile": {"filters": [], "page_size": 2}}
        async with reading(server, **settings) as c:
            found = await c.crm.customers([str(10**6 + n) for n in range(2500)], NAME)
            assert {type(one) for one in found.values()} == {TooMuch}
            assert len(found) == 2500
            assert len(server.seen) <= 20


async def test_a_page_is_not_asked_for_again_where_it_was_of_no_use(systems: Systems) -> None:
    systems["crm"].switches.ignore_filters = True
    async with connected(systems) as c:
        for calls in (2, 1):
            found = (await c.crm.products_of_customers(["1002"], Window(0, 2), NAME))["1002"]
            assert isinstance(found, Rows)
            assert {one.customer_ids for one in found.items} == {("1002",)}
            assert (found.complete, len(asked(systems["crm"]))) == (True, calls)
            systems["crm"].requests.clear()


def _by_kind(lines: list[str]) -> tuple[int, int]:
    """Requests for lists, and for single customers."""
    lists = [line for line in lines if line.partition("?")[0].endswith("/customer")]
    return len(lists), len(lines) - len(lists)
