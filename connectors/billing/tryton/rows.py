"""Tryton's rows (modules party, account_invoice and account_payment), and the fields that each attribute needs."""

from typing import Any, Final

import msgspec

from connectors.billing.tryton.client import Projection
from connectors.reading.rows import Identified


class Party(msgspec.Struct, gc=False):
    """`code` is the customer number."""

    code: str | int | None = None


class Currency(msgspec.Struct, gc=False):
    """`code` is the ISO 4217 code."""

    code: str | None = None


class PartyRow(Identified):
    """A customer: Tryton's party.party. Amounts and dates are typed objects, read by `values.Values`."""

    code: str | int | None = None
    name: str | None = None
    active: bool | None = None
    receivable: Any = None


class CompanyRow(Identified):
    """The operator's own company: Tryton's company.company."""

    currency: Currency | None = None


class DueRow(msgspec.Struct, gc=False):
    """An amount to pay (account.move.line); a `reconciliation` says it is paid. `payments` are account_payment's."""

    maturity_date: Any = None
    reconciliation: Any = None
    payments: list[Identified | int] | None = None


class InvoiceRow(Identified):
    """An invoice: Tryton's account.invoice."""

    type: str | None = None
    party: Party | None = None
    currency: Currency | None = None
    number: str | None = None
    state: str | None = None
    invoice_date: Any = None
    total_amount: Any = None
    untaxed_amount: Any = None
    amount_to_pay: Any = None
    lines_to_pay: list[DueRow] | None = None
    invoice_report_format: str | None = None


class LineRow(Identified):
    """One line of an invoice: Tryton's account.invoice.line."""

    type: str | None = None
    invoice: Identified | None = None
    currency: Currency | None = None
    description: str | None = None
    amount: Any = None
    origin: str | None = None


class Journal(msgspec.Struct, gc=False):
    """The journal of a payment; its name is the payment method."""

    name: str | None = None


class PaidRow(msgspec.Struct, gc=False):
    """account.move.line that a payment pays; `move_origin` is ``model,id``."""

    move_origin: str | None = None


class PaymentRow(Identified):
    """account.payment."""

    kind: str | None = None
    party: Party | None = None
    currency: Currency | None = None
    state: str | None = None
    date: Any = None
    amount: Any = None
    journal: Journal | None = None
    line: PaidRow | None = None


_MONEY: Final = ["currency.code"]
_REMAINING: Final = ["amount_to_pay", "state", *_MONEY]

PARTY: Final = Projection(["code"], {"name": ["name"], "state": ["active"], "balance": ["receivable"]})
COMPANY: Final = Projection(["currency.code"], {})
INVOICE: Final = Projection(
    ["party.code", "type"],
    {
        "number": ["number"],
        "state": ["total_amount", *_REMAINING],
        "raw_state": ["state"],
        "bill_date": ["invoice_date"],
        "due_date": ["lines_to_pay.maturity_date", "lines_to_pay.reconciliation"],
        "amount_due": ["total_amount", *_MONEY],
        "remaining_amount": _REMAINING,
        "is_open": ["total_amount", *_REMAINING],
        "tax_included": ["total_amount", *_MONEY],
        "tax_excluded": ["untaxed_amount", *_MONEY],
        "documents": ["invoice_report_format", "number"],
        "payment_ids": ["lines_to_pay.payments"],
    },
)
LINE: Final = Projection(
    ["invoice.id", "type"],
    {"name": ["description"], "kind": ["origin"], "raw_kind": ["origin"], "amount": ["amount", *_MONEY]},
)
PAYMENT: Final = Projection(
    ["kind", "party.code"],
    {
        "status": ["state"],
        "raw_status": ["state"],
        "paid_at": ["date"],
        "amount": ["amount", *_MONEY],
        "method": ["journal.name"],
        "bill_ids": ["line.move_origin"],
    },
)
