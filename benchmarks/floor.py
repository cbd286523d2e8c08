"""The floor: the works written by hand, without any GraphQL: what no gateway in Python can be faster than.

Bare ASGI, aiohttp, msgspec structs of just the attributes that are needed, `fields=`, orjson; as few steps as the
systems allow. It checks the token and every row's owner, and counts as a contestant that nobody would want to maintain.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

import aiohttp
import msgspec
import orjson
from yarl import URL

from benchmarks.callers import Caller, Callers, Refused
from benchmarks.upstream import Scope, Send, serve
from benchmarks.upstream_rows import PATHS

WORDS: Final = {
    "active": "ACTIVE",
    "suspended": "SUSPENDED",
    "sent": "SENT",
    "settled": "SETTLED",
    "partiallyPaid": "PARTIALLY_PAID",
    "inProgress": "IN_PROGRESS",
    "acknowledged": "ACKNOWLEDGED",
    "major": "MAJOR",
    "minor": "MINOR",
}
OPEN: Final = frozenset({"acknowledged", "inProgress", "pending", "held"})


class Ref(msgspec.Struct, gc=False):
    """A reference."""

    id: str


class Party(msgspec.Struct, gc=False):
    """A related party."""

    id: str
    role: str


class Amount(msgspec.Struct, gc=False):
    """Money."""

    unit: str
    value: Decimal


class Row(msgspec.Struct, rename="camel", gc=False):
    """What all rows have."""

    id: str


class Owned(Row, gc=False):
    """A row with an owner."""

    related_party: list[Party]


class Characteristic(msgspec.Struct, rename="camel", gc=False):
    """Address or number."""

    email_address: str | None = None
    phone_number: str | None = None


class Medium(msgspec.Struct, gc=False):
    """A way to reach somebody."""

    characteristic: Characteristic


class Customer(Row, gc=False):
    """TMF629."""

    name: str
    status: str
    contact_medium: list[Medium] = []


class Balance(msgspec.Struct, gc=False):
    """What is owed."""

    amount: Amount


class Account(Owned, gc=False):
    """TMF666."""

    name: str
    account_balance: list[Balance]
    state: str = ""


class Bill(Owned, gc=False):
    """TMF678."""

    state: str
    amount_due: Amount
    billing_account: Ref
    bill_no: str = ""
    payment_due_date: str = ""


class Part(msgspec.Struct, rename="camel", gc=False):
    """A supporting service."""

    supporting_resource: list[Ref]


class Service(Owned, gc=False):
    """TMF638."""

    name: str
    state: str
    start_date: str = ""
    supporting_service: list[Part] = []


class Resource(Row, gc=False):
    """TMF639."""

    name: str
    category: str


class Ticket(Owned, gc=False):
    """TMF621."""

    name: str
    status: str
    severity: str = ""
    creation_date: str = ""


R = TypeVar("R", bound=Row)
O = TypeVar("O", bound=Owned)  # noqa: E741  # one letter, as usual

_RESOURCES: Final[dict[type[Row], str]] = {
    Customer: "customer",
    Account: "billingAccount",
    Bill: "customerBill",
    Service: "service",
    Resource: "resource",
    Ticket: "troubleTicket",
}
_DECODERS: Final = {kind: msgspec.json.Decoder(list[kind]) for kind in _RESOURCES}  # type: ignore[valid-type]


class Floor:
    """The ASGI application; a path for each work."""

    def __init__(self) -> None:
        self._callers, self._upstream = Callers(), os.environ["BENCH_UPSTREAM"]
        self._session: aiohttp.ClientSession | None = None
        self._works: dict[str, Callable[[Caller], Awaitable[Any]]] = {
            "/typename": self._typename,
            "/portal": self._portal,
            "/dashboard": self._dashboard,
            "/rows": self._rows,
        }

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        """One request."""
        while (await receive()).get("more_body"):
            pass
        headers = dict(scope["headers"])
        try:
            caller = self._callers.of(headers.get(b"authorization", b"").decode())
        except Refused:
            status, body = 401, b"{}"
        else:
            status, body = 200, orjson.dumps({"data": await self._works[scope["path"]](caller)})
        named = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": named})
        await send({"type": "http.response.body", "body": body})

    async def _read(self, kind: type[R], question: str) -> list[R]:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        address = f"{self._upstream}{PATHS[_RESOURCES[kind]]}?{question}"
        async with self._session.get(URL(address, encoded=True)) as answer:
            answer.raise_for_status()
            rows: list[R] = _DECODERS[kind].decode(await answer.read())
            return rows

    async def _owned(self, caller: Caller, kind: type[O], question: str) -> list[O]:
        rows = await self._read(kind, question)
        if caller.is_staff:
            return rows
        mine = caller.customers
        return [row for row in rows if any(one.id in mine and one.role == "customer" for one in row.related_party)]

    async def _typename(self, _caller: Caller) -> Any:
        return {"__typename": "Query"}

    async def _portal(self, caller: Caller) -> Any:
        key = caller.customers[0]
        party, limit = f"relatedParty.id={key}", "limit=1000"
        (customer,), accounts, bills, services, tickets = await asyncio.gather(
            self._read(Customer, f"id={key}&fields=contactMedium,id,name,status"),
            self._owned(caller, Account, f"{party}&fields=accountBalance,id,name,relatedParty,state&{limit}"),
            self._owned(
                caller,
                Bill,
                f"{party}&fields=amountDue,billNo,billingAccount,id,paymentDueDate,relatedParty,state"
                f"&sort=-billDate&{limit}",
            ),
            self._owned(
                caller,
                Service,
                f"{party}&fields=id,name,relatedParty,startDate,state,supportingService&sort=id&limit=5",
            ),
            self._owned(
                caller,
                Ticket,
                f"{party}&status={','.join(OPEN)}&fields=creationDate,id,name,relatedParty,status"
                "&sort=-creationDate&limit=5",
            ),
        )
        below = [ref.id for one in services for part in one.supporting_service for ref in part.supporting_resource]
        found = await self._read(Resource, f"id={','.join(below)}&fields=category,id,name&{limit}") if below else []
        resources = {one.id: one for one in found}
        bills_of = _grouped(bills, lambda bill: bill.billing_account.id)
        said = [medium.characteristic for medium in customer.contact_medium]
        return {
            "me": {
                "id": f"Customer:{customer.id}",
                "name": customer.name,
                "status": WORDS.get(customer.status, "UNKNOWN"),
                "email": next((one.email_address for one in said if one.email_address), None),
                "phone": next((one.phone_number for one in said if one.phone_number), None),
                "accounts": [
                    {
                        "id": f"BillingAccount:{account.id}",
                        "name": account.name,
                        "state": account.state,
                        "balance": _money(account.account_balance[0].amount),
                        "bills": {
                            "nodes": [
                                {
                                    "id": f"Bill:{bill.id}",
                                    "number": bill.bill_no,
                                    "dueDate": bill.payment_due_date[:10],
                                    "state": WORDS.get(bill.state, "UNKNOWN"),
                                    "amountDue": _money(bill.amount_due),
                                }
                                for bill in bills_of.get(account.id, ())[:3]
                            ]
                        },
                    }
                    for account in accounts
                ],
                "services": {
                    "nodes": [
                        {
                            "id": f"Service:{service.id}",
                            "name": service.name,
                            "state": WORDS.get(service.state, "UNKNOWN"),
                            "startedAt": service.start_date,
                            "resources": [
                                {"id": f"Resource:{one.id}", "name": one.name, "kind": one.category}
                                for part in service.supporting_service
                                for ref in part.supporting_resource
                                if (one := resources.get(ref.id)) is not None
                            ],
                        }
                        for service in services
                    ]
                },
                "tickets": {
                    "nodes": [
                        {
                            "id": f"Ticket:{ticket.id}",
                            "name": ticket.name,
                            "status": WORDS.get(ticket.status, "UNKNOWN"),
                            "createdAt": ticket.creation_date,
                        }
                        for ticket in tickets
                        if ticket.status in OPEN
                    ]
                },
            }
        }

    async def _dashboard(self, caller: Caller) -> Any:
        customers = await self._list(caller, 50)
        party, limit = f"relatedParty.id={','.join([one.id for one in customers])}", "limit=10000"
        accounts, bills, services, tickets = await asyncio.gather(
            self._owned(caller, Account, f"{party}&fields=accountBalance,id,name,relatedParty&sort=id&{limit}"),
            self._owned(
                caller, Bill, f"{party}&fields=amountDue,billingAccount,id,relatedParty,state&sort=-billDate&{limit}"
            ),
            self._owned(caller, Service, f"{party}&fields=id,name,relatedParty,state&sort=id&{limit}"),
            self._owned(
                caller, Ticket, f"{party}&fields=id,name,relatedParty,severity,status&sort=-creationDate&{limit}"
            ),
        )
        accounts_of, services_of, tickets_of = (
            _grouped(accounts, _owner),
            _grouped(services, _owner),
            _grouped(tickets, _owner),
        )
        bills_of = _grouped(bills, lambda bill: bill.billing_account.id)
        return {
            "customers": {
                "nodes": [
                    {
                        "id": f"Customer:{customer.id}",
                        "name": customer.name,
                        "status": WORDS.get(customer.status, "UNKNOWN"),
                        "accounts": [
                            {
                                "id": f"BillingAccount:{account.id}",
                                "name": account.name,
                                "balance": _money(account.account_balance[0].amount),
                                "bills": {
                                    "nodes": [
                                        {
                                            "id": f"Bill:{bill.id}",
                                            "amountDue": _money(bill.amount_due),
                                            "state": WORDS.get(bill.state, "UNKNOWN"),
                                        }
                                        for bill in bills_of.get(account.id, ())[:3]
                                    ]
                                },
                            }
                            for account in accounts_of.get(customer.id, ())
                        ],
                        "services": {
                            "nodes": [
                                {
                                    "id": f"Service:{service.id}",
                                    "name": service.name,
                                    "state": WORDS.get(service.state, "UNKNOWN"),
                                }
                                for service in services_of.get(customer.id, ())[:20]
                            ]
                        },
                        "tickets": {
                            "nodes": [
                                {
                                    "id": f"Ticket:{ticket.id}",
                                    "name": ticket.name,
                                    "status": WORDS.get(ticket.status, "UNKNOWN"),
                                    "severity": WORDS.get(ticket.severity, "UNKNOWN"),
                                }
                                for ticket in tickets_of.get(customer.id, ())[:10]
                            ]
                        },
                    }
                    for customer in customers
                ]
            }
        }

    async def _rows(self, caller: Caller) -> Any:
        return {
            "customers": {
                "nodes": [
                    {"id": f"Customer:{one.id}", "name": one.name, "status": WORDS.get(one.status, "UNKNOWN")}
                    for one in await self._list(caller, 1000)
                ]
            }
        }

    async def _list(self, caller: Caller, first: int) -> list[Customer]:
        if not caller.is_staff:
            return []
        return await self._read(Customer, f"fields=id,name,status&sort=id&limit={first}")


def _money(amount: Amount) -> dict[str, str]:
    return {"amount": str(amount.value), "currency": amount.unit}


def _owner(row: Owned) -> str:
    return next((one.id for one in row.related_party if one.role == "customer"), "")


def _grouped(rows: Iterable[R], key: Callable[[R], str]) -> dict[str, Sequence[R]]:
    groups: dict[str, Any] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


if __name__ == "__main__":
    serve(Floor())
