"""Who answers: the table of systems and their drivers.

Every driver of ours is announced here; those of other distributions are found by their entry points (`installed`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import aiohttp
from pydantic import ValidationError

from connectors.billing.port import BillingPort
from connectors.billing.tmf.driver import TmfBilling
from connectors.billing.tryton.driver import TrytonBilling
from connectors.billing.tryton.options import TrytonOptions
from connectors.crm.bottlecrm.driver import BottleCrm
from connectors.crm.bottlecrm.options import BottleCrmOptions
from connectors.crm.port import CrmPort
from connectors.crm.tmf.driver import TmfCrm
from connectors.drivers import UnusableDriver, described, installed, loaded
from connectors.http.client import HttpClient
from connectors.inventory.nautobot.driver import NautobotDriver
from connectors.inventory.nautobot.options import NautobotOptions
from connectors.inventory.port import InventoryPort
from connectors.inventory.tmf.driver import TmfInventory
from connectors.links import Links
from connectors.settings import ForwardAuth, System
from connectors.sharing.port import shared
from connectors.strict import Strict
from connectors.ticketing.port import TicketingPort
from connectors.ticketing.rt.driver import RtTicketing
from connectors.ticketing.rt.options import RtOptions
from connectors.ticketing.tmf.driver import TmfTicketing


class WrongOptions(ValueError):
    """`systems.<domain>.options` (or a profile in their place) do not fit the driver; the text names the key."""


@dataclass(frozen=True, slots=True)
class Product:
    """One product that can stand behind a port: its driver, and what a driver of its own kind can be told.

    `options` is the model of `systems.<domain>.options`; without one the driver takes the profile instead.
    """

    driver: Callable[[HttpClient, Any], Any]
    options: type[Strict] | None = None

    def build(self, http: HttpClient, system: System) -> Any:
        """The driver, set up. Raises `WrongOptions`."""
        return self.driver(http, self.told(system))

    def told(self, system: System) -> Strict:
        """What the settings tell the driver: its options, or the profile where it has none. Raises `WrongOptions`."""
        if self.options is None:
            if system.options:
                raise WrongOptions(f"options: the driver '{system.driver}' has none; what it can be told is in profile")
            return system.profile
        if "profile" in system.model_fields_set:
            raise WrongOptions(f"profile: the driver '{system.driver}' has none; what it can be told is in options")
        try:
            return self.options.model_validate(system.options)
        except ValidationError as error:
            there_are = ", ".join(self.options.model_fields) or "none"
            told = [
                f"options.{'.'.join(map(str, one['loc']))}: "
                + (f"is no option; there are: {there_are}" if one["type"] == "extra_forbidden" else one["msg"])
                for one in error.errors(include_url=False, include_input=False)
            ]
            raise WrongOptions("; ".join(told)) from error


DRIVERS: Final[Mapping[str, Mapping[str, Product]]] = {
    "crm": {"tmf": Product(TmfCrm), "bottlecrm": Product(BottleCrm, BottleCrmOptions)},
    "billing": {"tmf": Product(TmfBilling), "tryton": Product(TrytonBilling, TrytonOptions)},
    "inventory": {"tmf": Product(TmfInventory), "nautobot": Product(NautobotDriver, NautobotOptions)},
    "ticketing": {"tmf": Product(TmfTicketing), "rt": Product(RtTicketing, RtOptions)},
}
"""Domain, then name in the settings, then what to build."""

PORTS: Final[Mapping[str, type[Any]]] = {
    "crm": CrmPort,
    "billing": BillingPort,
    "inventory": InventoryPort,
    "ticketing": TicketingPort,
}
"""What each domain is asked."""

if TYPE_CHECKING:  # That every driver is its port is proved here, because the table itself cannot say it.
    _BILLING: tuple[type[BillingPort], ...] = (TmfBilling, TrytonBilling)
    _CRM: tuple[type[CrmPort], ...] = (TmfCrm, BottleCrm)
    _INVENTORY: tuple[type[InventoryPort], ...] = (TmfInventory, NautobotDriver)
    _TICKETING: tuple[type[TicketingPort], ...] = (TmfTicketing, RtTicketing)


def product(domain: str, name: str) -> Product:
    """What stands behind a name in the settings: a driver of ours, or one that is installed.

    Raises `UnusableDriver` (a ValueError) for a name that is nobody's, more than one's, or not a `Product`. Raises
    `KeyError` for a domain that does not exist.
    """
    built_in, others = DRIVERS[domain], installed(domain)
    points = others.get(name, ())
    if name in built_in and points:
        raise UnusableDriver(
            f"two drivers are named '{name}': the one that comes with the gateway, and {described(points[0])};"
            " uninstall that, or have it renamed"
        )
    if name in built_in:
        return built_in[name]
    if len(points) > 1:
        both = " and ".join(described(point) for point in points)
        raise UnusableDriver(f"two drivers are named '{name}': {both}; uninstall one of them")
    if not points:
        there_are = ", ".join([*built_in, *(f"{one} (installed)" for one in sorted(others))])
        raise UnusableDriver(f"has no driver named '{name}'; there is: {there_are}")
    found = loaded(points[0])
    if not isinstance(found, Product):
        raise UnusableDriver(
            f"the driver {described(points[0])} is {found!r:.80}; right is a connectors.Product(driver, options)"
        )
    return found


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
    """The four ports, the systems behind them, and by domain how each names what the others keep.

    `forwards`: whether any of the systems is shown the callers' own tokens.
    """

    crm: CrmPort
    billing: BillingPort
    inventory: InventoryPort
    ticketing: TicketingPort
    systems: tuple[ConnectedSystem, ...]
    links: Mapping[str, Links]
    forwards: bool = False


def connect(systems: Mapping[str, System], session: aiohttp.ClientSession) -> Connectors:
    """Build every domain's driver as the settings say. Raises what `product` does."""
    drivers: dict[str, Any] = {}
    connected: list[ConnectedSystem] = []
    for domain in DRIVERS:
        system = systems[domain]
        http = HttpClient(domain, system, session)
        driver = product(domain, system.driver).build(http, system)
        drivers[domain] = shared(driver, PORTS[domain], system, http.health)
        connected.append(ConnectedSystem(domain, domain, system.driver, driver))
    links = {name: Links.parse(systems[name].customer_key, systems[name].references) for name in DRIVERS}
    forwards = any(isinstance(systems[name].auth, ForwardAuth) for name in DRIVERS)
    return Connectors(**drivers, systems=tuple(connected), links=links, forwards=forwards)
