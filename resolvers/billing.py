"""Loaders, ownership and pure functions for billing: accounts, bills, charges and payments."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

from typing_extensions import override

from connectors.billing.port import Bill, BillCharge, BillingAccount, Payment
from connectors.errors import ConnectorError
from connectors.records import UNNAMED, Found, Rows, Window, changed
from resolvers.context import Loader, RequestContext, Rule, customer_ownership
from resolvers.filters import is_day_within, is_within, sorted_by_date
from resolvers.ownership import customers_of, names_no_customer
from resolvers.rows import RowsKey, RowsLoader

Accounts = Mapping[str, BillingAccount | ConnectorError | None]
"""Accounts that the viewer may see, by id; failures of those that could not be read."""


class BillFilter(Enum):
    """Condition of a list of bills: only bills that are open, overdue or paid."""

    OPEN = "open"
    OVERDUE = "overdue"
    PAID = "paid"


class BillSort(Enum):
    """Order of a list of bills."""

    NEWEST = "newest"
    OLDEST = "oldest"
    DUE_FIRST = "due first"


class BillingAccountById(Loader[str, BillingAccount]):
    """Billing accounts by id."""

    domain = "billing"
    ownership = customer_ownership
    entity = "BillingAccount"

    @override
    async def fetch(self, keys: Sequence[str]) -> Found[BillingAccount]:
        return await self.context.connectors.billing.accounts(keys, self.context.fields("BillingAccount"))


class BillingAccountsByCustomer(Loader[str, Rows[BillingAccount]]):
    """Billing accounts by customer number."""

    domain = "billing"
    ownership = customer_ownership
    primes = BillingAccountById

    @override
    async def fetch(self, keys: Sequence[str]) -> Found[Rows[BillingAccount]]:
        return await self.context.connectors.billing.accounts_of_customers(keys, self.context.fields("BillingAccount"))


async def bill_ownership(context: RequestContext, bills: Sequence[Bill]) -> Rule:
    """A bill belongs to the customers it names; one that names none belongs to the customers of its account."""
    return _bill_rule(context, await _accounts(context, [bill.account_id for bill in bills if names_no_customer(bill)]))


async def bill_by_id_ownership(context: RequestContext, bills: Sequence[Bill]) -> Rule:
    """The same, with the account of every bill that does not name the viewer.

    Then a bill that names somebody else takes the same calls as one that names nobody, and as one that does not exist,
    for which `BillById` has a stand-in.
    """
    return _bill_rule(context, await _accounts(context, _doubtful_accounts(context, bills)))


def _bill_rule(context: RequestContext, accounts: Accounts) -> Rule:
    mine = frozenset(context.viewer.customer_ids)

    def may_see(bill: Bill) -> bool:
        own = _is_own(bill.account_id, accounts) if names_no_customer(bill) else not mine.isdisjoint(customers_of(bill))
        if own:
            context.grant("Bill", [bill.id])
        return own

    return may_see


async def payment_ownership(context: RequestContext, payments: Sequence[Payment]) -> Rule:
    """A payment belongs to its payer; one that names none belongs to the customers of its account."""
    unnamed = [payment.account_id for payment in payments if names_no_customer(payment)]
    return _payment_rule(context, await _accounts(context, unnamed))


async def payment_by_id_ownership(context: RequestContext, payments: Sequence[Payment]) -> Rule:
    """The same, with the account of every payment that does not name the viewer, as `bill_by_id_ownership` does."""
    return _payment_rule(context, await _accounts(context, _doubtful_accounts(context, payments)))


def _payment_rule(context: RequestContext, accounts: Accounts) -> Rule:
    mine = frozenset(context.viewer.customer_ids)

    def may_see(payment: Payment) -> bool:
        if names_no_customer(payment):
            return _is_own(payment.account_id, accounts)
        return not mine.isdisjoint(customers_of(payment))

    return may_see


async def charge_ownership(context: RequestContext, _charges: Sequence[BillCharge]) -> Rule:
    """A charge may be seen by whoever may see its bill."""
    bills = context.granted("Bill")
    return lambda charge: charge.bill_id in bills


async def _accounts(context: RequestContext, ids: Sequence[str | None]) -> Accounts:
    """The accounts with these ids that the viewer may see, by id. One that could not be read maps to its failure."""
    if not ids:
        return {}
    return await BillingAccountById.of(context).load_all(list(dict.fromkeys(key for key in ids if key)))


def _doubtful_accounts(context: RequestContext, found: Sequence[Bill | Payment]) -> list[str]:
    """The accounts of those that do not name the viewer; an id of no account for one without."""
    mine = frozenset(context.viewer.customer_ids)
    return [one.account_id or one.id for one in found if mine.isdisjoint(one.customer_ids)]


def _is_own(account_id: str | None, accounts: Accounts) -> bool:
    account = accounts.get(account_id) if account_id else None
    if isinstance(account, ConnectorError):
        raise account
    return account is not None


class BillById(Loader[str, Bill]):
    """Bills by id."""

    domain = "billing"
    ownership = bill_by_id_ownership
    besides = {"billing": 1}  # whose account it is
    entity = "Bill"

    @override
    async def fetch(self, keys: Sequence[str]) -> Found[Bill]:
        """For a subscriber, with a stand-in for what does not exist: a bill of nobody's."""
        found = await self.context.connectors.billing.bills(keys, self.context.fields("Bill"))
        if self.context.viewer.is_staff or len(found) == len(keys):
            return found
        return {key: Bill(id=key, owners=UNNAMED) for key in keys} | dict(found)


