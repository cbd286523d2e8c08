"""Connections page through the same rows, whichever way they were read."""

import base64
from pathlib import Path
from typing import Any

import pytest

from sandbox.data import crm
from tests.stack import Stack, stacked


async def walked(stack: Stack, field: str, path: list[str], size: int, who: str) -> list[str]:
    """All ids, page by page."""
    ids: list[str] = []
    after: str | None = None
    while True:
        answer = (await stack.ask(field, who, first=size, after=after)).clean()
        page: Any = answer
        for step in path:
            page = page[step]
        ids += [node["id"] for node in page["nodes"]]
        assert [edge["cursor"] for edge in page["edges"]][-1:] == [page["pageInfo"]["endCursor"]][: len(page["edges"])]
        if not page["pageInfo"]["hasNextPage"]:
            assert page["totalCount"] == len(ids)
            return ids
        after = page["pageInfo"]["endCursor"]


PAGE = "{ totalCount pageInfo { hasNextPage endCursor } edges { cursor } nodes { id } }"


@pytest.mark.parametrize("size", [1, 7, 20, 60, 100])
async def test_all_customers_once(stack: Stack, size: int) -> None:
    field = f"query($first: Int, $after: String) {{ customers(first: $first, after: $after) {PAGE} }}"

    assert await walked(stack, field, ["customers"], size, "agent") == [f"Customer:{n}" for n in range(1001, 1061)]


@pytest.mark.parametrize("size", [1, 5, 14])
@pytest.mark.parametrize("state", ["", "state: PAID, "])
async def test_all_bills_once(stack: Stack, size: int, state: str) -> None:
    field = f"query($first: Int, $after: String) {{ me {{ bills({state}first: $first, after: $after) {PAGE} }} }}"
    paged = await walked(stack, field, ["me", "bills"], size, "1001")
    whole = await walked(stack, field, ["me", "bills"], 100, "1001")

    assert paged == whole
    assert len(set(paged)) == len(paged) == (12 if state else 14)


async def test_from_the_end(stack: Stack) -> None:
    document = """{ me {
      all: bills(first: 100) { nodes { id } }
      bills(last: 3) { nodes { id } pageInfo { hasPreviousPage startCursor } }
    } }"""
    me = (await stack.ask(document, "1001")).clean()["me"]
    ids = [bill["id"] for bill in me["all"]["nodes"]]

    assert [bill["id"] for bill in me["bills"]["nodes"]] == ids[-3:]
    assert me["bills"]["pageInfo"]["hasPreviousPage"] is True

    before = me["bills"]["pageInfo"]["startCursor"]
    document = "query($before: String) { me { bills(last: 2, before: $before) { nodes { id } } } }"
    me = (await stack.ask(document, "1001", before=before)).clean()["me"]
    assert [bill["id"] for bill in me["bills"]["nodes"]] == ids[-5:-3]


async def test_one_parent_is_asked_for_its_page_only(stack: Stack) -> None:
    answer = await stack.ask("{ me { bills(first: 3) { nodes { id } } } }", "1001")

    answer.clean()
    assert ["limit=4" in call["path"] for call in answer.calls] == [True]


async def test_two_pages_of_one_list_cost_one_call(stack: Stack) -> None:
    document = """{ me {
      a: bills(first: 2) { nodes { id } }
      b: bills(first: 5) { nodes { id } }
      c: bills(state: OPEN) { nodes { id } }
    } }"""
    answer = await stack.ask(document, "1001")

    me = answer.clean()["me"]
    assert me["a"]["nodes"] == me["b"]["nodes"][:2]
    assert len(answer.calls) == 1


async def test_two_pages_of_one_list_are_one_window(stack: Stack) -> None:
    answer = await stack.ask(
        "{ me { a: bills(first: 2) { nodes { id } } b: bills(first: 3) { nodes { id } } } }", "1001"
    )

    me = answer.clean()["me"]
    assert me["a"]["nodes"] == me["b"]["nodes"][:2]
    (call,) = answer.calls
    assert call["path"].endswith("limit=4")


@pytest.mark.parametrize("ignoring", [False, True])
async def test_staff_is_told_no_total_of_everybodys_rows(tmp_path: Path, ignoring: bool) -> None:
    """The first questions after a start cost the whole list besides; from then on it is known whether filters work."""
    document = "query($id: ID!) { customer(id: $id) { products(first: 1) { totalCount nodes { id } } } }"
    async with stacked(tmp_path) as stack:
        stack.systems["crm"].switches.ignore_filters = ignoring
        calls = []
        for customer in ("1001", "1002", "1001"):
            answer = await stack.ask(document, id=customer)
            own = crm.products(stack.systems["crm"].world, int(customer))
            products = answer.clean()["customer"]["products"]
            assert (products["totalCount"], len(products["nodes"])) == (len(own), 1)
            calls.append(sum("/product?" in call["path"] for call in answer.calls))
    assert calls == [2, 2, 1]


async def test_counting_needs_no_rows(stack: Stack) -> None:
    bare = "{ outages(open: true) { nodes { id affectedResources { totalCount } affectedServices { totalCount } } } }"
    full = bare.replace("{ totalCount }", "{ totalCount nodes { id } }")
    counted = (await stack.ask(bare, "1001")).clean()["outages"]["nodes"]
    listed = (await stack.ask(full, "1001")).clean()["outages"]["nodes"]

    for one, other in zip(counted, listed, strict=True):
        for field in ("affectedResources", "affectedServices"):
            assert one[field]["totalCount"] == other[field]["totalCount"] == len(other[field]["nodes"])
    assert max(one["affectedServices"]["totalCount"] for one in counted) == 1


@pytest.mark.parametrize("field", ["products", "bills", "services", "tickets"])
async def test_a_system_that_ignores_filters_tells_no_numbers(stack: Stack, field: str) -> None:
    document = f"{{ me {{ {field}(first: 1) {{ totalCount pageInfo {{ hasNextPage }} nodes {{ id }} }} }} }}"
    honest = (await stack.ask(document, "1001")).clean()
    for system in stack.systems.values():
        system.switches.ignore_filters = True

    assert (await stack.ask(document, "1001")).clean() == honest


@pytest.mark.parametrize("place", ["-5", "9" * 40, "x", "", "1.5"])
async def test_odd_cursors_do_not_reach_a_system(stack: Stack, place: str) -> None:
    cursor = base64.urlsafe_b64encode(f"{place}:BILL".encode()).decode().rstrip("=")
    answer = await stack.ask(
        "query($after: String) { me { bills(after: $after) { nodes { id } } } }", "1001", after=cursor
    )

    assert [error["extensions"]["code"] for error in answer.errors] == ["BAD_USER_INPUT"]
    assert answer.calls == []
