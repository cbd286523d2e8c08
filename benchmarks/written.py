"""The two contestants of `benchmarks.writes`: a gateway that writes, and the same calls by hand.

    BENCH_PORT=9000 BENCH_SYSTEMS=9001 BENCH_KEY=demo-key.pem .venv/bin/python -m benchmarks.written gateway
    BENCH_PORT=9000 BENCH_SYSTEMS=9001 BENCH_JWKS=keys.json   .venv/bin/python -m benchmarks.written floor

By hand is bare ASGI, aiohttp, msgspec structs and orjson. It checks the token and every owner, and asks the systems
exactly what the gateway asks; but it takes no lock, remembers no key, finds nothing after a lost answer, and has no
deadlines, health, trace or GraphQL.
"""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import orjson
import uvicorn
from yarl import URL

from benchmarks.callers import Caller, Callers, Refused
from benchmarks.upstream import Scope, Send, serve
from gateway.app import create_app
from gateway.commands.demo_keys import DemoKeys
from gateway.commands.demo_settings import settings
from gateway.http.server import server_options
from sandbox.protocol.systems import SYSTEMS

CUSTOMER: Final = ("crm", "/tmf-api/customerManagement/v4/customer")
BILL: Final = ("billing", "/tmf-api/customerBillManagement/v4/customerBill")
PAYMENT: Final = ("billing", "/payment/v4/payment")
SERVICE: Final = ("inventory", "/tmf-api/serviceInventory/v4/service")
TICKET: Final = ("ticketing", "/tmf-api/troubleTicket/v4/troubleTicket")
_WORDS: Final = {"partiallyPaid": "PARTIALLY_PAID", "inProgress": "IN_PROGRESS"}


class Ref(msgspec.Struct, gc=False):
    """A reference, or a related party."""

    id: str


class Amount(msgspec.Struct, gc=False):
    """Money."""

    unit: str
    value: Decimal


class Note(msgspec.Struct, gc=False, omit_defaults=True):
    """A ticket's note."""

    id: str
    author: str
    text: str
    date: str
    type: str | None = msgspec.field(name="@type", default=None)


class Row(msgspec.Struct, rename="camel", gc=False):
    """A row of any resource, with what is looked at of one of them."""

    id: str
    name: str | None = None
    status: str | None = None
    state: str | None = None
    creation_date: str | None = None
    resolution_date: str | None = None
    payment_date: str | None = None
    external_id: str | None = None
    correlator_id: str | None = None
    related_party: list[Ref] = []
    related_entity: list[Ref] = []
    note: list[Note] = []
    payment_item: list[Any] = []
    billing_account: Ref | None = None
    payer: Ref | None = None
    remaining_amount: Amount | None = None
    total_amount: Amount | None = None
    contact_medium: list[dict[str, Any]] = []


_ROWS: Final = msgspec.json.Decoder(list[Row])
_ROW: Final = msgspec.json.Decoder(Row)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


class NotFound(Exception):
    """There is no such thing, or it is somebody else's."""


