"""Rows of billing systems that speak TM Forum v4 or v5, and which of their attributes a record's are made of."""

from collections.abc import Mapping
from typing import Final

import msgspec

from connectors.reading.rows import Identified
from connectors.tmf.mapping import Projection
from connectors.tmf.shapes import Attachment, Many, Money, Ref, RelatedParty, TimePeriod
from connectors.tmf.versions import Version


class BalanceRow(msgspec.Struct, rename="camel", gc=False):
    """An account's balance of one kind."""

    balance_type: str | None = None
    amount: Money | None = None


class AccountRow(Identified, rename="camel"):
    """TMF666 BillingAccount."""

    name: str | None = None
    state: str | None = None
    account_balance: Many[BalanceRow] = None
    related_party: Many[RelatedParty] = None


class AppliedPaymentRow(msgspec.Struct, rename="camel", gc=False):
    """What a payment paid of a bill."""

    payment: Ref | None = None


class BillRow(Identified, rename="camel"):
    """TMF678 CustomerBill. Official examples of v5 say `status` where the standard says `state`."""

    bill_no: str | None = None
    state: str | None = None
    status: str | None = None
    bill_date: str | None = None
    payment_due_date: str | None = None
    billing_period: TimePeriod | None = None
    amount_due: Money | None = None
    remaining_amount: Money | None = None
    tax_included_amount: Money | None = None
    tax_excluded_amount: Money | None = None
    applied_payment: Many[AppliedPaymentRow] = None
    bill_document: Many[Attachment] = None
    billing_account: Ref | None = None
    related_party: Many[RelatedParty] = None


class RateRow(Identified, rename="camel"):
    """TMF678 AppliedCustomerBillingRate. v4's `type` is v5's `appliedBillingRateType`."""

    name: str | None = None
    type: str | None = None
    applied_billing_rate_type: str | None = None
    bill: Ref | None = None
    product: Ref | None = None
    tax_included_amount: Money | None = None
    tax_excluded_amount: Money | None = None


class PaymentItemRow(msgspec.Struct, rename="camel", gc=False):
    """What a payment is for."""

    item: Ref | None = None


class PaymentMethodRow(msgspec.Struct, gc=False):
    """How was paid."""

    name: str | None = None


class PaymentRow(Identified, rename="camel"):
    """TMF676 Payment."""

    status: str | None = None
    payment_date: str | None = None
    amount: Money | None = None
    total_amount: Money | None = None
    account: Ref | None = None
    payer: RelatedParty | None = None
    payment_item: Many[PaymentItemRow] = None
    payment_method: PaymentMethodRow | None = None


ACCOUNT: Final = Projection(
    ["id", "relatedParty"], {"name": ["name"], "state": ["state"], "balance": ["accountBalance"]}
)


def _bill(*state: str) -> Projection:
    return Projection(
        ["id", "relatedParty", "billingAccount"],
        {
            "number": ["billNo"],
            "state": state,
            "raw_state": state,
            "bill_date": ["billDate"],
            "due_date": ["paymentDueDate"],
            "period": ["billingPeriod"],
            "amount_due": ["amountDue"],
            "remaining_amount": ["remainingAmount"],
            "tax_included": ["taxIncludedAmount"],
            "tax_excluded": ["taxExcludedAmount"],
            "is_open": ["remainingAmount", *state],
            "documents": ["billDocument"],
            "payment_ids": ["appliedPayment"],
        },
    )


def _rate(*kind: str) -> Projection:
    return Projection(
        ["id", "bill"],
        {
            "name": ["name"],
            "kind": kind,
            "raw_kind": kind,
            "amount": ["taxIncludedAmount", "taxExcludedAmount"],
            "product_id": ["product"],
        },
    )


BILL: Final[Mapping[Version, Projection]] = {"v4": _bill("state"), "v5": _bill("state", "status")}
RATE: Final[Mapping[Version, Projection]] = {"v4": _rate("type"), "v5": _rate("appliedBillingRateType", "type")}
PAYMENT: Final = Projection(
    ["id", "account", "payer"],
    {
        "status": ["status"],
        "raw_status": ["status"],
        "paid_at": ["paymentDate"],
        "amount": ["totalAmount", "amount"],
        "method": ["paymentMethod"],
        "bill_ids": ["paymentItem"],
    },
)
