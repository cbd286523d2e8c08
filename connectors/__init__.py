"""Connections to the upstream systems: the table of domains, and the ports set up from the settings."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import aiohttp

from connectors.assurance.alertmanager.driver import AlertmanagerAssurance
from connectors.assurance.alertmanager.options import AlertmanagerOptions
from connectors.assurance.icinga.driver import IcingaAssurance
from connectors.assurance.icinga.options import IcingaOptions
from connectors.assurance.port import AssurancePort, Outage
from connectors.assurance.promises import ASSURANCE
from connectors.assurance.tmf.driver import TmfAssurance
from connectors.billing.port import BillCharge, BillingAccount, BillingPort, Payment
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
from connectors.drivers import Driver, driver_entry_points, find_driver
from connectors.errors import NotSupported
from connectors.events.hints import Hint, Source
from connectors.http.client import HttpClient
from connectors.inventory.nautobot.driver import NautobotDriver
from connectors.inventory.nautobot.options import NautobotOptions
from connectors.inventory.port import InventoryPort, Resource, Service, Site
from connectors.inventory.promises import INVENTORY
from connectors.inventory.tmf.driver import TmfInventory
from connectors.links import Links
from connectors.not_configured import not_configured, not_supported
from connectors.settings import System
from connectors.sharing.kept_rows import SETTLES, KeptRows
from connectors.sharing.kept_types import CachedType, Counted, Keeping
from connectors.sharing.port import part_from_calls_under_way, share_reads
from connectors.store.rows_in_redis import RowsInRedis
from connectors.ticketing.port import TicketingPort
from connectors.ticketing.promises import TICKETING
from connectors.ticketing.redmine.driver import RedmineTicketing
from connectors.ticketing.redmine.options import RedmineOptions
from connectors.ticketing.rt.driver import RtTicketing
from connectors.ticketing.rt.options import RtOptions
from connectors.ticketing.tmf.driver import TmfTicketing
from connectors.tmf.profile import Profile
from connectors.usage.openwisp.driver import OpenwispUsage
from connectors.usage.openwisp.options import OpenwispOptions
from connectors.usage.port import UsageAllowance, UsagePort
from connectors.usage.promises import USAGE
from connectors.usage.tmf.driver import TmfUsage

logger = logging.getLogger("gateway.connectors")


@dataclass(frozen=True, slots=True)
class Domain:
    """One area of data, such as billing, for which one system answers.

    `label` names the system in a sentence, `keeps` says what data it holds. `promises` are what the conformance suite
    checks in a driver. `changes` are the port's methods that tell what changed, by the graph's type. `cached` are the
    types whose rows may be kept for seconds, by their names in the settings. If a domain that is not `required` is
    missing in the settings, its port raises `NotConfigured`. `part_of` is the domain whose system answers for this one
    where the settings name none of its own: by the driver of the same name, over the same client; without such a
    driver its port raises `NotSupported`.
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
    part_of: str | None = None

    def driver(self, name: str) -> Driver:
        """The driver with this name in the settings. Raises `UnusableDriver` (a ValueError)."""
        return find_driver(self.name, self.drivers, name)

    def has_driver(self, name: str) -> bool:
        """Whether there is one with this name, here or installed."""
        return name in self.drivers or name in driver_entry_points(self.name)


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
            "Accounts, bills and payments.",
            BillingPort,
            BILLING,
            {"tmf": Driver(TmfBilling, Profile), "tryton": Driver(TrytonBilling, TrytonOptions)},
            {"Bill": "bills_changed", "Payment": "payments_changed"},
            # Not bills: what their documents hold is understood by the driver only that read them.
            {
                "accounts": CachedType(BillingAccount, _OF_BILLS),
                "charges": CachedType(BillCharge, _OF_BILLS),
                "payments": CachedType(Payment, _OF_BILLS),
            },
        ),
        Domain(
            "usage",
            "usage system",
            "What is used of allowances.",
            UsagePort,
            USAGE,
            {"tmf": Driver(TmfUsage, Profile), "openwisp": Driver(OpenwispUsage, OpenwispOptions)},
            cached={"usage": CachedType(UsageAllowance, _OF_BILLS)},
            required=False,
            part_of="billing",
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
            "Trouble tickets.",
            TicketingPort,
            TICKETING,
            {
                "tmf": Driver(TmfTicketing, Profile),
                "rt": Driver(RtTicketing, RtOptions),
                "redmine": Driver(RedmineTicketing, RedmineOptions),
            },
            {"Ticket": "tickets_changed"},  # and none that is kept, for their attachments
        ),
        Domain(
            "assurance",
            "assurance system",
            "Outages.",
            AssurancePort,
            ASSURANCE,
            {
                "tmf": Driver(TmfAssurance, Profile),
                "alertmanager": Driver(AlertmanagerAssurance, AlertmanagerOptions),
                "icinga": Driver(IcingaAssurance, IcingaOptions),
            },
            {"Outage": "outages_changed"},
            {"outages": CachedType(Outage, frozenset({"Outage"}))},
            required=False,
            part_of="ticketing",
        ),
    )
}
"""The only list of domains, by name. Domains that give keys to others come first, and parts after what they are of."""

