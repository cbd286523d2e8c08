"""Payments in billing systems that speak TM Forum (TMF676, which v5 does not have), and whether one was made."""

import re
from typing import Final

import msgspec

from connectors.billing.port import NewPayment
from connectors.errors import Declined, Garbled, NotSupported, Reason
from connectors.http.client import HttpClient
from connectors.reading.rows import Identified
from connectors.tmf.collection import Collection
from connectors.tmf.mapping import WholeRow
from connectors.tmf.profile import Profile
from connectors.tmf.query import Filters
from connectors.tmf.refusals import Meaning
from connectors.tmf.writes import Body, ResourceWriter, amount
from connectors.writes import WriteKey

_MEANINGS: Final = (
    Meaning(
        re.compile(r"already (been )?(paid|settled)|fully paid|nothing (is )?(left|open)", re.I), Reason.ALREADY_PAID
    ),
    Meaning(re.compile(r"currency|\bunit\b", re.I), Reason.CURRENCY_MISMATCH, "amount"),
    Meaning(
        re.compile(r"exceed|too (high|large|much)|more than|greater than|overpa(y|id)|remaining", re.I),
        Reason.AMOUNT_TOO_HIGH,
        "amount",
    ),
)
_KEY: Final = "correlatorId"
_TOKEN_TYPE: Final = "tokenizedCard"  # noqa: S105  # TMF670's word for a kind of payment method
_SAID: Final = {"totalAmount": "amount", "amount": "amount", "paymentItem": "bill_id", "bill": "bill_id"}


class _PaidRow(Identified, rename="camel", gc=False):
    """A payment with the key that it was made with."""

    correlator_id: str | int | None = None
    total_amount: msgspec.Raw = msgspec.Raw(b"")


class PaymentWrites:
    """The part of the billing port that writes, over TMF676."""

    def __init__(self, http: HttpClient, profile: Profile, path: str) -> None:
        """`path` is where the version has its payments."""
        self._system, self._writer = http.name, ResourceWriter(http, profile, path, "Payment", _MEANINGS)
        self._paid: Collection[_PaidRow] = Collection(http, profile, path, WholeRow(_PaidRow, [_KEY]))
        self._drops_keys = False

    def lacking(self) -> dict[str, str]:
        """What this installation's profile says cannot be written, or found out about, and why."""
        found = {"pay_bill": why} if (why := self._writer.read_only) else {}
        if (
            why := why
            or self._keeps_no_key()
            or (None if self._conditions("", "") else self._paid.askable.reason_unsupported(_KEY))
        ):
            found["payment_made_with"] = why
        return found

    def _must_have(self, method: str) -> None:
        if why := self.lacking().get(method):
            raise NotSupported(self._system, why)

    def _keeps_no_key(self) -> str | None:
        if self._drops_keys or _KEY in self._writer.profile.absent:
            return "This installation does not keep the key with the payment."
        return None

    async def pay_bill(self, new: NewPayment, key: WriteKey) -> str:
        self._must_have("pay_bill")
        total = {"unit": new.amount.currency, "value": amount(new.amount.amount)}
        bill = {"id": new.bill_id, "@referredType": "CustomerBill"}
        said = dict(_SAID)
        if new.method_token is not None:
            said |= {"paymentMethod": "method_token", "token": "method_token"}
        body: Body = {
            "correlatorId": key,
            "account": {"id": new.account_id, "@referredType": "BillingAccount"},
            "totalAmount": total,
            "payer": {"id": new.customer_id, "role": "payer", "@referredType": self._writer.customer_type},
            "paymentItem": [{"id": "1", "item": bill, "totalAmount": total}],
            "paymentMethod": self._method(new),
        }
        ident, made = await self._writer.create(body, key, said)
        self._look_for_key(ident, made)
        return ident

    def _method(self, new: NewPayment) -> Body:
        if new.method_token is not None:
            return {"@type": _TOKEN_TYPE, "token": new.method_token}
        if not self._writer.profile.payment_method:
            detail = "a payment without a token, and the profile names no payment_method"
            raise Declined(self._system, detail, Reason.REQUIRED, attribute="method_token")
        return dict(self._writer.profile.payment_method)

    def _look_for_key(self, ident: str, made: bytes) -> None:
        """A new payment that comes back with its amount and without its key shows that the system drops the key."""
        try:
            row = msgspec.json.decode(made, type=_PaidRow)
        except msgspec.MsgspecError:
            return
        if str(row.id) == ident and bytes(row.total_amount) and row.correlator_id in (None, ""):
            self._drops_keys = True
            self._paid.warn_once("come back without the key that they were made with: lost ones are not found")

    async def payment_made_with(self, new: NewPayment, key: WriteKey) -> str | None:
        """The key is matched on the rows: a system may ignore the filters."""
        self._must_have("payment_made_with")
        filters = self._conditions(key, new.account_id) or [(_KEY, [key])]
        page = await self._paid.drain(filters, fields=None, keys=[key])
        found = next((str(row.id) for row in page.rows if str(row.correlator_id) == key), None)
        if found is None and page.unreadable:
            raise Garbled(self._system, "a payment that may be the one with the key cannot be read")
        return found

    def _conditions(self, key: str, account_id: str) -> Filters:
        """Those of key and account that the system understands; none where that is neither."""
        conditions = [(_KEY, [key]), ("account.id", [account_id])]
        return [one for one in conditions if self._writer.profile.understands(one[0])]
