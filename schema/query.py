"""The root of queries."""

from collections.abc import Sequence
from typing import Any, Final

import strawberry

from resolvers import systems
from resolvers.assurance import OutagesByState, outage_list
from resolvers.crm import own_customer
from resolvers.customer_search import CustomersBySearch, customer_search
from resolvers.errors import BadInput
from resolvers.inventory import ResourcesBySearch, resource_search
from resolvers.nodes import NODES, NodeById, local_id
from resolvers.paging import MAX_PAGE, forward_page
from schema import gateway
from schema.arguments import FORWARD, OPEN, SPAN
from schema.assurance import Outage
from schema.billing import Bill, BillingAccount, Payment
from schema.caching import shared
from schema.crm import Customer, Product
from schema.fields import Info, computed, edge
from schema.inventory import Resource, Service, Site
from schema.node import Node
from schema.nullability import NULL_IS_AN_ERROR
from schema.scalars import Connection
from schema.ticketing import Ticket

_OUTAGES: Final = 10
"""Seconds for which what is known of outages may be kept: who is told of a change asks again with `no-cache`."""


def _by_id(type_name: str, description: str, **options: Any) -> Any:
    def key(_root: Any, id: strawberry.ID) -> str:  # noqa: A002  # the argument's name in the contract
        return local_id(type_name, id)

    return edge(
        NODES[type_name].loader,
        key,
        arguments={"id": f"Global id, or the system's own id: {type_name}:1001 or 1001."},
        description=f"{description} Null if it does not exist or is not yours.",
        **options,
    )


def _node_id(_root: Any, id: strawberry.ID) -> str:  # noqa: A002  # Relay's name
    return id


def _node_ids(_root: Any, ids: list[strawberry.ID]) -> Sequence[str]:
    if len(ids) > MAX_PAGE:
        raise BadInput(f"ids has {len(ids)} entries; the limit is {MAX_PAGE}. Split them into several requests.")
    return ids


# Health is read directly: systems are no records that a loader could load.
async def _systems(info: Info) -> list[systems.SystemReport]:
    return await systems.system_reports(info.context)


@strawberry.type(description="The fields at which a query can start.")
class Query:
    """The root of queries."""

    viewer: gateway.Viewer = computed(lambda _root, viewer: viewer, needs=(), description="The caller.")
    me: Customer | None = computed(
        lambda _root, viewer: own_customer(viewer),
        needs=(),
        description="The signed-in subscriber's own customer, the first if the token names several. Null for"
        " agents and admins.",
    )
    customer: Customer | None = _by_id("Customer", "The customer with this id.")
    customers: Connection[Customer] | None = edge(
        CustomersBySearch,
        customer_search,
        forward_page,
        arguments={
            "search": "Part of a name, or a whole customer number, e-mail address, phone number, account number,"
            " bill number or ticket number. Without it, all customers.",
            "sort": "Order of the list of all customers; by number if it is not given. The customers that `search`"
            " finds are always in the order of their numbers.",
            **FORWARD,
        },
        directives=[NULL_IS_AN_ERROR],
        description="All customers, or those that `search` finds. For agents and admins; others get the error"
        " FORBIDDEN.",
    )
    account: BillingAccount | None = _by_id("BillingAccount", "The billing account with this id.")
    bill: Bill | None = _by_id("Bill", "The bill with this id.")
    payment: Payment | None = _by_id("Payment", "The payment with this id.")
    product: Product | None = _by_id("Product", "The product with this id.")
    service: Service | None = _by_id("Service", "The service with this id.")
    resource: Resource | None = _by_id("Resource", "The resource with this id.")
    resources: Connection[Resource] | None = edge(
        ResourcesBySearch,
        resource_search,
        forward_page,
        arguments={
            "search": "Part of a name, or a whole serial number, in upper or lower case. Without it, all resources.",
            **FORWARD,
        },
        directives=[NULL_IS_AN_ERROR],
        description="All resources, or those that `search` finds, in the order of their ids. For agents and"
        " admins; others get the error FORBIDDEN.",
    )
    site: Site | None = _by_id("Site", "The site with this id.")
    ticket: Ticket | None = _by_id("Ticket", "The ticket with this id.")
    outage: Outage | None = _by_id("Outage", "The outage with this id.", directives=[shared(_OUTAGES)])
    outages: Connection[Outage] | None = edge(
        OutagesByState,
        outage_list,
        forward_page,
        arguments={**OPEN, **SPAN, **FORWARD},
        description="Outages, newest first. Null with an error if the system that knows them did not answer.",
        directives=[NULL_IS_AN_ERROR, shared(_OUTAGES)],
    )

    node: Node | None = edge(
        NodeById,
        _node_id,
        arguments={"id": "Global id, such as Customer:1001."},
        description="Any object by its global id. Null if it does not exist or is not yours.",
    )
    nodes: list[Node | None] | None = edge(
        NodeById,
        _node_ids,
        per_key=True,
        arguments={"ids": f"Global ids, such as Customer:1001; at most {MAX_PAGE}."},
        directives=[NULL_IS_AN_ERROR],
        description="Several objects by their global ids, in the same order. An entry is null if the object"
        " does not exist or is not yours.",
    )
    systems: list[gateway.System] | None = strawberry.field(  # type: ignore[assignment]  # records pass through
        resolver=_systems,
        directives=[NULL_IS_AN_ERROR],
        description="The systems behind the gateway, and whether they answer. For agents and admins; others"
        " get the error FORBIDDEN.",
    )
