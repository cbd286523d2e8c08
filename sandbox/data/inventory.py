"""Rows of the network inventory: TMF638 services, TMF639 resources, TMF674 sites."""

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Final, Literal

from sandbox.data import identities, names, outages, shapes
from sandbox.data.shapes import Row
from sandbox.data.subscriber import Kind, Subscriber
from sandbox.data.world import World

ResourceKind = Literal["ONT", "Router", "SIM", "MSISDN", "SetTopBox", "Cabinet", "OLT"]

_STATE: Final = {"Active": "active", "Suspended": "inactive", "Closed": "terminated"}
_NEEDS: Final[dict[Kind, tuple[ResourceKind, ...]]] = {
    "broadband": ("ONT", "Router"),
    "mobile": ("SIM", "MSISDN"),
    "tv": ("SetTopBox",),
    "voice": ("MSISDN",),
}
_NAMES: Final[dict[ResourceKind, str]] = {
    "ONT": "Optical network terminal",
    "Router": "Wi-Fi router",
    "SIM": "SIM card",
    "MSISDN": "Phone number",
    "SetTopBox": "TV set-top box",
}
_TECHNICAL: Final[dict[Kind, str]] = {
    "broadband": "Fibre access line",
    "mobile": "Mobile network access",
    "tv": "IPTV stream",
    "voice": "Voice over fibre line",
}


@dataclass(frozen=True, slots=True)
class Equipment:
    """Something in a customer's hands. `first` is the number of the service it came with."""

    id: str
    kind: ResourceKind
    first: int
    name: str
    serial: str = ""
    value: str = ""

    def ref(self) -> Row:
        """Return a TM Forum reference to it."""
        return _resource_ref(self.id, self.name, self.kind)


def _resource_ref(ident: str, name: str, kind: ResourceKind) -> Row:
    return shapes.ref(shapes.RESOURCE, ident, name, "LogicalResource" if kind == "MSISDN" else "PhysicalResource")


@lru_cache(maxsize=2048)
def equipment(who: Subscriber) -> tuple[Equipment, ...]:
    """Return what the customer has at home or in the pocket, in the order of the services."""
    found: list[Equipment] = []
    for position, kind in enumerate(who.kinds, 1):
        for need in _NEEDS[kind]:
            ident = f"RES-{who.number}-{len(found) + 1}"
            if need == "MSISDN":
                value = who.phone if kind == "mobile" else f"+468{who.number:07d}"
                found.append(Equipment(ident, need, position, f"Phone number {value}", value=value))
            else:
                serial = serial_number(who, need)
                found.append(Equipment(ident, need, position, _NAMES[need], serial))
    return tuple(found)


def serial_number(who: Subscriber, kind: ResourceKind) -> str:
    """Return the serial number of a customer's device: a prefix, the customer number in seven digits, three more."""
    prefix = {"ONT": "ONT", "Router": "RTR", "SIM": "8946070", "SetTopBox": "STB"}[kind]
    return f"{prefix}{who.number:07d}{who.draw[12] * 3 % 1000:03d}"


def serial_numbers(who: Subscriber) -> list[str]:
    """Return the serial numbers of all the customer's devices."""
    return [serial_number(who, need) for kind in who.kinds for need in _NEEDS[kind] if need != "MSISDN"]


def resource_count(who: Subscriber) -> int:
    """Return how many resources the customer has."""
    return sum(len(_NEEDS[kind]) for kind in who.kinds)


def cabinet_id(cabinet: int) -> str:
    """Return the id of a street cabinet."""
    return f"CAB-{cabinet:03d}"


def olt_id(cabinet: int) -> str:
    """Return the id of the optical line terminal inside a street cabinet."""
    return f"OLT-{cabinet:03d}"


def cabinet_place(cabinet: int) -> str:
    """Return where a cabinet stands, as people say it: a district and a number."""
    district = names.DISTRICTS[(cabinet - 1) % len(names.DISTRICTS)]
    return f"{district} {(cabinet - 1) // len(names.DISTRICTS) + 1}"


def cabinet_ref(cabinet: int) -> Row:
    """Return a reference to a street cabinet."""
    return _resource_ref(cabinet_id(cabinet), f"Street cabinet {cabinet_place(cabinet)}", "Cabinet")


def olt_ref(cabinet: int) -> Row:
    """Return a reference to the optical line terminal of a street cabinet."""
    return _resource_ref(olt_id(cabinet), f"Optical line terminal {cabinet_place(cabinet)}", "OLT")


def service_ref(who: Subscriber, position: int) -> Row:
    """Return a reference to the customer-facing service at `position`."""
    return shapes.ref(shapes.SERVICE, f"SVC-{who.number}-{position}", who.offer(position).name, "CustomerFacingService")


def _supporting(who: Subscriber, position: int) -> list[Row]:
    kind = who.kinds[position - 1]
    found = [item.ref() for item in equipment(who) if item.first == position]
    if kind == "voice":
        found += [item.ref() for item in equipment(who) if item.kind == "Router"]
    if kind in ("broadband", "voice"):
        found.append(cabinet_ref(who.cabinet))
    if kind == "broadband":
        found.append(olt_ref(who.cabinet))
    return found


