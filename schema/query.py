"""The ways into the graph."""

from collections.abc import Sequence
from typing import Any

import strawberry

from resolvers import systems
from resolvers.crm import own_customer
from resolvers.customer_search import CustomersBySearch, customer_search
from resolvers.errors import BadInput
from resolvers.inventory import ResourcesBySearch, resource_search
from resolvers.nodes import NODES, NodeById, local_id
from resolvers.paging import MAX_PAGE, connected_forward
from resolvers.ticketing import OutagesByState, outage_list
from schema import gateway
from schema.arguments import FORWARD, OPEN, SPAN
from schema.billing import Bill, BillingAccount, Payment
from schema.crm import Customer, Product
from schema.fields import Info, computed, edge
from schema.inventory import Resource, Service, Site
from schema.node import Node
from schema.scalars import Connection
from schema.ticketing import Outage, Ticket


def _by_id(type_name: str, description: str) -> Any:
    def key(_root: Any, id: strawberry.ID) -> str:  # noqa: A002  # the argument's name in the contract
        return local_id(type_name, id)

    return edge(
        NODES[type_name].loader,
        key,
        arguments={"id": f"With or without the type: {type_name}:x or x."},
        description=f"{description} Null when there is none, or it is not yours.",
    )


def _node_id(_root: Any, id: strawberry.ID) -> str:  # noqa: A002  # Relay's name
    return id


def _node_ids(_root: Any, ids: list[strawberry.ID]) -> Sequence[str]:
    if len(ids) > MAX_PAGE:
        raise BadInput(f"ids has {len(ids)} entries: at most {MAX_PAGE}.")
    return ids


# Systems are asked for their health directly, not for records through a loader.
async def _systems(info: Info) -> list[systems.SystemReport]:
    return await systems.reports(info.context)


@strawberry.type(description="The ways into the graph.")
class Query:
    """Root of all questions."""

    viewer: gateway.Viewer = computed(lambda _root, viewer: viewer, needs=(), description="Who is asking.")
    me: Customer | None = computed(
        lambda _root, viewer: own_customer(viewer),
        needs=(),
        description="The signed-in subscriber's customer; null for staff.",
    )
    customer: Customer | None = _by_id("Customer", "A customer.")
    customers: Connection[Customer] | None = edge(
        CustomersBySearch,
        customer_search,
        connected_forward,
        arguments={
            "search": "Part of a name, or a whole customer number, e-mail address, phone number, account, bill or"
            " ticket number.",
            "sort": "The order of all customers; what a search finds comes by number.",
            **FORWARD,
        },
        description="Customers, by id. For agents and admins.",
    )
    account: BillingAccount | None = _by_id("BillingAccount", "A billing account.")
    bill: Bill | None = _by_id("Bill", "A bill.")
    payment: Payment | None = _by_id("Payment", "A payment.")
    product: Product | None = _by_id("Product", "Something a customer bought.")
    service: Service | None = _by_id("Service", "A service.")
    resource: Resource | None = _by_id("Resource", "A resource of the network.")
    resources: Connection[Resource] | None = edge(
        ResourcesBySearch,
        resource_search,
        connected_forward,
        arguments={"search": "Part of a name, or a whole serial number, in any case.", **FORWARD},
        description="Resources, by id. For agents and admins.",
    )
    site: Site | None = _by_id("Site", "A place.")
    ticket: Ticket | None = _by_id("Ticket", "A ticket.")
    outage: Outage | None = _by_id("Outage", "An outage.")
    outages: Connection[Outage] | None = edge(
        OutagesByState,
        outage_list,
        connected_forward,
        arguments={**OPEN, **SPAN, **FORWARD},
        description="Outages, newest first.",
    )

    node: Node | None = edge(
        NodeById,
        _node_id,
        arguments={"id": "A global id."},
        description="Anything by its global id. Null when there is none, or it is not yours.",
    )
    nodes: list[Node | None] | None = edge(
        NodeById,
        _node_ids,
        per_key=True,
        arguments={"ids": "Global ids."},
        description="Several things by their global ids, in the same order; null for what is not there.",
    )
    systems: list[gateway.System] | None = strawberry.field(  # type: ignore[assignment]  # records pass through
        resolver=_systems,
        description="The systems behind the gateway, and whether they answer. For agents and admins.",
    )
