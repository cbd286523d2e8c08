"""Converts Tryton's rows to the port's records."""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import Enum
from typing import Final, TypeVar

from connectors.billing.port import (
    Bill,
    BillCharge,
    BillingAccount,
    BillState,
    ChargeKind,
    Payment,
    PaymentStatus,
)
from connectors.billing.tryton.options import TrytonOptions
from connectors.billing.tryton.rows import DueRow, InvoiceRow, LineRow, Party, PartyRow, PaymentRow
from connectors.billing.tryton.values import Values
from connectors.reading.rows import Identified
from connectors.reading.warn_once import WarnOnce
from connectors.records import Document, Money, owned_by

Word = TypeVar("Word", bound=Enum)

_STATES: Final = {
    "draft": BillState.NEW,
    "validated": BillState.VALIDATED,
    "posted": BillState.SENT,
    "paid": BillState.SETTLED,
    "cancelled": BillState.UNKNOWN,  # TMF678 has no word for it
}
_NOT_POSTED: Final = ("draft", "validated")
_KINDS: Final = {"sale.subscription.line": ChargeKind.RECURRING, "sale.line": ChargeKind.ONE_TIME}
_STATUS: Final = {
    "draft": PaymentStatus.INITIALIZED,
    "submitted": PaymentStatus.PENDING,
    "approved": PaymentStatus.PENDING,
    "processing": PaymentStatus.PENDING,
    "succeeded": PaymentStatus.DONE,
    "failed": PaymentStatus.FAILED,
}
_TYPES: Final = {
    "odt": "application/vnd.oasis.opendocument.text",
    "pdf": "application/pdf",
    "html": "text/html",
    "txt": "text/plain",
}


class Records:
    """Makes records of rows. Unknown words and invalid amounts and dates are logged."""

    def __init__(self, options: TrytonOptions, warn_once: WarnOnce) -> None:
        self._database, self._warn_once = options.database, warn_once
        self._values = Values(options.timezone, warn_once)

    def account(self, row: PartyRow, currency: str | None) -> BillingAccount:
        """The account for a party. `currency` is that of its balance."""
        code = _text(row.code)
        return BillingAccount(
            id=code or "",
            owners=owned_by(code),
            name=row.name,
            state=None if row.active is None else "active" if row.active else "archived",
            balance=self._values.money(row.receivable, currency),
        )

    def bill(self, row: InvoiceRow) -> Bill:
        """The bill for an invoice."""
        owner, currency = _code(row.party), row.currency.code if row.currency else None
        total = self._values.money(row.total_amount, currency)
        # For a draft, Tryton's amount to pay is 0, because nothing is booked yet.
        booked = row.state is not None and row.state not in _NOT_POSTED
        remaining = self._values.money(row.amount_to_pay, currency) if booked else None
        due = self._due(row.lines_to_pay or ())
        return Bill(
            id=str(row.id),
            owners=owned_by(owner),
            account_id=owner,
            number=row.number,
            state=self._state(row.state, total, remaining),
            raw_state=row.state,
            bill_date=self._values.day(row.invoice_date),
            due_date=due,
            overdue_from=self._values.end_of(due),
            amount_due=total,
            remaining_amount=remaining,
            tax_included=total,
            tax_excluded=self._values.money(row.untaxed_amount, currency),
            documents=self._documents(row),
            payment_ids=_payment_ids(row.lines_to_pay or ()),
        )

    def _state(self, word: str | None, total: Money | None, remaining: Money | None) -> BillState:
        if word == "posted" and total and remaining and 0 < abs(remaining.amount) < abs(total.amount):
            return BillState.PARTIALLY_PAID
        return self._known(_STATES, word, BillState.UNKNOWN)

    def _due(self, lines: Sequence[DueRow]) -> date | None:
        """The earliest due date of unpaid lines; the latest due date if all are paid."""
        days = [(line, day) for line in lines if (day := self._values.day(line.maturity_date))]
        unpaid = [day for line, day in days if line.reconciliation is None]
        return min(unpaid) if unpaid else max((day for _, day in days), default=None)

    def _documents(self, row: InvoiceRow) -> tuple[Document, ...]:
        """The file that Tryton made when the invoice was posted. A draft has none."""
        extension = row.invoice_report_format
        if not extension:
            return ()
        return (
            Document(
                id="invoice",
                owner=str(row.id),
                name=f"{row.number or row.id}.{extension}",
                mime_type=_TYPES.get(extension),
                source=f"{self._database}/rest/report/account.invoice/{row.id}",
            ),
        )

    def charge(self, row: LineRow) -> BillCharge:
        """The charge for an invoice's line."""
        # An origin is "model,id"; manual lines have none.
        model = row.origin.partition(",")[0] if row.origin else None
        return BillCharge(
            id=str(row.id),
            bill_id=str(row.invoice.id) if row.invoice else "",
            name=row.description,
            kind=self._known(_KINDS, model, ChargeKind.UNKNOWN),
            raw_kind=model,
            amount=self._values.money(row.amount, row.currency.code if row.currency else None),
        )

    def payment(self, row: PaymentRow) -> Payment:
        """The payment. It pays a bill only if it names a line of an invoice's posting."""
        payer = _code(row.party)
        model, _, bill = (row.line.move_origin or "" if row.line else "").partition(",")
        return Payment(
            id=str(row.id),
            owners=owned_by(payer),
            account_id=payer,
            bill_ids=(bill,) if model == "account.invoice" and bill else (),
            status=self._known(_STATUS, row.state, PaymentStatus.UNKNOWN),
            raw_status=row.state,
            paid_at=self._values.moment(row.date),
            amount=self._values.money(row.amount, row.currency.code if row.currency else None),
            method=row.journal.name if row.journal else None,
        )

    def _known(self, table: Mapping[str, Word], word: str | None, unknown: Word) -> Word:
        if word is not None and word not in table:
            self._warn_once(f"the word {word[:80]!r} is not known")
        return table.get(word, unknown) if word is not None else unknown


def _text(value: str | int | None) -> str | None:
    return None if value is None or value == "" else str(value)


def _code(party: Party | None) -> str | None:
    return _text(party.code) if party else None


def _payment_ids(lines: Sequence[DueRow]) -> tuple[str, ...]:
    paid = [one for line in lines for one in line.payments or ()]
    return tuple(dict.fromkeys(str(one.id if isinstance(one, Identified) else one) for one in paid))
