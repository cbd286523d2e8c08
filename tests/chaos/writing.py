"""What clients write, each key repeated until its outcome is known, and what of it the systems hold in the end."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from acceptance.repeating import NO_ANSWER, RETRYABLE, key_of
from sandbox.data import shapes
from tests.chaos.systems import Behind, rows
from tests.conftest import contract

_PAUSES: Final = (0.3, 0.6, 1.0)
"""Seconds before each repetition of a key; the last one again and again."""

Ask = Callable[[str, str, Mapping[str, Any]], Awaitable[tuple[int, Any]]]
"""A document, who asks it, its variables: status and body. Raises `aiohttp.ClientError`."""


@dataclass(slots=True)
class Write:
    """One click. `outcome` is the payload once it is known what came of it; times are of the monotonic clock."""

    operation: str
    who: str
    given: Mapping[str, Any]
    asked: float
    outcome: Mapping[str, Any] | None = None
    known: float = 0.0
    tries: int = 0


class Writer:
    """A customer at a page: opens a ticket, adds a note, closes it, pays a cent, changes the phone number, again.

    One after the other, so that what must be there in the end is known.
    """

    def __init__(self, who: str, bill: str, ask: Ask) -> None:
        self.who, self._bill, self._ask = who, bill, ask
        self._numbers = itertools.count(1)
        self.ticket = ""
        self.phone: str | None = None
        """What is to be read in the end."""

    def next(self) -> Write:
        """The next click."""
        number = next(self._numbers)
        key, mark = f"{self.who}-{number}", f"chaos {self.who} {number}"
        match number % 5:
            case 1:
                name, given = "OpenTicket", {"name": mark, "description": "Since this morning."}
            case 2:
                name, given = "AddTicketNote", {"ticketId": self.ticket, "text": mark}
            case 3:
                name, given = "CloseTicket", {"ticketId": self.ticket, "reason": mark}
            case 4:
                cent = {"amount": "0.01", "currency": "EUR"}
                name, given = "PayBill", {"billId": self._bill, "amount": cent, "paymentMethodToken": "tok-1"}
            case _:
                name, given = "UpdateContact", {"phone": f"+46 70 {self.who} {number:04d}"}
        return Write(name, self.who, {"idempotencyKey": key, **given}, time.monotonic())

    async def do(self, write: Write, codes: Counter[str], wrong: list[str]) -> None:
        """Repeat it with its key until its outcome is known."""
        while True:
            write.tries += 1
            try:
                status, body = await self._ask(contract(write.operation), self.who, {"input": write.given})
            except aiohttp.ClientError:
                codes[NO_ANSWER] += 1
            else:
                if status == 200 and self._is_known(write, body, codes, wrong):
                    write.known = time.monotonic()
                    return
                if status != 200:
                    codes[f"status {status}"] += 1
            await asyncio.sleep(_PAUSES[min(write.tries, len(_PAUSES)) - 1])

    def _is_known(self, write: Write, body: Any, codes: Counter[str], wrong: list[str]) -> bool:
        errors = body.get("errors", [])
        told = {str(error.get("extensions", {}).get("code")) for error in errors}
        (payload,) = (body.get("data") or {None: None}).values()
        if payload is not None and payload["userErrors"]:
            wrong.append(f"{write.operation} {write.given['idempotencyKey']}: {payload['userErrors']}")
            write.outcome = payload
            return True
        if payload is not None and not errors:
            write.outcome = payload
            self._remember(write, payload, wrong)
            return True
        if not told or any(code not in RETRYABLE and not code.startswith("UPSTREAM_") for code in told):
            wrong.append(f"{write.operation} {write.given['idempotencyKey']}: {str(body)[:300]}")
        codes.update(told)
        return False

    def _remember(self, write: Write, payload: Mapping[str, Any], wrong: list[str]) -> None:
        match write.operation:
            case "OpenTicket":
                self.ticket = payload["ticket"]["id"]
                shown = payload["ticket"]["name"] == write.given["name"]
            case "AddTicketNote":
                shown = [note["text"] for note in payload["ticket"]["notes"]].count(write.given["text"]) == 1
            case "CloseTicket":
                shown = payload["ticket"]["id"] == self.ticket and payload["ticket"]["status"] == "CLOSED"
            case "PayBill":
                shown = payload["payment"]["amount"] == write.given["amount"]
            case _:
                self.phone = write.given["phone"]
                shown = payload["customer"]["phone"] == self.phone
        if not shown:
            wrong.append(f"{write.operation} {write.given['idempotencyKey']}: its answer shows {payload}")


@dataclass(slots=True)
class Writing:
    """All writers, and what they have written."""

    writers: Sequence[Writer]
    writes: list[Write] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    _busy: set[str] = field(default_factory=set)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    def click(self) -> None:
        """One who has nothing under way writes something; nothing happens where all wait."""
        idle = next((one for one in self.writers if one.who not in self._busy), None)
        if idle is None:
            return
        self.writers = [*(one for one in self.writers if one is not idle), idle]
        write = idle.next()
        self.writes.append(write)
        self._busy.add(idle.who)
        task = asyncio.create_task(self._do(idle, write))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _do(self, writer: Writer, write: Write) -> None:
        try:
            await writer.do(write, self.codes, self.wrong)
        finally:
            self._busy.discard(writer.who)

    async def settled(self, patience: float) -> bool:
        """Once every outcome is known; False if that takes longer than so many seconds."""
        if not self._tasks:
            return True
        _, waiting = await asyncio.wait(set(self._tasks), timeout=patience)
        return not waiting

    async def close(self) -> None:
        """Nobody repeats anything any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def effects(systems: Behind, session: aiohttp.ClientSession) -> Mapping[str, Counter[str]]:
    """What the systems hold of the writes, by operation: how often each key's, text's or phone number's."""
    tickets = await rows(systems, session, "ticketing", shapes.TICKET)
    payments = await rows(systems, session, "billing", shapes.PAYMENT)
    people = await rows(systems, session, "crm", shapes.CUSTOMER)
    notes = (note.get("text", "") for row in tickets for note in row.get("note", []))
    return {
        "OpenTicket": Counter(row["externalId"] for row in tickets if _is_key(row.get("externalId"))),
        "AddTicketNote": Counter(text for text in notes if text.startswith("chaos")),
        "PayBill": Counter(row["correlatorId"] for row in payments if _is_key(row.get("correlatorId"))),
        "CloseTicket": Counter(f"Ticket:{row['id']}" for row in tickets if row["status"] == "closed"),
        "UpdateContact": Counter(
            medium["characteristic"]["phoneNumber"]
            for row in people
            for medium in row.get("contactMedium", [])
            if "phoneNumber" in medium.get("characteristic", {})
        ),
    }


