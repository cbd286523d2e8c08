"""Tickets and payments of which each answer can be compared with what the product itself says."""

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from acceptance.effects import Bill, Payment, RtEffects, Ticket, TrytonEffects
from acceptance.products import Unfit
from acceptance.repeating import Job, key_of

_OPEN: Final = """mutation ($input: OpenTicketInput!) {
  done: openTicket(input: $input) { ticket { id name } userErrors { code message path } }
}"""
_PAY: Final = """mutation ($input: PayBillInput!) {
  done: payBill(input: $input) {
    payment { id status amount { amount currency } }
    bill { id remainingAmount { amount } }
    userErrors { code message path }
  }
}"""


@dataclass(frozen=True, slots=True)
class Counted:
    """What the product holds of these keys. `wrong`: sentences about what is not as it should be, none where all is."""

    effects: int
    wrong: Sequence[str]
    states: Mapping[str, int]


class Part:
    """One kind of write on one product."""

    title: str
    product: str

    async def jobs(self, count: int) -> Sequence[Job]:
        """So many writes, each with a key of its own. What is there before is noted. Raises `Unfit`."""
        raise NotImplementedError

    async def counted(self, outcomes: Mapping[str, Mapping[str, Any]]) -> Counted:
        """Compare the answers with what the product says."""
        raise NotImplementedError

    async def made(self) -> Sequence[str]:
        """The ids there of what was made."""
        raise NotImplementedError


class Tickets(Part):
    """Tickets of some customers, with a subject that nobody else's has."""

    title, product = "openTicket", "rt"

    def __init__(self, there: RtEffects, customers: Sequence[str]) -> None:
        self._there, self._customers = there, customers
        self._mark = f"acceptance {secrets.token_hex(4)}"
        self._jobs: Sequence[Job] = ()
        self._last = 0

    async def jobs(self, count: int) -> Sequence[Job]:
        self._last = await self._there.last()
        self._jobs = [
            Job(
                _OPEN,
                self._customers[number % len(self._customers)],
                {
                    "idempotencyKey": f"{self._mark} {number}",
                    "name": f"{self._mark} {number}",
                    "description": "Opened by make live, which deletes it.",
                },
            )
            for number in range(count)
        ]
        return self._jobs

    async def _found(self) -> Sequence[Ticket]:
        return [one for one in await self._there.since(self._last) if one.subject.startswith(self._mark)]

    async def made(self) -> Sequence[str]:
        return [str(one.id) for one in await self._found()]

    async def counted(self, outcomes: Mapping[str, Mapping[str, Any]]) -> Counted:
        found = await self._found()
        return Counted(len(found), [*self._wrong(found, outcomes)], {})

    def _wrong(self, found: Sequence[Ticket], outcomes: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
        for job in self._jobs:
            key, subject = key_of(job.who, "openTicket", job.key), str(job.given["name"])
            if job.key not in outcomes:
                yield f"{subject}: nobody was told an outcome"
                continue
            its = [one for one in found if key in one.keys or one.subject == subject]
            if len(its) != 1:
                yield f"{subject}: {len(its)} tickets"
                continue
            (ticket,) = its
            if (ticket.subject, ticket.customer, ticket.keys) != (subject, job.who, (key,)):
                yield f"{subject}: the ticket is {ticket}"
            told = {"ticket": {"id": f"Ticket:{ticket.id}", "name": subject}, "userErrors": []}
            if outcomes[job.key] != told:
                yield f"{subject}: the answer is {outcomes[job.key]}, the ticket {ticket}"


class Payments(Part):
    """Parts of all bills that are open, a cent and more, so that no two payments of a bill are of the same amount."""

    title, product = "payBill", "tryton"

    def __init__(self, there: TrytonEffects) -> None:
        self._there = there
        self._mark = f"acceptance {secrets.token_hex(4)}"
        self._jobs: Sequence[tuple[Job, Bill, Decimal]] = ()
        self._last = 0

    async def jobs(self, count: int) -> Sequence[Job]:
        self._last = await self._there.last()
        bills = _with_room(await self._there.bills(), count)
        if not bills:
            raise Unfit(f"Tryton has too few open bills for {count} payments")
        self._jobs = [_payment(self._mark, number, bills) for number in range(count)]
        return [job for job, _, _ in self._jobs]

    async def _found(self) -> Sequence[Payment]:
        keys = {key_of(job.who, "payBill", job.key) for job, _, _ in self._jobs}
        lines = {line for _, bill, _ in self._jobs for line in bill.lines}
        return [one for one in await self._there.since(self._last) if one.key in keys or one.line in lines]

    async def made(self) -> Sequence[str]:
        return [str(one.id) for one in await self._found()]

    async def counted(self, outcomes: Mapping[str, Mapping[str, Any]]) -> Counted:
        found, left = await self._found(), {bill.id: bill.open for bill in await self._there.bills()}
        wrong = [*self._wrong(found, outcomes, left)]
        for bill in {bill.id: bill for _, bill, _ in self._jobs}.values():
            paid = sum((amount for _, one, amount in self._jobs if one.id == bill.id), Decimal(0))
            if left.get(bill.id) != bill.open - paid:
                wrong.append(f"invoice {bill.id}: {paid} of {bill.open} was paid, and {left.get(bill.id)} is left")
        return Counted(len(found), wrong, Counter(one.state for one in found))

    def _wrong(
        self, found: Sequence[Payment], outcomes: Mapping[str, Mapping[str, Any]], left: Mapping[int, Decimal]
    ) -> Iterator[str]:
        for job, bill, amount in self._jobs:
            if job.key not in outcomes:
                yield f"{job.key}: nobody was told an outcome"
                continue
            its = [one for one in found if one.key == key_of(job.who, "payBill", job.key)]
            if len(its) != 1:
                yield f"{job.key}: {len(its)} payments"
                continue
            (made,) = its
            if made.line not in bill.lines or made[2:] != (job.who, made.line, amount, "submitted"):
                yield f"{job.key}: the payment is {made}"
            told = outcomes[job.key]
            payment, remaining = told["payment"] or {}, (told["bill"] or {}).get("remainingAmount") or {}
            paid = {"amount": str(amount), "currency": bill.currency}
            is_true = (
                (payment.get("id"), payment.get("amount")) == (f"Payment:{made.id}", paid)
                and payment.get("status") in ("INITIALIZED", "PENDING")
                and left[bill.id] <= Decimal(remaining.get("amount", "NaN")) <= bill.open - amount
            )
            if not is_true or told["userErrors"]:
                yield f"{job.key}: the answer is {told}, the payment {made}"


def _with_room(bills: Sequence[Bill], count: int) -> Sequence[Bill]:
    """As many bills as there can be, each of which takes its part of so many payments; none where that cannot be."""
    widest = sorted(bills, key=lambda bill: bill.open, reverse=True)
    for taken in range(len(widest), 0, -1):
        each = -(-count // taken)
        if widest[taken - 1].open > _cents(each * (each + 1) // 2):
            return widest[:taken]
    return ()


def _payment(mark: str, number: int, bills: Sequence[Bill]) -> tuple[Job, Bill, Decimal]:
    bill, amount = bills[number % len(bills)], _cents(number // len(bills) + 1)
    given = {
        "idempotencyKey": f"{mark} {number}",
        "billId": f"Bill:{bill.id}",
        "amount": {"amount": str(amount), "currency": bill.currency},
    }
    return Job(_PAY, bill.customer, given), bill, amount


def _cents(number: int) -> Decimal:
    return Decimal(number).scaleb(-2)
