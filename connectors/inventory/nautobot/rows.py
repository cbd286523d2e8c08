"""What Nautobot's GraphQL answers, what is selected of it for which attribute, and the records that it becomes."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final, TypeVar

import msgspec

from connectors.inventory.nautobot.options import NautobotOptions
from connectors.inventory.port import Resource, ResourceStatus, Service, ServiceState, Site
from connectors.reading.dates import Dates
from connectors.reading.rows import Identified
from connectors.reading.warn_once import WarnOnce
from connectors.records import Fields, owned_by

E = TypeVar("E", bound=Enum)

Key = str | int | None
"""A number that we know things by; a custom field may be an integer."""


class _Named(msgspec.Struct):
    name: str | None = None


class _Location(msgspec.Struct):
    id: str | None = None


class _Termination(msgspec.Struct):
    location: _Location | None = None


class _Owner(msgspec.Struct):
    key: Key = None


class CircuitRow(Identified):
    """A circuit; `number` is its service number, the tenant's `key` the customer number."""

    number: Key = None
    tenant: _Owner | None = None
    cid: str | None = None
    install_date: str | None = None
    status: _Named | None = None
    circuit_type: _Named | None = None
    circuit_termination_a: _Termination | None = None
    circuit_termination_z: _Termination | None = None


class TenantRow(Identified):
    """A tenant with its circuits, which are decoded one by one: one that cannot be read costs only itself."""

    key: Key = None
    circuits: list[msgspec.Raw] | None = None


class _Numbered(msgspec.Struct):
    number: Key = None


class _Ref(msgspec.Struct):
    id: str | None = None


class CarrierRow(Identified):
    """A device, interface or address that carries a service: the service number, and related objects."""

    number: Key = None
    device: _Ref | None = None
    ip_addresses: list[_Ref] | None = None
    interfaces: list[_Numbered] | None = None


class _Device(msgspec.Struct):
    location: _Location | None = None


class DeviceRow(Identified):
    """A device."""

    name: str | None = None
    serial: str | None = None
    role: _Named | None = None
    status: _Named | None = None
    location: _Location | None = None


class InterfaceRow(Identified):
    """An interface of a device."""

    name: str | None = None
    type: str | None = None
    enabled: bool | None = None
    status: _Named | None = None
    device: _Device | None = None


class AddressRow(Identified):
    """An IP address."""

    address: str | None = None
    dns_name: str | None = None
    status: _Named | None = None


class LocationRow(Identified):
    """A location."""

    name: str | None = None
    description: str | None = None
    status: _Named | None = None


CIRCUIT: Final = {
    "name": "cid",
    "service_type": "circuit_type{name}",
    "state": "status{name}",
    "raw_state": "status{name}",
    "started_at": "install_date",
    "site_id": "circuit_termination_a{location{id}} circuit_termination_z{location{id}}",
}
DEVICE: Final = {
    "name": "name",
    "kind": "role{name}",
    "status": "status{name}",
    "raw_status": "status{name}",
    "serial_number": "serial",
    "site_id": "location{id}",
}
INTERFACE: Final = {
    "name": "name",
    "is_physical": "type",
    "status": "enabled status{name}",
    "raw_status": "enabled status{name}",
    "site_id": "device{location{id}}",
}
ADDRESS: Final = {"name": "dns_name", "value": "address", "status": "status{name}", "raw_status": "status{name}"}
LOCATION: Final = {"name": "name", "description": "description", "status": "status{name}"}

_LOGICAL: Final = frozenset({"virtual", "bridge", "lag", "tunnel"})


def selection(of: Mapping[str, str], fields: Fields | None, *always: str) -> str:
    """The GraphQL selection for these attributes of a record; `id` and `always` are always selected."""
    wanted = [names for attribute, names in of.items() if fields is None or attribute in fields]
    return " ".join(dict.fromkeys(["id", *always, *wanted]))


def text(key: Key) -> str | None:
    """The key as text; None for no key."""
    return None if key is None or key == "" else str(key)


class Records:
    """Makes records of rows. Status words are translated by the options, ignoring letter case."""

    def __init__(self, warn_once: WarnOnce, options: NautobotOptions) -> None:
        self.warn_once = warn_once
        self._date = Dates(options.timezone, self.warn_once, epoch_is_none=True).read
        self._states = {word.strip().casefold(): state for word, state in options.service_states.items()}
        self._statuses = {word.strip().casefold(): status for word, status in options.resource_statuses.items()}

    def service(self, row: CircuitRow, number: str, resource_ids: Iterable[str]) -> Service:
        """The service for a circuit. Its site is the location of its A side, or else of its Z side."""
        raw = _name(row.status)
        customer = text(row.tenant.key) if row.tenant else None
        ends = (row.circuit_termination_a, row.circuit_termination_z)
        return Service(
            id=number,
            owners=owned_by(customer),
            name=row.cid or None,
            service_type=_name(row.circuit_type),
            state=self._word(self._states, raw, ServiceState.UNKNOWN, "service_states"),
            raw_state=raw,
            started_at=self._date(row.install_date),
            site_id=next((end.location.id for end in ends if end and end.location and end.location.id), None),
            resource_ids=tuple(dict.fromkeys(resource_ids)),
        )

    def device(self, row: DeviceRow) -> Resource:
        """The resource for a device. Its kind is the device's role."""
        raw = _name(row.status)
        return Resource(
            id=str(row.id),
            name=row.name or None,
            kind=_name(row.role),
            is_physical=True,
            status=self._word(self._statuses, raw, ResourceStatus.UNKNOWN, "resource_statuses"),
            raw_status=raw,
            serial_number=row.serial or None,
            site_id=row.location.id if row.location else None,
        )

    def interface(self, row: InterfaceRow) -> Resource:
        """The resource for an interface, at its device's site. A disabled one is suspended, whatever its status."""
        raw = _name(row.status)
        status = self._word(self._statuses, raw, ResourceStatus.UNKNOWN, "resource_statuses")
        if row.enabled is False:
            status, raw = ResourceStatus.SUSPENDED, f"{raw}, disabled" if raw else "disabled"
        return Resource(
            id=str(row.id),
            name=row.name or None,
            kind="interface",
            is_physical=row.type.casefold() not in _LOGICAL if row.type else None,
            status=status,
            raw_status=raw,
            site_id=row.device.location.id if row.device and row.device.location else None,
        )

    def address(self, row: AddressRow) -> Resource:
        """The resource for an IP address. The value is the address with prefix length, the name its DNS name."""
        raw = _name(row.status)
        return Resource(
            id=str(row.id),
            name=row.dns_name or None,
            kind="IP address",
            is_physical=False,
            status=self._word(self._statuses, raw, ResourceStatus.UNKNOWN, "resource_statuses"),
            raw_status=raw,
            value=row.address or None,
        )

    def site(self, row: LocationRow) -> Site:
        """The site for a location."""
        return Site(
            id=str(row.id), name=row.name or None, status=_name(row.status), description=row.description or None
        )

    def _word(self, table: Mapping[str, E], raw: str | None, unknown: E, option: str) -> E:
        if raw is None:
            return unknown
        found = table.get(raw.strip().casefold())
        if found is None:
            self.warn_once(f"has the unknown status {raw[:100]!r}: add it to the option {option}")
            return unknown
        return found


def _name(named: _Named | None) -> str | None:
    return (named.name or None) if named else None
