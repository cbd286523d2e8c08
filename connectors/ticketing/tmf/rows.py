"""Rows of ticketing systems that speak TM Forum v4 or v5, and which of their attributes a record's are made of."""

from typing import Final

import msgspec

from connectors.reading.rows import Identified
from connectors.tmf.mapping import Projection
from connectors.tmf.shapes import Attachment, Many, Ref, RelatedEntity, RelatedParty


class NoteRow(msgspec.Struct, gc=False):
    """A note on a ticket."""

    author: str | None = None
    text: str | None = None
    date: str | None = None
    type: str | None = msgspec.field(name="@type", default=None)


class TicketRow(Identified, rename="camel"):
    """TMF621 TroubleTicket."""

    name: str | None = None
    description: str | None = None
    ticket_type: str | None = None
    status: str | None = None
    severity: str | None = None
    priority: str | int | None = None
    creation_date: str | None = None
    last_update: str | None = None
    resolution_date: str | None = None
    expected_resolution_date: str | None = None
    note: Many[NoteRow] = None
    attachment: Many[Attachment] = None
    related_entity: Many[RelatedEntity] = None
    related_party: Many[RelatedParty] = None


class ProblemRow(Identified, rename="camel"):
    """TMF656 ServiceProblem."""

    name: str | None = None
    description: str | None = None
    status: str | None = None
    priority: int | str | None = None
    creation_date: str | None = None
    resolution_date: str | None = None
    affected_service: Many[Ref] = None
    affected_resource: Many[Ref] = None
    trouble_ticket: Many[Ref] = None


TICKET: Final = Projection(
    ["id", "relatedParty"],
    {
        "name": ["name"],
        "description": ["description"],
        "kind": ["ticketType"],
        "status": ["status"],
        "raw_status": ["status"],
        "is_open": ["status"],
        "severity": ["severity"],
        "raw_severity": ["severity"],
        "priority": ["priority"],
        "created_at": ["creationDate"],
        "updated_at": ["lastUpdate"],
        "resolved_at": ["resolutionDate"],
        "expected_resolution_at": ["expectedResolutionDate"],
        "notes": ["note"],
        "attachments": ["attachment"],
        "service_ids": ["relatedEntity"],
    },
)
PROBLEM: Final = Projection(
    ["id"],
    {
        "name": ["name"],
        "description": ["description"],
        "state": ["status"],
        "raw_state": ["status"],
        "is_open": ["status"],
        "severity": ["priority"],
        "started_at": ["creationDate"],
        "resolved_at": ["resolutionDate"],
        "service_ids": ["affectedService"],
        "resource_ids": ["affectedResource"],
        "ticket_ids": ["troubleTicket"],
    },
)
