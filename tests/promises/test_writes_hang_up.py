"""A client that hangs up, or a deadline, leaves a write that runs to its end; its key tells what came of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from gateway.settings import GraphQLSettings
from sandbox.data import shapes
from tests.promises.between import Between, Point, one_process
from tests.stack import Stack

BILL: Final = "Bill:BILL-1002-2-07"
PAY: Final = "mutation ($input: PayBillInput!) { payBill(input: $input) { payment { id } userErrors { code } } }"
GIVEN: Final = {"idempotencyKey": "click", "billId": BILL, "paymentMethodToken": "tok-1"}
TWO: Final = """mutation ($a: PayBillInput!, $b: AddTicketNoteInput!) {
  a: payBill(input: $a) { payment { id } userErrors { code } }
  b: addTicketNote(input: $b) { ticket { id } userErrors { code } }
}"""
Running = tuple[Stack, Between, Between]


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with one_process(tmp_path) as (stack, proxies):
        yield stack, proxies["billing"], proxies["ticketing"]


async def hung_up(asking: "asyncio.Task[Any]") -> None:
    """Close the connection without an answer."""
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


async def payments(stack: Stack) -> list[str]:
    url = f"{stack.systems['billing'].url}{shapes.PAYMENT}?limit=2000"
    async with stack.session.get(url) as answer:
        rows = await answer.json()
    return [f"Payment:{row['id']}" for row in rows if len(row.get("correlatorId") or "") == 32]


@pytest.mark.parametrize(
    ("method", "point", "path"),
    [("GET", "answer", "/customerBill"), ("POST", "request", "/payment"), ("POST", "answer", "/payment")],
    ids=["before it is sent", "while it is on its way", "before it is answered"],
)
async def test_the_write_goes_on_and_the_next_one_gets_its_outcome(
    running: Running, method: str, point: Point, path: str
) -> None:
    stack, billing, _ = running
    held = billing.hold(method, point, path)
    asking = asyncio.create_task(stack.ask(PAY, "1002", input=GIVEN))
    await held.waited()
    await hung_up(asking)
    again = asyncio.create_task(stack.ask(PAY, "1002", input=GIVEN))
    held.let.set()
    (payload,) = (await again).clean().values()

    assert payload["userErrors"] == []
    assert [payload["payment"]["id"]] == await payments(stack)
    assert billing.writes() == 1


async def test_what_comes_after_it_in_the_document_is_not_begun(running: Running) -> None:
    stack, billing, ticketing = running
    held = billing.hold("POST", "answer", "/payment")
    note = {"idempotencyKey": "note", "ticketId": "Ticket:TT-1002-2", "text": "I have paid."}
    asking = asyncio.create_task(stack.ask(TWO, "1002", a=GIVEN, b=note))
    await held.waited()
    await hung_up(asking)
    held.let.set()
    found = (await stack.ask(PAY, "1002", input=GIVEN)).clean()["payBill"]
    assert [found["payment"]["id"]] == await payments(stack)
    assert (billing.writes(), ticketing.writes()) == (1, 0)

    both = (await stack.ask(TWO, "1002", a=GIVEN, b=note)).clean()
    assert both["a"] == found
    assert both["b"] == {"ticket": {"id": "Ticket:TT-1002-2"}, "userErrors": []}
    assert (billing.writes(), ticketing.writes()) == (1, 1)


async def test_a_deadline_after_it_was_sent_is_an_unknown_outcome_and_nothing_else_is_begun(tmp_path: Path) -> None:
    async with one_process(tmp_path, graphql=GraphQLSettings(deadline=1.0)) as (stack, proxies):
        billing, ticketing = proxies["billing"], proxies["ticketing"]
        held = billing.hold("POST", "answer", "/payment")
        note = {"idempotencyKey": "note", "ticketId": "Ticket:TT-1002-2", "text": "I have paid."}
        late = await stack.ask(TWO, "1002", a=GIVEN, b=note)
        assert late.data == {"a": None, "b": None}
        codes = {error["path"][0]: error["extensions"]["code"] for error in late.errors}
        assert codes == {"a": "PAYMENT_UNKNOWN", "b": "WRITE_NOT_DONE"}
        assert (held.reached.is_set(), billing.writes(), ticketing.writes()) == (True, 1, 0)

        held.let.set()
        found = (await stack.ask(TWO, "1002", a=GIVEN, b=note)).clean()
        assert [found["a"]["payment"]["id"]] == await payments(stack)
        assert found["b"] == {"ticket": {"id": "Ticket:TT-1002-2"}, "userErrors": []}
        assert (billing.writes(), ticketing.writes()) == (1, 1)
