"""Paying a bill, once, and never more than is open of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import ClassVar, Final

import msgspec

from connectors.billing.port import Bill, BillingAccount, NewPayment, Payment, PaymentStatus
from connectors.errors import ConnectorError, NotSupported
from connectors.records import Fields, Money, Rows
from connectors.store.writes import Problem
from connectors.writes import WriteKey
from resolvers.billing import BillById, BillingAccountById
from resolvers.context import RequestContext
from resolvers.errors import PaymentUnknown
from resolvers.ownership import customers_of
from resolvers.writing import shapes
from resolvers.writing.write import Write

_COUNT: Final = frozenset({PaymentStatus.INITIALIZED, PaymentStatus.PENDING, PaymentStatus.DONE, PaymentStatus.UNKNOWN})
"""Payments in these states are paid, or may be."""
_COUNTED: Final = frozenset({"amount", "bill_ids", "status"})
"""What is looked at of payments."""


class BillPayment(msgspec.Struct, frozen=True):
    """What the caller says: which bill, how much of it (None: all that is open), and with what."""

    bill_id: str
    amount: Money | None = None
    method_token: str | None = None


class PayBill(Write):
    """Pay a bill, or a part of it."""

    mutation, system, result, unknown = "payBill", "billing", "Payment", PaymentUnknown
    needs: ClassVar[Mapping[str, Fields]] = {
        "Bill": frozenset({"account_id", "amount_due", "payment_ids", "remaining_amount", "tax_included"})
    }

    def __init__(self, given: BillPayment) -> None:
        super().__init__()
        self.given = given

    @property
    def fingerprint(self) -> str:
        return shapes.fingerprint(self.given)

    @property
    def lock(self) -> str | None:
        return self.subject

    @property
    def subject(self) -> str:
        return f"Bill:{self.given.bill_id}"

    def shape(self) -> Iterator[Problem]:
        """What is wrong with the input as it is."""
        yield from shapes.money(self.given.amount, ("amount",))
        yield from shapes.method_token(self.given.method_token, ("paymentMethodToken",))

    def places(self) -> Mapping[str, tuple[str, ...]]:
        return {"bill_id": ("billId",), "amount": ("amount",), "method_token": ("paymentMethodToken",)}

    async def owned(self, context: RequestContext) -> Sequence[Problem]:
        if await self._bill(context) is None:
            return (Problem("NOT_FOUND", "There is no such bill.", ("billId",)),)
        return ()

    async def check(self, context: RequestContext) -> Sequence[Problem]:
        bill = await self._bill(context)
        customer = await _customer_of(bill, context) if bill is not None else None
        if bill is None or bill.remaining_amount is None or bill.account_id is None or customer is None:
            return (Problem("WRONG_STATE", "This bill cannot be paid here: what is open of it is not known.", _BILL),)
        open_amount = bill.remaining_amount.amount - await _under_way(bill, context)
        currency = bill.remaining_amount.currency
        amount = self.given.amount or Money(open_amount, currency)
        self.decided = {
            "amount": str(amount.amount),
            "currency": amount.currency,
            "account": bill.account_id,
            "customer": customer,
        }
        if open_amount <= 0:
            return (Problem("ALREADY_PAID", "This bill is paid, or its payment is under way.", _BILL),)
        return list(_too_much(amount, Money(open_amount, currency)))

    async def send(self, context: RequestContext, key: WriteKey) -> str:
        return await context.connectors.billing.pay_bill(self._payment(), key)

    async def find(self, context: RequestContext, key: WriteKey) -> str | None:
        if not self.decided:
            return None  # nothing was sent for a bill of which so little is known
        return await context.connectors.billing.payment_made_with(self._payment(), key)

    def _payment(self) -> NewPayment:
        return NewPayment(
            customer_id=self.decided["customer"],
            account_id=self.decided["account"],
            bill_id=self.given.bill_id,
            amount=Money(Decimal(self.decided["amount"]), self.decided["currency"]),
            method_token=self.given.method_token,
        )

    async def _bill(self, context: RequestContext) -> Bill | None:
        found = (await BillById.of(context).load_all([self.given.bill_id]))[self.given.bill_id]
        if isinstance(found, ConnectorError):
            raise found.without_traceback()
        return found


_BILL: Final = ("billId",)


def _too_much(amount: Money, open_of_it: Money) -> Iterator[Problem]:
    if amount.currency != open_of_it.currency:
        yield Problem("CURRENCY_MISMATCH", f"This bill is in {open_of_it.currency}.", ("amount", "currency"))
    elif amount.amount > open_of_it.amount:
        message = f"Only {open_of_it.amount} {open_of_it.currency} of this bill is open."
        yield Problem("AMOUNT_TOO_HIGH", message, ("amount", "amount"))
    elif _decimals(amount.amount) > max(2, _decimals(open_of_it.amount)):
        yield Problem("INVALID", "This has more decimals than the bill's currency.", ("amount", "amount"))


def _decimals(amount: Decimal) -> int:
    return max(0, -int(amount.normalize().as_tuple().exponent))


async def _under_way(bill: Bill, context: RequestContext) -> Decimal:
    """What was paid of a bill and is not yet taken off what remains; all of a payment that is for several bills."""
    try:
        found = await context.connectors.billing.payments_of_accounts([str(bill.account_id)], None, _COUNTED)
    except NotSupported:
        return Decimal(0)
    rows = found.get(str(bill.account_id))
    if isinstance(rows, NotSupported):
        return Decimal(0)
    if isinstance(rows, ConnectorError):
        raise rows
    return not_taken_off(bill, rows.items if isinstance(rows, Rows) else ())


def not_taken_off(bill: Bill, payments: Iterable[Payment]) -> Decimal:
    """How much of these payments is not yet taken off what remains of the bill.

    Those that the bill lists are. Of those that it does not list (many systems list none) what is under way is not, and
    what has arrived is as far as the bill has become less than its total, listed payments apart.
    """
    of_it = [one for one in payments if bill.id in one.bill_ids and one.status in _COUNT]
    listed = _sum(one for one in of_it if one.id in bill.payment_ids)
    others = [one for one in of_it if one.id not in bill.payment_ids]
    arrived = _sum(one for one in others if one.status is PaymentStatus.DONE)
    total, remaining = bill.tax_included or bill.amount_due, bill.remaining_amount
    taken_off = total.amount - remaining.amount if total and remaining else Decimal(0)
    return _sum(others) - arrived + max(Decimal(0), arrived - max(Decimal(0), taken_off - listed))


def _sum(payments: Iterable[Payment]) -> Decimal:
    return sum((one.amount.amount for one in payments if one.amount is not None), Decimal(0))


async def _customer_of(bill: Bill, context: RequestContext) -> str | None:
    """Whose the bill is: the viewer where it may be, else whom it names, else whom its account names."""
    ids = customers_of(bill)
    if not ids and bill.account_id is not None:
        account = (await BillingAccountById.of(context).load_all([bill.account_id]))[bill.account_id]
        if isinstance(account, ConnectorError):
            raise account.without_traceback()
        ids = customers_of(account) if isinstance(account, BillingAccount) else ()
    own = [one for one in ids if one in context.viewer.customer_ids]
    return next(iter([*own, *ids]), None)
