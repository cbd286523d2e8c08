"""The four ports in process: a small operator, made from one seed, with failing rows, nulls and unknown words."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final, cast

from connectors import Connectors, served_by
from connectors.assurance.port import Outage, OutageState
from connectors.billing.port import Bill, BillCharge, BillingAccount, BillState, ChargeKind, Payment
from connectors.crm.port import Customer, CustomerStatus, Party, Product, ProductStatus
from connectors.errors import ConnectorError, Failed
from connectors.inventory.port import Resource, ResourceStatus, Service, ServiceState, Site
from connectors.links import Links
from connectors.records import UNNAMED, Document, Money, Period, Record, Rows, Window, attributes, owned_by
from connectors.ticketing.port import Ticket, TicketNote, TicketSeverity, TicketStatus
from connectors.usage.port import UsageAllowance

MOST: Final = 5
"""Records of each kind, numbered from 0 by their ids; links also name two that do not exist."""

DAY: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Operator:
    """Everything that the four systems keep, what goes wrong when they are asked, and what they were asked."""

    seed: int
    badness: float
    most: int = MOST
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._fill()

    def change(self) -> None:
        """A write: everything is another from now on."""
        self.seed += 1000
        self._fill()

    def fails(self, *place: str) -> bool:
        """Whether something fails, here."""
        return self._fails(*place)

    def _fill(self) -> None:
        make = {
            Customer: self._customer,
            BillingAccount: self._account,
            Bill: self._bill,
            BillCharge: self._charge,
            Payment: self._payment,
            UsageAllowance: self._usage,
            Product: self._product,
            Service: self._service,
            Resource: self._resource,
            Site: lambda key, _chance: {"name": f"site {key}", "status": "open", "description": "d"},
            Ticket: self._ticket,
            Outage: self._outage,
        }
        self.tables: dict[type[Record], dict[str, Any]] = {}
        for kind, made in make.items():
            self.tables[kind] = {str(key): self._record(kind, str(key), made) for key in range(self.most)}

    @property
    def bills_name_customers(self) -> bool:
        """Whether bills are found by their accounts' customers, too: then lists of them never fail one way only."""
        return self.seed % 2 == 0

    def _record(self, kind: Any, key: str, made: Callable[[str, Random], dict[str, Any]]) -> Any:
        """One record; at times an attribute is null, or a word that its enum does not have."""
        chance = Random(f"{self.seed}:{kind.__name__}:{key}")  # data, not a secret
        texts = {name: DAY if name.endswith("_at") else f"{name} {key}" for name in attributes(kind)}
        values = {name: text for name, text in texts.items() if name in NULL_UNLESS_SAID} | made(key, chance)
        for name in values:
            if name.endswith("_ids") or name in ("bill_id", "owners") or chance.random() >= self.badness:
                continue  # what a record's port promises to be there: without it the driver loses the row
            values[name] = chance.choice([None, "a word of its own", None])
        return kind(id=key, **values)

    def _ids(self, chance: Random, most: int = 3) -> tuple[str, ...]:
        return tuple(dict.fromkeys(str(chance.randrange(self.most + 2)) for _ in range(chance.randrange(most))))

    def _one(self, chance: Random) -> str:
        return str(chance.randrange(self.most + 1))

    @staticmethod
    def _customer(key: str, chance: Random) -> dict[str, Any]:
        return {
            "name": f"name {key}",
            "status": chance.choice(list(CustomerStatus)),
            "raw_status": "s",
            "email": f"{key}@example.com",
            "party_id": key,
        }

    def _account(self, key: str, chance: Random) -> dict[str, Any]:
        return {"owners": owned_by(self._one(chance)), "name": f"account {key}", "state": "open", "balance": EURO}

    def _bill(self, key: str, chance: Random) -> dict[str, Any]:
        account = self._one(chance)
        kept = self.tables[BillingAccount].get(account)
        owners = kept.owners if kept else owned_by(self._one(chance))
        return {
            "owners": owners if self.bills_name_customers or chance.random() < 0.8 else UNNAMED,
            "account_id": account,
            "number": f"R{key}",
            "state": chance.choice(list(BillState)),
            "raw_state": "s",
            "bill_date": (DAY + timedelta(days=int(key))).date(),
            "due_date": (DAY + timedelta(days=chance.randrange(9))).date(),
            "period": Period(DAY.date(), None),
            "amount_due": EURO,
            "remaining_amount": chance.choice([None, EURO]),
            "documents": (Document(id=key, owner=key, name="pdf"),),
            "payment_ids": self._ids(chance),
        }

    def _charge(self, key: str, chance: Random) -> dict[str, Any]:
        return {
            "bill_id": self._one(chance),
            "name": "c",
            "kind": chance.choice(list(ChargeKind)),
            "amount": EURO,
            "product_id": self._one(chance),
        }

    def _payment(self, key: str, chance: Random) -> dict[str, Any]:
        return {
            "owners": owned_by(*self._ids(chance, 2)),
            "account_id": self._one(chance),
            "bill_ids": self._ids(chance),
            "paid_at": DAY,
            "amount": EURO,
            "method": f"card {key}",
        }

    def _usage(self, _key: str, chance: Random) -> dict[str, Any]:
        return {
            "owners": owned_by(self._one(chance)),
            "name": "data",
            "used": Decimal("1.5"),
            "remaining": chance.choice([None, Decimal(3)]),
            "unit": "GB",
        }

    def _product(self, key: str, chance: Random) -> dict[str, Any]:
        return {
            "owners": owned_by(self._one(chance)),
            "name": f"product {key}",
            "status": chance.choice(list(ProductStatus)),
            "price": EURO,
            "started_at": DAY,
            "account_id": self._one(chance),
            "service_ids": self._ids(chance),
        }

    def _service(self, key: str, chance: Random) -> dict[str, Any]:
        return {
            "owners": owned_by(self._one(chance)),
            "name": f"service {key}",
            "state": chance.choice(list(ServiceState)),
            "site_id": self._one(chance),
            "part_ids": self._ids(chance, 2),
            "resource_ids": self._ids(chance),
        }

    def _resource(self, key: str, chance: Random) -> dict[str, Any]:
        return {
            "name": f"resource {key}",
            "is_physical": True,
            "status": chance.choice(list(ResourceStatus)),
            "serial_number": key,
            "site_id": self._one(chance),
        }

    def _ticket(self, key: str, chance: Random) -> dict[str, Any]:
        return {
            "owners": owned_by(self._one(chance)),
            "name": f"ticket {key}",
            "status": chance.choice(list(TicketStatus)),
            "severity": chance.choice(list(TicketSeverity)),
            "created_at": DAY - timedelta(days=int(key)),
            "notes": (TicketNote(author="a", text="t", created_at=DAY, internal=chance.random() < 0.5),),
            "service_ids": self._ids(chance),
        }

    def _outage(self, key: str, chance: Random) -> dict[str, Any]:
        return {
            "name": f"outage {key}",
            "state": chance.choice(list(OutageState)),
            "severity": chance.randrange(10),
            "started_at": DAY - timedelta(days=int(key)),
            "service_ids": self._ids(chance),
            "resource_ids": self._ids(chance),
            "ticket_ids": self._ids(chance),
        }

    def asked(self, system: str, method: str) -> None:
        """Note a call. Raises `ConnectorError` where this system fails as a whole when it is asked so."""
        self.calls.append(f"{system}.{method}")
        if self._fails(system, method):
            raise Failed(system, "no")

    def _fails(self, *place: str) -> bool:
        if self.bills_name_customers and any("bills_of" in part for part in place):
            return False
        if place == ("inventory", "services") or place[0] == "Service":
            return False  # ownership brings services in lists, sooner or later: whether they are read by id is chance
        return Random(f"{self.seed}:{place}").random() < self.badness / 2  # data, not a secret

    def by_id(self, system: str, method: str, kind: type[Record], ids: Sequence[str]) -> dict[str, Any]:
        """Records by their ids; some fail."""
        self.asked(system, method)
        table = self.tables[kind]
        return {
            key: Failed(system, "no") if self._fails(kind.__name__, key) else table[key] for key in ids if key in table
        }

    def under(
        self,
        system: str,
        method: str,
        kind: type[Record],
        keys: Sequence[str],
        of: Callable[[Any], Iterable[str]],
        window: Window | None = None,
    ) -> dict[str, Any]:
        """Lists of records under others; some fail."""
        self.asked(system, method)
        found: dict[str, Rows[Any] | ConnectorError] = {}
        for key in keys:
            items = [one for one in self.tables[kind].values() if key in of(one)]
            if self._fails(method, key):
                found[key] = Failed(system, "no")
            elif items:
                found[key] = windowed(items, window)
        return found

    def connectors(self) -> Connectors:
        """Ports for a request."""
        ports = (Crm, Billing, Usage, Inventory, Ticketing, Assurance)
        made: dict[str, Any] = {kind.__name__.lower(): kind(self) for kind in ports}
        serving = served_by(("crm", "billing", "inventory", "ticketing"))
        return Connectors(**made, links={name: Links() for name in serving}, served_by=serving)


