"""Accounts, bills and their lines, payments, and usage against allowance."""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any

import strawberry

from connectors.billing.port import Bill, BillCharge, BillingAccount, Payment, UsageAllowance
from connectors.records import Found, Rows, Window
from resolvers.context import Loader, RequestContext, Rule, owned
from resolvers.paging import After, Before, First, Last, Page, connected, window
from resolvers.rows import RowsKey, RowsLoader


class BillFilter(Enum):
    """Which bills a list holds."""

    OPEN = "open"
    OVERDUE = "overdue"
    PAID = "paid"


class BillingAccountById(Loader[str, BillingAccount]):
    """An account by its id."""

    ownership = owned

    async def fetch(self, keys: Sequence[str]) -> Found[BillingAccount]:
        """One batch of accounts."""
        return await self.context.connectors.billing.accounts(keys, self.context.fields("BillingAccount"))


class BillingAccountsByCustomer(Loader[str, Rows[BillingAccount]]):
    """A customer's accounts."""

    ownership = owned

    async def fetch(self, keys: Sequence[str]) -> Found[Rows[BillingAccount]]:
        """One batch of accounts."""
        fields = self.context.fields("BillingAccount")
        return await self.context.connectors.billing.accounts_of_customers(keys, fields)


async def own_bills(context: RequestContext, bills: Sequence[Bill]) -> Rule:
    """A bill's related parties say whose it is; one that names none belongs to its account's customers."""
    mine = frozenset(context.viewer.customer_ids)
    accounts = await _own_accounts(context, [bill.account_id for bill in bills if not bill.customer_ids])

    def may_see(bill: Bill) -> bool:
        own = not mine.isdisjoint(bill.customer_ids) if bill.customer_ids else bill.account_id in accounts
        if own:
            context.grant("Bill", [bill.id])
        return own

    return may_see


async def own_payments(context: RequestContext, payments: Sequence[Payment]) -> Rule:
    """A payment is its payer's, and of those whose account it went to."""
    mine = frozenset(context.viewer.customer_ids)
    others = [payment.account_id for payment in payments if mine.isdisjoint(payment.customer_ids)]
    accounts = await _own_accounts(context, others)
    return lambda payment: not mine.isdisjoint(payment.customer_ids) or payment.account_id in accounts


async def own_charges(context: RequestContext, _charges: Sequence[BillCharge]) -> Rule:
    """A line is seen with its bill."""
    return lambda charge: context.granted("Bill", charge.bill_id)


async def _own_accounts(context: RequestContext, ids: Sequence[str | None]) -> frozenset[str]:
    wanted = list(dict.fromkeys(key for key in ids if key))
    found = await BillingAccountById.of(context).load_many(wanted) if wanted else []
    return frozenset(account.id for account in found if account is not None)


class BillById(Loader[str, Bill]):
    """A bill by its id."""

    ownership = own_bills

    async def fetch(self, keys: Sequence[str]) -> Found[Bill]:
        """One batch of bills."""
        return await self.context.connectors.billing.bills(keys, self.context.fields("Bill"))


class BillsByAccount(RowsLoader[Bill]):
    """An account's bills."""

    ownership = own_bills

    async def rows(self, parents: Sequence[str], window: Window | None, conditions: Any) -> Found[Rows[Bill]]:
        """See `RowsLoader`."""
        return await self.context.connectors.billing.bills_of_accounts(parents, window, self.context.fields("Bill"))


class BillsByCustomer(RowsLoader[Bill]):
    """A customer's bills, over all accounts."""

    ownership = own_bills

    async def rows(self, parents: Sequence[str], window: Window | None, conditions: Any) -> Found[Rows[Bill]]:
        """See `RowsLoader`."""
        return await self.context.connectors.billing.bills_of_customers(parents, window, self.context.fields("Bill"))


class ChargesByBill(Loader[str, Rows[BillCharge]]):
    """A bill's lines."""

    ownership = own_charges

    async def fetch(self, keys: Sequence[str]) -> Found[Rows[BillCharge]]:
        """One batch of lines."""
        return await self.context.connectors.billing.charges_of_bills(keys, self.context.fields("BillCharge"))


class PaymentById(Loader[str, Payment]):
    """A payment by its id."""

    ownership = own_payments

    async def fetch(self, keys: Sequence[str]) -> Found[Payment]:
        """One batch of payments."""
        return await self.context.connectors.billing.payments(keys, self.context.fields("Payment"))


class PaymentsByAccount(RowsLoader[Payment]):
    """Payments to an account."""

    ownership = own_payments

    async def rows(self, parents: Sequence[str], window: Window | None, conditions: Any) -> Found[Rows[Payment]]:
        """See `RowsLoader`."""
        fields = self.context.fields("Payment")
        return await self.context.connectors.billing.payments_of_accounts(parents, window, fields)


class UsageByCustomer(Loader[str, Rows[UsageAllowance]]):
    """What a customer used of what it has."""

    ownership = owned

    async def fetch(self, keys: Sequence[str]) -> Found[Rows[UsageAllowance]]:
        """One task for all customers."""
        return await self.context.connectors.billing.usage_of_customers(keys)


State = Annotated[
    BillFilter | None,
    strawberry.argument(description="Only bills of this sort; OPEN and OVERDUE ones come by due date, soonest first."),
]
Since = Annotated[datetime | None, strawberry.argument(description="Only bills dated at or after this moment.")]
Until = Annotated[datetime | None, strawberry.argument(description="Only bills dated before this moment.")]


def bill_rows(
    parent: Any,
    state: State = None,
    since: Since = None,
    until: Until = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> RowsKey:
    """The bills to read. What is open is not a state that can be filtered on upstream: then all are read and chosen."""
    filtered = state is not None or since is not None or until is not None
    whole = window(first, after, last, before)
    return RowsKey(parent.id, None, None if filtered else whole)


def bill_page(
    rows: Rows[Bill] | None,
    state: State = None,
    since: Since = None,
    until: Until = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> Page:
    """The page of the chosen bills."""
    return connected(chosen(rows, state, since, until), first, after, last, before)


def is_overdue(bill: Bill, now: datetime | None = None) -> bool:
    """Open although its due date has passed (FACTS.md, TMF678: there is no such state, so it is derived)."""
    return bill.is_open and bill.due_date is not None and bill.due_date < (now or datetime.now(UTC))


def chosen(
    bills: Rows[Bill] | None,
    state: BillFilter | None,
    since: datetime | None,
    until: datetime | None,
) -> Rows[Bill]:
    """Bills of the wanted sort: open ones by due date, soonest first; else newest first, as they come."""
    if bills is None:
        return Rows.of(())
    if state is None and since is None and until is None:
        return bills
    now = datetime.now(UTC)
    kept = [
        bill
        for bill in bills.items
        if (state is None or _is(bill, state, now))
        and (since is None or (bill.bill_date is not None and bill.bill_date >= since))
        and (until is None or (bill.bill_date is not None and bill.bill_date < until))
    ]
    if state in (BillFilter.OPEN, BillFilter.OVERDUE):
        kept.sort(
            key=lambda bill: (bill.due_date is None, bill.due_date.timestamp() if bill.due_date else 0.0, bill.id)
        )
    return Rows.of(kept)


def _is(bill: Bill, state: BillFilter, now: datetime) -> bool:
    match state:
        case BillFilter.OPEN:
            return bill.is_open
        case BillFilter.OVERDUE:
            return is_overdue(bill, now)
        case BillFilter.PAID:
            return not bill.is_open
