"""Tickets and outages."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from connectors.ticketing import port
from resolvers.crm import customer_of
from resolvers.documents import documents_of
from resolvers.inventory import ResourceById, ServiceById
from resolvers.paging import connected_all
from resolvers.ticketing import TicketById, notes_for
from schema.arguments import PAGE
from schema.fields import computed, edge, node_id
from schema.node import Node, Recorded
from schema.scalars import Connection, Document

if TYPE_CHECKING:
    from schema.crm import Customer
    from schema.inventory import Resource, Service


@strawberry.type(description="What somebody wrote on a ticket.")
class TicketNote:
    """Declares `connectors.ticketing.port.TicketNote`."""

    author: str | None = strawberry.field(description="Who wrote it.")
    text: str | None = strawberry.field(description="What was written.")
    created_at: datetime | None = strawberry.field(description="When it was written.")
    internal: bool = strawberry.field(description="Whether it is for staff only; subscribers never see such notes.")


@strawberry.type(description="A complaint or a request for help.")
class Ticket(Recorded, Node):
    """Declares `connectors.ticketing.port.Ticket`."""

    id: strawberry.ID = node_id("Ticket")
    name: str | None = strawberry.field(description="What it is about, in a line.")
    description: str | None = strawberry.field(description="What it is about, in full.")
    kind: str | None = strawberry.field(description="The ticketing system's own word for the sort of ticket.")
    status: port.TicketStatus = strawberry.field(description="How far it is.")
    raw_status: str | None = strawberry.field(description="The ticketing system's own word for the status.")
    is_open: bool = computed(lambda ticket: ticket.is_open, needs=["is_open"], description="Whether it is not ended.")
    severity: port.TicketSeverity = strawberry.field(description="How bad it is for the customer.")
    raw_severity: str | None = strawberry.field(description="The ticketing system's own word for the severity.")
    priority: str | None = strawberry.field(description="How soon it is worked on, in the ticketing system's words.")
    created_at: datetime | None = strawberry.field(description="When it was opened.")
    updated_at: datetime | None = strawberry.field(description="When something last changed.")
    resolved_at: datetime | None = strawberry.field(description="When it was solved.")
    expected_resolution_at: datetime | None = strawberry.field(description="When it is expected to be solved.")
    notes: list[TicketNote] = computed(
        notes_for, needs=["notes"], description="What was written; a subscriber sees only what is meant for customers."
    )
    attachments: list[Document] = computed(
        documents_of("Ticket"), needs=["attachments"], description="Files that belong to it."
    )
    services: list[Annotated["Service", strawberry.lazy("schema.inventory")]] | None = edge(
        ServiceById,
        "service_ids",
        many=True,
        description="The services that it is about.",
    )
    customer: Annotated["Customer", strawberry.lazy("schema.crm")] | None = computed(
        customer_of, needs=(), description="Whose ticket it is."
    )


@strawberry.type(description="Something broken in the network that many may notice.")
class Outage(Recorded, Node):
    """Declares `connectors.ticketing.port.Outage`."""

    id: strawberry.ID = node_id("Outage")
    name: str | None = strawberry.field(description="What is broken, in a line.")
    description: str | None = strawberry.field(description="What is broken, in full.")
    state: port.OutageState = strawberry.field(description="How far it is.")
    raw_state: str | None = strawberry.field(description="The ticketing system's own word for the state.")
    is_open: bool = computed(lambda outage: outage.is_open, needs=["is_open"], description="Whether it is not ended.")
    severity: int | None = strawberry.field(description="From 1, the worst, to 10.")
    started_at: datetime | None = strawberry.field(description="Since when.")
    resolved_at: datetime | None = strawberry.field(description="When it was repaired.")
    affected_services: Connection[Annotated["Service", strawberry.lazy("schema.inventory")]] | None = edge(
        ServiceById,
        "service_ids",
        connected_all,
        many=True,
        arguments=PAGE,
        description="Services that it affects; a subscriber sees only its own, and only those are counted.",
    )
    affected_resources: Connection[Annotated["Resource", strawberry.lazy("schema.inventory")]] | None = edge(
        ResourceById,
        "resource_ids",
        connected_all,
        many=True,
        arguments=PAGE,
        description="Resources that it affects; a subscriber sees only those under its own services.",
    )
    tickets: Connection[Ticket] | None = edge(
        TicketById,
        "ticket_ids",
        connected_all,
        many=True,
        arguments=PAGE,
        description="Tickets that were opened because of it; a subscriber sees only its own.",
    )