NULL_UNLESS_SAID: Final = frozenset(
    {"raw_status", "raw_state", "raw_kind", "raw_severity", "phone", "price_period", "contract_ends_at", "usage_type"}
    | {"service_type", "started_at", "kind", "value", "description", "priority", "updated_at", "resolved_at"}
    | {"expected_resolution_at", "resets_at"}
)
"""Attributes that drivers leave out where they are not told: here all are told."""

EURO: Final = Money(Decimal("12.50"), "EUR")


def windowed(items: Sequence[Any], window: Window | None) -> Rows[Any]:
    """The part of a list that is asked for."""
    if window is None:
        return Rows.of(items)
    part = items[window.offset : window.offset + window.limit]
    return Rows(part, window.offset, len(items), complete=len(part) == len(items))


@dataclass
class Crm:
    """`connectors.crm.port.CrmPort`."""

    operator: Operator

    async def customers(self, ids: Sequence[str], _fields: Any) -> Mapping[str, Any]:
        return self.operator.by_id("crm", "customers", Customer, ids)

    async def customer_list(self, window: Window, _fields: Any, *, by_name: bool = False) -> Rows[Customer]:
        self.operator.asked("crm", "customer_list")
        return windowed([*self.operator.tables[Customer].values()], window)

    async def customers_named(self, text: str, window: Window, _fields: Any) -> Rows[Customer]:
        self.operator.asked("crm", "customers_named")
        return windowed([one for one in self.operator.tables[Customer].values() if text in str(one.name)], window)

    async def customers_reached_by(self, contact: str, _fields: Any) -> Rows[Customer]:
        self.operator.asked("crm", "customers_reached_by")
        return Rows.of([one for one in self.operator.tables[Customer].values() if contact == one.email])

    async def parties(self, customers: Sequence[Customer], _fields: Any) -> Mapping[str, Any]:
        self.operator.asked("crm", "parties")
        return {
            one.party_id: Party(id=one.party_id, given_name=f"given {one.party_id}")
            for one in customers
            if one.party_id
        }

    async def products(self, ids: Sequence[str], _fields: Any) -> Mapping[str, Any]:
        return self.operator.by_id("crm", "products", Product, ids)

    async def products_of_customers(self, ids: Sequence[str], window: Window | None, _fields: Any) -> Mapping[str, Any]:
        return self.operator.under("crm", "products_of_customers", Product, ids, customers, window)

    async def products_of_services(self, ids: Sequence[str], _fields: Any) -> Mapping[str, Any]:
        return self.operator.under("crm", "products_of_services", Product, ids, lambda one: one.service_ids)


