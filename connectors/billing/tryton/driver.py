"""Billing by Tryton 8.2 (modules account_invoice and account_payment), over its REST API.

The customer number is the party's `code`. The account is the party too, and its id is the customer number: in Tryton
the receivable, invoices and payments belong to the party. A subscription (`sale.subscription`) cannot be the account,
because manual invoices do not name one, and a party's debt cannot be divided among several.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import ClassVar, Final, TypeVar

from connectors.billing.port import (
    Bill,
    BillCharge,
    BillingAccount,
    NewPayment,
    Payment,
)
from connectors.billing.tryton.changes import Changes
from connectors.billing.tryton.client import BY_ROW_ID, KeyField, Model, Rest
from connectors.billing.tryton.options import TrytonOptions
from connectors.billing.tryton.records import Records
from connectors.billing.tryton.rows import (
    COMPANY,
    INVOICE,
    LINE,
    PARTY,
    PAYMENT,
    CompanyRow,
    InvoiceRow,
    LineRow,
    PartyRow,
    PaymentRow,
)
from connectors.billing.tryton.writes import NO_JOURNAL, Payments
from connectors.errors import ConnectorError, Garbled
from connectors.files import ByteRange, File
from connectors.http.client import HttpClient
from connectors.reading.grouping import complete_rows, group_by_key, map_rows, match_ids
from connectors.reading.order import BY_ID, Order
from connectors.reading.rows import Row
from connectors.reading.texts import same
from connectors.records import Changed, Document, Fields, Found, Rows, Window
from connectors.writes import WriteKey

R = TypeVar("R")
Owned = TypeVar("Owned", Bill, Payment)

_NEWEST_BILL: Final = Order("-invoice_date", "bill_date")
_NEWEST_PAYMENT: Final = Order("-date", "paid_at")
_OF_PARTY: Final = KeyField("party.code")


class TrytonBilling:
    """The billing port over Tryton. Each method makes one call for as many keys as fit into a URL."""

    never_supported: ClassVar[Mapping[str, str]] = {
        "Bill.period": "A Tryton invoice does not say which period it covers.",
        "BillCharge.product_id": "A line names a product of the catalogue, not the customer's own.",
    }
    """Methods of the port and attributes of records that Tryton does not support, with reasons."""

    bills_name_customers: ClassVar[bool] = True
    """An invoice's party is both the customer and the account."""

    def __init__(self, http: HttpClient, options: TrytonOptions) -> None:
        self.http = http
        self.unsupported: Mapping[str, str] = {
            **self.never_supported,
            **({} if options.payment_journal is not None else {"pay_bill": NO_JOURNAL}),
        }
        self._rest = Rest(http, options)
        self._writes = Payments(self._rest)
        self._records = Records(options, self._rest.warn_once)
        self._changes = Changes(self._rest, self._rest.warn_once)
        self._currency = options.currency
        # Without a condition on `active`, Tryton leaves out archived parties.
        archived_too = [["active", "in", [True, False]]]
        self._parties = Model(self._rest, "party.party", PartyRow, PARTY, archived_too, lambda row: True, ["code"])
        self._companies = Model(self._rest, "company.company", CompanyRow, COMPANY, [], lambda row: True)
        self._invoices = Model(
            self._rest,
            "account.invoice",
            InvoiceRow,
            INVOICE,
            [["type", "=", "out"]],
            lambda row: row.type == "out",
            ["type", "party"],
        )
        # An invoice also has lines that are titles, comments and subtotals.
        charges = [["invoice.type", "=", "out"], ["type", "=", "line"]]
        self._lines = Model(
            self._rest,
            "account.invoice.line",
            LineRow,
            LINE,
            charges,
            lambda row: row.type == "line",
            ["type", "invoice"],
        )
        received = [["kind", "=", "receivable"]]
        self._payments = Model(
            self._rest,
            "account.payment",
            PaymentRow,
            PAYMENT,
            received,
            lambda row: row.kind == "receivable",
            ["kind", "party"],
        )

    async def probe(self) -> None:
        await self._rest.probe()

    async def accounts(self, ids: Sequence[str], fields: Fields | None) -> Found[BillingAccount]:
        """One call. The currency of the balances takes one more call, once per process."""
        found = await self.accounts_of_customers(ids, fields)
        return {key: rows if isinstance(rows, ConnectorError) else rows.items[0] for key, rows in found.items()}

    async def accounts_of_customers(
        self, customer_ids: Sequence[str], fields: Fields | None
    ) -> Found[Rows[BillingAccount]]:
        """Every customer has one account. One call, and once per process one for the currency."""
        currency = await self._company_currency() if fields is None or "balance" in fields else None
        batches = await self._parties.by_keys(KeyField("code"), customer_ids, fields, BY_ID)
        found = await group_by_key(
            batches,
            lambda row: self._records.account(row, currency),
            lambda account: account.customer_ids,
            unreadable=self._unreadable,
            unasked=self._unasked,
        )
        # An unreadable party exists, so its key is not absent.
        return {
            key: rows if isinstance(rows, ConnectorError) or rows.items else self._unreadable(key)
            for key, rows in found.items()
        }

    async def bills(self, ids: Sequence[str], fields: Fields | None) -> Found[Bill]:
        """One call."""
        return await self._by_id(self._invoices, ids, fields, self._records.bill)

    async def bills_numbered(self, number: str, fields: Fields | None) -> Rows[Bill]:
        """One call. Drafts have no number and are not found."""
        asked = None if fields is None else fields | {"number"}
        page = await self._invoices.with_text("number", number, asked, BY_ID)
        found = [self._records.bill(row) for row in page.rows if same(row.number, number)]
        return complete_rows(found, len(page.unreadable))

    async def bills_of_accounts(
        self, account_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Bill]]:
        """One call. The account ids are customer numbers."""
        return await self._owned(self._invoices, account_ids, window, fields, _NEWEST_BILL, self._records.bill)

    async def bills_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Bill]]:
        """One call."""
        return await self._owned(self._invoices, customer_ids, window, fields, _NEWEST_BILL, self._records.bill)

    async def charges_of_bills(self, bill_ids: Sequence[str], fields: Fields | None) -> Found[Rows[BillCharge]]:
        """One call. Amounts are without tax, which Tryton keeps apart from the lines."""
        batches = await self._lines.by_keys(KeyField("invoice", numeric=True), bill_ids, fields, BY_ID)
        return await group_by_key(
            batches, self._records.charge, lambda charge: (charge.bill_id,), unreadable=self._unreadable
        )

    async def payments(self, ids: Sequence[str], fields: Fields | None) -> Found[Payment]:
        """One call."""
        return await self._by_id(self._payments, ids, fields, self._records.payment)

    async def payments_of_accounts(
        self, account_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Payment]]:
        """One call. Money booked directly in the ledger reduces bills' remaining amounts, but is not a payment here."""
        return await self._owned(self._payments, account_ids, window, fields, _NEWEST_PAYMENT, self._records.payment)

    async def bills_changed(self, since: datetime | None) -> Sequence[Changed]:
        """Two calls: a payment changes what is left to pay of an invoice, and not its `write_date`."""
        return await self._changes.bills(since)

    async def payments_changed(self, since: datetime | None) -> Sequence[Changed]:
        """One call."""
        return await self._changes.payments(since)

    def open_document(
        self, document: Document, part: ByteRange | None = None
    ) -> AbstractAsyncContextManager[File | None]:
        """The invoice's file, which Tryton stored when the invoice was posted."""
        if not isinstance(document.source, str):
            raise TypeError(f"{document.owner} {document.id}: not a document of {self.http.name}'s own records")
        return self.http.stream(document.source, part)

    async def pay_bill(self, new: NewPayment, key: WriteKey) -> str:
        """Three reads side by side, the payment, and its submission."""
        return await self._writes.pay(new, key)

    async def payment_made_with(self, new: NewPayment, key: WriteKey) -> str | None:
        """One call."""
        return await self._writes.made_with(key)

    async def _owned(
        self,
        model: Model[Row],
        customer_ids: Sequence[str],
        window: Window | None,
        fields: Fields | None,
        order: Order,
        record: Callable[[Row], Owned],
    ) -> Found[Rows[Owned]]:
        """Rows per customer, or one window of a single customer's.

        If a row of the window is unreadable or not the customer's, the complete list is read and filtered here.
        """
        if window is not None and len(customer_ids) == 1:
            key = customer_ids[0]
            if not _OF_PARTY.values([key]):
                return {}
            try:
                page = await model.window(_OF_PARTY, key, window, fields, order)
            except ConnectorError as failure:
                return {key: failure}
            items = list(map(record, page.rows))
            kept = all(map(model.is_wanted, page.rows)) and all(key in item.customer_ids for item in items)
            if kept and not page.unreadable:
                return {key: Rows(items, window.offset, page.total, complete=False)}
        batches = await model.by_keys(_OF_PARTY, customer_ids, fields, order)
        return await group_by_key(
            batches, record, lambda one: one.customer_ids, unreadable=self._unreadable, unasked=self._unasked
        )

    def _unasked(self, _row: object) -> None:
        self._rest.warn_once("sends rows that name none of the parties that were asked for: they are left out")

    async def _by_id(
        self, model: Model[Row], ids: Sequence[str], fields: Fields | None, record: Callable[[Row], R]
    ) -> Found[R]:
        return map_rows(match_ids(await model.by_keys(BY_ROW_ID, ids, fields, BY_ID), self._unreadable), record)

    async def _company_currency(self) -> str | None:
        """The currency of balances: from the options, or read once from the company."""
        if self._currency is None:
            rows = await self._companies.everything()
            codes = {row.currency.code for row in rows if row.currency and row.currency.code}
            if len(codes) != 1:
                self._rest.warn_once(f"has companies with the currencies {sorted(codes)}: set options.currency to one")
                return None
            self._currency = codes.pop()
        return self._currency

    def _unreadable(self, key: str) -> Garbled:
        return Garbled(self.http.name, f"the row for {key[:100]!r} cannot be read")
