"""How billing records are made of TM Forum v4 or v5 rows, attribute by attribute."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from connectors import records
from connectors.billing.port import Bill, BillCharge, BillingAccount, BillState, ChargeKind, Payment, PaymentStatus
from connectors.records import Owners
from connectors.tmf.documents import documents
from connectors.tmf.kinds import date, day, day_end, enum_word, money, owners, period, reference, text
from connectors.tmf.mapping import Kind, Mapping, Source, source
from connectors.tmf.reader import Reader, enum_table
from connectors.tmf.shapes import Attachment, Money, Ref, RelatedParty, array_of, id_of, ids


class BalanceRow(msgspec.Struct, rename="camel", gc=False):
    """An account's balance of one type, such as the receivable balance."""

    balance_type: str | None = None
    amount: Money | None = None


class AppliedPaymentRow(msgspec.Struct, rename="camel", gc=False):
    """The part of a bill that one payment has paid."""

    payment: Ref | None = None


class PaymentItemRow(msgspec.Struct, rename="camel", gc=False):
    """The bill or other item that a payment pays."""

    item: Ref | None = None


class PaymentMethodRow(msgspec.Struct, gc=False):
    """Payment method, in the system's own word."""

    name: str | None = None


def _receivable(reader: Reader) -> Callable[[Sequence[BalanceRow] | None], records.Money | None]:
    """A function of an account's balances: the receivable one, or the first if none has this type."""

    def balance(balances: Sequence[BalanceRow] | None) -> records.Money | None:
        found = sorted(balances or (), key=lambda one: "receivable" not in (one.balance_type or "").casefold())
        return reader.money(found[0].amount) if found else None

    return balance


def _first_word(first: str | None, second: str | None) -> str | None:
    return first or second


def _first_known(table: dict[str, Any], unknown: Any) -> Callable[[Reader], Callable[..., Any]]:
    """A decoder of two words: the table's member for the first, or for the second if the first is missing."""

    def decode(reader: Reader) -> Callable[..., Any]:
        words = reader.enum_decoder(table, unknown)
        return lambda first, second: words[first or second]

    return decode


def _first_money(reader: Reader) -> Callable[[Money | None, Money | None], records.Money | None]:
    return lambda first, second: reader.money(first) or reader.money(second)


def _paid_with(payments: Sequence[AppliedPaymentRow] | None) -> tuple[str, ...]:
    return ids(one.payment for one in payments or () if one.payment)


def _paid_for(items: Sequence[PaymentItemRow] | None) -> tuple[str, ...]:
    return ids(one.item for one in items or () if one.item)


def _bill_id(bill: Ref | None) -> str:
    return id_of(bill) or ""


def _method(method: PaymentMethodRow | None) -> str | None:
    return method.name if method else None


def _payer(reader: Reader) -> Callable[[RelatedParty | None], Owners]:
    """The owners by TMF676's payer, whatever its role; `UNNAMED` if the payer is not a customer."""
    return reader.payer


_STATE: Final = {"state": str | None, "status": str | None}
_STATE_ASKED: Final[dict[Any, tuple[str, ...]]] = {"v4": ("state",), "v5": ("state", "status")}
"""Official examples of v5 say `status` where the standard says `state`."""

_CHARGE_KIND: Final = enum_table(ChargeKind) | {"one time": ChargeKind.ONE_TIME, "onetime": ChargeKind.ONE_TIME}
_KIND: Final = {"appliedBillingRateType": str | None, "type": str | None}
_KIND_ASKED: Final[dict[Any, tuple[str, ...]]] = {"v4": ("type",), "v5": ("appliedBillingRateType", "type")}
"""v4's `type` is v5's `appliedBillingRateType`."""

_PAYMENT_STATUS: Final = enum_table(PaymentStatus) | {
    "completed": PaymentStatus.DONE,
    "accepted": PaymentStatus.PENDING,
}

ACCOUNT: Final = Mapping(
    BillingAccount,
    always=["owners"],
    owners=source("relatedParty", owners),
    name=source("name", text),
    state=source("state", text),
    balance=source("accountBalance", Kind(array_of(BalanceRow), _receivable)),
)
"""TMF666 BillingAccount."""

BILL: Final = Mapping(
    Bill,
    always=["owners", "account_id"],
    derived={"is_open": ["remaining_amount", "state"]},
    owners=source("relatedParty", owners),
    account_id=source("billingAccount", reference),
    number=source("billNo", text),
    state=Source(_STATE, _first_known(enum_table(BillState), BillState.UNKNOWN), _STATE_ASKED),
    raw_state=Source(_STATE, lambda _reader: _first_word, _STATE_ASKED),
    bill_date=source("billDate", day),
    due_date=source("paymentDueDate", day),
    period=source("billingPeriod", period),
    amount_due=source("amountDue", money),
    remaining_amount=source("remainingAmount", money),
    tax_included=source("taxIncludedAmount", money),
    tax_excluded=source("taxExcludedAmount", money),
    documents=Source({"id": str, "billDocument": array_of(Attachment)}, lambda _reader: documents),
    payment_ids=source("appliedPayment", Kind(array_of(AppliedPaymentRow), lambda _reader: _paid_with)),
    overdue_from=source("paymentDueDate", day_end),
)
"""TMF678 CustomerBill."""

CHARGE: Final = Mapping(
    BillCharge,
    always=["bill_id"],
    bill_id=source("bill", Kind(Ref | None, lambda _reader: _bill_id)),
    name=source("name", text),
    kind=Source(_KIND, _first_known(_CHARGE_KIND, ChargeKind.UNKNOWN), _KIND_ASKED),
    raw_kind=Source(_KIND, lambda _reader: _first_word, _KIND_ASKED),
    amount=Source({"taxIncludedAmount": Money | None, "taxExcludedAmount": Money | None}, _first_money),
    product_id=source("product", reference),
)
"""TMF678 AppliedCustomerBillingRate."""

PAYMENT: Final = Mapping(
    Payment,
    always=["owners", "account_id"],
    owners=source("payer", Kind(RelatedParty | None, _payer)),
    account_id=source("account", reference),
    bill_ids=source("paymentItem", Kind(array_of(PaymentItemRow), lambda _reader: _paid_for)),
    status=source("status", enum_word(_PAYMENT_STATUS, PaymentStatus.UNKNOWN)),
    raw_status=source("status", text),
    paid_at=source("paymentDate", date),
    amount=Source({"totalAmount": Money | None, "amount": Money | None}, _first_money),
    method=source("paymentMethod", Kind(PaymentMethodRow | None, lambda _reader: _method)),
)
"""TMF676 Payment."""
