"""Payments into Tryton: a small one that answers as the live one did (8.2.1), and its traps."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from aiohttp import web

from connectors.billing.port import NewPayment, Payment, PaymentStatus
from connectors.billing.tryton.driver import TrytonBilling
from connectors.billing.tryton.options import TrytonOptions
from connectors.errors import ConnectorError, Declined, Failed, Garbled, NotSupported, Reason, Rejected, Unreachable
from connectors.http.client import HttpClient
from connectors.http.health import SystemStatus
from connectors.records import Money
from connectors.settings import System
from connectors.writes import WriteKey

KEY = WriteKey("0123456789abcdef0123456789abcdef")
OTHER = WriteKey("fedcba9876543210fedcba9876543210")


def decimal(text: str) -> dict[str, str]:
    return {"__class__": "Decimal", "decimal": text}


def day(month: int, number: int, year: int = 2026) -> dict[str, Any]:
    return {"__class__": "date", "year": year, "month": month, "day": number}


def line(number: int, open_amount: str, due: dict[str, Any] | None = None, **changed: Any) -> dict[str, Any]:
    return {
        "id": number,
        "__name__": "account.move.line",
        "maturity_date": due or day(10, 15),
        "payment_blocked": False,
        "reconciliation": None,
        "payment_amount": decimal(open_amount),
        **changed,
    }


def invoice(**changed: Any) -> dict[str, Any]:
    return {
        "id": 4,
        "__name__": "account.invoice",
        "state": "posted",
        "type": "out",
        "amount_to_pay": decimal("49.80"),
        "company": {"__name__": "company.company", "id": 1},
        "currency": {"code": "EUR", "__name__": "currency.currency", "id": 1},
        "lines_to_pay": [line(517, "49.80")],
        "party": {"code": "C100002", "__name__": "party.party", "id": 3},
        **changed,
    }


def journal(number: int = 1, name: str = "Customer portal", company: int = 1, currency: str = "EUR") -> dict[str, Any]:
    return {"id": number, "name": name, "company": {"id": company}, "currency": {"id": 1, "code": currency}}


def refusal(message: str) -> web.Response:
    return web.json_response({"status": 400, "message": message, "description": ""}, status=400)


def page(status: int) -> web.Response:
    return web.Response(status=status, text=f"<!doctype html>\n<h1>{status}</h1>\n", content_type="text/html")


class Tryton:
    """Invoices, journals and the payments that are made. `seen` are method and path of every request.

    `instead` answers a step ("create", "submit", or a model that is read) without doing it; `lost` are steps that are
    done, and their answers do not come.
    """

    def __init__(self, invoices: list[dict[str, Any]] | None = None) -> None:
        self.invoices = [invoice()] if invoices is None else invoices
        self.journals = [journal()]
        self.payments: list[dict[str, Any]] = []
        self.bodies: list[dict[str, Any]] = []
        self.seen: list[str] = []
        self.instead: dict[str, Any] = {}
        self.lost: set[str] = set()
        self.ignores_filters = self.sick_after_create = False
        self.url = ""

    @property
    def written(self) -> list[str]:
        return [one.removeprefix("POST /billing/rest/model/account.payment") for one in self.seen if "POST" in one]

    def paid(self, reference: str, state: str = "draft") -> None:
        self.payments.append(
            {"id": len(self.payments) + 1, "__name__": "account.payment", "reference": reference, "state": state}
        )

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(f"{request.method} {request.path}")
        last = request.path.rsplit("/", 1)[1]
        step = {"POST": "submit" if last == "submit" else "create"}.get(request.method, last)
        if (other := self.instead.get(step)) is not None:
            return other
        if self.sick_after_create and self.bodies:
            return page(503)
        done = await self.done(step, request)
        if step in self.lost:
            assert request.transport is not None
            request.transport.close()
        return web.json_response(done)

    async def done(self, step: str, request: web.Request) -> Any:
        if step == "create":
            self.bodies.append(await request.json())
            self.paid(self.bodies[-1]["reference"])
            return self.payments[-1]
        if step == "submit":
            payment = self.payments[int(request.path.split("/")[-2]) - 1]
            assert payment["state"] == "draft"
            payment["state"] = "submitted"
            return payment
        rows = {
            "account.invoice": self.invoices,
            "account.payment": self.payments,
            "account.payment.journal": self.journals,
        }[step]
        domain = json.loads(base64.urlsafe_b64decode(request.query["d"]))
        if self.ignores_filters:
            return rows
        conditions = [one for one in domain if one[0] in ("id", "reference")]
        return [row for row in rows if all(row[name] in wanted for name, _, wanted in conditions)]


@asynccontextmanager
async def serving(tryton: Tryton) -> AsyncIterator[Tryton]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", tryton.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        tryton.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield tryton
    finally:
        await runner.cleanup()


@asynccontextmanager
async def driving(tryton: Tryton, **options: Any) -> AsyncIterator[Any]:
    """The driver over it; its answers are of any type, so that a failure fails a comparison."""
    system = System.model_validate({"url": tryton.url, "auth": {"kind": "bearer", "token": "t"}, "timeout": 10.0})
    set_up = TrytonOptions.model_validate({"payment_journal": "Customer portal", **options})
    async with aiohttp.ClientSession() as session:
        yield TrytonBilling(HttpClient("billing", system, session), set_up)


@pytest.fixture
async def tryton() -> AsyncIterator[Tryton]:
    async with serving(Tryton()) as served:
        yield served


@pytest.fixture
async def billing(tryton: Tryton) -> AsyncIterator[Any]:
    async with driving(tryton) as driver:
        yield driver


def payment(amount: str = "10.00", currency: str = "EUR", **changed: Any) -> NewPayment:
    given = {"customer_id": "C100002", "account_id": "C100002", "bill_id": "4", **changed}
    return NewPayment(amount=Money(Decimal(amount), currency), **given)


async def failing(billing: Any, new: NewPayment) -> Any:
    with pytest.raises(ConnectorError) as told:
        await billing.pay_bill(new, KEY)
    return told.value


READS = ["account.invoice", "account.payment", "account.payment.journal"]


def is_read_only(tryton: Tryton) -> bool:
    return sorted(one.rsplit("/", 1)[1] for one in tryton.seen) == READS


# ---- what is done


async def test_a_bill_is_paid_by_a_payment_of_its_line_which_is_then_submitted(tryton: Tryton, billing: Any) -> None:
    assert await billing.pay_bill(payment(), KEY) == "1"
    (made,) = tryton.bodies
    assert made.pop("date")["__class__"] == "date"
    assert made == {
        "journal": 1,
        "kind": "receivable",
        "party": 3,
        "line": 517,
        "amount": decimal("10.00"),
        "reference": KEY,
        "company": 1,
    }
    assert tryton.written == ["", "/1/submit"]
    assert len(tryton.seen) == 5  # before it: the key, the invoice and the journals, side by side
    assert tryton.payments[0]["state"] == "submitted"


@pytest.mark.parametrize(("given", "sent"), [("49.80", "49.80"), ("4.98E+1", "49.8"), ("0.10", "0.10"), ("1E+1", "10")])
async def test_an_amount_is_sent_exactly(tryton: Tryton, billing: Any, given: str, sent: str) -> None:
    await billing.pay_bill(payment(given), KEY)
    assert tryton.bodies[0]["amount"] == decimal(sent)


async def test_a_payment_is_of_today_in_the_companys_zone(tryton: Tryton) -> None:
    zone = "Pacific/Kiritimati"
    async with driving(tryton, timezone=zone) as billing:
        before = datetime.now(ZoneInfo(zone))
        await billing.pay_bill(payment(), KEY)
    days = [day(one.month, one.day, one.year) for one in (before, datetime.now(ZoneInfo(zone)))]
    assert tryton.bodies[0]["date"] in days


async def test_a_payment_goes_to_the_first_instalment_that_has_room_for_all_of_it(tryton: Tryton, billing: Any) -> None:
    tryton.invoices = [
        invoice(
            lines_to_pay=[
                line(606, "134.40", day(1, 28, 2027)),
                line(603, "90", day(9, 1), reconciliation=7),
                line(604, "90", day(9, 2), payment_blocked=True),
                line(605, "34.40", day(12, 29)),
            ],
            amount_to_pay=decimal("168.80"),
        )
    ]
    await billing.pay_bill(payment("34.40"), KEY)
    await billing.pay_bill(payment("34.41"), OTHER)
    assert [one["line"] for one in tryton.bodies] == [605, 606]
    tryton.payments.clear()
    refused = await failing(billing, payment("168.80"))
    assert (refused.reason, refused.attribute) == (Reason.AMOUNT_TOO_HIGH, "amount")


@pytest.mark.parametrize("named", ["Customer portal", 1, "1"])
async def test_a_journal_is_named_or_numbered_and_is_the_companys(tryton: Tryton, named: str | int) -> None:
    tryton.journals = [journal(7, company=2), journal(8, "Bank"), journal(1)]
    async with driving(tryton, payment_journal=named) as billing:
        await billing.pay_bill(payment(), KEY)
    assert tryton.bodies[0]["journal"] == 1


@pytest.mark.parametrize("journals", [[], [journal(7, company=2)], [journal(1), journal(2)]])
async def test_without_one_such_journal_the_settings_are_wrong(tryton: Tryton, billing: Any, journals: Any) -> None:
    tryton.journals = journals
    failure = await failing(billing, payment())
    assert (type(failure), failure.may_have_happened) == (Rejected, False)
    assert "options.payment_journal" in failure.detail
    assert is_read_only(tryton)


async def test_without_a_journal_paying_is_declared_unsupported_and_nothing_is_asked(tryton: Tryton) -> None:
    async with driving(tryton, payment_journal=None) as billing:
        assert "payment_journal" in billing.unsupported["pay_bill"]
        assert type(await failing(billing, payment())) is NotSupported
        assert tryton.seen == []
        tryton.paid(KEY)
        assert await billing.payment_made_with(payment(), KEY) == "1"  # made while there was one
    async with driving(tryton) as billing:
        assert "pay_bill" not in billing.unsupported


# ---- one effect


async def test_a_repeated_key_makes_no_second_payment(tryton: Tryton, billing: Any) -> None:
    """Trap: Tryton takes the same reference twice, and each draft lowers what is to be paid."""
    assert await billing.pay_bill(payment(), KEY) == "1"
    assert await billing.pay_bill(payment(), KEY) == "1"
    assert await billing.pay_bill(payment(), OTHER) == "2"
    assert tryton.written == ["", "/1/submit", "", "/2/submit"]


async def test_after_a_lost_answer_the_draft_is_found_and_is_the_payment(tryton: Tryton, billing: Any) -> None:
    tryton.lost = {"create"}
    assert await billing.pay_bill(payment(), KEY) == "1"
    assert tryton.written == ["", "/1/submit"]  # sent once, found by its key, submitted
    assert len(tryton.seen) == 6
    assert await billing.payment_made_with(payment(), KEY) == "1"


async def test_a_payment_that_cannot_be_looked_for_at_once_is_found_later(
    tryton: Tryton, billing: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert await billing.payment_made_with(payment(), KEY) is None
    tryton.lost = {"create"}
    tryton.sick_after_create = True
    failure = await failing(billing, payment())
    assert (type(failure), failure.may_have_happened) == (Unreachable, True)
    assert tryton.written == [""]
    tryton.sick_after_create = False
    assert await billing.payment_made_with(payment(), KEY) == "1"
    assert tryton.written == ["", "/1/submit"]
    assert await billing.payment_made_with(payment(), KEY) == "1"
    assert await billing.pay_bill(payment(), KEY) == "1"
    assert tryton.written == ["", "/1/submit"]
    assert "submit it by hand" not in caplog.text


async def test_trap_a_process_killed_before_it_submits_leaves_a_draft_which_its_finder_submits(
    tryton: Tryton, billing: Any, caplog: pytest.LogCaptureFixture
) -> None:
    tryton.paid(KEY, "draft")
    assert await billing.payment_made_with(payment(), KEY) == "1"
    assert [one["state"] for one in tryton.payments] == ["submitted"]
    tryton.paid(OTHER, "draft")
    tryton.instead = {"submit": refusal('You can not call "submit" on "2 [k]" of "Account Payment".')}
    assert await billing.payment_made_with(payment(), OTHER) == "2"  # somebody was faster, or it is declined
    assert tryton.written == ["/1/submit", "/2/submit"]
    assert "submit it by hand" in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        refusal('The line "EUR49.80 @ 1.2.1" of payment "1 [k]" is already reconciled.'),
        refusal('You can not call "submit" on "1 [k]" of "Account Payment".'),
        page(403),
        page(404),
        page(500),
        page(503),
        page(200),
    ],
)
async def test_a_draft_that_cannot_be_submitted_is_made_all_the_same(
    tryton: Tryton, billing: Any, answer: web.Response, caplog: pytest.LogCaptureFixture
) -> None:
    """It counts already. Warnings of Tryton's are 400, and are not skipped: a person in the office submits it."""
    tryton.instead = {"submit": answer}
    assert await billing.pay_bill(payment(), KEY) == "1"
    assert tryton.written == ["", "/1/submit"]
    assert "submit it by hand" in caplog.text
    assert "EUR49.80" not in caplog.text


