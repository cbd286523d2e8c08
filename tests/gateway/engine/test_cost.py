"""How large an answer may become: the estimate, as clients meet it."""

import os
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from graphql import GraphQLError

from gateway.engine import Engine, Prepared
from gateway.engine.cost import Upstream
from gateway.engine.limits import AnswerLimits, Limits
from gateway.settings import GraphQLSettings
from schema import build_schema
from tests.conftest import contract
from tests.gateway.engine import product
from tests.stack import Stack, stacked

CASES = int(os.environ.get("FUZZ_CASES", "40"))

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
    graphql = GraphQLSettings(limits=Limits(max_values=1), staff_limits=AnswerLimits(max_values=1))
    async with stacked(tmp_path_factory.mktemp("strict"), customers=2, graphql=graphql) as stack:
        yield stack


@pytest.mark.parametrize(
    ("document", "variables", "values"),
    [
        ("{ me { id name } }", {}, 3),
        ("{ me { accounts { id name } } }", {}, 1 + 1 + 5 * 3),
        ("{ me { bills { totalCount nodes { id } } } }", {}, 1 + 1 + 1 + 1 + 20 * 2),
        (
            "{ me { bills(first: 3) { edges { cursor node { id } } pageInfo { hasNextPage endCursor } } } }",
            {},
            1 + 1 + (1 + 3 * 4) + 3,
        ),
        ("{ me { bills(last: 3) { nodes { id number } } } }", {}, 3 + 3 * 3),
        ("{ me { bills(first: null) { nodes { id } } } }", {}, 3 + 20 * 2),
        ("{ me { bills(first: 0) { nodes { id } } } }", {}, 3),
        ("{ me { accounts { bills(first: 0) { nodes { id } } } } }", {}, 1 + 1 + 5 * 3),
        ("{ me { a: bills(first: 2) { nodes { id } } b: bills(first: 2) { nodes { id } } } }", {}, 1 + 2 * (2 + 4)),
        ("{ me { bills(first: 2) { ...P } } } fragment P on BillConnection { nodes { id } totalCount }", {}, 8),
        ("{ node(id: 1) { id ... on Customer { accounts { id name } } } }", {}, 1 + 1 + 1 + 5 * 3),
        ('{ nodes(ids: ["Bill:1", "Bill:2", "Bill:3"]) { id __typename } }', {}, 1 + 3 * 3),
        ("{ viewer { roles kind } }", {}, 1 + (1 + 5) + 1),
        ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a", "b"]}, 5),
        ("query($f: Int) { me { bills(first: $f) { nodes { id } } } }", {}, 43),
        ("query($f: Int = 7) { me { bills(first: $f) { nodes { id } } } }", {}, 17),
        ("query($f: Int = 7) { me { bills(first: $f) { nodes { id } } } }", {"f": 9}, 21),
        ("query($f: Int = 7) { me { bills(first: $f) { nodes { id } } } }", {"f": 9.0}, 21),
        ("query($f: Int = 7) { me { bills(first: $f) { nodes { id } } } }", {"f": None}, 43),
        ("query($f: Int, $l: Int) { me { bills(first: $f, last: $l) { nodes { id } } } }", {"l": 4}, 11),
        ("query($f: Int) { me { bills(first: $f) { nodes { id } } } }", {"f": 5000}, 2003),
        ("query($f: Int) { me { bills(first: $f) { nodes { id } } } }", {"f": 0}, 3),
        ("query($f: Int) { customers(first: $f) { nodes { accounts { id } } } }", {"f": 10}, 2 + 10 * (2 + 5 * 2)),
        (
            "query($f: Int) { customers(first: $f) { nodes { bills(first: $f) { nodes { id } } name } } }",
            {"f": 10},
            2 + 10 * (1 + 1 + 2 + 10 * 2),
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
    found = re.search(r"could have (\d+) values; the limit is 100000", error["message"])
    assert found
    assert int(found[1]) > 5 * 20**3 * 95
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
    assert "values; the limit is" in answer.errors[0]["message"]


@pytest.mark.parametrize(
    ("document", "systems"),
    [
        ("{ me { id } }", {}),
        ("{ me { name email phone status } }", {"crm": Upstream(1, 1)}),
        ("{ me { a: bills { totalCount } b: bills(first: 3) { totalCount } } }", {"billing": Upstream(2, 25)}),
        ("{ me { tickets(open: true) { totalCount } } }", {"ticketing": Upstream(1, 20)}),
        (
            "{ me { a: tickets(open: true, first: 1) { totalCount } b: tickets(first: 1) { totalCount } } }",
            {"ticketing": Upstream(2, 2)},
        ),
        (
            "{ customers(first: 500) { nodes { bills(first: 10) { totalCount } } } }",
            {"crm": Upstream(4, 503), "billing": Upstream(5 + 5, 5502), "ticketing": Upstream(1, 1)},
        ),
        (
            "{ a: bill(id: 1) { account { id } } b: bill(id: 2) { charges { name } } }",
            {"billing": Upstream(3 + 1, 2 + 1 + 5 + 2)},
        ),
        (
            "{ me { products { nodes { services { nodes { site { id } } } } } } }",
            {"crm": Upstream(1, 20), "inventory": Upstream(1 + 3 * 2, 20 * 5 + 3 * 20 * 20)},
        ),
        (
            "{ nodes(ids: [1, 2, 3]) { ... on Bill { account { id } } } }",
            {"any": Upstream(5, 15), "billing": Upstream(1, 3)},
        ),
    ],
)
def test_calls_and_rows_are_estimated_by_system(document: str, systems: dict[str, Upstream]) -> None:
    engine = Engine(build_schema())
    prepared = engine.prepare(document)
    assert isinstance(prepared, Prepared)
    operation = engine.operation(prepared, None)
    assert not isinstance(operation, GraphQLError)
    found = engine.estimate(prepared, operation, {})
    assert found.systems == systems
    assert found.cost == found.values + sum(100 * one.calls + one.rows for one in systems.values())


def values(answer: Any) -> int:
    """How many leaves, objects and lists are in an answer."""
    below = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list) else ()
    return 1 + sum(map(values, below))


async def test_the_estimate_is_never_below_what_an_answer_holds() -> None:
    """Whatever is asked, over generated data, of whose lists none without arguments is longer than `ASSUMED_LIST`."""
    tightest = 0.0
    for seed in range(CASES):
        operation, context = product.case(seed)
        prepared, one = product.PAIR.prepared(operation)
        answer = await product.PAIR.answer(product.PAIR.ours, operation, context)
        if answer.data is None or "__schema" in operation.document or "__type(" in operation.document:
            continue
        held, estimated = values(answer.data) - 1, product.PAIR.ours.estimate(prepared, one, operation.variables).values
        assert held <= estimated, (seed, operation)
        tightest = max(tightest, held / estimated)
    assert tightest > 0.9
