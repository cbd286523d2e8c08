"""Stock Strawberry, as a good engineer writes it: the part of the schema that the benchmark asks for.

Strawberry's own ASGI application and executor, a dataloader for every edge, one aiohttp session, `fields=` for what the
schema has, parser and validation caches, orjson, tokens verified once, every row's owner checked again.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from functools import partial
from typing import Annotated, Any, Final, TypeVar

import aiohttp
import orjson
import strawberry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache
from yarl import URL

from benchmarks.callers import Caller, Callers, Refused
from benchmarks.upstream import serve
from benchmarks.upstream_rows import PATHS, Row

FIELDS: Final = {
    "customer": "contactMedium,id,name,status",
    "billingAccount": "accountBalance,id,name,relatedParty,state",
    "customerBill": "amountDue,billNo,billingAccount,id,paymentDueDate,relatedParty,state",
    "service": "id,name,relatedParty,startDate,state,supportingService",
    "resource": "category,id,name",
    "troubleTicket": "creationDate,id,name,relatedParty,severity,status",
}
SORT: Final = {"customerBill": "-billDate", "troubleTicket": "-creationDate"}
MOST_ROWS: Final = 10_000

E = TypeVar("E", bound=Enum)


def word(kind: type[E], text: str) -> E:
    """The enum's member for a status word."""
    try:
        return kind(text)
    except ValueError:
        return kind("unknown")


@strawberry.enum
class CustomerStatus(Enum):
    """TMF629."""

    INITIALIZED = "initialized"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@strawberry.enum
class BillState(Enum):
    """TMF678."""

    NEW = "new"
    ON_HOLD = "onHold"
    VALIDATED = "validated"
    SENT = "sent"
    PARTIALLY_PAID = "partiallyPaid"
    SETTLED = "settled"
    UNKNOWN = "unknown"


@strawberry.enum
class ServiceState(Enum):
    """TMF638."""

    RESERVED = "reserved"
    INACTIVE = "inactive"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"
    UNKNOWN = "unknown"


@strawberry.enum
class TicketStatus(Enum):
    """TMF621."""

    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    PENDING = "pending"
    HELD = "held"
    IN_PROGRESS = "inProgress"
    CANCELLED = "cancelled"
    CLOSED = "closed"
    RESOLVED = "resolved"
    UNKNOWN = "unknown"


ENDED: Final = frozenset({TicketStatus.REJECTED, TicketStatus.CANCELLED, TicketStatus.CLOSED, TicketStatus.RESOLVED})


@strawberry.enum
class TicketSeverity(Enum):
    """TMF621 leaves it free."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    UNKNOWN = "unknown"


class Upstream:
    """Reads lists of one caller: what is not the caller's is left out, whatever the systems answer."""

    def __init__(self, session: aiohttp.ClientSession, caller: Caller) -> None:
        self._session, self._caller, self._address = session, caller, os.environ["BENCH_UPSTREAM"]

    async def rows(self, resource: str, condition: str = "", *, most: int = MOST_ROWS, owned: bool = True) -> list[Row]:
        """Rows that meet the condition. Raises aiohttp.ClientError, and ValueError where there are more."""
        sort = SORT.get(resource, "id")
        query = f"{condition}&fields={FIELDS[resource]}&sort={sort}&limit={most}"
        async with self._session.get(URL(f"{self._address}{PATHS[resource]}?{query}", encoded=True)) as answer:
            answer.raise_for_status()
            rows: list[Row] = orjson.loads(await answer.read())
            if most == MOST_ROWS and int(answer.headers["X-Total-Count"]) > len(rows):
                raise ValueError(f"{resource} has more than {most} rows under {condition}")
        return [row for row in rows if self._caller.may_see(row)] if owned else rows