class BillsByCustomer(RowsLoader[Bill]):
    """Bills of all of a customer's accounts, by customer number, newest first."""

    domain = "billing"
    ownership = bill_ownership
    besides = {"billing": 1}  # whose account it is
    primes = BillById
    connection = "BillConnection"

    @override
    async def rows(self, parents: Sequence[str], window: Window | None, conditions: Any) -> Found[Rows[Bill]]:
        fields = self.context.fields("Bill")
        return await self.context.connectors.billing.bills_of_customers(parents, window, fields)


class BillsByAccount(RowsLoader[Bill]):
    """Bills by account id, newest first."""

    domain = "billing"
    ownership = bill_ownership
    besides = {"billing": 1}  # whose account it is
    primes = BillById
    connection = "BillConnection"

    def __init__(self, context: RequestContext) -> None:
        super().__init__(context)
        self._customers: set[str] = set()

    def expect_of_customers(self, customers: Sequence[str]) -> None:
        """Start reading the customers' bills while their accounts are read: they include the accounts' bills."""
        if self.context.connectors.billing.bills_name_customers:
            self._customers.update(customers)
            BillsByCustomer.of(self.context).expect([RowsKey(key) for key in customers])

    @override
    async def rows(self, parents: Sequence[str], window: Window | None, conditions: Any) -> Mapping[str, Any]:
        found = await self._of_customers(parents) if self._customers else {}
        rest = [key for key in parents if key not in found]
        if not rest:
            return found
        billing, fields = self.context.connectors.billing, self.context.fields("Bill")
        return found | dict(await billing.bills_of_accounts(rest, window, fields))

    async def _of_customers(self, parents: Sequence[str]) -> dict[str, Rows[Bill]]:
        """Bills of accounts whose only customer's bills were read completely by `expect_of_customers`.

        An account of several customers is left out: the bills of one of them need not be all of the account's.
        """
        customers: dict[str, RowsKey] = {}
        for key, account in (await BillingAccountById.of(self.context).load_all(parents)).items():
            if isinstance(account, BillingAccount) and len(account.customer_ids) == 1:
                (own,) = account.customer_ids
                if own in self._customers:
                    customers[key] = RowsKey(own)
        loader = BillsByCustomer.of(self.context)
        bills = await self.context.early.answers(loader, list(dict.fromkeys(customers.values())))
        by_account: dict[str, list[Bill]] = {key: [] for key in customers}
        whole = {
            key for key, rows in bills.items() if isinstance(rows, Rows) and rows.complete and rows.total is not None
        }
        for one in whole:
            for bill in bills[one].items:
                if bill.account_id in by_account:
                    by_account[bill.account_id].append(bill)
        return {account: Rows.of(by_account[account]) for account, key in customers.items() if key in whole}


