"""Billing by TM Forum v4 and v5: TMF666 Account, TMF678 Bill, TMF676 Payment (v4), TMF677 Usage."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from connectors.billing.port import (
    Bill,
    BillCharge,
    BillingAccount,
    Payment,
    UsageAllowance,
)
from connectors.billing.tmf.rows import ACCOUNT, BILL, CHARGE, PAYMENT
from connectors.billing.tmf.usage import usage
from connectors.billing.tmf.writes import PaymentWrites
from connectors.http.client import HttpClient
from connectors.reading.grouping import mapped
from connectors.reading.order import BY_ID, Order
from connectors.records import Document, Fields, Found, Rows, Window
from connectors.tmf.capabilities import Need, one_by_one, unsupported
from connectors.tmf.collection import Collection
from connectors.tmf.documents import opened
from connectors.tmf.lists import narrowed, per_key
from connectors.tmf.profile import Profile
from connectors.tmf.reader import Reader
from connectors.tmf.versions import PAYMENT as PAYMENT_PATH
from connectors.tmf.versions import SPELLINGS

_NEWEST_BILL: Final = Order("-billDate", "bill_date")
_NEWEST_PAYMENT: Final = Order("-paymentDate", "paid_at")


class TmfBilling(PaymentWrites):
    """The billing port over TM Forum v4 and v5."""

    def __init__(self, http: HttpClient, profile: Profile) -> None:
        self.http, self._profile = http, profile
        self._reader = Reader(http.name, profile, http.system.customer_key)
        version = profile.version
        self._spelled = SPELLINGS[version]
        account = self._spelled.path("/tmf-api/accountManagement/v4/billingAccount")
        bill = self._spelled.path("/tmf-api/customerBillManagement/v4/customerBill")
        rate = self._spelled.path("/tmf-api/customerBillManagement/v4/appliedCustomerBillingRate")
        super().__init__(http, profile, self._spelled.path(PAYMENT_PATH))
        mapped_by = self._reader, version
        self._accounts = Collection(http, profile, account, ACCOUNT.bound(*mapped_by))
        self._bills = Collection(http, profile, bill, BILL.bound(*mapped_by))
        self._rates = Collection(http, profile, rate, CHARGE.bound(*mapped_by))
        self._payments = Collection(http, profile, self._spelled.path(PAYMENT_PATH), PAYMENT.bound(*mapped_by))
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
        return {**self._unsupported, **self.lacking()}

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
        return mapped(await self._accounts.by_ids(ids, fields), self._accounts.record(fields))

    async def accounts_of_customers(
        self, customer_ids: Sequence[str], fields: Fields | None
    ) -> Found[Rows[BillingAccount]]:
        """See `BillingPort`."""
        return await per_key(
            self._accounts,
            self._spelled.filter("relatedParty.id"),
            customer_ids,
            lambda account: account.customer_ids,
            fields=fields,
            order=BY_ID,
        )

    async def bills(self, ids: Sequence[str], fields: Fields | None) -> Found[Bill]:
        """See `BillingPort`."""
        return mapped(await self._bills.by_ids(ids, fields), self._bills.record(fields))

    async def bills_numbered(self, number: str, fields: Fields | None) -> Sequence[Bill]:
        """See `BillingPort`."""
        asked = None if fields is None else fields | {"number"}
        page = await self._bills.drain([("billNo", [number])], fields=asked, keys=[number])
        record = self._bills.record(asked)
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
            lambda charge: (charge.bill_id,),
            fields=fields,
            order=BY_ID,
        )

    async def payments(self, ids: Sequence[str], fields: Fields | None) -> Found[Payment]:
        """See `BillingPort`."""
        return mapped(await self._payments.by_ids(ids, fields), self._payments.record(fields))

    async def payments_of_accounts(
        self, account_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Payment]]:
        """See `BillingPort`."""
        return await narrowed(
            self._payments,
            "account.id",
            account_ids,
            window,
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