def _is_key(value: Any) -> bool:
    """Whether this is a key of the gateway's."""
    return len(value or "") == 32


def of_write(write: Write) -> str:
    """What its effect is found by in `effects`."""
    match write.operation:
        case "OpenTicket":
            return str(key_of(write.who, "openTicket", write.given["idempotencyKey"]))
        case "PayBill":
            return str(key_of(write.who, "payBill", write.given["idempotencyKey"]))
        case "AddTicketNote":
            return str(write.given["text"])
        case "CloseTicket":
            return str(write.given["ticketId"])
    return str(write.given["phone"])


def wrong_effects(writes: Sequence[Write], found: Mapping[str, Counter[str]]) -> list[str]:
    """Sentences about writes that were answered and have no effect, or more than one; all outcomes must be known."""
    last = {write.who: write for write in writes if write.operation == "UpdateContact"}
    counted = [
        (write, found[write.operation][of_write(write)])
        for write in writes
        if write.operation != "UpdateContact" or last[write.who] is write  # an earlier number is there no more
    ]
    told = [
        f"{write.operation} {write.given['idempotencyKey']}: {count} effects" for write, count in counted if count != 1
    ]
    keys = {
        name: {of_write(write) for write in writes if write.operation == name} for name in ("OpenTicket", "PayBill")
    }
    told += [f"{name} {key}: nobody asked for it" for name in keys for key in found[name].keys() - keys[name]]
    return told
