"""The ports' methods as the checks see them: what they are asked with, what they give, and what they promise.

Three shapes: `Keyed` (keys in, a mapping out), `Listed` (one window of everything) and `Searched` (what a text names).
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from connectors.billing.port import Bill, BillCharge, BillingAccount, Payment, UsageAllowance
from connectors.crm.port import Customer, Party, Product
from connectors.inventory.port import Resource, Service, Site
from connectors.links import CustomerKey
from connectors.records import Fields, Rows, Window
from connectors.ticketing.port import Outage, Ticket

AskKeys = Callable[[Any, Sequence[str], Window | None, Fields | None], Awaitable[Any]]
AskWindow = Callable[[Any, Window, Fields | None], Awaitable[Any]]
AskText = Callable[[Any, str, Window, Fields | None], Awaitable[Any]]
Test = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Keyed:
    """Keys of one `kind` in, a mapping out: of records, or of `Rows` where `many`.

    `keys_of` names the keys under which a row belongs. `order` is an attribute, with "-" for the greatest first.
    `conditions` are narrower questions: how they are asked, and which rows they must give. A `partial` method may
    refuse (NotSupported) this kind of key and be supported for another.
    """

    name: str
    kind: str
    record: type[Any]
    ask: AskKeys
    keys_of: Callable[[Any], Iterable[str]]
    many: bool = False
    windowed: bool = False
    projected: bool = True
    order: str = ""
    conditions: Mapping[str, tuple[AskKeys, Test]] | None = None
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """One window of everything there is. `conditions` give a narrower question for a row of the list."""

    name: str
    record: type[Any]
    ask: AskWindow
    order: str
    also: Mapping[str, tuple[AskWindow, str]] | None = None
    conditions: Callable[[Any], Mapping[str, tuple[AskWindow, Test]]] | None = None


@dataclass(frozen=True, slots=True)
class Searched:
    """What a text names. `texts_of` are texts that name a row, `matches` says whether a text does.

    `any_case`: a name is found in any case (a serial number is found as it is).
    """

    name: str
    record: type[Any]
    ask: AskText
    texts_of: Callable[[Any], Iterable[str | None]]
    matches: Callable[[str, Any], bool]
    windowed: bool = True
    any_case: bool = True


Method = Keyed | Listed | Searched


def _by_id(name: str, kind: str, record: type[Any]) -> Keyed:
    return Keyed(name, kind, record, lambda driver, keys, _, fields: getattr(driver, name)(keys, fields), _own_id)


def _under(
    name: str, kind: str, record: type[Any], attribute: str, order: str, *, windowed: bool = False, **more: Any
) -> Keyed:
    def asking(**more: Any) -> AskKeys:
        def ask(driver: Any, keys: Sequence[str], window: Window | None, fields: Fields | None) -> Awaitable[Any]:
            call = getattr(driver, name)
            given: Awaitable[Any] = call(keys, window, fields, **more) if windowed else call(keys, fields, **more)
            return given

        return ask

    def keys_of(row: Any) -> Iterable[str]:
        value = getattr(row, attribute)
        return value if isinstance(value, tuple) else () if value is None else (value,)

    conditions: dict[str, tuple[AskKeys, Test]] | None = None
    if "is_open" in more:
        conditions = {
            "is_open=True": (asking(is_open=True), lambda row: bool(row.is_open)),
            "is_open=False": (asking(is_open=False), lambda row: not row.is_open),
        }
    return Keyed(
        name, kind, record, asking(**more), keys_of, True, windowed=windowed, order=order, conditions=conditions
    )


def _own_id(row: Any) -> Iterable[str]:
    return (row.id,)


def _parties(driver: Any, keys: Sequence[str], _: Window | None, fields: Fields | None) -> Awaitable[Any]:
    people = [Customer(id=key, party_id=key, party_kind="Individual") for key in keys]
    given: Awaitable[Any] = driver.parties(people, fields)
    return given


def _known_as(driver: Any, values: Sequence[str], _: Window | None, fields: Fields | None) -> Awaitable[Any]:
    given: Awaitable[Any] = driver.customers_known_as(CustomerKey("party"), values, fields)
    return given


async def _reached_by(driver: Any, text: str, _: Window, fields: Fields | None) -> Any:
    found = await driver.customers_reached_by(text, fields)
    return Rows.of([one for key, one in found.items() if key == one.id])


async def _numbered(driver: Any, text: str, _: Window, fields: Fields | None) -> Any:
    return Rows.of(list(await driver.bills_numbered(text, fields)))


def _in_name(text: str, row: Any) -> bool:
    return text.casefold() in (row.name or "").casefold()


def _outages(**more: Any) -> AskWindow:
    def ask(driver: Any, window: Window, fields: Fields | None) -> Awaitable[Any]:
        given: Awaitable[Any] = driver.outage_list(window, fields, **{"is_open": None, **more})
        return given

    return ask


def _outage_conditions(row: Outage) -> Mapping[str, tuple[AskWindow, Test]]:
    """Open, ended, and the day around the row's own beginning."""
    found: dict[str, tuple[AskWindow, Test]] = {
        "is_open=True": (_outages(is_open=True), lambda one: bool(one.is_open)),
        "is_open=False": (_outages(is_open=False), lambda one: not one.is_open),
    }
    if row.started_at is not None:
        since, until = row.started_at, row.started_at + timedelta(days=1)
        within: Test = lambda one: one.started_at is not None and since <= one.started_at < until  # noqa: E731  # typed
        found[f"since={since.isoformat()}, until a day later"] = (_outages(since=since, until=until), within)
    return found