class Floor:
    """The five mutations. The ASGI application takes `{"name": ..., "input": {...}}`."""

    def __init__(self) -> None:
        first = int(os.environ["BENCH_SYSTEMS"])
        self._systems: dict[str, str] = {name: f"http://127.0.0.1:{first + at}" for at, name in enumerate(SYSTEMS)}
        self._callers = Callers()
        self._session: aiohttp.ClientSession | None = None
        self._mutations = {
            "OpenTicket": self._open_ticket,
            "AddTicketNote": self._add_note,
            "CloseTicket": self._close_ticket,
            "PayBill": self._pay_bill,
            "UpdateContact": self._update_contact,
        }

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        """One request."""
        headers = dict(scope["headers"])
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        asked = orjson.loads(body)
        try:
            caller = self._callers.of(headers[b"authorization"].decode())
            answer = {"data": await self._mutations[asked["name"]](caller, asked["input"])}
        except (Refused, NotFound) as error:
            answer = {"errors": [repr(error)]}
        content = orjson.dumps(answer)
        named = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": named})
        await send({"type": "http.response.body", "body": content})

    async def _open_ticket(self, caller: Caller, given: Mapping[str, Any]) -> Any:
        key, customer = given["idempotencyKey"], caller.customers[0]
        services = [one.partition(":")[2] for one in given["serviceIds"]]
        asked = f"id={','.join(services)}&fields=category,id,relatedParty&sort=id&limit=1000"
        for service in await self._list(SERVICE, asked):
            _own(caller, service)
        if any(one.external_id == key for one in await self._list(TICKET, f"externalId={key}&sort=id&limit=1000")):
            raise NotFound
        body = {
            "name": given["name"],
            "description": given["description"],
            "severity": given["severity"].capitalize(),
            "ticketType": "fault",
            "relatedParty": [{"id": customer, "role": "customer", "@referredType": "Customer"}],
            "relatedEntity": [{"id": one, "role": "affectedService", "@referredType": "Service"} for one in services],
            "externalId": key,
        }
        made = await self._write("POST", TICKET, "", body)
        fields = "creationDate,id,name,relatedEntity,relatedParty,status"
        (ticket,) = await self._list(TICKET, f"id={made.id}&fields={fields}&sort=id&limit=1000")
        affected = ",".join(one.id for one in ticket.related_entity)
        shown = await self._list(SERVICE, f"id={affected}&fields=category,id,relatedParty&sort=id&limit=1000")
        found = {
            "id": f"Ticket:{ticket.id}",
            "name": ticket.name,
            "status": _word(ticket.status),
            "createdAt": ticket.creation_date,
            "customer": {"id": f"Customer:{_own(caller, ticket)}"},
            "services": [{"id": f"Service:{one.id}"} for one in shown if _own(caller, one)],
        }
        return {"openTicket": {"ticket": found, "userErrors": []}}

    async def _add_note(self, caller: Caller, given: Mapping[str, Any]) -> Any:
        key, ident = given["idempotencyKey"], given["ticketId"].partition(":")[2]
        await self._own_twice(caller, TICKET, ident, "id,relatedParty,status")
        if any(note.id == key for note in (await self._one(TICKET, ident)).note):
            raise NotFound
        before = await self._one(TICKET, ident)
        new = {"id": key, "author": "subscriber", "date": "2026-11-22T12:00:00Z", "text": given["text"]}
        await self._write("PATCH", TICKET, ident, {"note": [*before.note, new]})
        (ticket,) = await self._list(TICKET, f"id={ident}&fields=id,note,relatedParty&sort=id&limit=1000")
        _own(caller, ticket)
        notes = [
            {"author": one.author, "text": one.text, "createdAt": one.date}
            for one in ticket.note
            if one.type != "internal"
        ]
        return {"addTicketNote": {"ticket": {"id": f"Ticket:{ident}", "notes": notes}, "userErrors": []}}

    async def _close_ticket(self, caller: Caller, given: Mapping[str, Any]) -> Any:
        ident = given["ticketId"].partition(":")[2]
        await self._own_twice(caller, TICKET, ident, "id,relatedParty,status")
        if (await self._one(TICKET, ident)).status != "closed":
            body = {"status": "closed", "statusChangeReason": given["reason"]}
            await self._write("PATCH", TICKET, ident, body)
        fields = "id,relatedParty,resolutionDate,status"
        (ticket,) = await self._list(TICKET, f"id={ident}&fields={fields}&sort=id&limit=1000")
        _own(caller, ticket)
        found = {"id": f"Ticket:{ident}", "status": _word(ticket.status), "resolvedAt": ticket.resolution_date}
        return {"closeTicket": {"ticket": found, "userErrors": []}}

    async def _pay_bill(self, caller: Caller, given: Mapping[str, Any]) -> Any:
        key, ident = given["idempotencyKey"], given["billId"].partition(":")[2]
        fields = "amountDue,appliedPayment,billingAccount,id,relatedParty,remainingAmount,taxIncludedAmount"
        before = await self._own_twice(caller, BILL, ident, fields)
        account = before.billing_account.id if before.billing_account else ""
        fields = "account,amount,id,payer,paymentItem,status,totalAmount"
        await self._list(PAYMENT, f"account.id={account}&fields={fields}&sort=-paymentDate&limit=1000")
        known = await self._list(PAYMENT, f"correlatorId={key}&account.id={account}&sort=id&limit=1000")
        if any(one.correlator_id == key for one in known):
            raise NotFound
        total = {"unit": given["amount"]["currency"], "value": Decimal(given["amount"]["amount"])}
        body = {
            "correlatorId": key,
            "account": {"id": account, "@referredType": "BillingAccount"},
            "totalAmount": total,
            "payer": {"id": caller.customers[0], "role": "payer", "@referredType": "Customer"},
            "paymentItem": [{"id": "1", "item": {"id": ident, "@referredType": "CustomerBill"}, "totalAmount": total}],
            "paymentMethod": {"@type": "tokenizedCard", "token": given["paymentMethodToken"]},
        }
        made = await self._write("POST", PAYMENT, "", body)
        fields = "account,amount,id,payer,paymentDate,status,totalAmount"
        of_bill = "billingAccount,id,relatedParty,remainingAmount,state"
        (payment,), (bill,) = await asyncio.gather(
            self._list(PAYMENT, f"id={made.id}&fields={fields}&sort=id&limit=1000"),
            self._list(BILL, f"id={ident}&fields={of_bill}&sort=id&limit=1000"),
        )
        _own(caller, bill)
        found = {
            "id": f"Payment:{payment.id}",
            "status": _word(payment.status),
            "amount": _money(payment.total_amount),
            "paidAt": payment.payment_date,
        }
        paid = {"id": f"Bill:{ident}", "state": _word(bill.state), "remainingAmount": _money(bill.remaining_amount)}
        return {"payBill": {"payment": found, "bill": paid, "userErrors": []}}

    async def _update_contact(self, caller: Caller, given: Mapping[str, Any]) -> Any:
        ident = caller.customers[0]
        media = (await self._one(CUSTOMER, ident)).contact_medium
        for medium in media:
            within = medium["characteristic"]
            if within.get("phoneNumber"):
                within["phoneNumber"] = given["phone"]
                break
        await self._write("PATCH", CUSTOMER, ident, {"contactMedium": media})
        (row,) = await self._list(CUSTOMER, f"id={ident}&fields=contactMedium,id&sort=id&limit=1000")
        values: dict[str, str] = {}
        for medium in row.contact_medium:
            values = medium["characteristic"] | values
        found = {"id": f"Customer:{ident}", "email": values["emailAddress"], "phone": values["phoneNumber"]}
        return {"updateContact": {"customer": found, "userErrors": []}}

    async def _own_twice(self, caller: Caller, resource: tuple[str, str], ident: str, fields: str) -> Row:
        for _ in range(2):  # before the lock, and under it
            (row,) = await self._list(resource, f"id={ident}&fields={fields}&sort=id&limit=1000")
            _own(caller, row)
        return row

    async def _list(self, resource: tuple[str, str], query: str) -> Sequence[Row]:
        return _ROWS.decode(await self._asked("GET", resource, f"?{query}"))

    async def _one(self, resource: tuple[str, str], ident: str) -> Row:
        return _ROW.decode(await self._asked("GET", resource, f"/{ident}"))

    async def _write(self, method: str, resource: tuple[str, str], ident: str, body: Any) -> Row:
        content = _ENCODER.encode(body)
        return _ROW.decode(await self._asked(method, resource, f"/{ident}" if ident else "", content))

    async def _asked(self, method: str, resource: tuple[str, str], rest: str, content: bytes | None = None) -> bytes:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        system, path = resource
        target = URL(f"{self._systems[system]}{path}{rest}", encoded=True)
        headers = {"Content-Type": "application/json"} if content else {}
        async with self._session.request(method, target, data=content, headers=headers) as answer:
            answer.raise_for_status()
            return await answer.read()


def _own(caller: Caller, row: Row) -> str:
    owner = next((one.id for one in row.related_party if one.id in caller.customers), None)
    if owner is None:
        raise NotFound
    return owner


def _word(word: str | None) -> str:
    return _WORDS.get(word or "") or (word or "").upper()


def _money(amount: Amount | None) -> Any:
    return None if amount is None else {"amount": str(amount.value), "currency": amount.unit}


def gateway() -> None:
    """The gateway with the demo's settings, one worker."""
    port, systems = int(os.environ["BENCH_PORT"]), int(os.environ["BENCH_SYSTEMS"])
    given = settings(port, systems)
    app = create_app(given, demo_keys=DemoKeys.load(Path(os.environ["BENCH_KEY"])))
    options = server_options(given.server, given.live.limits.message_bytes)
    uvicorn.run(app, port=port, loop="uvloop", lifespan="on", log_level="warning", **options)


if __name__ == "__main__":
    gateway() if sys.argv[1] == "gateway" else serve(Floor())
