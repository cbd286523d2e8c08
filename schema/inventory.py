"""Services, resources and sites."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from connectors.inventory import port
from resolvers.assurance import OpenOutagesByAffected, merge_outages, resource_outage_keys, service_outage_keys
from resolvers.crm import ProductsByService, customer_of
from resolvers.inventory import ResourceById, ServicesByResource, SiteById
from resolvers.paging import page_of_rows
from resolvers.rows import all_rows
from resolvers.ticketing import TicketsByService, filter_tickets, open_condition
from schema.arguments import PAGE, TICKET_ARGUMENTS, TICKET_FILTERS
from schema.fields import computed, connection, edge, node_id
from schema.guards import Mask, Scopes, masked
from schema.node import Node, RecordType
from schema.nullability import NULL_IS_AN_ERROR
from schema.scalars import Connection

if TYPE_CHECKING:
    from schema.assurance import Outage
    from schema.crm import Customer, Product
    from schema.ticketing import Ticket


@strawberry.type(
    description="A service that a customer uses, such as a broadband line, a mobile number or TV (TMF638)."
)
class Service(RecordType, Node):
    """Declares `connectors.inventory.port.Service`."""

    id: strawberry.ID = node_id("Service")
    name: str | None = strawberry.field(
        description="Name of the service. Null if unknown.", directives=[masked(Mask.NUMBERS, Scopes.IDENTIFIERS)]
    )
    service_type: str | None = strawberry.field(
        description="Type of service, such as broadband, in the inventory's own word. Null if unknown."
    )
    state: port.ServiceState = strawberry.field(
        description="State of the service. UNKNOWN if the gateway does not know the inventory's word."
    )
    raw_state: str | None = strawberry.field(
        description="State of the service, in the inventory's own word. Null if it gives none."
    )
    started_at: datetime | None = strawberry.field(description="When the service was started. Null if unknown.")
    customer: Annotated["Customer", strawberry.lazy("schema.crm")] | None = computed(
        customer_of, needs=(), description="The customer who uses the service. Null if the service names no customer."
    )
    resources: list[Annotated["Resource", strawberry.lazy("schema.inventory")]] | None = edge(
        ResourceById,
        "resource_ids",
        many=True,
        directives=[NULL_IS_AN_ERROR],
        description="Resources that the service uses, such as devices, SIM cards, phone numbers and cabinets."
        " Null with an error if the inventory did not answer.",
    )
    outages: list[Annotated["Outage", strawberry.lazy("schema.assurance")]] | None = edge(
        OpenOutagesByAffected,
        service_outage_keys,
        merge_outages,
        needs=["part_ids", "resource_ids"],
        many=True,
        directives=[NULL_IS_AN_ERROR],
        description="Open outages that affect the service or a resource that it uses. Null with an error if"
        " the system that knows outages did not answer.",
    )
    tickets: Connection[Annotated["Ticket", strawberry.lazy("schema.ticketing")]] | None = connection(
        TicketsByService,
        filter_tickets,
        conditions=open_condition,
        arguments=TICKET_ARGUMENTS,
        reads=TICKET_FILTERS,
        directives=[NULL_IS_AN_ERROR],
        description="Tickets about the service, newest first unless the arguments order them. Null with an"
        " error if the ticketing system did not answer.",
    )
    products: list[Annotated["Product", strawberry.lazy("schema.crm")]] | None = edge(
        ProductsByService,
        step=all_rows,
        directives=[NULL_IS_AN_ERROR],
        description="Products that the service realizes. Null with an error if the CRM did not answer.",
    )
    site: Annotated["Site", strawberry.lazy("schema.inventory")] | None = edge(
        SiteById,
        "site_id",
        description="Site where the service is installed. Null if the service names none. Null with an error"
        " if the inventory did not answer.",
    )


@strawberry.type(
    description="A resource of the network that services use, such as a device, a SIM card, a phone"
    " number or a cabinet (TMF639)."
)
class Resource(RecordType, Node):
    """Declares `connectors.inventory.port.Resource`."""

    id: strawberry.ID = node_id("Resource")
    name: str | None = strawberry.field(
        description="Name of the resource. Null if unknown.", directives=[masked(Mask.NUMBERS, Scopes.IDENTIFIERS)]
    )
    kind: str | None = strawberry.field(
        description="Kind of resource, such as ONT or SIM, in the inventory's own word. Null if unknown."
    )
    is_physical: bool | None = strawberry.field(
        description="True for a physical resource, such as a device; false for a logical one, such as a phone"
        " number. Null if unknown."
    )
    status: port.ResourceStatus = strawberry.field(
        description="Status of the resource. UNKNOWN if the inventory or the gateway does not know it."
    )
    raw_status: str | None = strawberry.field(
        description="Status of the resource, in the inventory's own word. Null if it gives none."
    )
    serial_number: str | None = strawberry.field(
        directives=[masked(Mask.PHONE, Scopes.IDENTIFIERS)],
        description="Serial number of a physical resource, as printed on the device. Null if there is none or"
        " it is unknown.",
    )
    value: str | None = strawberry.field(
        description="Value of a logical resource, such as the phone number itself. Null if there is none.",
        directives=[masked(Mask.PHONE, Scopes.IDENTIFIERS)],
    )
    site: Annotated["Site", strawberry.lazy("schema.inventory")] | None = edge(
        SiteById,
        "site_id",
        description="Site where the resource is installed. Null if the resource names none. Null with an"
        " error if the inventory did not answer.",
    )
    services: Connection[Service] | None = edge(
        ServicesByResource,
        step=page_of_rows,
        arguments=PAGE,
        directives=[NULL_IS_AN_ERROR],
        description="Services that use the resource. A subscriber sees only the subscriber's own. Null with"
        " an error if the inventory did not answer.",
    )
    outages: list[Annotated["Outage", strawberry.lazy("schema.assurance")]] | None = edge(
        OpenOutagesByAffected,
        resource_outage_keys,
        merge_outages,
        many=True,
        directives=[NULL_IS_AN_ERROR],
        description="Open outages that affect the resource. Null with an error if the system that knows outages did not"
        " answer.",
    )


@strawberry.type(description="A place where equipment of the network or of a customer is installed (TMF674).")
class Site(RecordType, Node):
    """Declares `connectors.inventory.port.Site`."""

    id: strawberry.ID = node_id("Site")
    name: str | None = strawberry.field(
        description="Name of the site. Null if unknown.", directives=[masked(Mask.NAME, Scopes.NAME)]
    )
    status: str | None = strawberry.field(
        description="Status of the site, in the inventory's own word. Null if unknown."
    )
    description: str | None = strawberry.field(
        description="Description of the site, in words. Null if there is none.",
        directives=[masked(Mask.TEXT, Scopes.NAME)],
    )
