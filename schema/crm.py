"""Customers and what they bought."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import strawberry

from connectors.crm import port
from resolvers.billing import (
    BillingAccountById,
    BillingAccountsByCustomer,
    BillsByCustomer,
    filter_bills,
)
from resolvers.crm import CustomerById, CustomerRef, PartyByCustomer, ProductsByCustomer, customer_of, filter_products
from resolvers.inventory import ServiceById, ServicesByCustomer, filter_services
from resolvers.paging import page_of_records
from resolvers.rows import all_rows
from resolvers.ticketing import TicketsByCustomer, filter_tickets, open_condition
from resolvers.usage import UsageByCustomer
from schema.arguments import (
    BILL_ARGUMENTS,
    BILL_FILTERS,
    PAGE,
    PRODUCT_FILTERS,
    SERVICE_FILTERS,
    TICKET_ARGUMENTS,
    TICKET_FILTERS,
)
from schema.edges import IsOfOtherClass
from schema.fields import computed, connection, edge, node_id
from schema.guards import Mask, Scopes, masked, requires
from schema.node import Node, RecordType
from schema.nullability import NULL_IS_AN_ERROR
from schema.scalars import Connection, Money

if TYPE_CHECKING:
    from schema.billing import Bill, BillingAccount
    from schema.inventory import Service
    from schema.ticketing import Ticket
    from schema.usage import UsageAllowance


_IS_RECORD: Final = IsOfOtherClass(CustomerRef)
"""One question for all attributes: a plan asks it once per customer."""

_IN_CRM: Final = (
    "Null with an error if the CRM did not answer; the customer's bills, services and tickets are still there."
)


def _from_crm(attribute: str, description: str, *guards: Any) -> Any:
    """An attribute of the CRM's record, loaded where only the customer's number is known so far."""
    return edge(
        CustomerById,
        step=attribute,
        needs=[attribute],
        known=_IS_RECORD,
        description=f"{description} {_IN_CRM}",
        directives=guards,
    )


@strawberry.type(description="A person or company that buys from the operator (TMF629).")
class Customer(RecordType, Node):
    """Declares `connectors.crm.port.Customer`, or only its number."""

    id: strawberry.ID = node_id("Customer")
    name: str | None = _from_crm("name", "Full name of the person or company.", masked(Mask.NAME, Scopes.NAME))
    given_name: str | None = edge(
        PartyByCustomer,
        step="given_name",
        needs=["party_id", "party_kind"],
        description="Given name of the customer. Null for a company, and null with an error if the CRM did not answer.",
        directives=[masked(Mask.NAME, Scopes.NAME)],
    )
    family_name: str | None = edge(
        PartyByCustomer,
        step="family_name",
        needs=["party_id", "party_kind"],
        description="Family name of the customer. Null for a company, and null with an error if the CRM did"
        " not answer.",
        directives=[masked(Mask.NAME, Scopes.NAME)],
    )
    status: port.CustomerStatus | None = _from_crm(
        "status", "Status of the customer. UNKNOWN if the gateway does not know the CRM's word."
    )
    raw_status: str | None = _from_crm("raw_status", "Status of the customer, in the CRM's own word.")
    email: str | None = _from_crm(
        "email", "Preferred e-mail address. Null if the CRM has none.", masked(Mask.EMAIL, Scopes.CONTACT)
    )
    phone: str | None = _from_crm(
        "phone",
        "Preferred phone number, as the CRM keeps it. Null if the CRM has none.",
        masked(Mask.PHONE, Scopes.CONTACT),
    )
    accounts: list[Annotated["BillingAccount", strawberry.lazy("schema.billing")]] | None = edge(
        BillingAccountsByCustomer,
        step=all_rows,
        description="Billing accounts of the customer, in the order of their ids. Null if the billing system"
        " cannot identify the customer, and null with an error if it did not answer.",
    )
    bills: Connection[Annotated["Bill", strawberry.lazy("schema.billing")]] | None = connection(
        BillsByCustomer,
        filter_bills,
        arguments=BILL_ARGUMENTS,
        reads=BILL_FILTERS,
        description="Bills that name the customer, from all accounts, newest first unless the arguments order them."
        " Null if the billing system cannot identify the customer, and null with an error if it"
        " did not answer.",
    )
    usage: list[Annotated["UsageAllowance", strawberry.lazy("schema.usage")]] | None = edge(
        UsageByCustomer,
        step=all_rows,
        directives=[requires(Scopes.USAGE)],
        description="All usage allowances of the customer, with what is used and what is left. Null if the"
        " system that counts usage cannot identify the customer, and null with an error if it did not"
        " answer.",
    )
    products: Connection[Annotated["Product", strawberry.lazy("schema.crm")]] | None = connection(
        ProductsByCustomer,
        filter_products,
        arguments={"status": "Only products with one of these statuses; all products if it is not given."},
        reads=PRODUCT_FILTERS,
        directives=[NULL_IS_AN_ERROR],
        description="Products that the customer bought, in the order of their ids. Null with an error if the"
        " CRM did not answer.",
    )
    services: Connection[Annotated["Service", strawberry.lazy("schema.inventory")]] | None = connection(
        ServicesByCustomer,
        filter_services,
        arguments={"state": "Only services in one of these states; all services if it is not given."},
        reads=SERVICE_FILTERS,
        description="Services that the customer uses, in the order of their ids. Null if the inventory cannot"
        " identify the customer, and null with an error if it did not answer.",
    )
    tickets: Connection[Annotated["Ticket", strawberry.lazy("schema.ticketing")]] | None = connection(
        TicketsByCustomer,
        filter_tickets,
        conditions=open_condition,
        arguments=TICKET_ARGUMENTS,
        reads=TICKET_FILTERS,
        description="Tickets of the customer, newest first unless the arguments order them. Null if the"
        " ticketing system cannot identify the customer, and null with an error if it did not"
        " answer.",
    )


@strawberry.type(description="A product that a customer bought, with its price and contract (TMF637).")
class Product(RecordType, Node):
    """Declares `connectors.crm.port.Product`."""

    id: strawberry.ID = node_id("Product")
    name: str | None = strawberry.field(
        description="Name of the product in the catalogue. Null if unknown.",
        directives=[masked(Mask.NUMBERS, Scopes.IDENTIFIERS)],
    )
    status: port.ProductStatus = strawberry.field(
        description="Status of the product. UNKNOWN if the gateway does not know the CRM's word."
    )
    raw_status: str | None = strawberry.field(
        description="Status of the product, in the CRM's own word. Null if it gives none."
    )
    price: Money | None = strawberry.field(
        description="Recurring price, taxes included, for each `pricePeriod`. Null if there is none or it is unknown."
    )
    price_period: str | None = strawberry.field(
        description="Period of the recurring price, such as month, in the CRM's own word. Null if there is"
        " none or it is unknown."
    )
    started_at: datetime | None = strawberry.field(description="When the product was started. Null if unknown.")
    contract_ends_at: datetime | None = strawberry.field(
        description="End of the contract's minimum term. Null if there is none or it is unknown."
    )
    customer: Annotated["Customer", strawberry.lazy("schema.crm")] | None = computed(
        customer_of, needs=(), description="The customer who bought the product. Null if the product names no customer."
    )
    account: Annotated["BillingAccount", strawberry.lazy("schema.billing")] | None = edge(
        BillingAccountById,
        "account_id",
        description="The account that the product is billed to. Null if the product names none. Null with an"
        " error if the billing system did not answer.",
    )
    services: Connection[Annotated["Service", strawberry.lazy("schema.inventory")]] | None = edge(
        ServiceById,
        "service_ids",
        page_of_records,
        many=True,
        arguments=PAGE,
        directives=[NULL_IS_AN_ERROR],
        description="Services that realize the product. Null with an error if the inventory did not answer.",
    )
