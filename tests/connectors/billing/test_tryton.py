"""Tryton behind the billing port, with answers recorded from a live one.

LIVE_TRYTON=http://127.0.0.1:18203 LIVE_TRYTON_TOKEN=... asks the live system the same; RECORD=1 besides keeps its
answers (and makes one payment there for the moment, since the seed has none).
"""

import asyncio
import base64
import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from connectors import connect
from connectors.billing.port import Bill, BillState, ChargeKind, PaymentStatus
from connectors.billing.tryton.client import Rest
from connectors.billing.tryton.driver import TrytonBilling
from connectors.billing.tryton.options import TrytonOptions
from connectors.errors import ConnectorError, Failed, Garbled, NotSupported, Refused, Rejected, TooMuch
from connectors.http.client import HttpClient
from connectors.http.health import SystemStatus
from connectors.records import Document, Money, Window, owned_by
from connectors.settings import System

RECORDING = Path(__file__).parents[1] / "recordings" / "tryton.json"
LIVE = os.environ.get("LIVE_TRYTON", "").rstrip("/")
TOKEN = os.environ.get("LIVE_TRYTON_TOKEN", "")
RECORD = bool(LIVE and os.environ.get("RECORD"))

SEPTEMBER, OCTOBER = date(2026, 9, 1), date(2026, 10, 1)


