"""Tryton's rows as far as a payment of an invoice needs them, and which fields they are made of."""

from typing import Any, Final

from connectors.billing.tryton.client import Projection
from connectors.billing.tryton.rows import Currency
from connectors.reading.rows import Identified


class PayerRow(Identified):
    """party.party, as the payer of an invoice."""

    code: str | int | None = None


class PayableLine(Identified):
    """account.move.line that is to be paid; `payment_amount` is what no payment covers yet."""

    maturity_date: Any = None
    reconciliation: Any = None
    payment_amount: Any = None
    payment_blocked: bool | None = None


class PayableRow(Identified):
    """account.invoice, as far as a payment of it needs."""

    type: str | None = None
    state: str | None = None
    party: PayerRow | None = None
    company: Identified | None = None
    currency: Currency | None = None
    amount_to_pay: Any = None
    lines_to_pay: list[PayableLine] | None = None


class MadeRow(Identified):
    """account.payment, as it is found again."""

    state: str | None = None
    reference: str | None = None


class JournalRow(Identified):
    """account.payment.journal."""

    name: str | None = None
    company: Identified | None = None
    currency: Currency | None = None


PAYABLE: Final = Projection(
    [
        "amount_to_pay",
        "company.id",
        "currency.code",
        "lines_to_pay.maturity_date",
        "lines_to_pay.payment_amount",
        "lines_to_pay.payment_blocked",
        "lines_to_pay.reconciliation",
        "party.code",
        "state",
        "type",
    ],
    {},
)
MADE: Final = Projection(["reference", "state"], {})
JOURNAL: Final = Projection(["company.id", "currency.code", "name"], {})
