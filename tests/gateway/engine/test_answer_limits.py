"""How large an answer may become while it is made, what it may ask of systems, and how many errors it tells."""

import gc
import logging
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from gateway.engine.limits import AnswerLimits, Limits
from gateway.settings import GraphQLSettings
from sandbox.data import shapes
from tests.stack import Stack, stacked

BILLS = "{me{bills{nodes{id number customer{bills{nodes{id number customer{bills{nodes{id number state}}}}}}}}}}"
ALIASES = " ".join(f"n{place}: nodes(ids: $ids) {{ id }}" for place in range(7))
WRONG = f"query($ids: [ID!]!) {{{ALIASES}}}"
NO_IDS = {"ids": [f"None:{number}" for number in range(1000)]}
COST = {"X-Gateway-Cost": "1"}
MOST = 40_000


@pytest.fixture(scope="module")
async def strict(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Subscribers get small answers, and staff may call a system once, for few rows."""
    graphql = GraphQLSettings(
        limits=Limits(max_answer_bytes=MOST, max_errors=7),
        staff_limits=AnswerLimits(max_calls=1, max_rows=30),
    )
    async with stacked(tmp_path_factory.mktemp("strict"), customers=4, graphql=graphql) as stack:
        yield stack


async def test_what_becomes_too_large_is_no_answer(strict: Stack) -> None:
    answer = await strict.ask(BILLS, "1001")
    assert answer.body == {
        "errors": [
            {
                "message": f"The answer would be larger than {MOST} bytes, which is the limit. Ask for fewer rows"
                " (first, last, ids) or for fewer fields of each row, or split the request.",
                "extensions": {"code": "LIMIT_EXCEEDED", "retryable": False},
            }
        ],
        "data": None,
    }


@pytest.mark.parametrize("fields", ["id", "id number state", "id n: number charges { name amount { amount } }"])
async def test_what_is_counted_is_about_what_is_sent(stack: Stack, strict: Stack, fields: str) -> None:
    """An answer of more than twice the limit is none, and one of less than half of it is whole."""
    for level, document in enumerate(("{me{%s}}", "{me{bills{nodes{customer{%s}}}}}")):
        asked = document % f"bills {{ nodes {{ {fields} }} }}"
        sent = orjson.dumps((await stack.ask(asked, "1001")).body)
        answer = await strict.ask(asked, "1001")
        assert bool(answer.errors) is (len(sent) > MOST) or MOST / 2 < len(sent) < 2 * MOST, (level, len(sent))


@pytest.fixture
async def long_text(strict: Stack) -> str:
    """The id of a ticket with a long description, which its customer may read."""
    answer = await strict.ask("{me {tickets(first: 1) {nodes {id}}}}", "1001")
    (ticket,) = answer.data["me"]["tickets"]["nodes"]
    own_id: str = ticket["id"].partition(":")[2]
    strict.rewrite("ticketing", shapes.TICKET, own_id, description="x" * 20_000)
    return own_id


@pytest.mark.parametrize(
    "fields",
    [
        "a: description b: description c: description",
        " ".join(f"{'a' * 14_000}{place}: id" for place in range(3)),
    ],
)
async def test_long_names_and_texts_count(strict: Stack, long_text: str, fields: str) -> None:
    answer = await strict.ask(f'{{ticket(id: "{long_text}") {{{fields}}}}}', "1001")
    assert [one["extensions"]["code"] for one in answer.errors] == ["LIMIT_EXCEEDED"]
    assert (await strict.ask(f'{{ticket(id: "{long_text}") {{description}}}}', "1001")).errors == []


async def test_what_graphql_core_runs_is_bounded_too(strict: Stack, long_text: str) -> None:
    texts = "a: description b: description c: description"
    answer = await strict.ask(f'{{systems {{name}} ticket(id: "{long_text}") {{{texts}}}}}', "1001")
    assert [one["extensions"]["code"] for one in answer.errors] == ["LIMIT_EXCEEDED"]
    assert answer.body["data"] is None


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{me {tickets(first: 31) {totalCount}}}", "A system could be asked for 31 rows; the limit is 30."),
        (
            "{me {tickets {totalCount} open: tickets(open: true, first: 1) {totalCount}}}",
            "A system could be called 2 times; the limit is 1.",
        ),
    ],
)
async def test_what_asks_too_much_of_a_system_asks_nothing(strict: Stack, document: str, message: str) -> None:
    strict.reset()
    answer = await strict.ask(document)
    assert answer.errors[0]["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert answer.errors[0]["message"].startswith(message)
    assert "data" not in answer.body
    assert not any(system.requests for system in strict.systems.values())
    assert (await strict.ask("{me {bills(first: 31) {totalCount}}}", "1001")).errors == []


async def test_errors_beyond_the_most_are_only_counted(stack: Stack, strict: Stack) -> None:
    answer = await stack.ask(WRONG, **NO_IDS)
    assert len(answer.errors) == 100
    assert answer.errors[0]["path"] == ["n0", 0]
    assert answer.body["extensions"] == {"upstream": [], "moreErrors": 7000 - 100}
    assert answer.data == {f"n{place}": [None] * 1000 for place in range(7)}
    few = await strict.ask("query($ids: [ID!]!) {nodes(ids: $ids) {id}}", "1001", **NO_IDS)
    assert (len(few.errors), few.body["extensions"]) == (7, {"moreErrors": 1000 - 7})


async def test_few_errors_are_all_told(stack: Stack) -> None:
    answer = await stack.ask("query($ids: [ID!]!) {nodes(ids: $ids) {id}}", ids=NO_IDS["ids"][:100])
    assert len(answer.errors) == 100
    assert "moreErrors" not in answer.body["extensions"]


async def test_errors_leave_no_cycles_behind(stack: Stack) -> None:
    """At 8b1ca22 420,000 objects were left to the garbage collector."""
    few = {"ids": ["Customer:1001"]}
    left = []
    for variables in (few, few, NO_IDS):
        gc.collect()
        gc.disable()
        try:
            await stack.ask(WRONG, **variables)
            left.append(gc.collect())
        finally:
            gc.enable()
    assert left[2] < left[1] + 2000


async def test_a_fault_is_logged_with_its_stack_and_keeps_no_frames(
    stack: Stack, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr("resolvers.nodes.split_id", broken)
    with caplog.at_level(logging.ERROR, "gateway.errors"):
        answer = await stack.ask('{node(id: "Bill:1") {id}}')
    assert answer.errors[0]["extensions"]["code"] == "INTERNAL"
    assert "in broken" in caplog.text


@pytest.mark.parametrize("who", ["agent", "1001"])
async def test_what_an_operation_costs_is_told_to_who_asks(stack: Stack, who: str) -> None:
    asked = {"query": "{me {bills(first: 3) {totalCount}}}"}
    headers = stack.headers(who)
    for more, told in ((COST, {"cost": 207, "values": 3, "systems": {"billing": {"calls": 2, "rows": 4}}}), ({}, None)):
        async with stack.session.post(f"{stack.address}/graphql", json=asked, headers=headers | more) as answer:
            assert (await answer.json()).get("extensions", {}).get("cost") == told
    async with stack.session.post(f"{stack.address}/graphql", json={"query": "{__typename}"}, headers=COST) as answer:
        assert "extensions" not in await answer.json()
