"""What people are given to write with does what it says: GraphiQL's mutations, and the example of docs/writing.md."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from aiohttp import web

from gateway.settings import WritesSettings
from tests.conftest import contract
from tests.connectors.canned import canned
from tests.promises.test_contract import EXAMPLES, WRITING
from tests.stack import Stack, stacked
from web.build import node_paths

EXAMPLE: Final = Path(__file__).parents[2] / "docs/writing/pay-bill.ts"
BILL: Final = "Bill:BILL-1001-1-07"
PART: Final = {"amount": {"amount": "10.00", "currency": "EUR"}, "paymentMethodToken": "tok-1"}
PLACE: Final = f"payBill {BILL}"
"""Where the example keeps what it needs for this bill."""

RUN: Final = """
const example = await import(process.argv[1]);
const { endpoint, token, pauses, storage, steps } = JSON.parse(process.argv[2]);
const kept = new Map(Object.entries(storage));
const portal = {
  endpoint, pauses, patience: 20_000, token: () => token,
  storage: {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => kept.set(name, value),
    removeItem: (name) => kept.delete(name),
  },
};
const outcomes = [];
for (const [name, ...given] of steps) outcomes.push(await example[name](portal, ...given));
console.log(JSON.stringify([outcomes, Object.fromEntries(kept)]));
"""

Storage = dict[str, str]


@pytest_asyncio.fixture(scope="module")
async def writing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A stack of the module's own, as it is written to."""
    writes = WritesSettings(enabled=True, in_process=True)
    async with stacked(tmp_path_factory.mktemp("writing"), customers=2, writes=writes) as running:
        yield running


