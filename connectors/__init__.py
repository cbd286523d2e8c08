"""Who answers: the table of systems and their drivers. Every driver is announced here; nothing registers itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import aiohttp

from connectors.billing.port import BillingPort
from connectors.billing.tmf import TmfBilling
from connectors.crm.port import CrmPort
from connectors.crm.tmf import TmfCrm
from connectors.http import HttpClient
from connectors.inventory.port import InventoryPort
from connectors.inventory.tmf import TmfInventory
from connectors.profile import Profile, System
from connectors.ticketing.port import TicketingPort
from connectors.ticketing.tmf import TmfTicketing

Driver = Callable[[HttpClient, Profile], Any]

DRIVERS: Final[Mapping[str, Mapping[str, Driver]]] = {
    "crm": {"tmf": TmfCrm},
    "billing": {"tmf": TmfBilling},
    "inventory": {"tmf": TmfInventory},
    "ticketing": {"tmf": TmfTicketing},
}
"""Domain, then name in the settings, then what to build."""


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


@dataclass(frozen=True, slots=True)
class Connectors:
    """The four ports, and the systems behind them."""

    crm: CrmPort
    billing: BillingPort
    inventory: InventoryPort
    ticketing: TicketingPort
    systems: tuple[ConnectedSystem, ...]


def connect(systems: Mapping[str, System], session: aiohttp.ClientSession) -> Connectors:
    """Build every domain's driver as the settings say. Raises `KeyError` for a domain or driver not in the table."""
    drivers: dict[str, Any] = {}
    connected: list[ConnectedSystem] = []
    for domain, products in DRIVERS.items():
        system = systems[domain]
        driver = products[system.driver](HttpClient(domain, system, session), system.profile)
        drivers[domain] = driver
        connected.append(ConnectedSystem(domain, domain, system.driver, driver))
    return Connectors(**drivers, systems=tuple(connected))
