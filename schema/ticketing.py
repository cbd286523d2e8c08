"""Tickets."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from connectors.ticketing import port
from resolvers.crm import customer_of
from resolvers.documents import documents_of
from resolvers.inventory import ServiceById
from resolvers.ticketing import visible_assignee, visible_notes
from schema.fields import NOT_A_NODE, computed, edge, node_id
from schema.guards import Mask, Scopes, masked, requires
from schema.node import Node, RecordType
from schema.nullability import NULL_IS_AN_ERROR
from schema.scalars import Document

if TYPE_CHECKING:
    from schema.crm import Customer
    from schema.inventory import Service


@strawberry.type(description="A note on a ticket.")
class TicketNote:
    """Declares `resolvers.ticketing.OwnedNote`."""

    id: strawberry.ID = computed(
        lambda note: f"TicketNote:{note.key}", needs=(), description=f"Key of the note among all. {NOT_A_NODE}"
    )
    author: str | None = strawberry.field(
        description="Who wrote the note, as the ticketing system names the person or program. Null if unknown.",
        directives=[masked(Mask.NAME, Scopes.TICKET_TEXT)],
    )
    text: str | None = strawberry.field(
        description="Text of the note. Null if there is none.", directives=[masked(Mask.TEXT, Scopes.TICKET_TEXT)]
    )
    created_at: datetime | None = strawberry.field(description="When the note was written. Null if unknown.")
    internal: bool = strawberry.field(
        description="Whether the note is for agents and admins only. Subscribers never see such notes."
    )


@strawberry.type(description="A trouble ticket: a fault or question that somebody reported (TMF621).")
class Ticket(RecordType, Node):
    """Declares `connectors.ticketing.port.Ticket`."""

    id: strawberry.ID = node_id("Ticket")
    name: str | None = strawberry.field(
        description="What the ticket is about, in one line. Null if unknown.",
        directives=[masked(Mask.TEXT, Scopes.TICKET_TEXT)],
    )
    description: str | None = strawberry.field(
        description="What the ticket is about, in full. Null if unknown.",
        directives=[masked(Mask.TEXT, Scopes.TICKET_TEXT)],
    )
    kind: str | None = strawberry.field(
        description="Kind of ticket, in the ticketing system's own word. Null if unknown."
    )
    status: port.TicketStatus = strawberry.field(
        description="Status of the ticket. UNKNOWN if the gateway does not know the ticketing system's word."
    )
    raw_status: str | None = strawberry.field(
        description="Status of the ticket, in the ticketing system's own word. Null if it gives none."
    )
    is_open: bool = computed(
        lambda ticket: ticket.is_open,
        needs=["is_open"],
        description="Whether the ticket is open: neither resolved nor closed, cancelled or rejected.",
    )
    severity: port.TicketSeverity = strawberry.field(
        description="How severe the problem is for the customer. UNKNOWN if the gateway does not know the"
        " ticketing system's word."
    )
    raw_severity: str | None = strawberry.field(
        description="Severity, in the ticketing system's own word. Null if it gives none."
    )
    priority: str | None = strawberry.field(
        description="Priority with which the ticket is worked on, in the ticketing system's own word. Null if unknown."
    )
    created_at: datetime | None = strawberry.field(description="When the ticket was opened. Null if unknown.")
    updated_at: datetime | None = strawberry.field(description="When the ticket was last changed. Null if unknown.")
    resolved_at: datetime | None = strawberry.field(
        description="When the ticket was resolved. Null if it is not resolved or the time is unknown."
    )
    expected_resolution_at: datetime | None = strawberry.field(
        description="When the ticket is expected to be resolved. Null if unknown."
    )
    notes: list[TicketNote] = computed(
        visible_notes,
        needs=["notes"],
        description="Notes on the ticket. A subscriber sees only those that are meant for customers.",
    )
    assignee: str | None = computed(
        visible_assignee,
        needs=["assignee"],
        directives=[requires(Scopes.STAFF)],
        description="Who works on the ticket, as the ticketing system calls that person. Null for subscribers.",
    )
    attachments: list[Document] = computed(
        documents_of("Ticket"),
        needs=["attachments"],
        description="Files attached to the ticket. Empty if there are none.",
    )
    services: list[Annotated["Service", strawberry.lazy("schema.inventory")]] | None = edge(
        ServiceById,
        "service_ids",
        many=True,
        directives=[NULL_IS_AN_ERROR],
        description="Services that the ticket is about. Null with an error if the inventory did not answer.",
    )
    customer: Annotated["Customer", strawberry.lazy("schema.crm")] | None = computed(
        customer_of, needs=(), description="The customer whose ticket it is. Null if the ticket names no customer."
    )