async def page(
    endpoint: str,
    *steps: Sequence[Any],
    token: str = "token",
    pauses: Sequence[int] = (),
    storage: Mapping[str, str] | None = None,
) -> tuple[list[Any], Storage]:
    """What the example's functions answer in one life of a page, and what is in the storage afterwards."""
    given = {"endpoint": endpoint, "token": token, "pauses": pauses, "storage": storage or {}, "steps": steps}
    process = await asyncio.create_subprocess_exec(
        node_paths()[0],
        *("--input-type=module", "--eval", RUN, EXAMPLE.as_uri(), json.dumps(given)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, err.decode()) == (0, "")
    outcomes, kept = json.loads(out)
    return outcomes, kept


class Portal:
    """A gateway that answers as it is told: "cut", "page", the code of an error, or a payload."""

    def __init__(self, *answers: str | dict[str, Any]) -> None:
        self.answers = list(answers)
        self.sent: list[dict[str, Any]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        assert body["query"].strip() == contract("PayBill").strip()
        assert request.headers["Authorization"] == "Bearer token"
        self.sent.append(body["variables"]["input"])
        match self.answers.pop(0):
            case "cut":
                assert request.transport is not None
                request.transport.close()
                return web.Response()
            case "page":
                return web.Response(status=502, text="<html>Bad gateway</html>", content_type="text/html")
            case str() as code:
                retryable = code not in ("FORBIDDEN", "UNAUTHENTICATED")
                error = {"message": code, "extensions": {"code": code, "retryable": retryable}}
                return web.json_response({"data": {"payBill": None}, "errors": [error]})
            case payload:
                return web.json_response({"data": {"payBill": payload}})


@asynccontextmanager
async def answering(*answers: str | dict[str, Any]) -> AsyncIterator[tuple[Portal, str]]:
    portal = Portal(*answers)
    async with canned(graphql=portal.answer) as server:
        yield portal, f"{server.url}/graphql"


DONE: Final[dict[str, Any]] = {"payment": {"id": "Payment:P-1", "status": "DONE"}, "bill": None, "userErrors": []}
PAID: Final = {"kind": "done", "payment": DONE["payment"], "bill": None}


@pytest.mark.parametrize("name", WRITING)
async def test_what_graphiql_shows_is_done_and_done_once(writing: Stack, name: str) -> None:
    example = EXAMPLES[name]
    variables = {"input": {**example["variables"]["input"], "idempotencyKey": f"key of {name}"}}
    who = example["token"].removeprefix("subscriber ")

    first, again = [(await writing.ask(contract(name), who, **variables)).clean() for _ in range(2)]

    [payload] = first.values()
    assert payload["userErrors"] == []
    assert None not in payload.values()
    assert again == first


async def test_a_payment_whose_answer_was_lost_is_found_out_about(writing: Stack) -> None:
    bill = "Bill:BILL-1001-2-06"
    writing.reset()
    billing = writing.systems["billing"]
    billing.switches.lose_answers, billing.switches.late_ms = 1, 1_500

    async def left() -> str:
        found = (await writing.ask("query($id: ID!) { bill(id: $id) { remainingAmount { amount } } }", id=bill)).clean()
        amount: str = found["bill"]["remainingAmount"]["amount"]
        return amount

    assert await left() == "25.66"
    token, endpoint = writing.token("1001"), f"{writing.address}/graphql"
    unknown, storage = await page(endpoint, ("payBill", bill, PART), token=token)
    assert unknown == [{"kind": "open", "code": "PAYMENT_UNKNOWN", "mayHaveHappened": True}]
    [outcome], storage = await page(endpoint, ("goOn", bill), token=token, storage=storage, pauses=[500] * 8)

    assert (outcome["kind"], outcome["payment"]["status"]) == ("done", "DONE")
    assert outcome["payment"]["amount"] == PART["amount"]
    assert storage == {}
    assert await left() == "15.66"
    assert [request["method"] for request in billing.requests].count("POST") == 1


async def test_every_try_is_the_same_until_the_outcome_is_definite() -> None:
    tries = [
        "cut",
        "page",
        "IDEMPOTENCY_IN_PROGRESS",
        "PAYMENT_UNKNOWN",
        "WRITE_NOT_DONE",
        "UPSTREAM_UNAVAILABLE",
        DONE,
    ]
    async with answering(*tries) as (portal, endpoint):
        steps = [("begin", BILL), ("begin", BILL), ("payBill", BILL, PART), ("goOn", BILL), ("begin", BILL)]
        outcomes, storage = await page(endpoint, *steps, pauses=[1] * 8)

    shown, again, outcome, nothing, later = outcomes
    assert again == shown
    assert portal.sent == [{"idempotencyKey": shown, "billId": BILL, **PART}] * len(tries)
    assert (outcome, nothing) == (PAID, None)
    assert later != shown
    assert storage == {PLACE: json.dumps({"key": later}, separators=(",", ":"))}


async def test_after_a_reload_what_was_sent_is_settled_before_anything_else_is_paid() -> None:
    async with answering("cut", "FORBIDDEN", DONE) as (portal, endpoint):
        [first], storage = await page(endpoint, ("payBill", BILL, PART))
        [signed_out], storage = await page(endpoint, ("goOn", BILL), storage=storage, pauses=[1])
        [outcome], storage = await page(endpoint, ("payBill", BILL, {}), storage=storage)

    assert first == {"kind": "open", "code": "NO_ANSWER", "mayHaveHappened": True}
    assert signed_out == {"kind": "open", "code": "FORBIDDEN", "mayHaveHappened": True}
    assert outcome == PAID
    assert portal.sent == [portal.sent[0]] * 3
    assert storage == {}


async def test_where_nothing_can_have_happened_the_person_may_choose_anew_under_the_same_key() -> None:
    async with answering("UNAUTHENTICATED", "WRITE_NOT_DONE", DONE) as (portal, endpoint):
        outcomes, storage = await page(endpoint, *[("payBill", BILL, PART)] * 2, ("payBill", BILL, {}))

    assert outcomes == [
        {"kind": "open", "code": "UNAUTHENTICATED", "mayHaveHappened": False},
        {"kind": "open", "code": "WRITE_NOT_DONE", "mayHaveHappened": False},
        PAID,
    ]
    assert len({one["idempotencyKey"] for one in portal.sent}) == 1
    assert [one.keys() - {"idempotencyKey", "billId"} for one in portal.sent] == [PART.keys(), PART.keys(), set()]
    assert storage == {}


async def test_after_a_user_error_the_next_intention_has_a_key_of_its_own() -> None:
    mistake = {"code": "AMOUNT_TOO_HIGH", "message": "Only 5.00 EUR is open.", "path": ["amount", "amount"]}
    async with answering({"payment": None, "bill": None, "userErrors": [mistake]}, DONE) as (portal, endpoint):
        outcomes, _ = await page(endpoint, ("payBill", BILL, PART), ("payBill", BILL, {}))

    assert outcomes == [{"kind": "refused", "userErrors": [mistake]}, PAID]
    assert len({one["idempotencyKey"] for one in portal.sent}) == 2