def customers(one: Any) -> Iterable[str]:
    """Whose a record is."""
    return cast(Iterable[str], one.customer_ids)


@dataclass
class Billing:
    """`connectors.billing.port.BillingPort`."""

    operator: Operator

    @property
    def bills_name_customers(self) -> bool:
        return self.operator.bills_name_customers

    async def accounts(self, ids: Sequence[str], _fields: Any) -> Mapping[str, Any]:
        return self.operator.by_id("billing", "accounts", BillingAccount, ids)

    async def accounts_of_customers(self, ids: Sequence[str], _fields: Any) -> Mapping[str, Any]:
        return self.operator.under("billing", "accounts_of_customers", BillingAccount, ids, customers)

    async def bills(self, ids: Sequence[str], _fields: Any) -> Mapping[str, Any]:
        return self.operator.by_id("billing", "bills", Bill, ids)

    async def bills_numbered(self, number: str, _fields: Any) -> Rows[Bill]:
        self.operator.asked("billing", "bills_numbered")
        return Rows.of([one for one in self.operator.tables[Bill].values() if one.number == number])

    async def bills_of_accounts(self, ids: Sequence[str], window: Window | None, _fields: Any) -> Mapping[str, Any]:
        return self.operator.under(
            "billing", "bills_of_accounts", Bill, ids, lambda one: [one.account_id or ""], window
        )

    async def bills_of_customers(self, ids: Sequence[str], window: Window | None, _fields: Any) -> Mapping[str, Any]:
        return self.operator.under("billing", "bills_of_customers", Bill, ids, customers, window)

    async def charges_of_bills(self, ids: Sequence[str], _fields: Any) -> Mapping[str, Any]:
        return self.operator.under("billing", "charges_of_bills", BillCharge, ids, lambda one: [one.bill_id])

    async def payments(self, ids: Sequence[str], _fields: Any) -> Mapping[str, Any]:
        return self.operator.by_id("billing", "payments", Payment, ids)

    async def payments_of_accounts(self, ids: Sequence[str], window: Window | None, _fields: Any) -> Mapping[str, Any]:
        return self.operator.under(
            "billing", "payments_of_accounts", Payment, ids, lambda one: [one.account_id or ""], window
        )


