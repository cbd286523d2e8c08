"""Outages."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from connectors.assurance import port
from resolvers.inventory import ResourceById, ServiceById
from resolvers.paging import page_of_records
from resolvers.ticketing import TicketById
from schema.arguments import PAGE
from schema.fields import computed, edge, node_id
from schema.node import Node, RecordType
from schema.nullability import NULL_IS_AN_ERROR
from schema.scalars import Connection

if TYPE_CHECKING:
    from schema.inventory import Resource, Service
    from schema.ticketing import Ticket


@strawberry.type(description="A fault in the network that may affect many customers (TMF656 ServiceProblem).")
class Outage(RecordType, Node):
    """Declares `connectors.assurance.port.Outage`."""

    id: strawberry.ID = node_id("Outage")
    name: str | None = strawberry.field(description="What is broken, in one line. Null if unknown.")
    description: str | None = strawberry.field(description="What is broken, in full. Null if unknown.")
    state: port.OutageState = strawberry.field(
        description="State of the outage. UNKNOWN if the gateway does not know the system's word."
    )
    raw_state: str | None = strawberry.field(
        description="State of the outage, in the system's own word. Null if it gives none."
    )
    is_open: bool = computed(
        lambda outage: outage.is_open,
        needs=["is_open"],
        description="Whether the outage is open: neither resolved nor closed, cancelled or rejected.",
    )
    severity: int | None = strawberry.field(
        description="Severity from 1 (most severe) to 10 (least severe). Null if unknown."
    )
    started_at: datetime | None = strawberry.field(description="When the outage began. Null if unknown.")
    resolved_at: datetime | None = strawberry.field(
        description="When the outage was resolved. Null if it is not resolved or the time is unknown."
    )
    affected_services: Connection[Annotated["Service", strawberry.lazy("schema.inventory")]] | None = edge(
        ServiceById,
        "service_ids",
        page_of_records,
        many=True,
        arguments=PAGE,
        directives=[NULL_IS_AN_ERROR],
        description="Services that the outage affects. A subscriber sees and counts only the subscriber's"
        " own. Null with an error if the inventory did not answer.",
    )
    affected_resources: Connection[Annotated["Resource", strawberry.lazy("schema.inventory")]] | None = edge(
        ResourceById,
        "resource_ids",
        page_of_records,
        many=True,
        arguments=PAGE,
        directives=[NULL_IS_AN_ERROR],
        description="Resources that the outage affects. A subscriber sees only those that the subscriber's"
        " own services use. Null with an error if the inventory did not answer.",
    )
    tickets: Connection[Annotated["Ticket", strawberry.lazy("schema.ticketing")]] | None = edge(
        TicketById,
        "ticket_ids",
        page_of_records,
        many=True,
        arguments=PAGE,
        directives=[NULL_IS_AN_ERROR],
        description="Tickets opened because of the outage. A subscriber sees only the subscriber's own. Null"
        " with an error if the ticketing system did not answer.",
    )
