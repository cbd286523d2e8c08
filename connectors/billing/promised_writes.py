"""What the conformance suite writes to a billing system: the smallest payments of one open bill."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from connectors.billing.port import Bill, BillingAccount, NewPayment, PaymentStatus
from connectors.conformance.checks import missing_key
from connectors.conformance.failing import at_address, unused_address
from connectors.conformance.trial import Skipped, Trial
from connectors.conformance.writing import (
    Effect,
    Place,
    Refusal,
    WriteCall,
    Writing,
    different,
    new_key,
    read_one,
    word,
)
from connectors.errors import Declined, Reason
from connectors.records import Known, Money, changed
from connectors.writes import WriteKey

_MOST: Final = 10
"""No more payments are made."""
_FAILED: Final = (PaymentStatus.FAILED, PaymentStatus.CANCELLED)


class PayBill(Writing):
    """`BillingPort.pay_bill`, and `payment_made_with`."""

    name: ClassVar[str] = "pay_bill"
    finder: ClassVar[str] = "payment_made_with"
    adds: ClassVar[bool] = True

    def __init__(self, trial: Trial) -> None:
        super().__init__(trial)
        self._new = NewPayment(customer_id="1", account_id="1", bill_id="1", amount=Money(Decimal("0.01"), "EUR"))
        self._open = Decimal(0)

    async def prepare(self) -> str:
        payable = [one for bill in self.trial.samples.get(Bill, {}).values() if (one := self._payable(bill))]
        if not payable:
            raise Skipped("no bill is known of which enough is open: name one with --key bill=..., or its --customer.")
        self._open, self._new = max(payable, key=lambda one: one[0])
        tokens = self.trial.keys.get("method_token", [])
        self._new = changed(self._new, method_token=tokens[0] if tokens else None)
        if not tokens and await self._wants_token():
            raise Skipped("a payment needs a token here: name one that may be used often with --key method_token=...")
        amount = f"{self._new.amount.amount} {self._new.amount.currency}"
        return (
            f"pays {amount} of bill {self._new.bill_id} of account {self._new.account_id}, at most {_MOST} times, which"
            " nothing takes back; also asks to pay more than is open, in another currency, and of a bill that does not"
            " exist, which a system that checks nothing will do"
        )

    def _payable(self, bill: Bill) -> tuple[Decimal, NewPayment] | None:
        """What is open of a bill, and its smallest payment; None where the bill is too small, or says too little."""
        money, account = bill.remaining_amount, bill.account_id
        if money is None or account is None or not bill.is_open:
            return None
        accounts = self.trial.samples.get(BillingAccount, {})
        customers = bill.customer_ids or (accounts[account].customer_ids if account in accounts else ())
        places = money.amount.as_tuple().exponent
        smallest = Decimal(1).scaleb(min(0, places) if isinstance(places, int) else 0)
        if not customers or money.amount < 2 * _MOST * smallest:
            return None
        amount = Money(smallest, money.currency)
        return money.amount, NewPayment(customer_id=customers[0], account_id=account, bill_id=bill.id, amount=amount)

    async def _wants_token(self) -> bool:
        """Whether a payment without a token is declined before anything is sent: it is tried where nobody listens."""
        async with unused_address() as address:
            driver = self.trial.build(at_address(self.trial.system, address))
            outcome = await self.trial.attempt(lambda: driver.pay_bill(self._new, new_key()))
        return isinstance(outcome.error, Declined) and outcome.error.attribute == "method_token"

    async def effect(self) -> Effect:
        return Effect(
            f"pay_bill({self._new.bill_id!r}, {self._new.amount.amount} {self._new.amount.currency})",
            _paying(self._new),
            lambda ident: self._wrong(ident, self._new),
            lambda driver, key: driver.payment_made_with(self._new, key),
            self._count,
        )

    async def refusals(self) -> Sequence[Refusal]:
        bill, amount = self._new.bill_id, self._new.amount
        other = "USD" if amount.currency != "USD" else "EUR"
        nothing = missing_key(bill)
        too_much = changed(self._new, amount=Money(self._open + 1, amount.currency))
        foreign = changed(self._new, amount=Money(amount.amount, other))
        nowhere = changed(self._new, bill_id=nothing)
        return [
            Refusal(
                f"pay_bill({bill!r}) of more than is open",
                _paying(too_much),
                "amount",
                (Reason.AMOUNT_TOO_HIGH, Reason.INVALID),
                lambda ident: self._wrong(ident, too_much),
            ),
            Refusal(
                f"pay_bill({bill!r}) in {other}",
                _paying(foreign),
                "amount",
                (Reason.CURRENCY_MISMATCH, Reason.INVALID),
                lambda ident: self._wrong(ident, foreign),
            ),
            Refusal(
                f"pay_bill({nothing!r}), a bill that there is not,",
                _paying(nowhere),
                "bill_id",
                (Reason.NOT_FOUND, Reason.INVALID),
                lambda ident: self._wrong(ident, nowhere),
            ),
        ]

    async def places(self) -> Sequence[Place]:
        token = f"conformance-{word()}"
        call = f"pay_bill({self._new.bill_id!r}, method_token={token!r})"
        return [Place("method_token", call, _paying(changed(self._new, method_token=token)), sent=token)]

    def unsupported_call(self, name: str) -> WriteCall:
        return lambda driver, key: getattr(driver, name)(self._new, key)

    async def _wrong(self, ident: Any, new: NewPayment) -> str:
        if not isinstance(ident, str) or not ident:
            return f"it gave {ident!r:.60} for the payment's id"
        payment = await read_one("payments", self.trial.driver.payments([ident], None), ident)
        if payment is None:
            return f"there is no payment {ident!r}"
        if payment.bill_ids and new.bill_id not in payment.bill_ids:
            return f"payment {ident!r} is of the bills {payment.bill_ids}"
        if isinstance(payment.owners, Known) and new.customer_id not in payment.customer_ids:
            return f"payment {ident!r} is owned by {payment.customer_ids}"
        if payment.status in _FAILED:
            return f"payment {ident!r} is {payment.raw_status!r}"
        return different(payment, amount=new.amount, account_id=new.account_id)

    async def _count(self) -> int:
        account = self._new.account_id
        rows = await read_one("payments", self.trial.driver.payments_of_accounts([account], None, None), account)
        own = [one for one in rows.items if not one.bill_ids or self._new.bill_id in one.bill_ids] if rows else []
        return len(own)


def _paying(new: NewPayment) -> WriteCall:
    async def write(driver: Any, key: WriteKey) -> Any:
        return await driver.pay_bill(new, key)

    return write
