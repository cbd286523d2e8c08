"""Connections to the upstream systems: the table of domains, and the ports set up from the settings."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import aiohttp

from connectors.billing.port import BillCharge, BillingAccount, BillingPort, Payment, UsageAllowance
from connectors.billing.promises import BILLING
from connectors.billing.tmf.driver import TmfBilling
from connectors.billing.tryton.driver import TrytonBilling
from connectors.billing.tryton.options import TrytonOptions
from connectors.conformance.promises import Promises
from connectors.crm.bottlecrm.driver import BottleCrm
from connectors.crm.bottlecrm.options import BottleCrmOptions
from connectors.crm.port import CrmPort, Customer, Party, Product
from connectors.crm.promises import CRM
from connectors.crm.tmf.driver import TmfCrm
from connectors.drivers import Driver, find_driver
from connectors.events.hints import Hint, Source
from connectors.http.client import HttpClient
from connectors.inventory.nautobot.driver import NautobotDriver
from connectors.inventory.nautobot.options import NautobotOptions
from connectors.inventory.port import InventoryPort, Resource, Service, Site
from connectors.inventory.promises import INVENTORY
from connectors.inventory.tmf.driver import TmfInventory
from connectors.links import Links
from connectors.not_configured import not_configured
from connectors.settings import System
from connectors.sharing.kept_rows import SETTLES, KeptRows
from connectors.sharing.kept_types import CachedType, Counted, Keeping
from connectors.sharing.port import part_from_calls_under_way, share_reads
from connectors.store.rows_in_redis import RowsInRedis
from connectors.ticketing.port import Outage, TicketingPort
from connectors.ticketing.promises import TICKETING
from connectors.ticketing.rt.driver import RtTicketing
from connectors.ticketing.rt.options import RtOptions
from connectors.ticketing.tmf.driver import TmfTicketing
from connectors.tmf.profile import Profile


@dataclass(frozen=True, slots=True)
class Domain:
    """One area of data, such as billing, for which one system is connected.

    `label` names the system in a sentence, `keeps` says what data it holds. `promises` are what the conformance suite
    checks in a driver. `changes` are the port's methods that tell what changed, by the graph's type. `cached` are the
    types whose rows may be kept for seconds, by their names in the settings. If a domain that is not `required` is
    missing in the settings, its port raises `NotConfigured`.
    """

    name: str
    label: str
    keeps: str
    port: type[Any]
    promises: Promises
    drivers: Mapping[str, Driver]
    changes: Mapping[str, str] = field(default_factory=dict)
    cached: Mapping[str, CachedType] = field(default_factory=dict)
    required: bool = True

    def driver(self, name: str) -> Driver:
        """The driver with this name in the settings. Raises `UnusableDriver` (a ValueError)."""
        return find_driver(self.name, self.drivers, name)


_OF_CUSTOMERS: Final = frozenset({"Customer", "Party"})
_OF_BILLS: Final = frozenset({"BillingAccount", "Bill", "Payment"})
_OF_SERVICES: Final = frozenset({"Service", "Resource", "Site"})
"""Types of the graph that change together: a change of one may show in rows of another."""

DOMAINS: Final[Mapping[str, Domain]] = {
    one.name: one
    for one in (
        Domain(
            "crm",
            "CRM",
            "Customers, parties and products.",
            CrmPort,
            CRM,
            {"tmf": Driver(TmfCrm, Profile), "bottlecrm": Driver(BottleCrm, BottleCrmOptions)},
            cached={
                "customers": CachedType(Customer, _OF_CUSTOMERS),
                "parties": CachedType(Party, _OF_CUSTOMERS),
                "products": CachedType(Product, frozenset({"Product"})),
            },
        ),
        Domain(
            "billing",
            "billing system",
            "Accounts, bills, payments and usage.",
            BillingPort,
            BILLING,
            {"tmf": Driver(TmfBilling, Profile), "tryton": Driver(TrytonBilling, TrytonOptions)},
            {"Bill": "bills_changed", "Payment": "payments_changed"},
            # Not bills: what their documents hold is understood by the driver only that read them.
            {
                "accounts": CachedType(BillingAccount, _OF_BILLS),
                "charges": CachedType(BillCharge, _OF_BILLS),
                "payments": CachedType(Payment, _OF_BILLS),
                "usage": CachedType(UsageAllowance, _OF_BILLS),
            },
        ),
        Domain(
            "inventory",
            "inventory",
            "Services, resources and sites.",
            InventoryPort,
            INVENTORY,
            {"tmf": Driver(TmfInventory, Profile), "nautobot": Driver(NautobotDriver, NautobotOptions)},
            cached={
                "services": CachedType(Service, _OF_SERVICES),
                "resources": CachedType(Resource, _OF_SERVICES),
                "sites": CachedType(Site, _OF_SERVICES),
            },
        ),
        Domain(
            "ticketing",
            "ticketing system",
            "Trouble tickets and service problems.",
            TicketingPort,
            TICKETING,
            {"tmf": Driver(TmfTicketing, Profile), "rt": Driver(RtTicketing, RtOptions)},
            {"Ticket": "tickets_changed", "Outage": "outages_changed"},
            {"outages": CachedType(Outage, frozenset({"Outage"}))},  # not tickets, for their attachments
        ),
    )
}
"""The only list of domains, by name. Domains that give keys to others come first."""

if TYPE_CHECKING:  # mypy checks here that each driver implements its port; the types of the table cannot say so.
    _BILLING: tuple[type[BillingPort], ...] = (TmfBilling, TrytonBilling)
    _CRM: tuple[type[CrmPort], ...] = (TmfCrm, BottleCrm)
    _INVENTORY: tuple[type[InventoryPort], ...] = (TmfInventory, NautobotDriver)
    _TICKETING: tuple[type[TicketingPort], ...] = (TmfTicketing, RtTicketing)


class Probe(Protocol):
    """What every driver provides besides its port."""

    http: HttpClient

    async def probe(self) -> None:
        """Make one cheap read. Raises `ConnectorError`."""


@dataclass(frozen=True, slots=True)
class ConnectedSystem:
    """One connected system, for health, `gateway check` and the query `systems`."""

    name: str
    domain: str
    driver: str
    probe: Probe

    @property
    def unsupported(self) -> Mapping[str, str]:
        """Methods of the port and attributes of records that the product does not support, each with the reason."""
        return getattr(self.probe, "unsupported", {})


@dataclass(frozen=True, slots=True)
class Connectors:
    """The port of each domain, the connected systems, and by domain how each writes ids of the others' records.

    `forwards`: whether any system gets the callers' own tokens, or others in exchange for them. `kept`: by domain, rows
    that outlive a request.
    """

    crm: CrmPort
    billing: BillingPort
    inventory: InventoryPort
    ticketing: TicketingPort
    systems: tuple[ConnectedSystem, ...] = ()
    links: Mapping[str, Links] = field(default_factory=dict)
    forwards: bool = False
    kept: Mapping[str, KeptRows] = field(default_factory=dict)

    async def evict(self, hints: Iterable[Hint]) -> None:
        """Take nothing any more that was read before these changes were heard of; to be done before they are told.

        Whatever the gateway wrote itself is evicted by then.
        """
        if not self.kept:
            return
        changed: dict[str, set[str]] = {}
        for hint in hints:
            if hint.source is not Source.WRITE and hint.domain in self.kept:
                changed.setdefault(hint.domain, set()).add(hint.type)
        for domain, types in changed.items():
            await self.kept[domain].changed(() if "" in types else types, SETTLES)

    def heard(self, domain: str) -> None:
        """Something may have changed in a domain's system: what is read from now on is read after that."""
        part_from_calls_under_way(getattr(self, domain))


