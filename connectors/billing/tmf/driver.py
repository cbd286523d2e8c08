"""Billing by TM Forum v4 and v5: TMF666 Account, TMF678 Bill, TMF676 Payment (v4)."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, ClassVar, Final

from connectors.billing.port import Bill, BillCharge, BillingAccount, Payment
from connectors.billing.tmf.rows import ACCOUNT, BILL, CHARGE, PAYMENT
from connectors.billing.tmf.writes import PaymentWrites
from connectors.events.speaking import Telling
from connectors.files import ByteRange, File
from connectors.http.client import HttpClient
from connectors.reading.grouping import complete_rows, map_rows
from connectors.reading.order import BY_ID, Order
from connectors.reading.texts import forms, same
from connectors.records import Changed, Document, Fields, Found, Record, Rows, Window
from connectors.tmf.capabilities import RequiredFilter, existing, one_by_one, unsupported
from connectors.tmf.changes import Changes, unsupported_changes
from connectors.tmf.collection import Collection
from connectors.tmf.documents import open_attachment
from connectors.tmf.events import TmfEvents
from connectors.tmf.lists import all_under, page_under
from connectors.tmf.profile import Profile
from connectors.tmf.reader import Reader
from connectors.tmf.versions import PAYMENT as PAYMENT_PATH
from connectors.tmf.versions import SPELLINGS

_NEWEST_BILL: Final = Order("-billDate", "bill_date")
_NEWEST_PAYMENT: Final = Order("-paymentDate", "paid_at")


class TmfBilling(PaymentWrites):
    """The billing port over TM Forum v4 and v5."""

    telling: ClassVar[Telling] = Telling.HUB

    def __init__(self, http: HttpClient, profile: Profile) -> None:
        self.http, self._profile = http, profile
        self._reader = Reader(http.name, profile, http.system.customer_key, http.health)
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
        self.events = TmfEvents(http.name, profile, [bill, self._spelled.path(PAYMENT_PATH)])
        party = self._spelled.filter("relatedParty.id")
        questions: dict[str, Sequence[RequiredFilter]] = {
            "accounts_of_customers": [(self._accounts, party)],
            "bills_numbered": [(self._bills, "billNo")],
            "bills_of_accounts": [(self._bills, "billingAccount.id")],
            "bills_of_customers": [(self._bills, party)],
            "charges_of_bills": [(self._rates, "bill.id")],
            "payments_of_accounts": [(self._payments, "account.id")],
        }
        self._bill_changes = Changes(http, profile, self._reader, bill, "billDate", ["lastUpdate"])
        self._payment_changes = Changes(
            http, profile, self._reader, self._spelled.path(PAYMENT_PATH), "paymentDate", ["statusDate", "paymentDate"]
        )
        records: Mapping[type[Record], Collection[Any]] = {
            BillingAccount: self._accounts,
            Bill: self._bills,
            BillCharge: self._rates,
            Payment: self._payments,
        }
        self._unsupported = {
            **unsupported(
                questions,
                records,
                {"accounts": self._accounts, "bills": self._bills, "payments": self._payments},
            ),
            **unsupported_changes({"bills_changed": self._bill_changes, "payments_changed": self._payment_changes}),
        }
        self.one_by_one = one_by_one(
            questions, {"accounts": self._accounts, "bills": self._bills, "payments": self._payments}
        )

    @property
    def unsupported(self) -> Mapping[str, str]:
        """Methods and attributes that this installation does not support according to its profile, with reasons."""
        return {**self._unsupported, **self.lacking()}

    @property
    def bills_name_customers(self) -> bool:
        """The profile's setting of this name."""
        return self._profile.bills_name_customers

    @property
    def empty_is_404(self) -> bool:
        """Whether this installation answers an empty list with 404."""
        return self._accounts.profile.empty_is_404

    async def probe(self) -> None:
        await existing(self._accounts, self._bills, self._payments).page([], Window(0, 1), fields=frozenset())

    async def accounts(self, ids: Sequence[str], fields: Fields | None) -> Found[BillingAccount]:
        return map_rows(await self._accounts.by_ids(ids, fields), self._accounts.record_factory(fields))

    async def accounts_of_customers(
        self, customer_ids: Sequence[str], fields: Fields | None
    ) -> Found[Rows[BillingAccount]]:
        return await all_under(
            self._accounts,
            self._spelled.filter("relatedParty.id"),
            customer_ids,
            lambda account: account.customer_ids,
            fields=fields,
            order=BY_ID,
        )

    async def bills(self, ids: Sequence[str], fields: Fields | None) -> Found[Bill]:
        return map_rows(await self._bills.by_ids(ids, fields), self._bills.record_factory(fields))

    async def bills_numbered(self, number: str, fields: Fields | None) -> Rows[Bill]:
        asked = None if fields is None else fields | {"number"}
        page = await self._bills.drain([("billNo", forms(number))], fields=asked, keys=[number])
        record = self._bills.record_factory(asked)
        found = [record(row) for row in page.rows if same(row.bill_no, number)]
        if page.unreadable and not found:
            raise self._bills.unreadable(number)
        return complete_rows(found, len(page.unreadable))

    async def bills_of_accounts(
        self, account_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Bill]]:
        return await page_under(
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
        return await page_under(
            self._bills,
            self._spelled.filter("relatedParty.id"),
            customer_ids,
            window,
            lambda bill: bill.customer_ids,
            fields=fields,
            order=_NEWEST_BILL,
        )

    async def charges_of_bills(self, bill_ids: Sequence[str], fields: Fields | None) -> Found[Rows[BillCharge]]:
        return await all_under(
            self._rates,
            "bill.id",
            bill_ids,
            lambda charge: (charge.bill_id,),
            fields=fields,
            order=BY_ID,
        )

    async def payments(self, ids: Sequence[str], fields: Fields | None) -> Found[Payment]:
        return map_rows(await self._payments.by_ids(ids, fields), self._payments.record_factory(fields))

    async def payments_of_accounts(
        self, account_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Payment]]:
        return await page_under(
            self._payments,
            "account.id",
            account_ids,
            window,
            lambda payment: (payment.account_id,) if payment.account_id else (),
            fields=fields,
            order=_NEWEST_PAYMENT,
        )

    async def bills_changed(self, since: datetime | None) -> Sequence[Changed]:
        return await self._bill_changes.since(since)

    async def payments_changed(self, since: datetime | None) -> Sequence[Changed]:
        return await self._payment_changes.since(since)

    def open_document(
        self, document: Document, part: ByteRange | None = None
    ) -> AbstractAsyncContextManager[File | None]:
        return open_attachment(self.http, document, part)
