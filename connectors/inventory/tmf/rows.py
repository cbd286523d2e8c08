"""How inventory records are made of TM Forum v4 or v5 rows, attribute by attribute."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from connectors.inventory.port import Resource, Service, ServiceState, Site
from connectors.inventory.tmf.status import ResourceStates
from connectors.tmf.kinds import date, enum_word, numbered_text, owners, text
from connectors.tmf.mapping import Kind, Mapping, Source, source
from connectors.tmf.reader import Reader, enum_table
from connectors.tmf.shapes import Place, Ref, array_of, folded, id_of, ids


class PartRow(msgspec.Struct, rename="camel", gc=False):
    """A supporting service, by value with its resources or by reference (then `supporting_resource` is None)."""

    id: str | int | None = None
    supporting_resource: list[Ref] | None = None


class SpecificationRow(msgspec.Struct, gc=False):
    """The specification of a resource; its name says what type of thing the resource is."""

    name: str | None = None


def _site(places: Sequence[Place] | None) -> str | None:
    """The id of the first place that may be a site. Addresses have ids too, but not of sites."""
    for place in places or ():
        one = place.target
        if "site" in (one.kind or "site").casefold() and (key := id_of(one)):
            return key
    return None


def _sites(place: Place | Sequence[Place] | None) -> str | None:
    return _site([place] if isinstance(place, Place) else place)


def _part_ids(parts: Sequence[PartRow] | None) -> tuple[str, ...]:
    return tuple([str(one.id) for one in parts or () if one.id is not None])


def _resource_ids(own: Sequence[Ref] | None, parts: Sequence[PartRow] | None) -> tuple[str, ...]:
    """The ids of all resources of a service, the direct ones first."""
    below = [resource for part in parts or () for resource in part.supporting_resource or ()]
    return ids([*(own or ()), *below])


def _kind(category: str | None, specification: SpecificationRow | None) -> str | None:
    return category or (specification.name if specification else None)


def _is_physical(reader: Reader) -> Callable[[str | None], bool | None]:
    """By the row's type, or by what the profile's `words` say of the word in its place."""
    known = {"physicalresource": True, "logicalresource": False}
    return lambda kind: known.get(folded(reader.standard_word(kind)))


SERVICE: Final = Mapping(
    Service,
    always=["owners", "category"],
    beside=["category"],
    owners=source("relatedParty", owners),
    name=source("name", text),
    category=source("category", text),
    service_type=source("serviceType", text),
    state=source("state", enum_word(enum_table(ServiceState), ServiceState.UNKNOWN)),
    raw_state=source("state", text),
    started_at=source("startDate", date),
    site_id=source("place", Kind(array_of(Place), lambda _reader: _site)),
    part_ids=source("supportingService", Kind(array_of(PartRow), lambda _reader: _part_ids)),
    resource_ids=Source(
        {"supportingResource": array_of(Ref), "supportingService": array_of(PartRow)}, lambda _reader: _resource_ids
    ),
)
"""TMF638 Service."""

_STATES: Final = {
    "resourceStatus": str | None,
    "alarmStatus": array_of(str),
    "availabilityStatus": str | None,
    "administrativeState": str | None,
    "allocationStatus": str | None,
    "standbyStatus": str | None,
    "operationalState": str | None,
}
_STATES_ASKED: Final[dict[Any, tuple[str, ...]]] = {
    "v4": ("resourceStatus", "administrativeState", "operationalState"),
    "v5": tuple(_STATES),
}
"""v4 has one word for a resource's status, v5 the states of ITU-T X.731: see `status`."""

RESOURCE: Final = Mapping(
    Resource,
    always=["owners"],
    owners=source("relatedParty", owners),
    name=source("name", text),
    kind=Source({"category": str | None, "resourceSpecification": SpecificationRow | None}, lambda _reader: _kind),
    is_physical=source("@type", Kind(str | None, _is_physical)),
    status=Source(_STATES, lambda reader: ResourceStates(reader).status, _STATES_ASKED),
    raw_status=Source(_STATES, lambda reader: ResourceStates(reader).word, _STATES_ASKED),
    serial_number=source("serialNumber", text),
    value=source("value", numbered_text),
    site_id=source("place", Kind(Place | list[Place] | None, lambda _reader: _sites)),
)
"""TMF639 Resource."""

SITE: Final = Mapping(
    Site,
    always=["owners"],
    owners=source("relatedParty", owners),
    name=source("name", text),
    status=source("status", text),
    description=source("description", text),
)
"""TMF674 GeographicSite."""