def euro(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


@dataclass
class Upstream:
    """A system in front of the recording, or of the live one: what it answers, and what it was asked."""

    answers: dict[str, dict[str, Any]]
    seen: list[str] = field(default_factory=list)
    url: str = ""
    session: aiohttp.ClientSession | None = None
    instead: web.Response | dict[str, web.Response] | None = None

    async def answer(self, request: web.Request) -> web.Response:
        self.seen.append(request.raw_path)
        if isinstance(self.instead, dict):
            for part, response in self.instead.items():
                if part in request.path:
                    return copied(response)
        elif self.instead is not None:
            return copied(self.instead)
        if self.session:
            return await self._asked(request, self.session)
        if request.raw_path not in self.answers:
            return web.Response(status=418, text=f"not recorded: {request.raw_path}")
        kept = self.answers[request.raw_path]
        text = kept["html"] if "html" in kept else json.dumps(kept["json"])
        return web.Response(status=kept["status"], text=text, content_type=kept["type"])

    async def _asked(self, request: web.Request, session: aiohttp.ClientSession) -> web.Response:
        url = URL(LIVE + request.raw_path, encoded=True)
        async with session.get(url, headers={"Authorization": request.headers["Authorization"]}) as answer:
            body = await answer.read()
            kept: dict[str, Any] = {"status": answer.status, "type": answer.content_type}
            if answer.content_type == "application/json":
                kept["json"] = json.loads(body)
            elif answer.content_type == "text/html":
                kept["html"] = body.decode()
            else:
                return web.Response(status=answer.status, body=body, content_type=answer.content_type)
            self.answers[request.raw_path] = kept
            return web.Response(status=answer.status, body=body, content_type=answer.content_type)

    @property
    def questions(self) -> list[tuple[str, dict[str, list[str]]]]:
        """Model and parameters of every request, the base64 decoded."""
        asked = []
        for target in self.seen:
            path, _, query = target.partition("?")
            parameters: dict[str, list[str]] = {}
            for part in query.split("&"):
                name, _, value = part.partition("=")
                parameters.setdefault(name, []).append(
                    base64.urlsafe_b64decode(value).decode() if name in "do" else value
                )
            asked.append((path.rpartition("/")[2], parameters))
        return asked


def copied(response: web.Response) -> web.Response:
    return web.Response(status=response.status, body=response.body, content_type=response.content_type)


@asynccontextmanager
async def serving(upstream: Upstream) -> AsyncIterator[Upstream]:
    app = web.Application()
    app.router.add_get("/{path:.*}", upstream.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        upstream.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield upstream
    finally:
        await runner.cleanup()


@pytest.fixture(scope="session")
def answers() -> Any:
    """Answers by path and query; kept anew with RECORD=1."""
    kept: dict[str, dict[str, Any]] = {} if RECORD else json.loads(RECORDING.read_text())
    yield kept
    if RECORD:
        assert TOKEN not in json.dumps(kept)
        RECORDING.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")


@pytest.fixture
async def upstream(answers: dict[str, dict[str, Any]]) -> AsyncIterator[Upstream]:
    async with aiohttp.ClientSession() as session, serving(Upstream(answers)) as served:
        served.session = session if LIVE else None
        yield served


@asynccontextmanager
async def asking(upstream: Upstream, options: Mapping[str, Any] | None = None, **system: Any) -> AsyncIterator[Any]:
    auth = {"kind": "bearer", "token": TOKEN or "recorded"}
    settings = System.model_validate({"url": upstream.url, "auth": auth, "timeout": 20.0, **system})
    async with aiohttp.ClientSession() as session:
        yield TrytonBilling(HttpClient("billing", settings, session), TrytonOptions.model_validate(options or {}))


@pytest.fixture
async def tryton(upstream: Upstream) -> AsyncIterator[Any]:
    async with asking(upstream) as driver:
        yield driver


def rows(found: Any, key: str) -> Any:
    return found[key].items


HTML = "<!doctype html>\n<title>{0}</title>\n<h1>{0}</h1>\n<p>{1}</p>\n"


def page(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=HTML.format(status, text), content_type="text/html")


def listed(*found: Mapping[str, Any]) -> web.Response:
    return web.json_response(list(found))


def amount(text: str) -> dict[str, str]:
    return {"__class__": "Decimal", "decimal": text}


def invoice(**fields: Any) -> dict[str, Any]:
    return {"id": 7, "type": "out", "party": {"id": 2, "code": "C100001"}, "currency": {"code": "EUR"}, **fields}


# ---- what the seed holds


async def test_bills_of_many_customers_are_one_call_and_newest_first(tryton: Any, upstream: Upstream) -> None:
    found = await tryton.bills_of_customers(["C100001", "C100002", "C999999"], None, None)
    assert len(upstream.seen) == 1
    assert set(found) == {"C100001", "C100002"}
    assert [bill.bill_date for bill in rows(found, "C100001")] == [OCTOBER, SEPTEMBER]
    assert found["C100001"].total == 2
    assert found["C100001"].complete
    assert rows(found, "C100001")[1] == Bill(
        id="1",
        owners=owned_by("C100001"),
        account_id="C100001",
        number="2026-00001",
        state=BillState.SENT,
        raw_state="posted",
        bill_date=SEPTEMBER,
        due_date=date(2026, 9, 15),
        overdue_from=datetime(2026, 9, 16, tzinfo=UTC),
        amount_due=euro("268.80"),
        remaining_amount=euro("268.80"),
        tax_included=euro("268.80"),
        tax_excluded=euro("268.80"),
        documents=(
            Document(
                id="invoice", owner="1", name="2026-00001.odt", mime_type="application/vnd.oasis.opendocument.text"
            ),
        ),
    )
    assert [bill.tax_included for bill in rows(found, "C100002")] == [euro("49.80"), euro("49.80")]


async def test_a_draft_has_no_number_no_due_date_no_file_and_is_not_paid(tryton: Any) -> None:
    draft = (await tryton.bills(["2"], None))["2"]
    assert (draft.number, draft.due_date, draft.documents) == (None, None, ())
    assert (draft.state, draft.raw_state) == (BillState.NEW, "draft")
    assert draft.amount_due == euro("268.80")
    assert draft.remaining_amount is None  # Tryton says 0, because nothing is booked
    assert draft.is_open


async def test_unknown_and_impossible_ids_do_not_cost_the_others(tryton: Any, upstream: Upstream) -> None:
    found = await tryton.bills(
        ["999", "abc", "", "-1", "01", "1.5", "9" * 30, "2147483648", "٣", "1"], frozenset({"number"})
    )
    assert {key: bill.number for key, bill in found.items()} == {"1": "2026-00001"}
    assert [json.loads(asked["d"][0])[0] for _, asked in upstream.questions] == [["id", "in", [999, 1]]]


async def test_keys_that_the_database_cannot_hold_do_not_cost_the_others(tryton: Any, upstream: Upstream) -> None:
    found = await tryton.accounts(["C100001\0", "\ud800", "", "C100001"], frozenset({"name"}))
    assert {key: account.name for key, account in found.items()} == {"C100001": "Alfa Logistics"}
    assert len(upstream.seen) == 1


async def test_nothing_possible_to_ask_for_is_not_asked_for(tryton: Any, upstream: Upstream) -> None:
    assert await tryton.bills(["INV-1"], None) == {}
    assert await tryton.bills_of_customers([""], Window(0, 5), None) == {}
    assert (await tryton.bills_numbered("\0", None)).items == []
    assert await tryton.charges_of_bills([], None) == {}
    assert upstream.seen == []


async def test_accounts_are_parties_with_the_balance_in_the_companys_currency(tryton: Any, upstream: Upstream) -> None:
    found = await tryton.accounts_of_customers(["C100001", "C100002", "C999999"], None)
    assert {key: [(a.id, a.customer_ids, a.name, a.state, a.balance) for a in rows(found, key)] for key in found} == {
        "C100001": [("C100001", ("C100001",), "Alfa Logistics", "active", euro("268.80"))],
        "C100002": [("C100002", ("C100002",), "Jan Kucera", "active", euro("99.60"))],
    }
    assert [model for model, _ in upstream.questions] == ["company.company", "party.party"]
    await tryton.accounts(["C100002"], None)
    assert [model for model, _ in upstream.questions][2:] == ["party.party"]  # the currency is known by now


async def test_archived_customers_are_asked_for_too_because_tryton_hides_them(tryton: Any, upstream: Upstream) -> None:
    await tryton.accounts(["C100001"], frozenset({"name"}))
    assert ["active", "in", [True, False]] in json.loads(upstream.questions[0][1]["d"][0])


async def test_the_selected_attributes_are_all_that_is_read(tryton: Any, upstream: Upstream) -> None:
    await tryton.bills_of_customers(["C100001"], None, frozenset({"number"}))
    await tryton.accounts(["C100001"], frozenset({"name"}))
    assert [asked["f"] for _, asked in upstream.questions] == [["number", "party.code", "type"], ["code", "name"]]


async def test_a_window_is_asked_for_as_such(tryton: Any, upstream: Upstream) -> None:
    first = (await tryton.bills_of_accounts(["C100001"], Window(0, 1), frozenset({"bill_date"})))["C100001"]
    second = (await tryton.bills_of_accounts(["C100001"], Window(1, 5), frozenset({"bill_date"})))["C100001"]
    assert [bill.bill_date for bill in first.items] == [OCTOBER]
    assert [bill.bill_date for bill in second.items] == [SEPTEMBER]
    assert (first.total, first.complete) == (None, False)
    assert (second.total, second.offset) == (2, 1)  # a short page is the last one
    order = '[["invoice_date","DESC NULLS LAST"],["id","ASC"]]'
    assert [(a["s"], a.get("p"), a["o"]) for _, a in upstream.questions] == [
        (["1"], None, [order]),
        (["5"], ["1"], [order]),
    ]


async def test_a_size_and_an_order_are_always_sent(tryton: Any, upstream: Upstream) -> None:
    await tryton.bills(["1"], frozenset())
    await tryton.charges_of_bills(["1"], frozenset())
    await tryton.probe()
    assert [asked["s"] for _, asked in upstream.questions] == [["500"], ["500"], ["1"]]
    assert [asked.get("o") for _, asked in upstream.questions] == [['[["id","ASC"]]'], ['[["id","ASC"]]'], None]


async def test_lists_longer_than_a_page_are_read_to_their_end(upstream: Upstream) -> None:
    async with asking(upstream, {"page_size": 2}) as tryton:
        found = await tryton.bills_of_customers(["C100001", "C100002"], None, frozenset({"number"}))
    assert sorted(bill.id for rows in found.values() for bill in rows.items) == ["1", "2", "3", "4"]
    assert [asked.get("p") for _, asked in upstream.questions] == [None, ["2"], ["4"]]


async def test_more_rows_than_allowed_are_said_to_be_too_much(upstream: Upstream) -> None:
    async with asking(upstream, {"page_size": 2}, max_rows=3) as tryton:
        found = await tryton.bills_of_customers(["C100001", "C100002"], None, frozenset({"number"}))
    assert {key: type(failure) for key, failure in found.items()} == {"C100001": TooMuch, "C100002": TooMuch}


async def test_many_keys_are_split_by_bytes_because_long_urls_are_414(tryton: Any, upstream: Upstream) -> None:
    keys = [str(number) for number in range(1, 1001)]
    found = await tryton.bills(keys, frozenset())
    assert len(found) == 80
    assert [len(url) < 4000 for url in upstream.seen] == [True, True]
    assert sum(len(json.loads(asked["d"][0])[0][2]) for _, asked in upstream.questions) == 1000


async def test_a_key_that_no_url_holds_fails_alone(tryton: Any, upstream: Upstream) -> None:
    found = await tryton.accounts(["C" * 5000, "C100001"], frozenset({"name"}))
    assert isinstance(found["C" * 5000], Rejected)
    assert found["C100001"].name == "Alfa Logistics"
    assert len(upstream.seen) == 1


async def test_more_calls_than_allowed_cost_only_the_keys_that_are_left(upstream: Upstream) -> None:
    keys = [str(number) for number in range(1, 1001)]
    async with asking(upstream, {}, max_calls=1) as tryton:
        found = await tryton.bills(keys, frozenset())
    assert found["1"].id == "1"
    assert isinstance(found["1000"], TooMuch)
    assert len(upstream.seen) == 1


@pytest.mark.parametrize("number", ["2026-00001"])
async def test_bills_are_found_by_their_number(tryton: Any, upstream: Upstream, number: str) -> None:
    found = await tryton.bills_numbered(number, frozenset())
    assert [(bill.id, bill.number) for bill in found.items] == [("1", number)]
    assert len(upstream.seen) == 1


@pytest.mark.parametrize("text", ["2026%", "2026-0000_", "%", "\\", '"]]', "*"])
async def test_wildcards_in_a_number_are_letters(tryton: Any, upstream: Upstream, text: str) -> None:
    assert (await tryton.bills_numbered(text, frozenset())).items == []
    asked = json.loads(upstream.questions[0][1]["d"][0])[0]
    assert asked == ["number", "ilike", re.sub(r"[\\%_]", lambda found: "\\" + found[0], text)]


async def test_lines_name_the_service_and_are_one_call_for_many_bills(tryton: Any, upstream: Upstream) -> None:
    found = await tryton.charges_of_bills(["1", "2", "999"], None)
    assert len(upstream.seen) == 1
    assert set(found) == {"1", "2"}
    assert [(c.bill_id, c.name, c.amount, c.kind, c.raw_kind, c.product_id) for c in rows(found, "1")] == [
        ("1", "Dedicated Internet 1G (S300001)", euro("249.00"), ChargeKind.UNKNOWN, None, None),
        ("1", "Voice line pair (S300002)", euro("9.90"), ChargeKind.UNKNOWN, None, None),
        ("1", "Voice line pair (S300003)", euro("9.90"), ChargeKind.UNKNOWN, None, None),
    ]


async def test_an_unknown_model_is_500_and_our_mistake(upstream: Upstream) -> None:
    """The trap itself, as recorded: the driver turns it into `Rejected`, and the system is not lost."""
    async with asking(upstream) as tryton:
        await tryton.probe()
        rest = Rest(tryton.http, TrytonOptions())
        for _ in range(5):
            with pytest.raises(Rejected, match="answers other requests"):
                await rest.read("/billing/rest/model/no.such?s=1", [], rest.rows_of)
        assert tryton.http.health.status is SystemStatus.UP


async def test_a_wrong_database_is_our_mistake(upstream: Upstream) -> None:
    async with asking(upstream, {"database": "nosuch"}) as tryton:
        with pytest.raises(Rejected):
            await tryton.probe()


async def test_a_file_is_passed_on(tryton: Any, upstream: Upstream) -> None:
    if not LIVE:
        upstream.instead = {
            "/report/": web.Response(body=b"PK\x03\x04", content_type="application/vnd.oasis.opendocument.text")
        }
    document = (await tryton.bills(["1"], frozenset({"documents"})))["1"].documents[0]
    async with tryton.open_document(document) as parts:
        body = b"".join([part async for part in parts])
    assert body[:4] == b"PK\x03\x04"
    assert upstream.seen[-1] == "/billing/rest/report/account.invoice/1"


async def test_usage_is_not_supported_and_not_asked_for(upstream: Upstream) -> None:
    async with aiohttp.ClientSession() as session:
        system = System.model_validate({"url": upstream.url, "driver": "tryton"})
        connected = connect({"billing": system}, session)
        with pytest.raises(NotSupported, match="'tryton' does not know what is used of allowances; systems"):
            await connected.usage.usage_of_customers(["C100001"])
    assert upstream.seen == []


# ---- payments: the seed has none, so one is made while recording


@asynccontextmanager
async def paid() -> AsyncIterator[None]:
    async with aiohttp.ClientSession(LIVE, headers={"Authorization": f"Bearer {TOKEN}"}) as session:

        async def made(model: str, **values: Any) -> str:
            async with session.post(f"/billing/rest/model/{model}", json=values, params={"f": "id"}) as answer:
                assert answer.status == 200
                return f"/billing/rest/model/{model}/{(await answer.json())['id']}"

        due = {"d": base64.urlsafe_b64encode(b'[["id","=",1]]').decode(), "f": "lines_to_pay.id"}
        async with session.get("/billing/rest/model/account.invoice", params=due) as answer:
            line = (await answer.json())[0]["lines_to_pay"][0]["id"]
        journal = await made(
            "account.payment.journal", name="Bank transfer", currency=1, process_method="manual", company=1
        )
        day = {"__class__": "date", "year": 2026, "month": 10, "day": 2}
        payment = await made("account.payment", journal=int(journal.rpartition("/")[2]), kind="receivable", party=2,
                             amount=amount("100.00"), line=line, company=1, date=day)  # fmt: skip
        try:
            yield
        finally:
            for path in (payment, journal):
                async with session.delete(path) as answer:
                    assert answer.status == 204


@pytest.mark.skipif(bool(LIVE) and not RECORD, reason="the seed has no payments, and only RECORD=1 may write one")
async def test_payments_name_payer_bill_and_method(upstream: Upstream) -> None:
    async with asking(upstream) as tryton:
        if RECORD:
            async with paid():
                await payments_read(tryton, upstream)
        else:
            await payments_read(tryton, upstream)


async def payments_read(tryton: Any, upstream: Upstream) -> None:
    found = await tryton.payments_of_accounts(["C100001", "C100002"], None, None)
    assert set(found) == {"C100001"}
    (payment,) = rows(found, "C100001")
    assert (payment.customer_ids, payment.account_id, payment.bill_ids) == (("C100001",), "C100001", ("1",))
    assert (payment.status, payment.raw_status) == (PaymentStatus.INITIALIZED, "draft")
    assert (payment.amount, payment.method) == (euro("100.00"), "Bank transfer")
    assert payment.paid_at == datetime(2026, 10, 2, tzinfo=UTC)
    assert await tryton.payments([payment.id, "999999"], None) == {payment.id: payment}
    assert len(upstream.seen) == 2
    bill = (await tryton.bills(["1"], frozenset({"payment_ids"})))["1"]
    assert bill.payment_ids == (payment.id,)


# ---- what a Tryton may answer, too


async def one(answer: web.Response, **options: Any) -> Any:
    """What the driver makes of one invoice."""
    async with serving(Upstream({}, instead=answer)) as upstream, asking(upstream, options) as tryton:
        return (await tryton.bills(["7"], None)).get("7")


@pytest.mark.parametrize(
    ("state", "total", "remaining", "expected"),
    [
        ("posted", "10.00", "10.00", BillState.SENT),
        ("posted", "10.00", "4.00", BillState.PARTIALLY_PAID),
        ("posted", "10.00", "0", BillState.SENT),
        ("posted", "-10.00", "-10.00", BillState.SENT),
        ("paid", "10.00", "0", BillState.SETTLED),
        ("validated", "10.00", "0", BillState.VALIDATED),
        ("cancelled", "10.00", "0", BillState.UNKNOWN),
        ("frozen", "10.00", "10.00", BillState.UNKNOWN),
    ],
)
async def test_states_and_unknown_words(state: str, total: str, remaining: str, expected: BillState) -> None:
    bill = await one(listed(invoice(state=state, total_amount=amount(total), amount_to_pay=amount(remaining))))
    assert (bill.state, bill.raw_state) == (expected, state)


async def test_the_due_date_is_the_next_unpaid_one() -> None:
    def line(day: int, reconciliation: int | None) -> dict[str, Any]:
        return {"id": day, "maturity_date": {"__class__": "date", "year": 2026, "month": 9, "day": day},
                "reconciliation": reconciliation, "payments": [3, {"id": 4}]}  # fmt: skip

    bill = await one(listed(invoice(lines_to_pay=[line(10, 5), line(20, None), line(30, None)])))
    assert bill.due_date == date(2026, 9, 20)
    assert bill.payment_ids == ("3", "4")
    bill = await one(listed(invoice(lines_to_pay=[line(10, 5), line(20, 6)])))
    assert bill.due_date == date(2026, 9, 20)


async def test_days_are_the_companys_and_1970_is_none() -> None:
    day = {"__class__": "date", "year": 2026, "month": 7, "day": 1}
    due = {"id": 1, "maturity_date": day, "reconciliation": None, "payments": []}
    bill = await one(listed(invoice(invoice_date=day, lines_to_pay=[due])), timezone="Europe/Prague")
    assert (bill.bill_date, bill.due_date) == (date(2026, 7, 1), date(2026, 7, 1))
    assert bill.overdue_from.isoformat() == "2026-07-02T00:00:00+02:00"
    moment = {"__class__": "datetime", "year": 2026, "month": 6, "day": 30, "hour": 22, "minute": 0, "second": 0}
    for odd in (moment, "2026-07-01", "2026-06-30T22:00:00+00:00"):
        bill = await one(listed(invoice(invoice_date=odd)), timezone="Europe/Prague")
        assert (type(bill.bill_date), bill.bill_date) == (date, date(2026, 7, 1))
    for odd in ({**day, "year": 1970, "month": 1}, {**day, "month": 13}, {"__class__": "date"}, 17, "soon", None):
        assert (await one(listed(invoice(invoice_date=odd)))).bill_date is None


async def test_money_is_exact_or_none() -> None:
    for value in (amount("0.1"), "0.1"):
        assert (await one(listed(invoice(total_amount=value)))).tax_included == euro("0.1")
    inexact: list[Any] = [0.1, amount("NaN"), amount("ten"), amount("1E999999999"), amount("1" * 35), True, None, []]
    for odd in inexact:
        assert (await one(listed(invoice(total_amount=odd)))).tax_included is None
    assert (await one(listed(invoice(total_amount=amount("1"), currency=None)))).tax_included is None


async def test_ids_as_text_and_missing_fields_are_read() -> None:
    bill = await one(listed({"id": "7", "type": "out"}))
    assert (bill.id, bill.customer_ids, bill.account_id, bill.state) == ("7", (), None, BillState.UNKNOWN)


async def test_rows_that_were_not_asked_for_are_dropped() -> None:
    """Whatever became of the filter: nobody else's bills, and no suppliers' invoices."""
    foreign = invoice(id=8, party={"code": "C100002"})
    answer = listed(invoice(), foreign, invoice(id=9, type="in"))
    async with serving(Upstream({}, instead=answer)) as upstream, asking(upstream) as tryton:
        assert set(await tryton.bills(["7", "9"], None)) == {"7"}
        for window in (None, Window(0, 10)):
            found = await tryton.bills_of_customers(["C100001"], window, None)
            assert {key: [bill.id for bill in rows(found, key)] for key in found} == {"C100001": ["7"]}
        upstream.instead = listed(foreign)
        assert await tryton.bills_of_customers(["C100001"], Window(0, 10), None) == {}
        assert (await tryton.bills_numbered("2026-00001", None)).items == []


async def test_past_the_end_nobody_knows_how_many_there_are() -> None:
    async with serving(Upstream({}, instead=listed())) as upstream, asking(upstream) as tryton:
        beyond = (await tryton.bills_of_customers(["C100001"], Window(10, 5), None))["C100001"]
        assert (list(beyond.items), beyond.total) == ([], None)
        none = (await tryton.bills_of_customers(["C100001"], Window(0, 5), None))["C100001"]
        assert (list(none.items), none.total) == ([], 0)


async def test_a_row_that_cannot_be_read_costs_itself_and_the_total() -> None:
    answer = listed(invoice(), invoice(id=8, party=5), invoice(id=9))
    async with serving(Upstream({}, instead=answer)) as upstream, asking(upstream) as tryton:
        found = await tryton.bills(["7", "8", "9"], None)
        assert [type(found[key]) for key in ("7", "8", "9")] == [Bill, Garbled, Bill]
        found = await tryton.bills_of_customers(["C100001"], Window(0, 2), None)
        assert ([bill.id for bill in rows(found, "C100001")], found["C100001"].total) == (["7", "9"], None)
        assert found["C100001"].unread == 1


async def test_an_attribute_that_cannot_be_read_costs_itself(caplog: pytest.LogCaptureFixture) -> None:
    answer = listed(invoice(), invoice(id=8, state={}, number=17))
    async with serving(Upstream({}, instead=answer)) as upstream, asking(upstream) as tryton:
        found = (await tryton.bills(["7", "8"], None))["8"]
    assert (found.raw_state, found.number, found.customer_ids) == (None, "17", ("C100001",))
    assert "sends state in a form that cannot be read" in caplog.text


async def test_where_no_row_can_be_read_the_list_is_no_empty_one() -> None:
    async with serving(Upstream({}, instead=listed(invoice(party=5)))) as upstream, asking(upstream) as tryton:
        assert isinstance((await tryton.bills_of_customers(["C100001"], None, None))["C100001"], Garbled)


async def test_a_party_that_cannot_be_read_is_not_absent() -> None:
    answer = listed({"id": 2, "code": ["C100001"], "name": "Ann"})
    async with serving(Upstream({}, instead=answer)) as upstream, asking(upstream) as tryton:
        found = await tryton.accounts(["C100001"], frozenset({"name"}))
    assert isinstance(found["C100001"], Garbled)


async def test_origins_tell_the_kind_of_a_line() -> None:
    def line(key: int, origin: str | None, kind: str = "line") -> dict[str, Any]:
        return {"id": key, "type": kind, "invoice": {"id": 1}, "origin": origin}

    answer = listed(line(1, "sale.subscription.line,4"), line(2, "sale.line,5"), line(3, "stock.move,6"), line(4, None),
                    line(5, None, "title"))  # fmt: skip
    async with serving(Upstream({}, instead=answer)) as upstream, asking(upstream) as tryton:
        charges = rows(await tryton.charges_of_bills(["1"], None), "1")
    assert [(charge.kind, charge.raw_kind) for charge in charges] == [
        (ChargeKind.RECURRING, "sale.subscription.line"),
        (ChargeKind.ONE_TIME, "sale.line"),
        (ChargeKind.UNKNOWN, "stock.move"),
        (ChargeKind.UNKNOWN, None),
    ]


async def test_companies_in_several_currencies_leave_the_balance_open_until_the_options_say_which() -> None:
    answers = {
        "company.company": listed({"id": 1, "currency": {"code": "EUR"}}, {"id": 2, "currency": {"code": "CZK"}}),
        "party.party": listed({"id": 2, "code": "C100001", "receivable": amount("5")}),
    }
    async with serving(Upstream({}, instead=answers)) as upstream:
        async with asking(upstream) as tryton:
            assert (await tryton.accounts(["C100001"], None))["C100001"].balance is None
        async with asking(upstream, {"currency": "CZK"}) as tryton:
            assert (await tryton.accounts(["C100001"], None))["C100001"].balance == Money(Decimal(5), "CZK")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (page(401, "Unauthorized"), Refused),
        (page(403, "Forbidden"), Refused),
        (page(414, "Request-URI Too Large"), Rejected),
        (web.json_response({"status": 400, "message": "You are not allowed"}, status=400), Rejected),
        (page(404, "Not Found"), Rejected),
        (page(200, "Please log in"), Garbled),
        (web.json_response({"id": 7}), Garbled),
        (page(503, "Service Unavailable"), Failed),
        (page(500, "connection refused"), Failed),
    ],
)
async def test_refusals_in_html_or_prose_are_failures_of_the_keys(
    answer: web.Response, expected: type[ConnectorError]
) -> None:
    """A 500 to everything, even to the probe, is a sick system."""
    failure: Any = await one(answer)
    assert type(failure) is expected
    assert "<h1>" not in failure.detail
    assert "allowed" not in failure.detail


