"""Customers: found by any number, address or part of a name, in order, with the products that are asked for."""

import pytest

from tests.conftest import contract
from tests.stack import Stack


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1001", "1001"),
        ("Customer:1001", "1001"),
        ("+46700001001", "1001"),
        ("BA-1001-2", "1001"),
        ("1001-1-2026-09", "1001"),
        ("TT-1001-1", "1001"),
        ("1002", "1002"),
    ],
)
async def test_agents_find_by_any_number(stack: Stack, text: str, found: str) -> None:
    answer = (await stack.ask(contract("AgentSearch"), text=text)).clean()["customers"]

    assert [customer["id"] for customer in answer["nodes"]] == [f"Customer:{found}"]
    assert answer["totalCount"] == 1


@pytest.mark.parametrize(
    "text", ["+46 70 000 10 01", "Bill:BILL-1001-1-07", "tt-1001-1", "Ticket:TT-1001-1", "BillingAccount:BA-1001-1"]
)
async def test_search_takes_numbers_as_people_write_them(stack: Stack, text: str) -> None:
    found = await stack.ask("query($text: String) { customers(search: $text) { totalCount nodes { id } } }", text=text)

    assert found.clean()["customers"] == {"totalCount": 1, "nodes": [{"id": "Customer:1001"}]}


async def test_agents_find_by_name_and_address(stack: Stack) -> None:
    one = (await stack.ask('{ customer(id: "1001") { name email } }')).clean()["customer"]
    by_mail = (await stack.ask(contract("AgentSearch"), text=one["email"].upper())).clean()["customers"]
    by_name = (await stack.ask(contract("AgentSearch"), text=one["name"].lower())).clean()["customers"]

    assert [customer["id"] for customer in by_mail["nodes"]] == ["Customer:1001"]
    assert "Customer:1001" in [customer["id"] for customer in by_name["nodes"]]
    assert {one["name"].lower() in customer["name"].lower() for customer in by_name["nodes"]} == {True}


async def test_a_search_for_nothing_finds_no_customers(stack: Stack) -> None:
    answer = await stack.ask('{ customers(search: " ") { totalCount } }')

    assert answer.clean() == {"customers": {"totalCount": 0}}
    assert answer.calls == []


async def test_customers_are_sorted_by_name(stack: Stack) -> None:
    everybody = (await stack.ask("{ customers(first: 60) { nodes { name } } }")).clean()["customers"]["nodes"]
    names = [customer["name"] for customer in everybody]
    answer = await stack.ask("{ customers(first: 5, sort: NAME) { nodes { name } } }")

    assert [c["name"] for c in answer.clean()["customers"]["nodes"]] == sorted(names)[:5]


async def test_products_are_chosen_by_status(stack: Stack) -> None:
    document = """{ me {
      products(first: 100) { nodes { id status } }
      active: products(status: [ACTIVE]) { totalCount nodes { id status } }
      none: products(status: [TERMINATED]) { totalCount }
    } }"""
    me = (await stack.ask(document, "1001")).clean()["me"]

    assert me["active"]["nodes"] == [one for one in me["products"]["nodes"] if one["status"] == "ACTIVE"]
    assert (me["active"]["totalCount"], me["none"]["totalCount"]) == (4, 0)
