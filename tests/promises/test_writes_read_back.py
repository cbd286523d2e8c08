"""Who asks after a write began sees it, or what came later: also where others were asking the same before it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.writes_settings import WritesSettings
from tests.promises.between import Between, one_process
from tests.stack import Stack, stacked

OPEN = "query ($id: ID!) { bill(id: $id) { remainingAmount { amount } } }"
LISTED = "{ me { bills(state: OPEN) { nodes { id remainingAmount { amount } } } } }"
PAY = """mutation ($input: PayBillInput!) {
  payBill(input: $input) { bill { remainingAmount { amount } payments { id } } userErrors { code } }
}"""
NOTE = """mutation ($input: AddTicketNoteInput!) {
  addTicketNote(input: $input) { ticket { notes { text } } userErrors { code } }
}"""
BILL = "Bill:BILL-1002-2-07"
Running = tuple[Stack, Between, Between]


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with one_process(tmp_path) as (stack, proxies):
        yield stack, proxies["billing"], proxies["ticketing"]


def payment(key: str, amount: str) -> dict[str, Any]:
    euros = {"amount": amount, "currency": "EUR"}
    return {"idempotencyKey": key, "billId": BILL, "amount": euros, "paymentMethodToken": "tok-1"}


async def paid(stack: Stack, key: str, amount: str) -> str:
    """Pay: what remains, as the mutation's own selection says."""
    (payload,) = (await stack.ask(PAY, "1002", input=payment(key, amount))).clean().values()
    assert payload["userErrors"] == []
    left: str = payload["bill"]["remainingAmount"]["amount"]
    return left


async def left(stack: Stack) -> str:
    amount: str = (await stack.ask(OPEN, "1002", id=BILL)).clean()["bill"]["remainingAmount"]["amount"]
    return amount


async def listed(stack: Stack) -> str:
    (bill,) = (await stack.ask(LISTED, "1002")).clean()["me"]["bills"]["nodes"]
    amount: str = bill["remainingAmount"]["amount"]
    return amount


@pytest.mark.parametrize("asks", [left, listed])
async def test_a_reader_after_a_write_joins_no_call_from_before_it(running: Running, asks: Any) -> None:
    stack, billing, _ = running
    held = billing.hold("GET", "answer", "/customerBill")
    before = asyncio.create_task(asks(stack))
    await held.waited()
    assert await paid(stack, "first", "10.00") == "21.15"
    after = await asyncio.gather(asks(stack), asks(stack))
    assert not before.done()
    held.let.set()
    assert (await before, after) == ("31.15", ["21.15", "21.15"])


@pytest.mark.parametrize("asks", [left, listed])
async def test_a_reader_while_a_write_is_under_way_joins_no_call_from_before_it(running: Running, asks: Any) -> None:
    stack, billing, _ = running
    early = billing.hold("GET", "answer", "/customerBill")
    before = asyncio.create_task(asks(stack))
    await early.waited()
    done = billing.hold("POST", "answer", "/payment")
    writing = asyncio.create_task(paid(stack, "first", "10.00"))
    await done.waited()  # it has happened, and nobody was told yet
    assert await asks(stack) == "21.15"
    done.let.set()
    assert await writing == "21.15"
    early.let.set()
    assert await before == "31.15"


async def test_each_mutation_of_a_document_is_read_after_it_and_before_the_next(running: Running) -> None:
    stack, billing, ticketing = running
    document = """mutation ($a: PayBillInput!, $note: AddTicketNoteInput!, $b: PayBillInput!) {
      a: payBill(input: $a) { bill { remainingAmount { amount } } userErrors { code } }
      addTicketNote(input: $note) { ticket { notes { text } } userErrors { code } }
      b: payBill(input: $b) { bill { remainingAmount { amount } } userErrors { code } }
    }"""
    note = {"idempotencyKey": "n", "ticketId": "Ticket:TT-1002-2", "text": "Paid half of it."}
    found = (await stack.ask(document, "1002", a=payment("a", "10"), note=note, b=payment("b", "20"))).clean()

    assert found["a"] == {"bill": {"remainingAmount": {"amount": "21.15"}}, "userErrors": []}
    assert found["addTicketNote"]["ticket"]["notes"][-1] == {"text": "Paid half of it."}
    assert found["b"] == {"bill": {"remainingAmount": {"amount": "1.15"}}, "userErrors": []}
    assert (billing.writes(), ticketing.writes()) == (2, 1)


async def test_what_shows_late_is_waited_for(tmp_path: Path) -> None:
    writes = WritesSettings(enabled=True, in_process=True)
    late = {"ticketing": {"reads_after": 5.0}}
    async with stacked(tmp_path, customers=4, systems=late, writes=writes) as stack:
        stack.systems["ticketing"].switches.late_ms = 700
        given = {"idempotencyKey": "late", "ticketId": "Ticket:TT-1002-2", "text": "It happened again."}
        (payload,) = (await stack.ask(NOTE, "1002", input=given)).clean().values()
        assert payload["userErrors"] == []
        assert payload["ticket"]["notes"][-1] == {"text": "It happened again."}