@dataclass
class Usage:
    """`connectors.usage.port.UsagePort`."""

    operator: Operator

    async def usage_of_customers(self, ids: Sequence[str]) -> Mapping[str, Any]:
        return self.operator.under("billing", "usage_of_customers", UsageAllowance, ids, customers)


@dataclass
class Inventory:
    """`connectors.inventory.port.InventoryPort`."""

    operator: Operator

    async def services(self, ids: Sequence[str], _fields: Any) -> Mapping[str, Any]:
        return self.operator.by_id("inventory", "services", Service, ids)

    async def services_of_customers(self, ids: Sequence[str], window: Window | None, _fields: Any) -> Mapping[str, Any]:
        return self.operator.under("inventory", "services_of_customers", Service, ids, customers, window)

    async def services_of_resources(self, ids: Sequence[str], _fields: Any) -> Mapping[str, Any]:
        return self.operator.under("inventory", "services_of_resources", Service, ids, lambda one: one.resource_ids)

    async def resources(self, ids: Sequence[str], _fields: Any) -> Mapping[str, Any]:
        return self.operator.by_id("inventory", "resources", Resource, ids)

    async def resource_list(self, window: Window, _fields: Any) -> Rows[Resource]:
        self.operator.asked("inventory", "resource_list")
        return windowed([*self.operator.tables[Resource].values()], window)

    async def resources_named(self, text: str, window: Window, _fields: Any) -> Rows[Resource]:
        self.operator.asked("inventory", "resources_named")
        return windowed([one for one in self.operator.tables[Resource].values() if text in str(one.name)], window)

    async def sites(self, ids: Sequence[str], _fields: Any) -> Mapping[str, Any]:
        return self.operator.by_id("inventory", "sites", Site, ids)


@dataclass
class Ticketing:
    """`connectors.ticketing.port.TicketingPort`."""

    operator: Operator

    async def tickets(self, ids: Sequence[str], _fields: Any) -> Mapping[str, Any]:
        return self.operator.by_id("ticketing", "tickets", Ticket, ids)

    async def tickets_of_customers(
        self, ids: Sequence[str], window: Window | None, _fields: Any, *, is_open: bool | None
    ) -> Mapping[str, Any]:
        of = opened(customers, is_open)
        return self.operator.under("ticketing", "tickets_of_customers", Ticket, ids, of, window)

    async def tickets_of_services(self, ids: Sequence[str], _fields: Any, *, is_open: bool | None) -> Mapping[str, Any]:
        of = opened(lambda one: one.service_ids, is_open)
        return self.operator.under("ticketing", "tickets_of_services", Ticket, ids, of)


@dataclass
class Assurance:
    """`connectors.assurance.port.AssurancePort`."""

    operator: Operator

    async def outages(self, ids: Sequence[str], _fields: Any) -> Mapping[str, Any]:
        return self.operator.by_id("ticketing", "outages", Outage, ids)

    async def outage_list(
        self, window: Window, _fields: Any, *, is_open: bool | None, since: Any = None, until: Any = None
    ) -> Rows[Outage]:
        self.operator.asked("ticketing", "outage_list")
        of = opened(lambda _one: ["all"], is_open)
        return windowed([one for one in self.operator.tables[Outage].values() if "all" in of(one)], window)

    async def open_outages_of_services(self, ids: Sequence[str], _fields: Any) -> Mapping[str, Any]:
        of = opened(lambda one: one.service_ids, is_open=True)
        return self.operator.under("ticketing", "open_outages_of_services", Outage, ids, of)

    async def open_outages_of_resources(self, ids: Sequence[str], _fields: Any) -> Mapping[str, Any]:
        of = opened(lambda one: one.resource_ids, is_open=True)
        return self.operator.under("ticketing", "open_outages_of_resources", Outage, ids, of)


def opened(of: Callable[[Any], Iterable[str]], is_open: bool | None) -> Callable[[Any], Iterable[str]]:
    """What a record is under, where it is open or ended as wanted; a word that nobody knows counts as open."""

    def under(one: Any) -> Iterable[str]:
        state = getattr(one, "status", None) or getattr(one, "state", None)
        ended = getattr(state, "value", "") in ("rejected", "cancelled", "closed", "resolved")
        return of(one) if is_open is None or is_open is not ended else ()

    return under