@dataclass
class Context:
    """What one request has: its caller and its loaders."""

    caller: Caller
    upstream: Upstream

    def __post_init__(self) -> None:
        self.customers = DataLoader(load_fn=self._customers)
        self.accounts = DataLoader(load_fn=partial(self._by_id, "billingAccount", lambda row: Account.of(row)))
        self.resources = DataLoader(load_fn=self._resources)
        self.accounts_of = self._of_customers("billingAccount", self._account)
        self.bills_of = self._of_customers("customerBill", lambda row: Bill.of(row))
        self.services_of = self._of_customers("service", lambda row: Service.of(row))
        self.tickets_of = self._of_customers("troubleTicket", lambda row: Ticket.of(row))
        self.bills_of_account = DataLoader(load_fn=self._bills_of_accounts)

    def known(self, customer: "Customer") -> "Customer":
        """A customer that came with a list need not be read again."""
        self.customers.prime(customer.key, customer)
        return customer

    def _account(self, row: Row) -> "Account":
        account = Account.of(row)
        self.accounts.prime(account.key, account)
        return account

    async def _customers(self, keys: list[str]) -> Sequence["Customer | None"]:
        seen = keys if self.caller.is_staff else [key for key in keys if key in self.caller.customers]
        rows = await self.upstream.rows("customer", f"id={','.join(seen)}", owned=False) if seen else []
        found = {row["id"]: Customer.of(row) for row in rows}
        return [found.get(key) if key in seen else None for key in keys]

    async def _by_id(self, resource: str, made: Callable[[Row], Any], keys: list[str]) -> Sequence[Any]:
        found = {row["id"]: made(row) for row in await self.upstream.rows(resource, f"id={','.join(keys)}")}
        return [found.get(key) for key in keys]

    async def _resources(self, keys: list[str]) -> Sequence["Resource | None"]:
        rows = await self.upstream.rows("resource", f"id={','.join(keys)}", owned=False)
        found = {row["id"]: Resource.of(row) for row in rows}
        return [found.get(key) for key in keys]

    def _of_customers(self, resource: str, made: Callable[[Row], Any]) -> DataLoader[str, list[Any]]:
        async def load(keys: list[str]) -> list[list[Any]]:
            rows = await self.upstream.rows(resource, f"relatedParty.id={','.join(keys)}")
            return grouped(keys, ((party["id"], made(row)) for row in rows for party in row["relatedParty"]))

        return DataLoader(load_fn=load)

    async def _bills_of_accounts(self, keys: list[str]) -> list[list["Bill"]]:
        rows = await self.upstream.rows("customerBill", f"billingAccount.id={','.join(keys)}")
        return grouped(keys, ((row["billingAccount"]["id"], Bill.of(row)) for row in rows))


def grouped(keys: Sequence[str], rows: Iterable[tuple[str, Any]]) -> list[list[Any]]:
    """Rows under their keys, in the keys' order."""
    found: dict[str, list[Any]] = {key: [] for key in keys}
    for key, row in rows:
        if key in found:
            found[key].append(row)
    return [found[key] for key in keys]


Info = strawberry.Info[Context, None]


@strawberry.type
class Money:
    """An amount."""

    amount: str
    currency: str

    @classmethod
    def of(cls, money: Mapping[str, Any]) -> "Money":
        """From TMF's shape."""
        return cls(amount=str(money["value"]), currency=money["unit"])


@strawberry.type
class Bill:
    """TMF678."""

    id: strawberry.ID
    number: str | None
    state: BillState
    due_date: date | None
    amount_due: Money | None
    account_key: strawberry.Private[str]

    @classmethod
    def of(cls, row: Row) -> "Bill":
        """From the system's row."""
        return cls(
            id=strawberry.ID(f"Bill:{row['id']}"),
            number=row["billNo"],
            state=word(BillState, row["state"]),
            due_date=datetime.fromisoformat(row["paymentDueDate"]).date(),
            amount_due=Money.of(row["amountDue"]),
            account_key=row["billingAccount"]["id"],
        )

    @strawberry.field
    async def account(self, info: Info) -> "Account | None":
        """The account it was made for."""
        account: Account | None = await info.context.accounts.load(self.account_key)
        return account


@strawberry.type
class BillConnection:
    """A page of bills."""

    nodes: list[Bill]


@strawberry.type
class Account:
    """TMF666."""

    id: strawberry.ID
    name: str | None
    state: str | None
    balance: Money | None
    key: strawberry.Private[str]
    customer_key: strawberry.Private[str]

    @classmethod
    def of(cls, row: Row) -> "Account":
        """From the system's row."""
        balances = row["accountBalance"]
        return cls(
            id=strawberry.ID(f"BillingAccount:{row['id']}"),
            name=row["name"],
            state=row["state"],
            balance=Money.of(balances[0]["amount"]) if balances else None,
            key=row["id"],
            customer_key=row["relatedParty"][0]["id"],
        )

    @strawberry.field
    async def bills(self, info: Info, first: int = 20) -> BillConnection | None:
        """Newest first."""
        return BillConnection(nodes=(await info.context.bills_of_account.load(self.key))[:first])

    @strawberry.field
    async def customer(self, info: Info) -> "Customer | None":
        """Whose it is."""
        return await info.context.customers.load(self.customer_key)


@strawberry.type
class Resource:
    """TMF639."""

    id: strawberry.ID
    name: str | None
    kind: str | None

    @classmethod
    def of(cls, row: Row) -> "Resource":
        """From the system's row."""
        return cls(id=strawberry.ID(f"Resource:{row['id']}"), name=row["name"], kind=row["category"])


