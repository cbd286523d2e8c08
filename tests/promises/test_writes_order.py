"""The order is shape, key, state; all mistakes are told at once; and each code of a user error can be had."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from gateway.settings import WritesSettings
from resolvers.writing.mutations import UserErrorCode
from tests.stack import Stack, stacked

OPEN_BILL, PAID_BILL = "Bill:BILL-1001-1-07", "Bill:BILL-1001-1-05"
OPEN_TICKET, CLOSED_TICKET = "Ticket:TT-1001-1", "Ticket:TT-1001-2"
TOKEN: Final = {"paymentMethodToken": "tok-1"}

Error = tuple[str, list[str]]


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[Stack]:
    writes = WritesSettings(enabled=True, in_process=True)
    async with stacked(folder, customers=2, writes=writes) as stack:
        yield stack


@pytest_asyncio.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """One to be changed."""
    async with started(tmp_path) as fresh:
        yield fresh


@pytest_asyncio.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with started(tmp_path_factory.mktemp("order")) as shared:
        yield shared


@pytest.fixture
def unchanged(running: Stack) -> Stack:
    """One of which no bill is paid and no ticket closed."""
    running.reset()
    return running


async def written(
    stack: Stack, mutation: str, key: str = "click", who: str = "1001", **given: Any
) -> tuple[list[Error], str | None]:
    """Codes and paths of the user errors, and the id of what was changed."""
    kind = mutation[0].upper() + mutation[1:]
    record = {"payBill": "payment", "updateContact": "customer"}.get(mutation, "ticket")
    document = f"""mutation ($input: {kind}Input!) {{
      {mutation}(input: $input) {{ {record} {{ id }} userErrors {{ code message path }} }}
    }}"""
    answer = (await stack.ask(document, who, input={"idempotencyKey": key, **given})).clean()[mutation]
    errors = answer["userErrors"]
    assert all(error["message"] for error in errors)
    assert (answer[record] is None) is bool(errors)
    return [(error["code"], error["path"]) for error in errors], answer[record] and answer[record]["id"]


def euros(amount: str, currency: str = "EUR") -> dict[str, Any]:
    return {"amount": {"amount": amount, "currency": currency}}


def changes(stack: Stack) -> int:
    """How many requests to change something the systems have got."""
    return sum(one["method"] in ("POST", "PATCH") for system in stack.systems.values() for one in system.requests)


EACH: Final[dict[str, tuple[str, dict[str, Any], list[str]]]] = {
    "REQUIRED": ("addTicketNote", {"ticketId": OPEN_TICKET, "text": " "}, ["text"]),
    "INVALID": ("updateContact", {"email": "nobody"}, ["email"]),
    "TOO_LONG": ("openTicket", {"name": "x" * 201, "description": "Since this morning."}, ["name"]),
    "NOT_FOUND": ("payBill", {"billId": "Bill:none", **TOKEN}, ["billId"]),
    "NOT_ALLOWED": ("addTicketNote", {"ticketId": OPEN_TICKET, "text": "Psst.", "internal": True}, ["internal"]),
    "WRONG_STATE": ("addTicketNote", {"ticketId": CLOSED_TICKET, "text": "Again."}, ["ticketId"]),
    "AMOUNT_TOO_HIGH": ("payBill", {"billId": OPEN_BILL, **euros("84.71"), **TOKEN}, ["amount", "amount"]),
    "CURRENCY_MISMATCH": ("payBill", {"billId": OPEN_BILL, **euros("1.00", "USD"), **TOKEN}, ["amount", "currency"]),
    "ALREADY_PAID": ("payBill", {"billId": PAID_BILL, **TOKEN}, ["billId"]),
    "IDEMPOTENCY_KEY_REUSED": ("addTicketNote", {"ticketId": OPEN_TICKET, "text": "Another."}, ["idempotencyKey"]),
    "REFUSED_BY_SYSTEM": ("closeTicket", {"ticketId": OPEN_TICKET}, []),
    "CONFLICT": ("closeTicket", {"ticketId": OPEN_TICKET}, []),
}
"""What is answered with this code, and where it is said to be."""
REFUSED: Final = {"REFUSED_BY_SYSTEM": ("ticketing", 422), "CONFLICT": ("ticketing", 412)}
"""What the system refuses, and how."""


@pytest.mark.parametrize("code", [code.name for code in UserErrorCode])
async def test_each_code(unchanged: Stack, code: str) -> None:
    mutation, given, path = EACH[code]
    if code == "IDEMPOTENCY_KEY_REUSED":
        assert (await written(unchanged, mutation, code, **{**given, "text": "One."}))[0] == []
    if code in REFUSED:
        system, status = REFUSED[code]
        unchanged.systems[system].switches.merge({"refuseWrites": status})
    before = changes(unchanged)
    errors, _ = await written(unchanged, mutation, code, **given)
    assert errors == [(code, path)]
    assert changes(unchanged) - before == (1 if code in REFUSED else 0)


ALL_AT_ONCE: Final[list[tuple[str, dict[str, Any], set[tuple[str, str]]]]] = [
    (
        "openTicket",
        {"name": "", "description": "x" * 10_001, "kind": "a\nb", "severity": "UNKNOWN", "serviceIds": ["Bill:1"]},
        {
            ("REQUIRED", "name"),
            ("TOO_LONG", "description"),
            ("INVALID", "kind"),
            ("INVALID", "severity"),
            ("NOT_FOUND", "serviceIds.0"),
        },
    ),
    (
        "addTicketNote",
        {"ticketId": "Bill:1", "text": "", "internal": True},
        {("NOT_FOUND", "ticketId"), ("REQUIRED", "text"), ("NOT_ALLOWED", "internal")},
    ),
    ("closeTicket", {"ticketId": "", "reason": " "}, {("NOT_FOUND", "ticketId"), ("REQUIRED", "reason")}),
    ("reopenTicket", {"ticketId": "", "reason": " "}, {("NOT_FOUND", "ticketId"), ("REQUIRED", "reason")}),
    (
        "payBill",
        {"billId": "Ticket:1", **euros("-1", "euro"), "paymentMethodToken": "4111 1111 1111 1111"},
        {
            ("NOT_FOUND", "billId"),
            ("INVALID", "amount.amount"),
            ("INVALID", "amount.currency"),
            ("INVALID", "paymentMethodToken"),
        },
    ),
    ("updateContact", {"email": "me@", "phone": "x"}, {("INVALID", "email"), ("INVALID", "phone")}),
    *(("updateContact", {"email": f"me@home.example{one}"}, {("INVALID", "email")}) for one in "\0\x1b\u202e\u200b"),
    ("openTicket", {"name": "a", "description": "b", "serviceIds": ["x"] * 101}, {("TOO_LONG", "serviceIds")}),
    ("closeTicket", {"ticketId": "x" * 501}, {("NOT_FOUND", "ticketId")}),
]


@pytest.mark.parametrize(("mutation", "given", "wrong"), ALL_AT_ONCE, ids=[one[0] for one in ALL_AT_ONCE])
async def test_all_mistakes_of_the_shape_at_once_and_nothing_is_asked(
    unchanged: Stack, mutation: str, given: dict[str, Any], wrong: set[tuple[str, str]]
) -> None:
    errors, _ = await written(unchanged, mutation, key="k" * 256, **given)
    assert {(code, ".".join(path)) for code, path in errors} == {*wrong, ("TOO_LONG", "idempotencyKey")}
    assert len(errors) == len(wrong) + 1
    assert [one for system in unchanged.systems.values() for one in system.requests] == []


async def test_a_retry_after_a_payment_gets_its_payment(stack: Stack) -> None:
    pay = {"billId": OPEN_BILL, **TOKEN}
    errors, made = await written(stack, "payBill", **pay)
    assert errors == []
    assert await written(stack, "payBill", **pay) == ([], made)
    assert await written(stack, "payBill", key="another", **pay) == ([("ALREADY_PAID", ["billId"])], None)
    assert changes(stack) == 1


async def test_a_retry_after_a_ticket_was_closed_gets_its_outcome(stack: Stack) -> None:
    note, close = {"ticketId": OPEN_TICKET, "text": "It works."}, {"ticketId": OPEN_TICKET}
    for mutation, given in (("addTicketNote", note), ("closeTicket", close)):
        assert await written(stack, mutation, **given) == ([], OPEN_TICKET)
    for mutation, given in (("addTicketNote", note), ("closeTicket", close)):
        assert await written(stack, mutation, **given) == ([], OPEN_TICKET)
    assert await written(stack, "addTicketNote", "another", **note) == ([("WRONG_STATE", ["ticketId"])], None)
    assert changes(stack) == 2


async def test_a_wrong_shape_is_told_before_the_key_is_looked_at_and_the_key_before_the_state(stack: Stack) -> None:
    pay = {"billId": OPEN_BILL, **TOKEN}
    _, made = await written(stack, "payBill", **pay)
    wrong = await written(stack, "payBill", **{**pay, **euros("NaN")})
    assert wrong == ([("INVALID", ["amount", "amount"])], None)
    other = await written(stack, "payBill", **{**pay, **euros("99999.00")})  # nor is so much open
    assert other == ([("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])], None)
    assert await written(stack, "payBill", **pay) == ([], made)


async def test_a_mistake_does_not_use_up_the_key_and_a_refusal_does(stack: Stack) -> None:
    for text in ("", "x" * 10_001):
        assert (await written(stack, "addTicketNote", ticketId=OPEN_TICKET, text=text))[0]
    assert (await written(stack, "addTicketNote", ticketId=CLOSED_TICKET, text="Again."))[0]
    assert (await written(stack, "addTicketNote", ticketId=OPEN_TICKET, text="Again."))[0] == []

    stack.systems["ticketing"].switches.refuse_writes = 422
    for _ in range(2):
        errors, _ = await written(stack, "closeTicket", ticketId=OPEN_TICKET)
        assert errors == [("REFUSED_BY_SYSTEM", [])]
        stack.systems["ticketing"].switches.refuse_writes = 0
    assert await written(stack, "closeTicket", "another", ticketId=OPEN_TICKET) == ([], OPEN_TICKET)


AMOUNTS: Final = ["NaN", "-NaN", "Infinity", "-Infinity", "1e400", "1E-30", "0", "-1", "1" * 40]


@pytest.mark.parametrize("amount", AMOUNTS)
async def test_what_is_no_amount_is_invalid_and_not_a_fault(unchanged: Stack, amount: str) -> None:
    errors, _ = await written(unchanged, "payBill", billId=OPEN_BILL, **TOKEN, **euros(amount))
    assert errors == [("INVALID", ["amount", "amount"])]
    assert changes(unchanged) == 0
