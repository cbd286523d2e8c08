"""Nodes by their global ids: each has its own place, and is there or not, whatever is selected of it."""

import pytest

from tests.stack import Stack


async def test_nodes_are_found_again_by_their_ids(stack: Stack) -> None:
    ids = [
        "Customer:1001",
        "Bill:BILL-1001-1-05",
        "Ticket:TT-1001-1",
        "Service:SVC-1001-1",
        "Outage:none",
        "Site:SITE-1001",
    ]
    document = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    found = (await stack.ask(document, "1001", ids=ids)).clean()["nodes"]

    assert [node and node["id"] for node in found] == [None if key == "Outage:none" else key for key in ids]
    assert [node["__typename"] for node in found if node] == ["Customer", "Bill", "Ticket", "Service", "Site"]


@pytest.mark.parametrize("selected", ["id", "__typename", "... on Service { id }"])
async def test_what_is_there_does_not_depend_on_what_is_selected(stack: Stack, selected: str) -> None:
    document = f'{{ node(id: "Resource:CAB-001") {{ __typename {selected} }} }}'
    assert (await stack.ask(document, "1001")).clean()["node"]["__typename"] == "Resource"
    direct = '{ resource(id: "CAB-001") { __typename } site(id: "SITE-CAB-001") { __typename } }'
    assert (await stack.ask(direct, "1001")).clean() == {
        "resource": {"__typename": "Resource"},
        "site": {"__typename": "Site"},
    }


async def test_one_wrong_id_costs_its_own_place(stack: Stack) -> None:
    stack.systems["billing"].switches.error_rate = 1
    document = '{ me { id name } nodes(ids: ["Bill:BILL-1001-1-05", "Ticket:TT-1001-1", "nonsense"]) { id } }'
    answer = await stack.ask(document, "1001")

    assert answer.data["me"]["name"]
    assert answer.data["nodes"] == [None, {"id": "Ticket:TT-1001-1"}, None]
    assert [(error["path"], error["extensions"]["code"]) for error in answer.errors] == [
        (["nodes", 0], "UPSTREAM_FAILED"),
        (["nodes", 2], "BAD_USER_INPUT"),
    ]