async def test_a_submission_whose_answer_is_lost_is_no_lost_payment(tryton: Tryton, billing: Any) -> None:
    tryton.lost = {"submit"}
    assert await billing.pay_bill(payment(), KEY) == "1"
    assert tryton.written == ["", "/1/submit"]


async def test_a_key_is_read_on_the_row_itself(tryton: Tryton, billing: Any) -> None:
    """Whatever became of the filter: another click's payment is not this one's."""
    tryton.ignores_filters = True
    tryton.paid(OTHER)
    tryton.paid(KEY.upper())
    assert await billing.payment_made_with(payment(), KEY) is None
    assert await billing.pay_bill(payment(), KEY) == "3"


async def test_of_two_payments_with_a_key_the_first_is_told(
    tryton: Tryton, billing: Any, caplog: pytest.LogCaptureFixture
) -> None:
    tryton.paid(KEY, "submitted")
    tryton.paid(KEY)
    assert await billing.payment_made_with(payment(), KEY) == "1"
    assert "2 payments" in caplog.text


async def test_where_a_payment_cannot_be_read_nobody_says_that_there_is_none(tryton: Tryton, billing: Any) -> None:
    tryton.paid(KEY, "draft")
    tryton.payments[0]["state"] = {}
    with pytest.raises(Garbled):
        await billing.payment_made_with(payment(), KEY)
    failure = await failing(billing, payment())
    assert (type(failure), failure.may_have_happened) == (Garbled, False)
    assert tryton.written == []


