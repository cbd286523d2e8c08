"""Services, resources and sites."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from connectors.inventory import port
from resolvers.crm import ProductsByService, customer_of
from resolvers.inventory import ResourceById, ServicesByResource, SiteById
from resolvers.paging import connected
from resolvers.rows import items
from resolvers.ticketing import (
    OpenOutagesByAffected,
    TicketsByService,
    affecting,
    affecting_resource,
    are_open,
    chosen,
    merged,
)
from schema.arguments import PAGE, TICKET_ARGUMENTS, TICKET_FILTERS
from schema.fields import computed, edge, listed, node_id
from schema.node import Node, Recorded
from schema.scalars import Connection

if TYPE_CHECKING:
    from schema.crm import Customer, Product
    from schema.ticketing import Outage, Ticket


@strawberry.type(description="Something a customer uses: a broadband line, a mobile number, TV.")
class Service(Recorded, Node):
    """Declares `connectors.inventory.port.Service`."""

    id: strawberry.ID = node_id("Service")
    name: str | None = strawberry.field(description="Name of the service.")
    service_type: str | None = strawberry.field(description="Sort of service, such as broadband.")
    state: port.ServiceState = strawberry.field(description="Where the service is in its life.")
    raw_state: str | None = strawberry.field(description="The inventory's own word for the state.")
    started_at: datetime | None = strawberry.field(description="Since when it is in use.")
    customer: Annotated["Customer", strawberry.lazy("schema.crm")] | None = computed(
        customer_of, needs=(), description="Whose it is."
    )
    resources: list[Annotated["Resource", strawberry.lazy("schema.inventory")]] | None = edge(
        ResourceById,
        "resource_ids",
        many=True,
        description="The boxes, cards, numbers and cabinets that it stands on.",
    )
    outages: list[Annotated["Outage", strawberry.lazy("schema.ticketing")]] | None = edge(
        OpenOutagesByAffected,
        affecting,
        merged,
        needs=["part_ids", "resource_ids"],
        many=True,
        description="Outages open now that affect it or a resource under it.",
    )
    tickets: Connection[Annotated["Ticket", strawberry.lazy("schema.ticketing")]] | None = listed(
        TicketsByService,
        chosen,
        conditions=are_open,
        arguments=TICKET_ARGUMENTS,
        reads=TICKET_FILTERS,
        description="Tickets about it, newest first.",
    )
    products: list[Annotated["Product", strawberry.lazy("schema.crm")]] | None = edge(
        ProductsByService, step=items, description="What was bought that it realizes."
    )
    site: Annotated["Site", strawberry.lazy("schema.inventory")] | None = edge(
        SiteById, "site_id", description="Where it is installed."
    )


@strawberry.type(description="Something in the network that services stand on: a box, a card, a number, a cabinet.")
class Resource(Recorded, Node):
    """Declares `connectors.inventory.port.Resource`."""

    id: strawberry.ID = node_id("Resource")
    name: str | None = strawberry.field(description="Name of the resource.")
    kind: str | None = strawberry.field(description="What it is, in the inventory's words, such as ONT or SIM.")
    is_physical: bool | None = strawberry.field(description="Whether it can be touched; a phone number cannot.")
    status: port.ResourceStatus = strawberry.field(description="What it is doing.")
    raw_status: str | None = strawberry.field(description="The inventory's own word for the status.")
    serial_number: str | None = strawberry.field(description="Serial number, as printed on a box.")
    value: str | None = strawberry.field(description="What a logical resource stands for, such as a phone number.")
    site: Annotated["Site", strawberry.lazy("schema.inventory")] | None = edge(
        SiteById, "site_id", description="Where it stands."
    )
    services: Connection[Service] | None = edge(
        ServicesByResource,
        step=connected,
        arguments=PAGE,
        description="Services that stand on it; a subscriber sees only its own.",
    )
    outages: list[Annotated["Outage", strawberry.lazy("schema.ticketing")]] | None = edge(
        OpenOutagesByAffected,
        affecting_resource,
        merged,
        many=True,
        description="Outages open now that name it.",
    )


@strawberry.type(description="A place where network or customer equipment stands.")
class Site(Recorded, Node):
    """Declares `connectors.inventory.port.Site`."""

    id: strawberry.ID = node_id("Site")
    name: str | None = strawberry.field(description="Name of the place.")
    status: str | None = strawberry.field(description="The inventory's own word for its state.")
    description: str | None = strawberry.field(description="More about the place.")
