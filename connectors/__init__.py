"""Who answers: the table of domains, and the systems behind them as the settings connect them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import aiohttp

from connectors.billing.port import BillingPort
from connectors.billing.promises import BILLING
from connectors.billing.tmf.driver import TmfBilling
from connectors.billing.tryton.driver import TrytonBilling
from connectors.billing.tryton.options import TrytonOptions
from connectors.conformance.promises import Promises
from connectors.crm.bottlecrm.driver import BottleCrm
from connectors.crm.bottlecrm.options import BottleCrmOptions
from connectors.crm.port import CrmPort
from connectors.crm.promises import CRM
from connectors.crm.tmf.driver import TmfCrm
from connectors.drivers import Driver, find_driver
from connectors.http.client import HttpClient
from connectors.inventory.nautobot.driver import NautobotDriver
from connectors.inventory.nautobot.options import NautobotOptions
from connectors.inventory.port import InventoryPort
from connectors.inventory.promises import INVENTORY
from connectors.inventory.tmf.driver import TmfInventory
from connectors.links import Links
from connectors.not_configured import not_configured
from connectors.settings import ForwardAuth, System
from connectors.sharing.port import share_reads
from connectors.ticketing.port import TicketingPort
from connectors.ticketing.promises import TICKETING
from connectors.ticketing.rt.driver import RtTicketing
from connectors.ticketing.rt.options import RtOptions
from connectors.ticketing.tmf.driver import TmfTicketing
from connectors.tmf.profile import Profile


@dataclass(frozen=True, slots=True)
class Domain:
    """What one system answers for.

    `label` is what a sentence calls the system, `keeps` what is in it. `promises` are what the conformance suite checks
    a driver for. A domain that is not `required` may be missing in the settings: what is asked of it then is
    `NotConfigured`.
    """

    name: str
    label: str
    keeps: str
    port: type[Any]
    promises: Promises
    drivers: Mapping[str, Driver]
    required: bool = True

    def driver(self, name: str) -> Driver:
        """The driver that the settings call `name`. Raises `UnusableDriver` (a ValueError)."""
        return find_driver(self.name, self.drivers, name)


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
        ),
        Domain(
            "billing",
            "billing system",
            "Accounts, bills, payments and usage.",
            BillingPort,
            BILLING,
            {"tmf": Driver(TmfBilling, Profile), "tryton": Driver(TrytonBilling, TrytonOptions)},
        ),
        Domain(
            "inventory",
            "inventory",
            "Services, resources and sites.",
            InventoryPort,
            INVENTORY,
            {"tmf": Driver(TmfInventory, Profile), "nautobot": Driver(NautobotDriver, NautobotOptions)},
        ),
        Domain(
            "ticketing",
            "ticketing system",
            "Trouble tickets and service problems.",
            TicketingPort,
            TICKETING,
            {"tmf": Driver(TmfTicketing, Profile), "rt": Driver(RtTicketing, RtOptions)},
        ),
    )
}
"""Every domain by its name: the only list of them. Those of whom others are asked about come first."""

if TYPE_CHECKING:  # That every driver is its port is proved here, because the table itself cannot say it.
    _BILLING: tuple[type[BillingPort], ...] = (TmfBilling, TrytonBilling)
    _CRM: tuple[type[CrmPort], ...] = (TmfCrm, BottleCrm)
    _INVENTORY: tuple[type[InventoryPort], ...] = (TmfInventory, NautobotDriver)
    _TICKETING: tuple[type[TicketingPort], ...] = (TmfTicketing, RtTicketing)


class Probe(Protocol):
    """What every driver can do besides its port."""

    http: HttpClient

    async def probe(self) -> None:
        """Make one cheap read. Raises `ConnectorError`."""


@dataclass(frozen=True, slots=True)
class ConnectedSystem:
    """One system as health, `check` and `systems` see it."""

    name: str
    domain: str
    driver: str
    probe: Probe

    @property
    def unsupported(self) -> Mapping[str, str]:
        """What the product cannot give (a port's method or a record's attribute), and why. Empty: it gives all."""
        return getattr(self.probe, "unsupported", {})


@dataclass(frozen=True, slots=True)
class Connectors:
    """A port for each domain, the systems that are configured, and by domain how each names what the others keep.

    `forwards`: whether any of the systems is shown the callers' own tokens.
    """

    crm: CrmPort
    billing: BillingPort
    inventory: InventoryPort
    ticketing: TicketingPort
    systems: tuple[ConnectedSystem, ...] = ()
    links: Mapping[str, Links] = field(default_factory=dict)
    forwards: bool = False


def connect(systems: Mapping[str, System], session: aiohttp.ClientSession) -> Connectors:
    """Set up the driver of every domain as its system's settings say; a domain without any is not configured.

    Raises `UnusableDriver`, or what `Driver.configuration` does.
    """
    ports: dict[str, Any] = {}
    connected: list[ConnectedSystem] = []
    for domain in DOMAINS.values():
        system = systems.get(domain.name)
        if system is None:
            ports[domain.name] = not_configured(domain.name, domain.port)
            continue
        http = HttpClient(domain.name, system, session)
        own = domain.driver(system.driver).connect(http)
        ports[domain.name] = share_reads(own, domain.port, system, http.health)
        connected.append(ConnectedSystem(domain.name, domain.name, system.driver, own))
    return Connectors(
        **ports,
        systems=tuple(connected),
        links={name: Links.parse(one.customer_key, one.references) for name, one in systems.items()},
        forwards=any(isinstance(one.auth, ForwardAuth) for one in systems.values()),
    )