@pytest.mark.parametrize("model", READS)
async def test_what_fails_before_the_payment_has_surely_not_happened(tryton: Tryton, billing: Any, model: str) -> None:
    tryton.instead = {model: page(500)}
    failure = await failing(billing, payment())
    assert (type(failure), failure.may_have_happened) == (Failed, False)
    assert tryton.written == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(page(500), Failed), (page(502), Failed), (page(200), Garbled), (web.Response(status=204), Garbled)],
)
async def test_what_cannot_be_told_from_a_payment_may_have_happened(
    tryton: Tryton, billing: Any, answer: web.Response, expected: type[ConnectorError]
) -> None:
    """A 500 may be an unknown field, and 204 a payment that our user may not read: the key says which."""
    tryton.instead = {"create": answer}
    failure = await failing(billing, payment())
    assert (type(failure), failure.may_have_happened) == (expected, True)
    assert tryton.written == [""]


# ---- what is declined


@pytest.mark.parametrize(
    ("found", "new", "reason", "attribute"),
    [
        (invoice(), payment("99999.00"), Reason.AMOUNT_TOO_HIGH, "amount"),  # trap: Tryton takes it
        (invoice(), payment("49.81"), Reason.AMOUNT_TOO_HIGH, "amount"),
        (invoice(amount_to_pay=decimal("0.00")), payment(), Reason.ALREADY_PAID, "bill_id"),
        (invoice(amount_to_pay=decimal("-99949.20")), payment(), Reason.ALREADY_PAID, "bill_id"),
        (invoice(state="paid"), payment(), Reason.ALREADY_PAID, "bill_id"),
        (invoice(state="draft"), payment(), Reason.WRONG_STATE, "bill_id"),
        (invoice(state="cancelled"), payment(), Reason.WRONG_STATE, "bill_id"),
        (invoice(lines_to_pay=[line(1, "49.80", payment_blocked=True)]), payment(), Reason.WRONG_STATE, "bill_id"),
        (invoice(), payment(currency="CZK"), Reason.CURRENCY_MISMATCH, "amount"),
        (invoice(currency={"code": "CZK"}), payment(currency="CZK"), Reason.CURRENCY_MISMATCH, "amount"),
        (invoice(), payment(bill_id="5"), Reason.NOT_FOUND, "bill_id"),
        (invoice(), payment(account_id="C100001"), Reason.NOT_FOUND, "bill_id"),
        (invoice(type="in"), payment(), Reason.NOT_FOUND, "bill_id"),
    ],
)
async def test_what_an_invoice_cannot_take_is_declined_before_anything_is_sent(
    tryton: Tryton, billing: Any, found: dict[str, Any], new: NewPayment, reason: Reason, attribute: str
) -> None:
    tryton.invoices = [found]
    declined = await failing(billing, new)
    assert (type(declined), declined.reason, declined.attribute) == (Declined, reason, attribute)
    assert not declined.may_have_happened
    assert is_read_only(tryton)