@dataclass(frozen=True, slots=True)
class Cache:
    """Where rows are kept that outlive a request, of which types, and who counts them."""

    store: RowsInRedis
    keeping: Mapping[str, Keeping]
    counted: Counted


MakeClient = Callable[[str, System, aiohttp.ClientSession], HttpClient]
"""Makes the client of a system, by its domain."""


def connect(
    systems: Mapping[str, System],
    session: aiohttp.ClientSession,
    cache: Cache | None = None,
    client: MakeClient = HttpClient,
) -> Connectors:
    """Set up the driver of every domain that has a system in the settings; the other ports raise `NotConfigured`.

    Raises `UnusableDriver`, and as `Driver.configuration` does.
    """
    ports: dict[str, Any] = {}
    connected: list[ConnectedSystem] = []
    kept: dict[str, KeptRows] = {}
    for domain in DOMAINS.values():
        system = systems.get(domain.name)
        if system is None:
            ports[domain.name] = not_configured(domain.name, domain.port)
            continue
        http = client(domain.name, system, session)
        driver = domain.driver(system.driver)
        own = driver.connect(http)
        if cache is not None:
            configuration = driver.configuration(system)
            rows = KeptRows(
                cache.store,
                domain.name,
                domain.port,
                system,
                configuration,
                domain.cached,
                cache.keeping,
                cache.counted,
            )
            kept |= {domain.name: rows} if rows else {}
        ports[domain.name] = share_reads(own, domain.port, system, http.health, kept.get(domain.name))
        connected.append(ConnectedSystem(domain.name, domain.name, system.driver, own))
    return Connectors(
        **ports,
        systems=tuple(connected),
        links={name: Links.parse(one.customer_key, one.references) for name, one in systems.items()},
        forwards=any(one.is_personal for one in systems.values()),
        kept=kept,
    )
