"""Rows that cannot be read: they cost themselves, and nobody is told that they do not exist."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import web

from connectors.errors import ConnectorError, Garbled
from connectors.records import Rows, Window
from tests.connectors.canned import Answering, canned, reading

PAGING: list[dict[str, Any]] = [{}, {"total_trusted": False}, {"paging": "none"}, {"page_size": 2}, {"sort": False}]


def paged(rows: Sequence[Any]) -> Answering:
    """A list that keeps to offset and limit, where there are any."""

    async def answer(request: web.Request) -> web.Response:
        offset = int(request.query.get("offset", 0))
        part = rows[offset : offset + int(request.query.get("limit", len(rows)))]
        return web.json_response(part, headers={"X-Total-Count": str(len(rows))})

    return answer


def bill(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"B{number}",
        "billingAccount": {"id": "A"},
        "relatedParty": [{"id": "1", "role": "customer"}],
        "billDate": f"2026-01-{20 - number:02d}T00:00:00Z",
        **more,
    }


@pytest.mark.parametrize("profile", PAGING)
async def test_a_window_has_no_holes(profile: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    rows = [bill(n, **({"relatedParty": "?"} if n == 1 else {})) for n in range(8)]
    async with canned(customerBill=paged(rows)) as server, reading(server, profile=profile) as c:
        for _ in range(2):
            found = (await c.billing.bills_of_accounts(["A"], Window(0, 3), None))["A"]
            assert [one.id for one in found.items] == ["B0", "B2", "B3", "B4", "B5", "B6", "B7"]
            assert (found.offset, found.total, found.complete) == (0, None, True)
        found = (await c.billing.bills_of_accounts(["A"], Window(3, 2), None))["A"]
        assert (found.offset, found.total, found.complete) == (0, None, True)  # nobody knows that the filter is obeyed
    assert len([one for one in caplog.records if "has a row that cannot be read" in one.getMessage()]) == 1


@pytest.mark.parametrize("profile", PAGING)
async def test_a_list_under_nothing_has_none_either(profile: dict[str, Any]) -> None:
    rows = [{"id": "1", "name": "One"}, {"id": ["2"], "name": "Two"}, {"name": "Three"}, {"id": "4", "name": "Four"}]
    async with canned(customer=paged(rows)) as server, reading(server, profile=profile) as c:
        found = await c.crm.customer_list(Window(0, 2), frozenset({"name"}))
    assert [one.name for one in found.items] == ["One", "Four"]
    assert (found.total, found.complete, found.unread) == (None, True, 2)


async def test_a_row_that_is_somebody_elses_costs_no_place_in_the_window() -> None:
    rows = [bill(n, billingAccount={"id": "other" if n == 1 else "A"}) for n in range(8)]
    async with canned(customerBill=paged(rows)) as server, reading(server) as c:
        found = (await c.billing.bills_of_accounts(["A"], Window(0, 3), None))["A"]
    assert [one.id for one in found.items] == ["B0", "B2", "B3", "B4", "B5", "B6", "B7"]
    assert (found.total, found.complete) == (7, True)


async def test_nobody_knows_whose_list_an_unreadable_row_is_in() -> None:
    rows = [bill(0), bill(1, relatedParty=5)]
    async with canned(customerBill=paged(rows)) as server, reading(server) as c:
        found = await c.billing.bills_of_accounts(["A", "Z"], None, None)
    assert {key: ([one.id for one in rows.items], rows.total, rows.unread) for key, rows in found.items()} == {
        "A": (["B0"], None, 1),
        "Z": ([], None, 1),
    }
    assert Rows(["x", "y"], total=None).keep(lambda one: one == "x") == Rows(["x"], total=None)


@pytest.mark.parametrize("id_list", ["comma", "none"])
async def test_a_row_asked_for_by_id_is_there_though_it_cannot_be_read(id_list: str) -> None:
    party = {"id": {}, "role": "customer"}
    rows = {"1": {"id": "1", "name": "One"}, "2": {"id": 2, "name": "Two", "relatedParty": [party]}}

    async def one(request: web.Request) -> web.Response:
        return web.json_response(rows[request.path.rsplit("/", 1)[-1]])

    async with (
        canned(product=paged(list(rows.values())), **dict.fromkeys(rows, one)) as server,
        reading(server, profile={"id_list": id_list}) as c,
    ):
        found = await c.crm.products(["1", "2", "3"], None)
    assert set(found) == {"1", "2"}
    assert found["1"].name == "One"
    assert isinstance(found["2"], Garbled)


async def test_a_row_that_hides_its_id_may_be_any_that_did_not_come() -> None:
    async with canned(customer=paged([{"id": "1"}, {"id": ["2"]}])) as server, reading(server) as c:
        found = await c.crm.customers(["1", "2"], None)
    assert {key: type(one).__name__ for key, one in found.items()} == {"1": "Customer", "2": "Garbled"}


async def test_the_same_unreadable_row_on_every_page_is_found_out() -> None:
    async with canned(customer=json.dumps([{"id": ["1"]}])) as server, reading(server) as c:
        with pytest.raises(Garbled, match="paging = 'none'"):
            await c.crm.customer_list(Window(0, 5), None)
    assert len(server.seen) == 2


def customers(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": str(number), "name": "Ann"} for number in numbers]


async def named(c: Any) -> Rows[Any]:
    """All customers whose name is Ann, read whole."""
    found: Rows[Any] = await c.crm.customers_named("Ann", Window(0, 1), None)
    return found


async def test_a_row_that_slipped_between_two_pages_is_read_after_all() -> None:
    before, after = customers(1, 2, 3, 4), customers(0, 1, 2, 3, 4)  # 0 is new: on the second page 2 comes again

    async def answer(request: web.Request) -> web.StreamResponse:
        return await paged(before if len(server.seen) == 1 else after)(request)

    async with (
        canned(customer=answer) as server,
        reading(server, profile={"sort": False, "page_size": 2}) as c,
    ):
        found = await named(c)
    assert [one.id for one in found.items] == ["0", "1", "2", "3", "4"]
    assert ["offset" in one for one in server.seen] == [False, True, False, True, True]


async def test_fewer_rows_than_the_total_says_is_no_answer() -> None:
    async def answer(request: web.Request) -> web.Response:
        offset = int(request.query.get("offset", 0))
        return web.json_response(customers(1, 2, 3)[offset : offset + 2], headers={"X-Total-Count": "9"})

    async with (
        canned(customer=answer) as server,
        reading(server, profile={"sort": False, "page_size": 2}) as c,
    ):
        with pytest.raises(Garbled, match="total_trusted = false"):
            await named(c)


async def test_the_first_page_is_bounded_too() -> None:
    async with (
        canned(customer=json.dumps(customers(*range(9)))) as server,
        reading(server, max_rows=8, profile={"paging": "none"}) as c,
    ):
        found = (await c.crm.customers(["1"], None))["1"]
    assert isinstance(found, ConnectorError)
    assert "9 rows, more than max_rows = 8" in found.detail
