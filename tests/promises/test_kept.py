"""Nothing of a request is kept when it is answered, also where it failed; a kept plan is its own operation's only."""

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.engine import Engine, Explanation, Prepared
from gateway.engine.plan import Plan
from resolvers.context import RequestContext
from schema import build_schema
from tests.stack import Stack, stacked

WRONG_PAGE = '{ customer(id: "1001") { tickets(first: 5, after: "junk") { totalCount } } }'


@pytest.fixture(autouse=True)
def _what_was_there_before_is_not_looked_at() -> Iterator[None]:
    gc.freeze()
    yield
    gc.unfreeze()


def contexts() -> int:
    """ContextFactory of requests that are alive."""
    gc.collect()
    return sum(isinstance(one, RequestContext) for one in gc.get_objects())


async def test_an_argument_that_cannot_be_used_keeps_no_request(stack: Stack) -> None:
    await stack.ask(WRONG_PAGE)
    before = contexts()
    for _ in range(10):
        answer = await stack.ask(WRONG_PAGE)
        assert [error["extensions"]["code"] for error in answer.errors] == ["BAD_USER_INPUT"]

    assert contexts() <= before + 1


async def test_a_failure_to_look_up_whose_rows_are_keeps_no_request(tmp_path: Path) -> None:
    async with stacked(tmp_path, customers=4, systems={"billing": {"customer_key": "party.id"}}) as other:
        other.systems["billing"].switches.customers_as = "party"
        other.systems["crm"].switches.error_rate = 1
        await other.ask('{ bill(id: "BILL-1001-1-05") { id } }', "1001")
        before = contexts()
        for _ in range(10):
            answer = await other.ask('{ bill(id: "BILL-1001-1-05") { id } }', "1001")
            assert [error["extensions"]["system"] for error in answer.errors] == ["crm"]

        assert contexts() <= before + 1


NULL_DECIDES = "query($no: Boolean = true, $id: ID!) { customer(id: $id) { id name @skip(if: $no) } }"


def test_why_no_plan_is_made_keeps_no_variables() -> None:
    """That is remembered with the document, and was found out with the variables of whoever asked first."""
    engine = Engine(build_schema())
    prepared = engine.prepare(NULL_DECIDES)
    assert isinstance(prepared, Prepared)
    value = Secret("Customer:1001")
    kept = weakref.ref(value)
    explanation = engine.explain(prepared, prepared.operations[None], {"no": None, "id": value})
    assert isinstance(explanation, Explanation)
    assert explanation.fallback == "a null in @skip or @include"
    del value
    gc.collect()
    assert kept() is None


class Secret(str):
    """A text that can be looked for."""

    __slots__ = ("__weakref__",)


TWO = "query A($x: Boolean!) { me @skip(if: $x) { id } } query B($x: [ID!]!) { nodes(ids: $x) { id } }"


async def test_a_variable_decides_what_is_selected_in_its_own_operation_only(stack: Stack) -> None:
    body = {"query": TWO, "operationName": "B", "variables": {"x": ["Customer:1001"]}}
    async with stack.session.post(f"{stack.address}/graphql", json=body, headers=stack.headers("1001")) as answer:
        given: dict[str, Any] = await answer.json()
    assert given["data"] == {"nodes": [{"id": "Customer:1001"}]}

    for skip, data in ((True, {}), (False, {"me": {"id": "Customer:1001"}})):
        body = {"query": TWO, "operationName": "A", "variables": {"x": skip}}
        async with stack.session.post(f"{stack.address}/graphql", json=body, headers=stack.headers("1001")) as answer:
            assert (await answer.json())["data"] == data


def test_a_forgotten_document_goes_at_once_and_leaves_nothing_to_the_collector() -> None:
    """Without that, memory grows by every document until the collector looks at the oldest objects, which is seldom."""
    engine = Engine(build_schema(), cached_bytes=4_000_000)
    document = "query Q($more: Boolean!) { me { id name @include(if: $more) accounts { id bills { nodes { id } } } } }"
    prepared = engine.prepare(document)
    assert isinstance(prepared, Prepared)
    engine.explain(prepared, prepared.operations["Q"], {"more": True})
    kept = weakref.ref(prepared)
    gc.collect()
    gc.disable()
    try:
        operation = prepared.operations["Q"]
        plans = [one for one in gc.get_objects() if isinstance(one, Plan) and one.operation is operation]
        (field,) = [weakref.ref(one.fields[0]) for one in plans]
        del prepared, operation, plans
        for number in range(10):
            engine.prepare(f"{{ a{number}: __typename }}")
        assert kept() is None
        assert field() is None
    finally:
        gc.enable()
