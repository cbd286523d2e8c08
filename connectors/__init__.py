"""Who answers: the table of systems and their drivers. Every driver is announced here; nothing registers itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import aiohttp

from connectors.billing.port import BillingPort
from connectors.billing.tmf import TmfBilling
from connectors.billing.tryton import TrytonBilling, TrytonOptions
from connectors.crm.bottlecrm import BottleCrm, BottleCrmOptions
from connectors.crm.port import CrmPort
from connectors.crm.tmf import TmfCrm
from connectors.http import HttpClient
from connectors.inventory.nautobot import NautobotDriver
from connectors.inventory.nautobot_options import NautobotOptions
from connectors.inventory.port import InventoryPort
from connectors.inventory.tmf import TmfInventory
from connectors.links import Links
from connectors.profile import Strict
from connectors.system import System
from connectors.ticketing.port import TicketingPort
from connectors.ticketing.rt import RtTicketing
from connectors.ticketing.rt_rows import RtOptions
from connectors.ticketing.tmf import TmfTicketing


@dataclass(frozen=True, slots=True)
class Product:
    """One product that can stand behind a port: its driver, and what a driver of its own kind can be told.

    `options` is the model of `systems.<domain>.options`; without one the driver takes the profile instead.
    """

    driver: Callable[[HttpClient, Any], Any]
    options: type[Strict] | None = None

    def build(self, http: HttpClient, system: System) -> Any:
        """The driver, set up. Raises pydantic's ValidationError for options that do not fit."""
        if self.options is None:
            return self.driver(http, system.profile)
        return self.driver(http, self.options.model_validate(system.options))


DRIVERS: Final[Mapping[str, Mapping[str, Product]]] = {
    "crm": {"tmf": Product(TmfCrm), "bottlecrm": Product(BottleCrm, BottleCrmOptions)},
    "billing": {"tmf": Product(TmfBilling), "tryton": Product(TrytonBilling, TrytonOptions)},
    "inventory": {"tmf": Product(TmfInventory), "nautobot": Product(NautobotDriver, NautobotOptions)},
    "ticketing": {"tmf": Product(TmfTicketing), "rt": Product(RtTicketing, RtOptions)},
}
"""Domain, then name in the settings, then what to build."""

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
    """The four ports, the systems behind them, and by domain how each names what the others keep."""

    crm: CrmPort
    billing: BillingPort
    inventory: InventoryPort
    ticketing: TicketingPort
    systems: tuple[ConnectedSystem, ...]
    links: Mapping[str, Links]


def connect(systems: Mapping[str, System], session: aiohttp.ClientSession) -> Connectors:
    """Build every domain's driver as the settings say. Raises `KeyError` for a domain or driver not in the table."""
    drivers: dict[str, Any] = {}
    connected: list[ConnectedSystem] = []
    for domain, products in DRIVERS.items():
        system = systems[domain]
        driver = products[system.driver].build(HttpClient(domain, system, session), system)
        drivers[domain] = driver
        connected.append(ConnectedSystem(domain, domain, system.driver, driver))
    links = {name: Links.parse(systems[name].customer_key, systems[name].references) for name in DRIVERS}
    return Connectors(**drivers, systems=tuple(connected), links=links)
