"""Billing by TM Forum v4 and v5: TMF666 Account, TMF678 Bill, TMF676 Payment (v4), TMF677 Usage."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from connectors.billing.port import (
    Bill,
    BillCharge,
    BillingAccount,
    BillState,
    ChargeKind,
    Payment,
    PaymentStatus,
    UsageAllowance,
)
from connectors.billing.tmf.rows import ACCOUNT, BILL, PAYMENT, RATE, AccountRow, BillRow, PaymentRow, RateRow
from connectors.billing.tmf.usage import usage
from connectors.http.client import HttpClient
from connectors.reading.grouping import mapped
from connectors.reading.order import BY_ID, Order
from connectors.records import Document, Fields, Found, Rows, Window
from connectors.tmf.capabilities import Need, one_by_one, unsupported
from connectors.tmf.collection import Collection
from connectors.tmf.documents import documents, opened
from connectors.tmf.lists import narrowed, per_key
from connectors.tmf.mapping import Recipe
from connectors.tmf.profile import Profile
from connectors.tmf.reader import Reader, by_word
from connectors.tmf.shapes import Money, id_of, ids
from connectors.tmf.versions import PAYMENT as PAYMENT_PATH
from connectors.tmf.versions import SPELLINGS

_NEWEST_BILL: Final = Order("-billDate", "bill_date")
_NEWEST_PAYMENT: Final = Order("-paymentDate", "paid_at")
_BILL_STATE: Final = by_word(BillState)
_CHARGE_KIND: Final = by_word(ChargeKind) | {"one time": ChargeKind.ONE_TIME, "onetime": ChargeKind.ONE_TIME}
_PAYMENT_STATUS: Final = by_word(PaymentStatus) | {"completed": PaymentStatus.DONE, "accepted": PaymentStatus.PENDING}


class TmfBilling:
    """The billing port over TM Forum v4 and v5."""

    def __init__(self, http: HttpClient, profile: Profile) -> None:
        self.http, self._profile = http, profile
        self._reader = Reader(http.name, profile, http.system.customer_key)
        version = profile.version
        self._spelled = SPELLINGS[version]
        account = self._spelled.path("/tmf-api/accountManagement/v4/billingAccount")
        bill = self._spelled.path("/tmf-api/customerBillManagement/v4/customerBill")
        rate = self._spelled.path("/tmf-api/customerBillManagement/v4/appliedCustomerBillingRate")
        self._accounts = Collection(http, profile, account, AccountRow, ACCOUNT)
        self._bills = Collection(http, profile, bill, BillRow, BILL[version])
        self._rates = Collection(http, profile, rate, RateRow, RATE[version])
        self._payments = Collection(http, profile, self._spelled.path(PAYMENT_PATH), PaymentRow, PAYMENT)
        self._account, self._bill = self._accounts_recipe(), self._bills_recipe()
        self._charge, self._payment = self._charges_recipe(), self._payments_recipe()
        self._usage = usage(http, profile, self._reader)
        party = self._spelled.filter("relatedParty.id")
        questions: dict[str, Sequence[Need]] = {
            "accounts_of_customers": [(self._accounts, party)],
            "bills_numbered": [(self._bills, "billNo")],
            "bills_of_accounts": [(self._bills, "billingAccount.id")],
            "bills_of_customers": [(self._bills, party)],
            "charges_of_bills": [(self._rates, "bill.id")],
            "payments_of_accounts": [(self._payments, "account.id")],
            "usage_of_customers": self._usage.needs,
        }
        self._unsupported = unsupported(
            questions,
            {
                BillingAccount: self._accounts,
                Bill: self._bills,
                BillCharge: self._rates,
                Payment: self._payments,
            },
        )
        self.one_by_one = one_by_one(
            questions, {"accounts": self._accounts, "bills": self._bills, "payments": self._payments}
        )
        if self._usage.takes_one:
            self.one_by_one |= {
                "usage_of_customers": "This installation takes no lists of values: one task a customer."
            }

    @property
    def unsupported(self) -> Mapping[str, str]:
        """What this installation cannot give, by its profile, and why."""
        return self._unsupported

    @property
    def bills_name_customers(self) -> bool:
        """See `BillingPort`. As the profile says."""
        return self._profile.bills_name_customers

    @property
    def empty_is_404(self) -> bool:
        """Whether an empty list is answered with 404 here."""
        return self._accounts.profile.empty_is_404

    async def probe(self) -> None:
        """One cheap read, for health."""
        await self._accounts.page([], Window(0, 1), fields=frozenset())

    async def accounts(self, ids: Sequence[str], fields: Fields | None) -> Found[BillingAccount]:
        """See `BillingPort`."""
        return mapped(await self._accounts.by_ids(ids, fields), self._account.of(fields))

    async def accounts_of_customers(
        self, customer_ids: Sequence[str], fields: Fields | None
    ) -> Found[Rows[BillingAccount]]:
        """See `BillingPort`."""
        return await per_key(
            self._accounts,
            self._spelled.filter("relatedParty.id"),
            customer_ids,
            self._account,
            lambda account: account.customer_ids,
            fields=fields,
            order=BY_ID,
        )

    async def bills(self, ids: Sequence[str], fields: Fields | None) -> Found[Bill]:
        """See `BillingPort`."""
        return mapped(await self._bills.by_ids(ids, fields), self._bill.of(fields))

    async def bills_numbered(self, number: str, fields: Fields | None) -> Sequence[Bill]:
        """See `BillingPort`."""
        asked = None if fields is None else fields | {"number"}
        page = await self._bills.drain([("billNo", [number])], fields=asked, keys=[number])
        record = self._bill.of(asked)
        return [record(row) for row in page.rows if (row.bill_no or "").casefold() == number.casefold()]

    async def bills_of_accounts(
        self, account_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Bill]]:
        """See `BillingPort`."""
        return await narrowed(
            self._bills,
            "billingAccount.id",
            account_ids,
            window,
            self._bill,
            lambda bill: (bill.account_id,) if bill.account_id else (),
            fields=fields,
            order=_NEWEST_BILL,
        )

    async def bills_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Bill]]:
        """See `BillingPort`."""
        return await narrowed(
            self._bills,
            self._spelled.filter("relatedParty.id"),
            customer_ids,
            window,
            self._bill,
            lambda bill: bill.customer_ids,
            fields=fields,
            order=_NEWEST_BILL,
        )

    async def charges_of_bills(self, bill_ids: Sequence[str], fields: Fields | None) -> Found[Rows[BillCharge]]:
        """See `BillingPort`."""
        return await per_key(
            self._rates,
            "bill.id",
            bill_ids,
            self._charge,
            lambda charge: (charge.bill_id,),
            fields=fields,
            order=BY_ID,
        )

    async def payments(self, ids: Sequence[str], fields: Fields | None) -> Found[Payment]:
        """See `BillingPort`."""
        return mapped(await self._payments.by_ids(ids, fields), self._payment.of(fields))

    async def payments_of_accounts(
        self, account_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Payment]]:
        """See `BillingPort`."""
        return await narrowed(
            self._payments,
            "account.id",
            account_ids,
            window,
            self._payment,
            lambda payment: (payment.account_id,) if payment.account_id else (),
            fields=fields,
            order=_NEWEST_PAYMENT,
        )

    async def usage_of_customers(self, customer_ids: Sequence[str]) -> Found[Rows[UsageAllowance]]:
        """See `BillingPort`."""
        return await self._usage.of_customers(customer_ids)

    def open_document(self, document: Document) -> AbstractAsyncContextManager[AsyncIterator[bytes] | None]:
        """See `BillingPort`."""
        return opened(self.http, document)

    def _accounts_recipe(self) -> Recipe[AccountRow, BillingAccount]:
        reader = self._reader
        return Recipe(
            BillingAccount,
            ACCOUNT,
            {
                "customer_ids": lambda row: reader.owners(row.related_party),
                "name": "name",
                "state": "state",
                "balance": lambda row: reader.money(_receivable(row)),
            },
        )

    def _bills_recipe(self) -> Recipe[BillRow, Bill]:
        reader = self._reader
        states = reader.words(_BILL_STATE, BillState.UNKNOWN)
        return Recipe(
            Bill,
            BILL[self._profile.version],
            {
                "customer_ids": lambda row: reader.owners(row.related_party),
                "account_id": lambda row: id_of(row.billing_account),
                "number": "bill_no",
                "state": lambda row: states[row.state or row.status],
                "raw_state": lambda row: row.state or row.status,
                "bill_date": lambda row: reader.date(row.bill_date),
                "due_date": lambda row: reader.date(row.payment_due_date),
                "period": lambda row: reader.period(row.billing_period),
                "amount_due": lambda row: reader.money(row.amount_due),
                "remaining_amount": lambda row: reader.money(row.remaining_amount),
                "tax_included": lambda row: reader.money(row.tax_included_amount),
                "tax_excluded": lambda row: reader.money(row.tax_excluded_amount),
                "documents": lambda row: documents(str(row.id), row.bill_document),
                "payment_ids": lambda row: ids(one.payment for one in row.applied_payment or () if one.payment),
            },
        )

    def _charges_recipe(self) -> Recipe[RateRow, BillCharge]:
        reader = self._reader
        kinds = reader.words(_CHARGE_KIND, ChargeKind.UNKNOWN)
        return Recipe(
            BillCharge,
            RATE[self._profile.version],
            {
                "bill_id": lambda row: id_of(row.bill) or "",
                "name": "name",
                "kind": lambda row: kinds[_kind(row)],
                "raw_kind": _kind,
                "amount": lambda row: reader.money(row.tax_included_amount) or reader.money(row.tax_excluded_amount),
                "product_id": lambda row: id_of(row.product),
            },
        )

    def _payments_recipe(self) -> Recipe[PaymentRow, Payment]:
        reader = self._reader
        statuses = reader.words(_PAYMENT_STATUS, PaymentStatus.UNKNOWN)
        return Recipe(
            Payment,
            PAYMENT,
            {
                # TMF676's payer is the party that paid, whatever its role is called; no customer owns nothing.
                "customer_ids": lambda row: (payer,) if (payer := reader.customer(row.payer)) else (),
                "account_id": lambda row: id_of(row.account),
                "bill_ids": lambda row: ids(one.item for one in row.payment_item or () if one.item),
                "status": lambda row: statuses[row.status],
                "raw_status": "status",
                "paid_at": lambda row: reader.date(row.payment_date),
                "amount": lambda row: reader.money(row.total_amount) or reader.money(row.amount),
                "method": lambda row: row.payment_method.name if row.payment_method else None,
            },
        )


def _receivable(row: AccountRow) -> Money | None:
    """The balance of what is owed; the first one where none says that it is that."""
    balances = sorted(
        row.account_balance or (), key=lambda one: "receivable" not in (one.balance_type or "").casefold()
    )
    return balances[0].amount if balances else None


def _kind(row: RateRow) -> str | None:
    return row.applied_billing_rate_type or row.type
