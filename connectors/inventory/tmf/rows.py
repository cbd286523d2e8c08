"""Rows of inventories that speak TM Forum v4 or v5, and which of their attributes a record's are made of."""

from collections.abc import Mapping
from typing import Final

import msgspec

from connectors.reading.rows import Identified
from connectors.tmf.mapping import Projection
from connectors.tmf.shapes import Many, Place, Ref, RelatedParty
from connectors.tmf.versions import Version


class PartRow(msgspec.Struct, rename="camel", gc=False):
    """A supporting service: by value with its resources, or only a reference (then `supporting_resource` is None)."""

    id: str | int | None = None
    supporting_resource: list[Ref] | None = None


class SpecificationRow(msgspec.Struct, gc=False):
    """What kind of thing a resource is."""

    name: str | None = None


class ServiceRow(Identified, rename="camel"):
    """TMF638 Service."""

    name: str | None = None
    category: str | None = None
    service_type: str | None = None
    state: str | None = None
    start_date: str | None = None
    place: Many[Place] = None
    supporting_service: Many[PartRow] = None
    supporting_resource: Many[Ref] = None
    related_party: Many[RelatedParty] = None


class ResourceRow(Identified, rename="camel"):
    """TMF639 Resource. v4 says its status in a word, v5 in the states of ITU-T X.731: see `status`."""

    name: str | None = None
    category: str | None = None
    type: str | None = msgspec.field(name="@type", default=None)
    resource_status: str | None = None
    alarm_status: Many[str] = None
    availability_status: str | None = None
    administrative_state: str | None = None
    allocation_status: str | None = None
    standby_status: str | None = None
    operational_state: str | None = None
    serial_number: str | None = None
    value: str | int | None = None
    place: Place | list[Place] | None = None
    resource_specification: SpecificationRow | None = None
    related_party: Many[RelatedParty] = None


class SiteRow(Identified, rename="camel"):
    """TMF674 GeographicSite."""

    name: str | None = None
    status: str | None = None
    description: str | None = None
    related_party: Many[RelatedParty] = None


SERVICE: Final = Projection(
    ["id", "category", "relatedParty"],
    {
        "part_ids": ["supportingService"],
        "resource_ids": ["supportingService", "supportingResource"],
        "site_id": ["place"],
        "name": ["name"],
        "service_type": ["serviceType"],
        "state": ["state"],
        "raw_state": ["state"],
        "started_at": ["startDate"],
    },
)
SITE: Final = Projection(
    ["id", "relatedParty"], {"name": ["name"], "status": ["status"], "description": ["description"]}
)


def _resource(*status: str) -> Projection:
    return Projection(
        ["id", "relatedParty"],
        {
            "name": ["name"],
            "kind": ["category", "resourceSpecification"],
            "is_physical": ["@type"],
            "status": status,
            "raw_status": status,
            "serial_number": ["serialNumber"],
            "value": ["value"],
            "site_id": ["place"],
        },
    )


_STATES: Final = ("resourceStatus", "administrativeState", "operationalState")
RESOURCE: Final[Mapping[Version, Projection]] = {
    "v4": _resource(*_STATES),
    "v5": _resource(*_STATES, "alarmStatus", "availabilityStatus", "allocationStatus", "standbyStatus"),
}
