"""Payments into Tryton: an account.payment of one of an invoice's lines, created as a draft, then submitted.

What surprises:

- nothing is checked against what is still to be paid, 99,999.00 is taken: it is checked here, on the invoice as it is;
- a payment pays one line of the ledger. An invoice in instalments has several, and what is beyond one line's amount
  lowers nothing: a payment goes to the first line that has room for all of it;
- a draft counts already, it lowers what is to be paid. So a draft that could not be submitted is a payment that was
  made: whoever finds it by its key submits it, or a person in the office;
- `reference` holds the key and is not unique: it is looked for before anything is created;
- what Tryton declines, and what it only warns of, is 400 and a sentence in the user's language; an unknown field is
  500.
"""

import re
from collections.abc import Coroutine, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from connectors.billing.port import NewPayment
from connectors.billing.tryton.client import BY_ROW_ID, KeyField, Model, Rest
from connectors.billing.tryton.payable import JOURNAL, MADE, PAYABLE, JournalRow, MadeRow, PayableLine, PayableRow
from connectors.billing.tryton.values import Values
from connectors.errors import ConnectorError, Declined, Garbled, NotSupported, Reason, Rejected
from connectors.http.request import Answer, Request
from connectors.reading.concurrently import run_concurrently
from connectors.reading.dates import time_zone
from connectors.reading.nothing_sent import nothing_sent
from connectors.reading.order import BY_ID
from connectors.reading.rows import Identified, Row, every_field
from connectors.writes import WriteKey

NO_JOURNAL: Final = "A payment is made through a payment journal: options.payment_journal names none."


class _Refusal(msgspec.Struct):
    message: str = ""


_BY_REFERENCE: Final = KeyField("reference")
_SENTENCES: Final[Sequence[tuple[re.Pattern[str], Reason, str | None]]] = (
    (re.compile(r'field "Amount"'), Reason.INVALID, "amount"),
    (re.compile(r'field "Line"'), Reason.WRONG_STATE, "bill_id"),
)
"""What Tryton declines in English, what that means, and the attribute of `NewPayment` that it is about."""
_QUOTED: Final = re.compile(r'"[^"]*"')


