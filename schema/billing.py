"""Accounts, bills and payments."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from connectors.billing import port
from resolvers import billing as resolvers
from resolvers.billing import (
    BillById,
    BillingAccountById,
    BillingAccountsByCustomer,
    BillsByAccount,
    ChargesByBill,
    PaymentById,
    PaymentsByAccount,
)
from resolvers.crm import ProductById, customer_of
from resolvers.documents import documents_of
from resolvers.early import Prefetch
from resolvers.rows import all_rows
from schema.arguments import BILL_ARGUMENTS, BILL_FILTERS, PAYMENT_FILTERS, SPAN
from schema.fields import computed, connection, edge, key_id, node_id
from schema.guards import Mask, Scopes, masked
from schema.node import Node, RecordType
from schema.nullability import NULL_IS_AN_ERROR
from schema.scalars import Connection, Document, Money, Period

if TYPE_CHECKING:
    from schema.crm import Customer, Product


@strawberry.type(
    description="An account to which bills are issued and payments are made (TMF666). A customer has one or more."
)
class BillingAccount(RecordType, Node):
    """Declares `connectors.billing.port.BillingAccount`."""

    id: strawberry.ID = node_id("BillingAccount")
    name: str | None = strawberry.field(
        description="Name of the account, such as Household, or the holder's. Null if unknown.",
        directives=[masked(Mask.NAME, Scopes.NAME)],
    )
    state: str | None = strawberry.field(
        description="State of the account, in the billing system's own word. Null if unknown."
    )
    balance: Money | None = strawberry.field(
        description="Amount that the customer owes on the account; negative if the account is in credit. Null"
        " if unknown."
    )
    customer: Annotated["Customer", strawberry.lazy("schema.crm")] | None = computed(
        customer_of, needs=(), description="The customer who holds the account. Null if the account names no customer."
    )
    bills: Connection[Annotated["Bill", strawberry.lazy("schema.billing")]] | None = connection(
        BillsByAccount,
        resolvers.filter_bills,
        arguments=BILL_ARGUMENTS,
        reads=BILL_FILTERS,
        prefetch=Prefetch(
            BillingAccountsByCustomer,
            lambda context, customers: BillsByAccount.of(context).expect_of_customers(customers),
        ),
        directives=[NULL_IS_AN_ERROR],
        description="Bills of the account, newest first unless the arguments order them. Null with an error"
        " if the billing system did not answer.",
    )
    payments: Connection[Annotated["Payment", strawberry.lazy("schema.billing")]] | None = connection(
        PaymentsByAccount,
        resolvers.filter_payments,
        arguments=SPAN,
        reads=PAYMENT_FILTERS,
        directives=[NULL_IS_AN_ERROR],
        description="Payments to the account, newest first. Null with an error if the billing system did not answer.",
    )


@strawberry.type(description="One line of a bill (TMF678 AppliedCustomerBillingRate).")
class BillCharge:
    """Declares `connectors.billing.port.BillCharge`."""

    id: strawberry.ID = key_id("BillCharge", "line")
    name: str | None = strawberry.field(
        description="What is charged for, in words. Null if unknown.",
        directives=[masked(Mask.NUMBERS, Scopes.IDENTIFIERS)],
    )
    kind: port.ChargeKind = strawberry.field(
        description="Kind of charge. UNKNOWN if the gateway does not know the billing system's word."
    )
    raw_kind: str | None = strawberry.field(
        description="Kind of charge, in the billing system's own word. Null if it gives none."
    )
    amount: Money | None = strawberry.field(
        description="Amount of the line, taxes included; negative for a discount. Null if unknown."
    )
    product: Annotated["Product", strawberry.lazy("schema.crm")] | None = edge(
        ProductById,
        "product_id",
        description="The product that is charged for. Null if the line names none. Null with an error if the"
        " CRM did not answer.",
    )


@strawberry.type(description="A bill to a customer (TMF678).")
class Bill(RecordType, Node):
    """Declares `connectors.billing.port.Bill`."""

    id: strawberry.ID = node_id("Bill")
    number: str | None = strawberry.field(description="Number printed on the bill. Null if unknown.")
    state: port.BillState = strawberry.field(
        description="State of the bill. UNKNOWN if the gateway does not know the billing system's word."
    )
    raw_state: str | None = strawberry.field(
        description="State of the bill, in the billing system's own word. Null if it gives none."
    )
    is_open: bool = computed(
        lambda bill: bill.is_open,
        needs=["is_open"],
        description="Whether the bill is not fully paid. Without a remaining amount, its state decides.",
    )
    is_overdue: bool = computed(
        lambda bill: resolvers.is_overdue(bill),
        needs=["is_open", "due_date", "overdue_from"],
        description="Whether the bill is not fully paid and its due date has passed. The due date itself"
        " is still in time, in the billing system's time zone.",
    )
    bill_date: date | None = strawberry.field(description="Day on which the bill was issued. Null if unknown.")
    due_date: date | None = strawberry.field(description="Last day on which the bill is paid in time. Null if unknown.")
    period: Period | None = strawberry.field(description="Days that the bill covers. Null if unknown.")
    amount_due: Money | None = strawberry.field(description="Amount to pay when the bill was issued. Null if unknown.")
    remaining_amount: Money | None = strawberry.field(description="Amount still to be paid. Null if unknown.")
    tax_included: Money | None = strawberry.field(description="Total of the bill, taxes included. Null if unknown.")
    tax_excluded: Money | None = strawberry.field(description="Total of the bill before taxes. Null if unknown.")
    charges: list[BillCharge] | None = edge(
        ChargesByBill,
        step=all_rows,
        directives=[NULL_IS_AN_ERROR],
        description="Lines of the bill. Null with an error if the billing system did not answer.",
    )
    documents: list[Document] = computed(
        documents_of("Bill"),
        needs=["documents"],
        description="Files of the bill, such as a PDF. Empty if there are none.",
    )
    payments: list[Annotated["Payment", strawberry.lazy("schema.billing")]] | None = edge(
        PaymentById,
        "payment_ids",
        many=True,
        directives=[NULL_IS_AN_ERROR],
        description="Payments applied to the bill. Null with an error if the billing system did not answer.",
    )
    account: BillingAccount | None = edge(
        BillingAccountById,
        "account_id",
        description="The account that the bill was issued to. Null if the bill names none. Null with an error"
        " if the billing system did not answer.",
    )
    customer: Annotated["Customer", strawberry.lazy("schema.crm")] | None = computed(
        customer_of, needs=(), description="The customer whose bill it is. Null if the bill names no customer."
    )


@strawberry.type(description="A payment by a customer (TMF676).")
class Payment(RecordType, Node):
    """Declares `connectors.billing.port.Payment`."""

    id: strawberry.ID = node_id("Payment")
    status: port.PaymentStatus = strawberry.field(
        description="Status of the payment. UNKNOWN if the gateway does not know the billing system's word."
    )
    raw_status: str | None = strawberry.field(
        description="Status of the payment, in the billing system's own word. Null if it gives none."
    )
    paid_at: datetime | None = strawberry.field(description="Date and time of the payment. Null if unknown.")
    amount: Money | None = strawberry.field(description="Amount paid. Null if unknown.")
    method: str | None = strawberry.field(
        directives=[masked(Mask.TEXT, Scopes.PAYMENT_MEANS)],
        description="Means of payment, such as a card's brand and last digits, in the billing system's own"
        " words. Null if unknown.",
    )
    account: BillingAccount | None = edge(
        BillingAccountById,
        "account_id",
        description="The account that was paid to. Null if the payment names none. Null with an error if the"
        " billing system did not answer.",
    )
    bills: list[Bill] | None = edge(
        BillById,
        "bill_ids",
        many=True,
        directives=[NULL_IS_AN_ERROR],
        description="The bills that the payment was applied to. Null with an error if the billing system did"
        " not answer.",
    )
