"""Nodes by their global ids: each has its own place, and is there or not, whatever is selected of it."""

from collections import defaultdict
from typing import Any

import pytest
from graphql import GraphQLObjectType

from schema import build_schema
from tests.stack import Stack

KEYED = """query Keyed($ids: [ID!]!) {
  viewer { __typename id }
  nodes(ids: $ids) {
    __typename
    id
    ... on Customer {
      accounts { __typename id bills(first: 3) { nodes {
        __typename id documents { __typename id } charges { __typename id } payments { __typename id }
      } } }
      products(first: 3) { nodes { __typename id } }
      usage { __typename id }
      services(first: 3) { nodes {
        __typename id site { __typename id } resources { __typename id } outages { __typename id }
      } }
      tickets(first: 3) { nodes { __typename id notes { __typename id } attachments { __typename id } } }
    }
  }
}"""


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


async def test_no_two_types_have_a_key_in_common(stack: Stack) -> None:
    """Relay keeps things by their `id` alone."""
    types: defaultdict[str, set[str]] = defaultdict(set)

    def look(value: Any) -> None:
        if isinstance(value, list):
            for one in value:
                look(one)
        elif isinstance(value, dict):
            if "id" in value:
                types[value["id"]].add(value["__typename"])
            look([*value.values()])

    look((await stack.ask(KEYED, ids=["Customer:1001", "Customer:1002"])).clean())
    look((await stack.ask("{ systems { __typename id } }")).clean())
    assert {key: names for key, names in types.items() if len(names) > 1} == {}
    schema = build_schema().graphql
    keyed = {one.name for one in schema.type_map.values() if isinstance(one, GraphQLObjectType) and "id" in one.fields}
    assert {name for names in types.values() for name in names} == keyed


async def test_a_text_that_is_longer_than_any_id_is_the_callers_mistake_and_asks_no_system(stack: Stack) -> None:
    """Systems would refuse so long an address, which looks like a mistake of the gateway's."""
    long = "x" * 501
    for document in ("node(id: $id)", "nodes(ids: [$id])", "bill(id: $id)", "ticket(id: $id)", "customer(id: $id)"):
        answer = await stack.ask(f"query($id: ID!) {{ it: {document} {{ __typename }} }}", "1001", id=f"Bill:{long}")
        assert [error["extensions"]["code"] for error in answer.errors] == ["BAD_USER_INPUT"], document
    for field in ("customers", "resources"):
        document = f"query($text: String) {{ {field}(search: $text) {{ totalCount }} }}"
        answer = await stack.ask(document, text=long)
        assert [error["extensions"]["code"] for error in answer.errors] == ["BAD_USER_INPUT"], field