class Payments:
    """Makes payments of invoices, and finds them again."""

    def __init__(self, rest: Rest) -> None:
        self._rest, self._http = rest, rest.http
        self._values = Values(rest.options.timezone, rest.warn_once)
        self._zone = time_zone(rest.options.timezone)
        self._invoices = Model(
            rest,
            "account.invoice",
            PayableRow,
            PAYABLE,
            [["type", "=", "out"]],
            lambda row: row.type == "out",
            every_field(PayableRow),
        )
        self._made = Model(rest, "account.payment", MadeRow, MADE, [], lambda row: True, every_field(MadeRow))
        self._journals = Model(
            rest, "account.payment.journal", JournalRow, JOURNAL, [], lambda row: True, every_field(JournalRow)
        )

    async def pay(self, new: NewPayment, key: WriteKey) -> str:
        """Pay an invoice, or a part of it: the payment's id. See `BillingPort.pay_bill`.

        Three reads side by side, then two writes. The second one, which submits, may fail: the payment is made.
        """
        if self._rest.options.payment_journal is None:
            raise NotSupported(self._http.name, NO_JOURNAL)
        if new.method_token is not None:
            raise self._declined("a payment has no place for a token", Reason.NOT_ALLOWED, "method_token")
        with nothing_sent():
            made, invoice, journals = await self._before(new, key)
            values = {} if made else self._wanted(new, key, invoice, journals)
        made = made or await self._created_once(values, key)
        if made.state in (None, "draft"):
            await self._submit(str(made.id))
        return str(made.id)

    async def made_with(self, key: WriteKey) -> str | None:
        """The id of the payment whose reference is this key. See `BillingPort.payment_made_with`.

        A draft is submitted: whoever made it was killed, or lost the answer, before that. Submitting twice is declined.
        """
        made = await self._found(key)
        if made and made.state == "draft":
            await self._submit(str(made.id))
        return str(made.id) if made else None

    async def _before(
        self, new: NewPayment, key: WriteKey
    ) -> tuple[MadeRow | None, PayableRow | None, Sequence[JournalRow]]:
        reads: list[Coroutine[Any, Any, Any]]
        reads = [self._found(key), self._payable(new.bill_id), self._journals.everything()]
        made, invoice, journals = await run_concurrently(reads)
        return made, invoice, journals

    async def _found(self, key: WriteKey) -> MadeRow | None:
        """The first payment with this key: should there be two, the second one is no other click's."""
        rows = [row for row in await self._rows(self._made, _BY_REFERENCE, key) if row.reference == key]
        if len(rows) > 1:
            self._rest.warn_once(f"{len(rows)} payments have the reference {key}")
        return rows[0] if rows else None

    async def _payable(self, bill_id: str) -> PayableRow | None:
        rows = [row for row in await self._rows(self._invoices, BY_ROW_ID, bill_id) if str(row.id) == bill_id]
        return rows[0] if rows else None

    async def _rows(self, model: Model[Row], keyed: KeyField, key: str) -> Sequence[Row]:
        """The rows under one key. Raises `Garbled` where one of them cannot be read: it may be the one."""
        found: list[Row] = []
        for batch in await model.by_keys(keyed, [key], None, BY_ID):
            if batch.failure:
                raise batch.failure
            if batch.unreadable:
                raise Garbled(self._http.name, f"what is there for {key[:100]!r} cannot be read")
            found += batch.rows
        return found

    def _wanted(
        self, new: NewPayment, key: WriteKey, invoice: PayableRow | None, journals: Sequence[JournalRow]
    ) -> dict[str, Any]:
        """The payment to create. Raises `Declined` where the invoice cannot be paid so."""
        if invoice is None or invoice.party is None or str(invoice.party.code) != new.account_id:
            raise self._declined("the account has no such invoice", Reason.NOT_FOUND, "bill_id")
        if invoice.state == "paid":
            raise self._declined("the invoice is paid", Reason.ALREADY_PAID, "bill_id")
        if invoice.state != "posted":
            raise self._declined("the invoice is not posted", Reason.WRONG_STATE, "bill_id")
        if not invoice.currency or invoice.currency.code != new.amount.currency:
            raise self._declined("the invoice is in another currency", Reason.CURRENCY_MISMATCH, "amount")
        if invoice.company is None:
            raise Garbled(self._http.name, f"the invoice {invoice.id} names no company")
        return {
            "journal": _number(self._journal(journals, invoice.company, new.amount.currency)),
            "kind": "receivable",
            "party": _number(invoice.party),
            "line": _number(self._line(invoice, new.amount.amount)),
            "amount": {"__class__": "Decimal", "decimal": format(new.amount.amount, "f")},
            "date": self._today(),
            "reference": key,
            "company": _number(invoice.company),
        }

    def _line(self, invoice: PayableRow, amount: Decimal) -> PayableLine:
        """The first line to fall due that has room for the whole amount. Raises `Declined`."""
        left = self._values.decimal(invoice.amount_to_pay)
        if left is None:
            raise Garbled(self._http.name, f"the invoice {invoice.id} does not say what is to be paid")
        if left <= 0:
            raise self._declined("nothing is to be paid", Reason.ALREADY_PAID, "bill_id")
        if amount > left:
            raise self._declined("more than is to be paid", Reason.AMOUNT_TOO_HIGH, "amount")
        lines = [
            (due, line)
            for line in invoice.lines_to_pay or ()
            if line.reconciliation is None and (due := self._values.moment(line.maturity_date))
        ]
        payable = [(due, line) for due, line in lines if not line.payment_blocked]
        if not payable:
            raise self._declined("its lines are blocked for payment", Reason.WRONG_STATE, "bill_id")
        for _, line in sorted(payable, key=lambda one: (one[0], _number(one[1]))):
            room = self._values.decimal(line.payment_amount)
            if room is not None and amount <= room:
                return line
        raise self._declined("more than any of its instalments leaves open", Reason.AMOUNT_TOO_HIGH, "amount")

    def _journal(self, journals: Sequence[JournalRow], company: Identified, currency: str) -> JournalRow:
        """The journal that the options name, of the invoice's company. Raises `Rejected`, `Declined`."""
        name = str(self._rest.options.payment_journal)
        ours = [one for one in journals if one.company and one.company.id == company.id]
        named = [one for one in ours if one.name == name] or [one for one in ours if str(one.id) == name]
        if len(named) != 1:
            raise Rejected(
                self._http.name,
                f"{len(named)} payment journals of company {company.id} are options.payment_journal = {name!r}",
            )
        if not named[0].currency or named[0].currency.code != currency:
            raise self._declined("the payment journal is in another currency", Reason.CURRENCY_MISMATCH, "amount")
        return named[0]

    def _today(self) -> dict[str, Any]:
        today = datetime.now(self._zone)
        return {"__class__": "date", "year": today.year, "month": today.month, "day": today.day}

    async def _created_once(self, values: dict[str, Any], key: WriteKey) -> MadeRow:
        """Create a payment. Where no answer says whether it was, it is looked for at once, so that it is submitted."""
        try:
            return await self._created(values)
        except ConnectorError as failure:
            if not failure.may_have_happened:
                raise
            try:
                made = await self._found(key)
            except ConnectorError:
                made = None  # nobody can tell now: what became of the payment is what is raised
            if made is None:
                raise
            return made

    async def _created(self, values: dict[str, Any]) -> MadeRow:
        target = f"{self._rest.path('account.payment')}?f=reference&f=state"
        made = await self._http.send(
            Request.write("POST", target, msgspec.json.encode(values), expected={400}, ambiguous={500}), self._answered
        )
        if isinstance(made, Declined):
            raise made
        return made

    async def _submit(self, payment_id: str) -> None:
        """Submit a draft. That it cannot be submitted changes nothing about the payment: the operator is told."""
        target = f"{self._rest.path('account.payment')}/{payment_id}/submit?f=reference&f=state"
        request = Request.write("POST", target, expected={400}, ambiguous={500})
        try:
            submitted: MadeRow | ConnectorError = await self._http.send(request, self._answered)
        except ConnectorError as failure:
            submitted = failure
        if isinstance(submitted, ConnectorError):
            self._tell(payment_id, submitted.detail)

    def _tell(self, payment_id: str, why: str) -> None:
        self._rest.warn_once(f"the payment {payment_id} is a draft perhaps, submit it by hand: {why}")

    def _answered(self, answer: Answer) -> MadeRow | Declined:
        """A payment as it is now, or why Tryton declines: that is an answer, and no sign of a sick system."""
        if answer.status == 400:
            return self._refusal(msgspec.json.decode(answer.body, type=_Refusal).message)
        if answer.status == 404:
            raise Rejected(self._http.name, "there is no such path or payment: check options.database")
        return msgspec.json.decode(answer.body, type=MadeRow)

    def _refusal(self, message: str) -> Declined:
        """Without what is quoted in the sentence: names and numbers of people."""
        told = _QUOTED.sub('"..."', message)[:200]
        for sentence, reason, attribute in _SENTENCES:
            if sentence.search(message):
                return self._declined(told, reason, attribute)
        return self._declined(told, Reason.OTHER, None)

    def _declined(self, detail: str, reason: Reason, attribute: str | None) -> Declined:
        return Declined(self._http.name, detail, reason, attribute=attribute)


def _number(row: Identified) -> int:
    return int(row.id)
