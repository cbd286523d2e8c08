"""Accounts, bills, payments and usage."""

from datetime import datetime
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
from resolvers.early import Ahead
from resolvers.rows import items
from schema.arguments import BILL_ARGUMENTS, BILL_FILTERS, PAYMENT_FILTERS, SPAN
from schema.fields import computed, edge, listed, node_id
from schema.node import Node, Recorded
from schema.scalars import Connection, Document, Money, Period, number

if TYPE_CHECKING:
    from schema.crm import Customer, Product


@strawberry.type(description="What bills are collected on: a customer has one or several.")
class BillingAccount(Recorded, Node):
    """Declares `connectors.billing.port.BillingAccount`."""

    id: strawberry.ID = node_id("BillingAccount")
    name: str | None = strawberry.field(description="Name of the account, such as Household.")
    state: str | None = strawberry.field(description="The billing system's own word for its state.")
    balance: Money | None = strawberry.field(description="What is owed on it; negative when there is a credit.")
    customer: Annotated["Customer", strawberry.lazy("schema.crm")] | None = computed(
        customer_of, needs=(), description="Whose it is."
    )
    bills: Connection[Annotated["Bill", strawberry.lazy("schema.billing")]] | None = listed(
        BillsByAccount,
        resolvers.chosen,
        arguments=BILL_ARGUMENTS,
        reads=BILL_FILTERS,
        ahead=Ahead(
            BillingAccountsByCustomer,
            lambda context, customers: BillsByAccount.of(context).expect_of_customers(customers),
        ),
        description="Bills of this account, newest first.",
    )
    payments: Connection[Annotated["Payment", strawberry.lazy("schema.billing")]] | None = listed(
        PaymentsByAccount,
        resolvers.paid_within,
        arguments=SPAN,
        reads=PAYMENT_FILTERS,
        description="Payments to this account, newest first.",
    )


@strawberry.type(description="One line of a bill.")
class BillCharge:
    """Declares `connectors.billing.port.BillCharge`."""

    name: str | None = strawberry.field(description="What it is for, in words.")
    kind: port.ChargeKind = strawberry.field(description="What sort of charge it is.")
    raw_kind: str | None = strawberry.field(description="The billing system's own word for the kind.")
    amount: Money | None = strawberry.field(description="Tax included; negative for a discount.")
    product: Annotated["Product", strawberry.lazy("schema.crm")] | None = edge(
        ProductById, "product_id", description="The product that it is for."
    )


@strawberry.type(description="A bill.")
class Bill(Recorded, Node):
    """Declares `connectors.billing.port.Bill`."""

    id: strawberry.ID = node_id("Bill")
    number: str | None = strawberry.field(description="Number printed on the bill.")
    state: port.BillState = strawberry.field(description="Where the bill is in its life.")
    raw_state: str | None = strawberry.field(description="The billing system's own word for the state.")
    is_open: bool = computed(lambda bill: bill.is_open, needs=["is_open"], description="Whether it is not fully paid.")
    is_overdue: bool = computed(
        lambda bill: resolvers.is_overdue(bill),
        needs=["is_open", "due_date"],
        description="Whether it is not fully paid although its due date has passed.",
    )
    bill_date: datetime | None = strawberry.field(description="Date of the bill.")
    due_date: datetime | None = strawberry.field(description="When it is to be paid.")
    period: Period | None = strawberry.field(description="What span of time it covers.")
    amount_due: Money | None = strawberry.field(description="What was to be paid when it was made.")
    remaining_amount: Money | None = strawberry.field(description="What is still to be paid.")
    tax_included: Money | None = strawberry.field(description="Total, taxes included.")
    tax_excluded: Money | None = strawberry.field(description="Total before taxes.")
    charges: list[BillCharge] | None = edge(ChargesByBill, step=items, description="Its lines.")
    documents: list[Document] = computed(
        documents_of("Bill"), needs=["documents"], description="The bill as files, such as a PDF."
    )
    payments: list[Annotated["Payment", strawberry.lazy("schema.billing")]] | None = edge(
        PaymentById,
        "payment_ids",
        many=True,
        description="Payments that were applied to it.",
    )
    account: BillingAccount | None = edge(BillingAccountById, "account_id", description="The account it was made for.")
    customer: Annotated["Customer", strawberry.lazy("schema.crm")] | None = computed(
        customer_of, needs=(), description="Whose bill it is."
    )


@strawberry.type(description="Money that a customer paid.")
class Payment(Recorded, Node):
    """Declares `connectors.billing.port.Payment`."""

    id: strawberry.ID = node_id("Payment")
    status: port.PaymentStatus = strawberry.field(description="How far it got.")
    raw_status: str | None = strawberry.field(description="The billing system's own word for the status.")
    paid_at: datetime | None = strawberry.field(description="When it was paid.")
    amount: Money | None = strawberry.field(description="How much was paid.")
    method: str | None = strawberry.field(description="What it was paid with, such as a card's brand and last digits.")
    account: BillingAccount | None = edge(BillingAccountById, "account_id", description="The account it went to.")
    bills: list[Bill] | None = edge(
        BillById,
        "bill_ids",
        many=True,
        description="The bills it pays.",
    )


@strawberry.type(description="What a customer used of something it has, such as the month's mobile data.")
class UsageAllowance:
    """Declares `connectors.billing.port.UsageAllowance`."""

    name: str | None = strawberry.field(description="Name of the allowance.")
    usage_type: str | None = strawberry.field(description="Sort of usage, such as data, voice or sms.")
    used: float | None = computed(lambda one: number(one.used), needs=(), description="Used so far, in `unit`.")
    remaining: float | None = computed(lambda one: number(one.remaining), needs=(), description="Left, in `unit`.")
    allowance: float | None = computed(
        lambda one: number(one.allowance), needs=(), description="Used and left together, in `unit`."
    )
    unit: str | None = strawberry.field(description="Unit of the quantities, such as GB or min.")
    resets_at: datetime | None = strawberry.field(description="When the counter starts again.")