METHODS: Final[Mapping[str, tuple[Method, ...]]] = {
    "crm": (
        Listed(
            "customer_list",
            Customer,
            lambda driver, window, fields: driver.customer_list(window, fields),
            "id",
            {"by_name": (lambda driver, window, fields: driver.customer_list(window, fields, by_name=True), "name")},
        ),
        _by_id("customers", "customer", Customer),
        Searched(
            "customers_named",
            Customer,
            lambda driver, text, window, fields: driver.customers_named(text, window, fields),
            lambda row: (row.name,),
            _in_name,
        ),
        Searched(
            "customers_reached_by",
            Customer,
            _reached_by,
            lambda row: (row.email, row.phone),
            lambda text, row: True,  # It may be one of several addresses, of which the record holds the first.
            windowed=False,
            any_case=False,
        ),
        Keyed("parties", "party", Party, _parties, _own_id),
        Keyed(
            "customers_known_as",
            "party",
            Customer,
            _known_as,
            lambda row: (row.party_id,),
            many=True,
            partial=True,
        ),
        _under("products_of_customers", "customer", Product, "customer_ids", "id", windowed=True),
        _by_id("products", "product", Product),
        _under("products_of_services", "service", Product, "service_ids", ""),
    ),
    "billing": (
        _under("accounts_of_customers", "customer", BillingAccount, "customer_ids", "id"),
        _by_id("accounts", "account", BillingAccount),
        _under("bills_of_customers", "customer", Bill, "customer_ids", "-bill_date", windowed=True),
        _under("bills_of_accounts", "account", Bill, "account_id", "-bill_date", windowed=True),
        _by_id("bills", "bill", Bill),
        Searched(
            "bills_numbered",
            Bill,
            _numbered,
            lambda row: (row.number,),
            lambda text, row: (row.number or "").casefold() == text.casefold(),
            windowed=False,
            any_case=False,
        ),
        _under("charges_of_bills", "bill", BillCharge, "bill_id", "id"),
        _under("payments_of_accounts", "account", Payment, "account_id", "-paid_at", windowed=True),
        _by_id("payments", "payment", Payment),
        Keyed(
            "usage_of_customers",
            "customer",
            UsageAllowance,
            lambda driver, keys, _window, _fields: driver.usage_of_customers(keys),
            lambda row: row.customer_ids,
            many=True,
            projected=False,
        ),
    ),
    "inventory": (
        Listed("resource_list", Resource, lambda driver, window, fields: driver.resource_list(window, fields), "id"),
        _by_id("resources", "resource", Resource),
        Searched(
            "resources_named",
            Resource,
            lambda driver, text, window, fields: driver.resources_named(text, window, fields),
            lambda row: (row.name, row.serial_number),
            lambda text, row: _in_name(text, row) or (row.serial_number or "").casefold() == text.casefold(),
        ),
        _under("services_of_customers", "customer", Service, "customer_ids", "id", windowed=True),
        _by_id("services", "service", Service),
        _under("services_of_resources", "resource", Service, "resource_ids", ""),
        _by_id("sites", "site", Site),
    ),
    "ticketing": (
        _under("tickets_of_customers", "customer", Ticket, "customer_ids", "-created_at", windowed=True, is_open=None),
        _by_id("tickets", "ticket", Ticket),
        _under("tickets_of_services", "service", Ticket, "service_ids", "-created_at", is_open=None),
        Listed("outage_list", Outage, _outages(), "-started_at", conditions=_outage_conditions),
        _by_id("outages", "outage", Outage),
        _under("open_outages_of_services", "service", Outage, "service_ids", ""),
        _under("open_outages_of_resources", "resource", Outage, "resource_ids", ""),
    ),
}
"""By domain, in an order in which the first ones give keys to the later ones."""

KINDS: Final[Mapping[type, str]] = {
    Customer: "customer",
    Party: "party",
    Product: "product",
    BillingAccount: "account",
    Bill: "bill",
    Payment: "payment",
    Resource: "resource",
    Service: "service",
    Site: "site",
    Ticket: "ticket",
    Outage: "outage",
}
"""Which kind of key a record's id is."""

REFERENCES: Final[Mapping[str, str]] = {
    "customer_ids": "customer",
    "party_id": "party",
    "account_id": "account",
    "bill_id": "bill",
    "bill_ids": "bill",
    "payment_ids": "payment",
    "service_ids": "service",
    "resource_ids": "resource",
    "part_ids": "service",
    "site_id": "site",
    "ticket_ids": "ticket",
}
"""Which kind of key stands in a record's attribute."""
