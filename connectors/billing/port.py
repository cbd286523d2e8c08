"""The port to a billing system: accounts, bills and their charges, payments."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Protocol

from connectors.files import ByteRange, File
from connectors.links import RefersTo
from connectors.ports import batch, fresh, read, write_of
from connectors.records import (
    UNNAMED,
    Changed,
    Document,
    Fields,
    Found,
    Money,
    Owned,
    Owners,
    Period,
    Record,
    Rows,
    Window,
)
from connectors.writes import WriteKey


class BillState(Enum):
    """The state of a bill: TMF678 StateValue."""

    NEW = "new"
    ON_HOLD = "onHold"
    VALIDATED = "validated"
    SENT = "sent"
    PARTIALLY_PAID = "partiallyPaid"
    SETTLED = "settled"
    UNKNOWN = "unknown"


class ChargeKind(Enum):
    """The type of a bill's charge. TMF678 allows any word; these are the usual ones."""

    RECURRING = "recurring"
    USAGE = "usage"
    ONE_TIME = "oneTime"
    DISCOUNT = "discount"
    UNKNOWN = "unknown"


class PaymentStatus(Enum):
    """The status of a payment. TMF676 allows any word; these are the usual ones."""

    INITIALIZED = "initialized"
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    UNKNOWN = "unknown"


class BillingAccount(Owned, frozen=True, kw_only=True):
    """TMF666 BillingAccount. `balance` is the amount that the customer owes (receivable balance)."""

    id: str
    name: str | None = None
    state: str | None = None
    balance: Money | None = None


class Bill(Owned, frozen=True, kw_only=True):
    """TMF678 CustomerBill. `number` is printed on the bill; `remaining_amount` is still to be paid.

    Days are those of the system's time zone. `overdue_from` is the midnight after the due date there; without it, the
    midnight in UTC counts.
    """

    id: str
    account_id: str | None = None
    number: str | None = None
    state: BillState = BillState.UNKNOWN
    raw_state: str | None = None
    bill_date: date | None = None
    due_date: date | None = None
    period: Period | None = None
    amount_due: Money | None = None
    remaining_amount: Money | None = None
    tax_included: Money | None = None
    tax_excluded: Money | None = None
    documents: tuple[Document, ...] = ()
    payment_ids: tuple[str, ...] = ()
    overdue_from: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether the bill is not fully paid, by `remaining_amount` or, if that is None, by `state`."""
        if self.remaining_amount is not None:
            return self.remaining_amount.amount > 0
        return self.state is not BillState.SETTLED


class BillCharge(Record, frozen=True, kw_only=True):
    """TMF678 AppliedCustomerBillingRate: one charge of a bill. Tax is included if the system tells it; a discount is
    negative.
    """

    id: str
    bill_id: str
    name: str | None = None
    kind: ChargeKind = ChargeKind.UNKNOWN
    raw_kind: str | None = None
    amount: Money | None = None
    product_id: Annotated[str | None, RefersTo("product")] = None


class Payment(Owned, frozen=True, kw_only=True):
    """TMF676 Payment. `owners` is `UNNAMED` if it names no payer: then it belongs to the owners of its account."""

    id: str
    owners: Owners = UNNAMED
    account_id: str | None = None
    bill_ids: tuple[str, ...] = ()
    status: PaymentStatus = PaymentStatus.UNKNOWN
    raw_status: str | None = None
    paid_at: datetime | None = None
    amount: Money | None = None
    method: str | None = None


class NewPayment(Record, frozen=True, kw_only=True):
    """A payment of one bill. `method_token` is what the payment provider gave the page, never a card's number."""

    customer_id: str
    account_id: str
    bill_id: str
    amount: Money
    method_token: str | None = None


class BillingPort(Protocol):
    """A batch of keys returns a mapping: an unknown key is absent, a failed key maps to its `ConnectorError`.

    Methods without keys raise it; others may, if all keys failed. `fields` are the attributes to read, None for all.
    """

    @property
    def bills_name_customers(self) -> bool:
        """Whether every bill names its account's customer: then `bills_of_customers` misses no bill of an account."""

    @batch("ids")
    async def accounts(self, ids: Sequence[str], fields: Fields | None) -> Found[BillingAccount]:
        """Accounts by id."""

    @batch("customer_ids")
    async def accounts_of_customers(
        self, customer_ids: Sequence[str], fields: Fields | None
    ) -> Found[Rows[BillingAccount]]:
        """All accounts per customer, sorted by id."""

    @batch("ids")
    async def bills(self, ids: Sequence[str], fields: Fields | None) -> Found[Bill]:
        """Bills by id."""

    @read
    async def bills_numbered(self, number: str, fields: Fields | None) -> Rows[Bill]:
        """All bills with this printed number."""

    @batch("account_ids")
    async def bills_of_accounts(
        self, account_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Bill]]:
        """Bills per account, newest first. A window is given only with a single account."""

    @batch("customer_ids")
    async def bills_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Bill]]:
        """Bills per customer, newest first. A window is given only with a single customer."""

    @batch("bill_ids")
    async def charges_of_bills(self, bill_ids: Sequence[str], fields: Fields | None) -> Found[Rows[BillCharge]]:
        """All charges per bill, sorted by id."""

    @batch("ids")
    async def payments(self, ids: Sequence[str], fields: Fields | None) -> Found[Payment]:
        """Payments by id."""

    @batch("account_ids")
    async def payments_of_accounts(
        self, account_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Payment]]:
        """Payments per account, newest first. A window is given only with a single account."""

    @fresh
    async def bills_changed(self, since: datetime | None) -> Sequence[Changed]:
        """Bills that were made, changed or paid at `since` (with a zone) or later; None: a few, with the last one.

        Raises `NotSupported` where the system cannot tell.
        """

    @fresh
    async def payments_changed(self, since: datetime | None) -> Sequence[Changed]:
        """Payments that were made or changed, as `bills_changed`."""

    def open_document(
        self, document: Document, part: ByteRange | None = None
    ) -> AbstractAsyncContextManager[File | None]:
        """Open a document of a bill. Yields the file, or None if it is gone. `part` is what is
        wanted of it; where the system does not obey, the whole file comes. Raises `ConnectorError`."""

    @write_of("Bill", "Payment")
    async def pay_bill(self, new: NewPayment, key: WriteKey) -> str:
        """Pay a bill, or a part of it: the payment's id.

        Raises `Declined`, or a `ConnectorError` that says whether it may have happened.
        """

    @fresh
    async def payment_made_with(self, new: NewPayment, key: WriteKey) -> str | None:
        """The id of the payment that was made with this key; None where there is none now.

        Raises `NotSupported` where the system keeps no key, and so cannot tell.
        """