async def test_a_500_to_one_question_is_our_mistake_and_one_to_all_is_the_systems(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Told by the log: when the 500s are out, the probes after them have answered, and the system is up again."""
    answers = {"account.payment": page(500, "&#39;account.payment&#39;"), "party.party": listed({"id": 2})}
    async with serving(Upstream({}, instead=answers)) as upstream, asking(upstream) as tryton:
        await tryton.probe()
        for _ in range(5):
            failure = (await tryton.payments(["1"], None))["1"]
            assert type(failure) is Rejected
            assert tryton.http.health.status is SystemStatus.UP
        await asyncio.gather(*(tryton.payments([str(n)], None) for n in range(8)))
        assert tryton.http.health.status is SystemStatus.UP
        assert "is lost" not in caplog.text
        answers["party.party"] = page(500, "database is gone")
        assert type((await tryton.payments(["1"], None))["1"]) is Failed
        assert tryton.http.health.status is SystemStatus.DOWN
        assert "is lost" in caplog.text


async def test_the_credentials_are_sent_as_a_bearer_token() -> None:
    seen: list[str] = []

    class Listening(Upstream):
        async def answer(self, request: web.Request) -> web.Response:
            seen.append(request.headers["Authorization"])
            return listed()

    async with serving(Listening({})) as upstream, asking(upstream, auth={"kind": "bearer", "token": "abc"}) as tryton:
        await tryton.probe()
    assert seen == ["Bearer abc"]


@pytest.mark.parametrize("window", [None, Window(0, 10)], ids=str)
async def test_a_row_that_comes_twice_is_one(window: Window | None) -> None:
    answer = listed(invoice(), invoice(id=8), invoice())
    async with serving(Upstream({}, instead=answer)) as upstream, asking(upstream) as tryton:
        bills = (await tryton.bills_of_customers(["C100001"], window, None))["C100001"]
    assert ([bill.id for bill in bills.items], bills.total) == (["7", "8"], 2)


async def test_rows_that_do_not_say_whose_they_are_are_told(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(Upstream({}, instead=listed(invoice(party=None)))) as upstream, asking(upstream) as tryton:
        assert await tryton.bills_of_customers(["C100001"], None, None) == {}
    assert "sends rows that name none of the parties that were asked for" in caplog.text