def services(world: World, number: int) -> list[Row]:
    """Return the customer's services: for each the customer-facing one, then the resource-facing one under it."""
    who = world.subscriber(number)
    rows: list[Row] = []
    for position, kind in enumerate(who.kinds, 1):
        ident, technical = f"SVC-{number}-{position}", f"RFS-{number}-{position}"
        start = shapes.stamp(world.today - timedelta(days=60 + who.draw[5 + position] * 5))
        common = {
            "serviceType": kind,
            "state": _STATE[who.status],
            "isServiceEnabled": who.status == "Active",
            "hasStarted": who.status == "Active",
            "startDate": start,
        }
        below = {
            "id": technical,
            "href": f"{shapes.SERVICE}/{technical}",
            "name": _TECHNICAL[kind],
            "category": "RFS",
            **common,
            "serviceSpecification": {"id": f"SS-RFS-{kind}", "name": _TECHNICAL[kind], "version": "1.0"},
            "supportingResource": _supporting(who, position),
            "@type": "ResourceFacingService",
        }
        above = {
            "id": ident,
            "href": f"{shapes.SERVICE}/{ident}",
            "name": who.offer(position).name,
            "category": "CFS",
            **common,
            "serviceSpecification": {"id": f"SS-CFS-{kind}", "name": kind, "version": "1.0"},
            "supportingService": [below],
            "relatedParty": [shapes.customer_party(who.id, who.name)],
            "place": [
                shapes.ref(shapes.SITE, f"SITE-{number}", f"Home of {who.name}", "GeographicSite")
                | {"role": "InstallationAddress"}
            ],
            "@type": "CustomerFacingService",
        }
        rows += [above, below]
    return rows


def _resource(ident: str, kind: ResourceKind, name: str, since: str, *, broken: bool = False) -> Row:
    return {
        "id": ident,
        "href": f"{shapes.RESOURCE}/{ident}",
        "name": name,
        "category": kind,
        "administrativeState": "unlocked",
        "operationalState": "disable" if broken else "enable",
        "resourceStatus": "alarm" if broken else "available",
        "usageState": "active",
        "startOperatingDate": since,
        "resourceSpecification": {"id": f"RS-{kind}", "name": kind, "version": "1.0"},
        "@type": "LogicalResource" if kind == "MSISDN" else "PhysicalResource",
    }


def resources(world: World, number: int) -> list[Row]:
    """Return the resources that belong to one customer."""
    who = world.subscriber(number)
    rows = []
    for item in equipment(who):
        since = shapes.stamp(world.today - timedelta(days=60 + who.draw[5 + item.first] * 5))
        row = _resource(item.id, item.kind, item.name, since)
        if item.value:
            row["value"] = item.value
        else:
            row["serialNumber"] = item.serial
        if item.kind not in ("SIM", "MSISDN"):
            row["place"] = shapes.ref(shapes.SITE, f"SITE-{number}", f"Home of {who.name}", "GeographicSite") | {
                "role": "InstallationAddress"
            }
        row["relatedParty"] = [shapes.customer_party(who.id, who.name)]
        rows.append(row)
    return rows


def shared_resources(world: World, cabinet: int) -> list[Row]:
    """Return what many customers share: the street cabinet and the optical line terminal in it. Nobody owns them."""
    since = shapes.stamp(world.today - timedelta(days=900 + cabinet * 37 % 1500))
    broken = {outage.kind for outage in outages.open_outages(world) if outage.cabinet == cabinet}
    rows = []
    kinds: tuple[tuple[Row, ResourceKind, str], ...] = (
        (cabinet_ref(cabinet), "Cabinet", "CBN"),
        (olt_ref(cabinet), "OLT", "OLT"),
    )
    for named, kind, prefix in kinds:
        row = _resource(named["id"], kind, named["name"], since, broken=kind in broken)
        row["serialNumber"] = f"{prefix}9{cabinet:06d}{cabinet * 7 % 1000:03d}"
        row["place"] = site_ref(cabinet) | {"role": "InstalledAt"}
        rows.append(row)
    return rows


def site_ref(cabinet: int) -> Row:
    """Return a reference to the site where a cabinet stands."""
    return shapes.ref(
        shapes.SITE, f"SITE-{cabinet_id(cabinet)}", f"Roadside {cabinet_place(cabinet)}", "GeographicSite"
    )


def _site(ident: str, name: str, code: str, address: Row) -> Row:
    return {
        "id": ident,
        "href": f"{shapes.SITE}/{ident}",
        "name": name,
        "code": code,
        "status": "active",
        "place": [address | {"@type": "GeographicAddress"}],
        "@type": "GeographicSite",
    }


def sites(world: World, number: int) -> list[Row]:
    """Return the customer's premises (one row)."""
    who = world.subscriber(number)
    postal = identities.address(who)
    street, _, house = postal["street1"].rpartition(" ")
    address = {
        "streetName": street,
        "streetNr": house,
        "city": postal["city"],
        "postcode": postal["postCode"],
        "country": postal["country"],
    }
    row = _site(f"SITE-{number}", f"Home of {who.name}", "premises", address)
    row["relatedParty"] = [shapes.customer_party(who.id, who.name)]
    return [row]


def shared_sites(world: World, cabinet: int) -> list[Row]:
    """Return the place where a street cabinet stands (one row)."""
    del world
    named = site_ref(cabinet)
    district = names.DISTRICTS[(cabinet - 1) % len(names.DISTRICTS)]
    street = names.STREETS[cabinet % len(names.STREETS)]
    address = {
        "streetName": f"{street} Street",
        "city": district,
        "postcode": f"{10000 + cabinet % 90000}",
        "country": "SE",
    }
    return [_site(named["id"], named["name"], "cabinet", address)]
