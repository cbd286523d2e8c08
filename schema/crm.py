"""Customers and what they bought."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import strawberry

from connectors.crm import port
from resolvers.billing import (
    BillingAccountById,
    BillingAccountsByCustomer,
    BillsByCustomer,
    UsageByCustomer,
)
from resolvers.billing import chosen as chosen_bills
from resolvers.crm import CustomerById, CustomerRef, PartyByCustomer, ProductsByCustomer, customer_of, with_status
from resolvers.inventory import ServiceById, ServicesByCustomer, in_state
from resolvers.paging import connected_all
from resolvers.rows import items
from resolvers.ticketing import TicketsByCustomer, are_open
from resolvers.ticketing import chosen as chosen_tickets
from schema.arguments import (
    BILL_ARGUMENTS,
    BILL_FILTERS,
    PAGE,
    PRODUCT_FILTERS,
    SERVICE_FILTERS,
    TICKET_ARGUMENTS,
    TICKET_FILTERS,
)
from schema.edges import IsNot
from schema.fields import computed, edge, listed, node_id
from schema.node import Node, Recorded
from schema.scalars import Connection, Money

if TYPE_CHECKING:
    from schema.billing import Bill, BillingAccount, UsageAllowance
    from schema.inventory import Service
    from schema.ticketing import Ticket


_IS_RECORD: Final = IsNot(CustomerRef)
"""One question for all attributes: a plan asks it once per customer."""

_IN_CRM: Final = "Null with an error when the CRM does not answer; what else a customer has is not touched by that."


def _from_crm(attribute: str, description: str) -> Any:
    """An attribute of the CRM's record, loaded where only the customer's number is known so far."""
    return edge(
        CustomerById,
        step=attribute,
        needs=[attribute],
        known=_IS_RECORD,
        description=f"{description} {_IN_CRM}",
    )


@strawberry.type(description="A person or company that buys from us.")
class Customer(Recorded, Node):
    """Declares `connectors.crm.port.Customer`, or only its number."""

    id: strawberry.ID = node_id("Customer")
    name: str | None = _from_crm("name", "Name in full.")
    given_name: str | None = edge(
        PartyByCustomer,
        step="given_name",
        needs=["party_id", "party_kind"],
        description="Given name of the person behind the customer; null for a company.",
    )
    family_name: str | None = edge(
        PartyByCustomer,
        step="family_name",
        needs=["party_id", "party_kind"],
        description="Family name of the person behind the customer; null for a company.",
    )
    status: port.CustomerStatus | None = _from_crm("status", "Standing.")
    raw_status: str | None = _from_crm("raw_status", "The CRM's own word for the standing.")
    email: str | None = _from_crm("email", "Preferred e-mail address.")
    phone: str | None = _from_crm("phone", "Preferred phone number.")
    accounts: list[Annotated["BillingAccount", strawberry.lazy("schema.billing")]] | None = edge(
        BillingAccountsByCustomer, step=items, description="Billing accounts, by id."
    )
    bills: Connection[Annotated["Bill", strawberry.lazy("schema.billing")]] | None = listed(
        BillsByCustomer,
        chosen_bills,
        arguments=BILL_ARGUMENTS,
        reads=BILL_FILTERS,
        description="Bills that name the customer, over all accounts, newest first.",
    )
    usage: list[Annotated["UsageAllowance", strawberry.lazy("schema.billing")]] | None = edge(
        UsageByCustomer, step=items, description="What is used and left of every allowance."
    )
    products: Connection[Annotated["Product", strawberry.lazy("schema.crm")]] | None = listed(
        ProductsByCustomer,
        with_status,
        arguments={"status": "Only products with one of these statuses."},
        reads=PRODUCT_FILTERS,
        description="What the customer bought, by id.",
    )
    services: Connection[Annotated["Service", strawberry.lazy("schema.inventory")]] | None = listed(
        ServicesByCustomer,
        in_state,
        arguments={"state": "Only services in one of these states."},
        reads=SERVICE_FILTERS,
        description="What the customer uses, by id.",
    )
    tickets: Connection[Annotated["Ticket", strawberry.lazy("schema.ticketing")]] | None = listed(
        TicketsByCustomer,
        chosen_tickets,
        conditions=are_open,
        arguments=TICKET_ARGUMENTS,
        reads=TICKET_FILTERS,
        description="Tickets, newest first.",
    )


@strawberry.type(description="Something a customer bought, with its price and contract.")
class Product(Recorded, Node):
    """Declares `connectors.crm.port.Product`."""

    id: strawberry.ID = node_id("Product")
    name: str | None = strawberry.field(description="Name in the catalogue.")
    status: port.ProductStatus = strawberry.field(description="Where the product is in its life.")
    raw_status: str | None = strawberry.field(description="The CRM's own word for the status.")
    price: Money | None = strawberry.field(description="What recurs, taxes included.")
    price_period: str | None = strawberry.field(description="How often the price recurs, such as month.")
    started_at: datetime | None = strawberry.field(description="When it began.")
    contract_ends_at: datetime | None = strawberry.field(description="Until when the contract binds.")
    customer: Annotated["Customer", strawberry.lazy("schema.crm")] | None = computed(
        customer_of, needs=(), description="Whose it is."
    )
    account: Annotated["BillingAccount", strawberry.lazy("schema.billing")] | None = edge(
        BillingAccountById, "account_id", description="The account it is billed to."
    )
    services: Connection[Annotated["Service", strawberry.lazy("schema.inventory")]] | None = edge(
        ServiceById,
        "service_ids",
        connected_all,
        many=True,
        arguments=PAGE,
        description="The services that realize it.",
    )