if TYPE_CHECKING:  # mypy checks here that each driver implements its port; the types of the table cannot say so.
    _ASSURANCE: tuple[type[AssurancePort], ...] = (TmfAssurance, AlertmanagerAssurance, IcingaAssurance)
    _BILLING: tuple[type[BillingPort], ...] = (TmfBilling, TrytonBilling)
    _CRM: tuple[type[CrmPort], ...] = (TmfCrm, BottleCrm)
    _INVENTORY: tuple[type[InventoryPort], ...] = (TmfInventory, NautobotDriver)
    _TICKETING: tuple[type[TicketingPort], ...] = (TmfTicketing, RtTicketing, RedmineTicketing)
    _USAGE: tuple[type[UsagePort], ...] = (TmfUsage, OpenwispUsage)


def served_by(systems: Collection[str]) -> dict[str, str]:
    """By domain, which of the systems in the settings answers for it. Domains for which none does are absent."""
    found: dict[str, str] = {}
    for name, domain in DOMAINS.items():
        if (serving := name if name in systems else domain.part_of) in systems and serving is not None:
            found[name] = serving
    return found


class Probe(Protocol):
    """What every driver provides besides its port."""

    http: HttpClient

    async def probe(self) -> None:
        """Make one cheap read. Raises `ConnectorError`."""


@dataclass(frozen=True, slots=True)
class ConnectedSystem:
    """One connected system, for health, `gateway check` and the query `systems`.

    `domain` is the one that it is named for in the settings. `parts` are the drivers of other domains for which it
    answers as well, by domain.
    """

    name: str
    domain: str
    driver: str
    probe: Probe
    parts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def drivers(self) -> Mapping[str, Any]:
        """The drivers of all domains for which it answers, by domain; its own comes first."""
        return {self.domain: self.probe, **self.parts}

    def heard(self, hint: Hint) -> None:
        """Tell the drivers that listen what was told of their system (`connectors.events.speaking.Heard`)."""
        for driver in self.drivers.values():
            if hasattr(driver, "heard"):
                try:
                    driver.heard(hint)
                except Exception:  # one fault must not end what everybody is told
                    logger.exception("%s: the driver failed when it was told what changed", self.domain)

    async def try_read(self) -> None:
        """Make one cheap read, by the first driver for whose domain the installation has any API.

        Raises `ConnectorError`.
        """
        *first, last = (one for one in self.drivers.values() if hasattr(one, "probe"))
        for driver in first:
            try:
                await driver.probe()
            except NotSupported:
                continue
            return
        await last.probe()

    @property
    def unsupported(self) -> Mapping[str, str]:
        """Methods of its ports and attributes of records that the product does not support, each with the reason."""
        return {what: why for one in self.drivers.values() for what, why in getattr(one, "unsupported", {}).items()}