@strawberry.type
class Service:
    """TMF638."""

    id: strawberry.ID
    name: str | None
    state: ServiceState
    started_at: datetime | None
    resource_keys: strawberry.Private[list[str]]

    @classmethod
    def of(cls, row: Row) -> "Service":
        """From the system's row."""
        return cls(
            id=strawberry.ID(f"Service:{row['id']}"),
            name=row["name"],
            state=word(ServiceState, row["state"]),
            started_at=datetime.fromisoformat(row["startDate"]),
            resource_keys=[ref["id"] for part in row["supportingService"] for ref in part["supportingResource"]],
        )

    @strawberry.field
    async def resources(self, info: Info) -> list[Resource] | None:
        """What it stands on."""
        found = await info.context.resources.load_many(self.resource_keys)
        return [resource for resource in found if resource is not None]


@strawberry.type
class ServiceConnection:
    """A page of services."""

    nodes: list[Service]


@strawberry.type
class Ticket:
    """TMF621."""

    id: strawberry.ID
    name: str | None
    status: TicketStatus
    severity: TicketSeverity
    created_at: datetime | None

    @classmethod
    def of(cls, row: Row) -> "Ticket":
        """From the system's row."""
        return cls(
            id=strawberry.ID(f"Ticket:{row['id']}"),
            name=row["name"],
            status=word(TicketStatus, row["status"]),
            severity=word(TicketSeverity, row["severity"]),
            created_at=datetime.fromisoformat(row["creationDate"]),
        )


@strawberry.type
class TicketConnection:
    """A page of tickets."""

    nodes: list[Ticket]


Open = Annotated[bool | None, strawberry.argument(name="open")]


@strawberry.type
class Customer:
    """TMF629."""

    id: strawberry.ID
    name: str | None
    status: CustomerStatus | None
    email: str | None
    phone: str | None
    key: strawberry.Private[str]

    @classmethod
    def of(cls, row: Row) -> "Customer":
        """From the system's row."""
        said = [medium["characteristic"] for medium in row["contactMedium"]]
        return cls(
            id=strawberry.ID(f"Customer:{row['id']}"),
            name=row["name"],
            status=word(CustomerStatus, row["status"]),
            email=next((one["emailAddress"] for one in said if "emailAddress" in one), None),
            phone=next((one["phoneNumber"] for one in said if "phoneNumber" in one), None),
            key=row["id"],
        )

    @strawberry.field
    async def accounts(self, info: Info) -> list[Account] | None:
        """Billing accounts."""
        return await info.context.accounts_of.load(self.key)

    @strawberry.field
    async def bills(self, info: Info, first: int = 20) -> BillConnection | None:
        """Over all accounts, newest first."""
        return BillConnection(nodes=(await info.context.bills_of.load(self.key))[:first])

    @strawberry.field
    async def services(self, info: Info, first: int = 20) -> ServiceConnection | None:
        """By id."""
        return ServiceConnection(nodes=(await info.context.services_of.load(self.key))[:first])

    @strawberry.field
    async def tickets(self, info: Info, first: int = 20, is_open: Open = None) -> TicketConnection | None:
        """Newest first."""
        tickets: list[Ticket] = await info.context.tickets_of.load(self.key)
        if is_open is not None:
            tickets = [ticket for ticket in tickets if (ticket.status not in ENDED) is is_open]
        return TicketConnection(nodes=tickets[:first])


@strawberry.type
class CustomerConnection:
    """A page of customers."""

    nodes: list[Customer]


@strawberry.type
class Query:
    """The ways in."""

    @strawberry.field
    async def me(self, info: Info) -> Customer | None:
        """The caller's customer."""
        customers = info.context.caller.customers
        return await info.context.customers.load(customers[0]) if customers else None

    @strawberry.field
    async def customers(self, info: Info, first: int = 20) -> CustomerConnection | None:
        """For staff."""
        if not info.context.caller.is_staff:
            raise PermissionError("customers is for staff")
        rows = await info.context.upstream.rows("customer", most=first, owned=False)
        return CustomerConnection(nodes=[info.context.known(Customer.of(row)) for row in rows])


class Endpoint(GraphQL[Context, None]):
    """Strawberry's endpoint, with callers and orjson."""

    callers: Callers
    session: aiohttp.ClientSession

    async def get_context(self, request: Any, response: Any) -> Context:
        """Verifies the token. Raises HTTPException (401)."""
        try:
            caller = self.callers.of(request.headers.get("authorization", ""))
        except Refused as error:
            raise HTTPException(401) from error
        return Context(caller, Upstream(self.session, caller))

    def encode_json(self, data: object) -> bytes:
        """By orjson."""
        return orjson.dumps(data)

    def decode_json(self, data: str | bytes) -> object:
        """By orjson."""
        return orjson.loads(data)


def create_app() -> Starlette:
    """Starlette with the endpoint at /graphql."""
    schema = strawberry.Schema(Query, extensions=[ParserCache, ValidationCache])
    endpoint = Endpoint(schema, graphql_ide=None)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        endpoint.callers = Callers()
        async with aiohttp.ClientSession() as endpoint.session:
            yield

    return Starlette(lifespan=lifespan, routes=[Route("/graphql", endpoint)])


if __name__ == "__main__":
    serve(create_app(), "on")