async def test_a_token_has_no_place_and_is_not_dropped(tryton: Tryton, billing: Any) -> None:
    declined = await failing(billing, payment(method_token="tok-1"))
    assert (declined.reason, declined.attribute) == (Reason.NOT_ALLOWED, "method_token")
    assert tryton.seen == []


IN_PAYMENT = 'in record "5 [raw]" of "Account Payment"'
BY_DOMAIN = "according to its domain."


@pytest.mark.parametrize(
    ("message", "reason", "attribute"),
    [
        (
            f'The number of digits in the value "\'1.005\'" for field "Amount" {IN_PAYMENT} exceeds the limit of'
            ' "(None, 2)".',
            Reason.INVALID,
            "amount",
        ),
        (
            f'The value "0" for field "Amount" {IN_PAYMENT} is not valid according to its domain.',
            Reason.INVALID,
            "amount",
        ),
        (
            f'The value "EUR49.80 @ 1.2.1" for field "Line" {IN_PAYMENT} is not valid {BY_DOMAIN}',
            Reason.WRONG_STATE,
            "bill_id",
        ),
        ('The value "99" for field "Journal" in "Account Payment" does not exist.', Reason.OTHER, None),
        ('Der Wert "0" ist nicht erlaubt.', Reason.OTHER, None),
    ],
)
async def test_a_400_is_read_into_a_reason_and_is_no_sign_of_a_sick_system(
    tryton: Tryton, billing: Any, message: str, reason: Reason, attribute: str | None
) -> None:
    tryton.instead = {"create": refusal(message)}
    declined = await failing(billing, payment())
    assert (type(declined), declined.reason, declined.attribute) == (Declined, reason, attribute)
    assert not declined.may_have_happened
    assert "EUR49.80" not in declined.detail
    assert tryton.written == [""]
    assert billing.http.health.status is SystemStatus.UP


# ---- how it is shown


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("draft", PaymentStatus.INITIALIZED),
        ("submitted", PaymentStatus.PENDING),
        ("approved", PaymentStatus.PENDING),
        ("processing", PaymentStatus.PENDING),
        ("succeeded", PaymentStatus.DONE),
        ("failed", PaymentStatus.FAILED),
        ("bounced", PaymentStatus.UNKNOWN),
    ],
)
async def test_a_payment_shows_where_it_is(tryton: Tryton, billing: Any, state: str, expected: PaymentStatus) -> None:
    tryton.payments = [
        {
            "id": 1,
            "kind": "receivable",
            "party": {"id": 3, "code": "C100002"},
            "currency": {"id": 1, "code": "EUR"},
            "state": state,
            "amount": decimal("10.00"),
            "journal": {"id": 1, "name": "Customer portal"},
            "line": {"id": 517, "move_origin": "account.invoice,4"},
        }
    ]
    made: Payment = (await billing.payments(["1"], None))["1"]
    assert (made.status, made.raw_status, made.bill_ids) == (expected, state, ("4",))
    assert (made.amount, made.method) == (Money(Decimal("10.00"), "EUR"), "Customer portal")
    assert made.customer_ids == ("C100002",)