class ChargesByBill(Loader[str, Rows[BillCharge]]):
    """Charges (lines) by bill id."""

    domain = "billing"
    ownership = charge_ownership

    @override
    async def fetch(self, keys: Sequence[str]) -> Found[Rows[BillCharge]]:
        return await self.context.connectors.billing.charges_of_bills(keys, self.context.fields("BillCharge"))


class PaymentById(Loader[str, Payment]):
    """Payments by id."""

    domain = "billing"
    ownership = payment_by_id_ownership
    besides = {"billing": 1}  # whose account it is
    entity = "Payment"

    @override
    async def fetch(self, keys: Sequence[str]) -> Found[Payment]:
        """For a subscriber, with a stand-in for what does not exist: a payment of nobody's."""
        found = await self.context.connectors.billing.payments(keys, self.context.fields("Payment"))
        if self.context.viewer.is_staff or len(found) == len(keys):
            return found
        return {key: Payment(id=key, owners=UNNAMED) for key in keys} | dict(found)


class PaymentsByAccount(RowsLoader[Payment]):
    """Payments by account id, newest first."""

    domain = "billing"
    ownership = payment_ownership
    besides = {"billing": 1}  # whose account it is
    primes = PaymentById
    connection = "PaymentConnection"

    @override
    async def rows(self, parents: Sequence[str], window: Window | None, conditions: Any) -> Found[Rows[Payment]]:
        fields = self.context.fields("Payment")
        return await self.context.connectors.billing.payments_of_accounts(parents, window, fields)


def is_overdue(bill: Bill, now: datetime | None = None) -> bool:
    """Whether the bill is open and its due date has passed (TMF678 has no such state).

    The whole due date is still in time. `now` is for tests.
    """
    if bill.due_date is None or not bill.is_open:
        return False
    now = now or datetime.now(UTC)
    if bill.overdue_from is not None:
        return now >= bill.overdue_from
    return now.astimezone(UTC).date() > bill.due_date  # a list may have thousands: no time is made for each


def filter_bills(
    bills: Rows[Bill],
    state: BillFilter | None = None,
    since: date | None = None,
    until: date | None = None,
    sort: BillSort | None = None,
) -> Rows[Bill]:
    """The bills in this state and span of bill dates, in this order. `bills` are newest first."""
    now = datetime.now(UTC)
    rows = bills.keep(lambda bill: state is None or _is(bill, state, now))
    rows = rows.keep(lambda bill: is_day_within(bill.bill_date, since, until))
    if sort is None and state in (BillFilter.OPEN, BillFilter.OVERDUE):
        sort = BillSort.DUE_FIRST
    if sort is None:
        return rows
    if sort is BillSort.DUE_FIRST:
        return changed(rows, items=sorted_by_date(rows.items, lambda bill: bill.due_date, newest_first=False))
    newest_first = sort is BillSort.NEWEST
    return changed(rows, items=sorted_by_date(rows.items, lambda bill: bill.bill_date, newest_first=newest_first))


def filter_payments(
    payments: Rows[Payment], since: datetime | None = None, until: datetime | None = None
) -> Rows[Payment]:
    """The payments paid in this span of time."""
    return payments.keep(lambda payment: is_within(payment.paid_at, since, until))


def _is(bill: Bill, state: BillFilter, now: datetime) -> bool:
    match state:
        case BillFilter.OPEN:
            return bill.is_open
        case BillFilter.OVERDUE:
            return is_overdue(bill, now)
        case BillFilter.PAID:
            return not bill.is_open
