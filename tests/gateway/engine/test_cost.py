"""How large an answer may become: the estimate, as clients meet it."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.engine.limits import Limits
from gateway.settings import GraphQLSettings
from tests.conftest import contract
from tests.stack import Stack, stacked

NAMES = " ".join(f"a{place}:id" for place in range(95))
ATTACK = "{me{accounts" + "{bills{nodes{account" * 2 + "{bills{nodes{" + NAMES + "}}}" + "}}}" * 2 + "}}"


async def estimate(stack: Stack, document: str, who: str = "agent", **variables: Any) -> int:
    """What a gateway that allows one value says about a document."""
    answer = await stack.ask(document, who, **variables)
    (error,) = answer.errors
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert "data" not in answer.body
    found = re.fullmatch(
        r"The answer could have (\d+) values; the limit is 1\. Ask for fewer rows .*", error["message"]
    )
    assert found, error["message"]
    return int(found[1])


@pytest.fixture(scope="module")
async def strict(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    graphql = GraphQLSettings(limits=Limits(max_values=1), introspection="everyone")
    async with stacked(tmp_path_factory.mktemp("strict"), customers=2, graphql=graphql) as stack:
        yield stack


@pytest.mark.parametrize(
    ("document", "variables", "values"),
    [
        ("{ me { id name } }", {}, 2),
        ("{ me { accounts { id name } } }", {}, 10),
        ("{ me { bills { totalCount nodes { id } } } }", {}, 21),
        ("{ me { bills(first: 3) { edges { cursor node { id } } pageInfo { hasNextPage endCursor } } } }", {}, 8),
        ("{ me { bills(last: 3) { nodes { id number } } } }", {}, 6),
        ("{ me { bills(first: null) { nodes { id } } } }", {}, 20),
        ("{ me { a: bills(first: 2) { nodes { id } } b: bills(first: 2) { nodes { id } } } }", {}, 4),
        ("{ me { bills(first: 2) { ...P } } } fragment P on BillConnection { nodes { id } totalCount }", {}, 3),
        ("{ node(id: 1) { id ... on Customer { accounts { id name } } } }", {}, 11),
        ('{ nodes(ids: ["Bill:1", "Bill:2", "Bill:3"]) { id __typename } }', {}, 6),
        ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a", "b"]}, 2),
        ("query($f: Int) { me { bills(first: $f) { nodes { id } } } }", {}, 20),
        ("query($f: Int = 7) { me { bills(first: $f) { nodes { id } } } }", {}, 7),
        ("query($f: Int = 7) { me { bills(first: $f) { nodes { id } } } }", {"f": 9}, 9),
        ("query($f: Int = 7) { me { bills(first: $f) { nodes { id } } } }", {"f": 9.0}, 9),
        ("query($f: Int = 7) { me { bills(first: $f) { nodes { id } } } }", {"f": None}, 20),
        ("query($f: Int, $l: Int) { me { bills(first: $f, last: $l) { nodes { id } } } }", {"l": 4}, 4),
        ("query($f: Int) { me { bills(first: $f) { nodes { id } } } }", {"f": 5000}, 1000),
        ("query($f: Int) { customers(first: $f) { nodes { accounts { id } } } }", {"f": 10}, 50),
        (
            "query($f: Int) { customers(first: $f) { nodes { bills(first: $f) { nodes { id } } name } } }",
            {"f": 10},
            110,
        ),
    ],
)
async def test_lists_multiply_what_is_below_them(
    strict: Stack, document: str, variables: dict[str, Any], values: int
) -> None:
    assert await estimate(strict, document, **variables) == values


async def test_nothing_is_asked_of_a_system_for_what_is_refused(strict: Stack) -> None:
    for system in strict.systems.values():
        system.requests.clear()
    await estimate(strict, ATTACK, "1001")
    assert [list(system.requests) for system in strict.systems.values()] == [[]] * 4


async def test_a_small_document_with_a_huge_answer_is_refused(stack: Stack) -> None:
    refused = await stack.ask(ATTACK, "1001")
    (error,) = refused.errors
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert f"could have {5 * 20**3 * 95} values; the limit is 100000" in error["message"]
    body, accept = {"query": ATTACK}, {"Accept": "application/graphql-response+json"}
    headers = stack.headers("1001") | accept
    async with stack.session.post(f"{stack.address}/graphql", json=body, headers=headers) as answer:
        assert answer.status == 400
    assert refused.status == 200


async def test_pages_of_the_portal_and_of_dashboards_are_not(stack: Stack) -> None:
    dashboard = contract("OpsDashboard")
    for document, variables in ((contract("OutageImpact"), {}), (dashboard, {"first": 50})):
        assert (await stack.ask(document, "agent", **variables)).errors == []
    answer = await stack.ask(dashboard, "agent", first=1000)
    assert "could have 243000 values" in answer.errors[0]["message"]