@dataclass(frozen=True, slots=True)
class Connectors:
    """The port of each domain, the connected systems, and by domain how each writes ids of the others' records.

    `served_by`: by domain, the name of the system that answers for it. `forwards`: whether any system gets the callers'
    own tokens, or others in exchange for them. `kept`: by domain, rows that outlive a request.
    """

    crm: CrmPort
    billing: BillingPort
    usage: UsagePort
    inventory: InventoryPort
    ticketing: TicketingPort
    assurance: AssurancePort
    systems: tuple[ConnectedSystem, ...] = ()
    links: Mapping[str, Links] = field(default_factory=dict)
    forwards: bool = False
    kept: Mapping[str, KeptRows] = field(default_factory=dict)
    served_by: Mapping[str, str] = field(default_factory=dict)
    translating: Mapping[str, Links] = field(init=False)
    """Those of `links` by which ids have to be translated."""

    def __post_init__(self) -> None:
        translating = {domain: one for domain, one in self.links.items() if one.customer_key or one.references}
        object.__setattr__(self, "translating", translating)

    async def evict(self, hints: Iterable[Hint]) -> None:
        """Take nothing any more that was read before these changes were heard of; to be done before they are told.

        Whatever the gateway wrote itself is evicted by then.
        """
        if not self.kept:
            return
        changed: dict[str, set[str]] = {}
        for hint in hints:
            for domain in self._of(hint.domain) if hint.source is not Source.WRITE else ():
                if domain in self.kept:
                    changed.setdefault(domain, set()).add(hint.type)
        for domain, types in changed.items():
            await self.kept[domain].changed(() if "" in types else types, SETTLES)

    def heard(self, hint: Hint) -> None:
        """Something may have changed in a system: what is read from now on is read after that."""
        for domain in self._of(hint.domain):
            part_from_calls_under_way(getattr(self, domain))
        for system in self.systems:
            if system.domain == hint.domain:
                system.heard(hint)

    def _of(self, system: str) -> list[str]:
        """The domains for which a system answers."""
        return [domain for domain, serving in self.served_by.items() if serving == system]


@dataclass(frozen=True, slots=True)
class Cache:
    """Where rows are kept that outlive a request, of which types, and who counts them."""

    store: RowsInRedis
    keeping: Mapping[str, Keeping]
    counted: Counted


MakeClient = Callable[[str, System, aiohttp.ClientSession], HttpClient]
"""Makes the client of a system, by its name."""


def connect(
    systems: Mapping[str, System],
    session: aiohttp.ClientSession,
    cache: Cache | None = None,
    client: MakeClient = HttpClient,
) -> Connectors:
    """Set up the drivers of every domain for which a system in the settings answers; the other ports raise
    `NotConfigured`.

    Raises `UnusableDriver`, and as `Driver.configuration` does.
    """
    ports: dict[str, Any] = {}
    kept: dict[str, KeptRows] = {}
    serving = served_by(systems)
    clients = {name: client(name, system, session) for name, system in systems.items()}
    drivers: dict[str, dict[str, Any]] = {name: {} for name in DOMAINS if name in systems}
    for domain in DOMAINS.values():
        name = serving.get(domain.name)
        if name is None:
            ports[domain.name] = not_configured(domain.part_of or domain.name, domain.port)
            continue
        system, http = systems[name], clients[name]
        if name != domain.name and not domain.has_driver(system.driver):
            refusing = not_supported(name, domain.port, _no_part(domain, system.driver))
            ports[domain.name] = drivers[name][domain.name] = refusing
            continue
        driver = domain.driver(system.driver)
        own = drivers[name][domain.name] = driver.connect(http)
        if cache is not None:
            configuration = driver.configuration(system)
            rows = KeptRows(
                cache.store, name, domain.port, system, configuration, domain.cached, cache.keeping, cache.counted
            )
            kept |= {domain.name: rows} if rows else {}
        ports[domain.name] = share_reads(own, domain.port, system, http.health, kept.get(domain.name))
    links = {name: Links.parse(one.customer_key, one.references) for name, one in systems.items()}
    return Connectors(
        **ports,
        systems=tuple(
            ConnectedSystem(name, name, systems[name].driver, made.pop(name), made) for name, made in drivers.items()
        ),
        links={domain: links[name] for domain, name in serving.items()},
        forwards=any(one.is_personal for one in systems.values()),
        kept=kept,
        served_by=serving,
    )


def _no_part(domain: Domain, driver: str) -> str:
    """Why a system does not answer for a domain, and what would."""
    what = domain.keeps[0].lower() + domain.keeps[1:].removesuffix(".")
    return f"The driver '{driver}' does not know {what}; systems.{domain.name} may name a system that does."
