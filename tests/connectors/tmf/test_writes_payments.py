"""Payments by TMF676, against the sandbox and canned answers: one POST each, and a true word about what came of it."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from connectors.billing.port import NewPayment, PaymentStatus
from connectors.errors import ConnectorError, Declined, Failed, Garbled, NotSupported, Reason, Rejected, Unreachable
from connectors.records import Money, changed
from connectors.writes import WriteKey
from sandbox.data.world import World
from sandbox.server import SandboxServer
from tests.connectors.asking import connected
from tests.connectors.canned import canned, reading
from tests.sandbox import official

KEY, OTHER = WriteKey("k" * 32), WriteKey("m" * 32)
BILL = "BILL-1001-1-07"
NEW = NewPayment(
    customer_id="1001",
    account_id="BA-1001-1",
    bill_id=BILL,
    amount=Money(Decimal("10.50"), "EUR"),
    method_token="tok_4242",
)
VERSIONS = pytest.mark.parametrize("version", ["v4", "v5"])


@pytest.fixture
def till() -> Iterator[SandboxServer]:
    """A billing system that nobody else writes to."""
    with SandboxServer("billing", world=World(customers=20)) as server:
        yield server


@asynccontextmanager
async def paying(till: SandboxServer, **profile: Any) -> AsyncIterator[Any]:
    till.switches.merge({"version": profile.get("version", "v4"), "strictWrites": True})
    async with connected({"billing": till}, billing={"profile": profile}) as c:
        yield c.billing


def sent(till: SandboxServer) -> list[str]:
    return [one["method"] for one in till.requests]


@VERSIONS
async def test_a_bill_is_paid_in_one_call(till: SandboxServer, version: str) -> None:
    async with paying(till, version=version) as driver:
        before = (await driver.bills([BILL], None))[BILL].remaining_amount
        till.requests.clear()
        ident = await driver.pay_bill(NEW, KEY)
        assert sent(till) == ["POST"]
        payment = (await driver.payments([ident], None))[ident]
        after = (await driver.bills([BILL], None))[BILL].remaining_amount
        till.requests.clear()
        found = await driver.payment_made_with(NEW, KEY), await driver.payment_made_with(NEW, OTHER)
        assert sent(till) == ["GET", "GET"]
    assert (payment.status, payment.amount, payment.bill_ids) == (PaymentStatus.DONE, NEW.amount, (BILL,))
    assert (payment.account_id, payment.customer_ids) == ("BA-1001-1", ("1001",))
    assert before.amount - after.amount == Decimal("10.50")
    assert found == (ident, None)


async def test_what_is_sent_is_what_the_official_file_wants() -> None:
    bodies: list[bytes] = []

    async def answer(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        assert request.headers["Idempotency-Key"] == KEY
        return web.json_response({"id": 7}, status=201)

    huge = changed(NEW, amount=Money(Decimal("1E+3"), "EUR"))
    async with canned(payment=answer) as server, reading(server, profile={"key_header": "Idempotency-Key"}) as c:
        assert await c.billing.pay_bill(NEW, KEY) == "7"
        await c.billing.pay_bill(huge, KEY)
    assert b'"totalAmount":{"unit":"EUR","value":10.50}' in bodies[0]
    assert b'"value":1000}' in bodies[1]
    body = json.loads(bodies[0])
    assert (body["correlatorId"], body["account"]["id"], body["payer"]["id"]) == (KEY, "BA-1001-1", "1001")
    assert body["paymentItem"][0]["item"] == {"id": BILL, "@referredType": "CustomerBill"}
    assert body["paymentMethod"] == {"@type": "tokenizedCard", "token": "tok_4242"}
    if official.SPECS.is_dir():
        problems = official.problems("Payment", "Payment_Create", body)
        # The file has the superclass of payment methods only.
        assert [one.partition(":")[0] for one in problems] == ["paymentMethod"]


async def test_without_a_token_the_profiles_method_is_taken_or_nothing_is_sent(till: SandboxServer) -> None:
    plain = changed(NEW, method_token=None)
    async with paying(till) as driver:
        with pytest.raises(Declined) as refused:
            await driver.pay_bill(plain, KEY)
        assert (refused.value.attribute, sent(till)) == ("method_token", [])
    async with paying(till, payment_method={"id": "PM-PORTAL", "name": "Portal"}) as driver:
        ident = await driver.pay_bill(plain, KEY)
        assert (await driver.payments([ident], None))[ident].method == "Portal"


# --- What goes wrong ---


async def test_a_lost_answer_is_found_and_nothing_is_sent_twice(till: SandboxServer) -> None:
    till.switches.lose_answers = 1
    async with paying(till) as driver:
        with pytest.raises(Unreachable) as lost:
            await driver.pay_bill(NEW, KEY)
        assert lost.value.may_have_happened
        assert sent(till) == ["POST"]
        assert await driver.payment_made_with(NEW, KEY) == f"PAY-{BILL}-1"


async def test_a_late_payment_is_not_there_and_then_it_is_with_its_bill(
    till: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("sandbox.protocol.collection.monotonic", lambda: now[0])
    till.switches.late_ms = 500
    async with paying(till) as driver:
        before = (await driver.bills([BILL], None))[BILL].remaining_amount.amount
        ident = await driver.pay_bill(NEW, KEY)
        assert await driver.payment_made_with(NEW, KEY) is None
        assert await driver.payments([ident], None) == {}
        assert (await driver.bills([BILL], None))[BILL].remaining_amount.amount == before
        now[0] += 0.6
        assert await driver.payment_made_with(NEW, KEY) == ident
        assert (await driver.bills([BILL], None))[BILL].remaining_amount.amount == before - Decimal("10.50")


async def test_a_payment_that_is_only_accepted_is_pending(till: SandboxServer) -> None:
    till.switches.accept_writes = True
    async with paying(till) as driver:
        ident = await driver.pay_bill(NEW, KEY)
        assert (await driver.payments([ident], None))[ident].status is PaymentStatus.PENDING


@pytest.mark.parametrize("in_200", [False, True])
async def test_what_the_system_says_no_to_has_a_reason(till: SandboxServer, in_200: bool) -> None:
    till.switches.refusals_in_200 = in_200
    async with paying(till) as driver:
        left = (await driver.bills([BILL], None))[BILL].remaining_amount
        told = []
        for new in (
            changed(NEW, amount=Money(Decimal(99999), "EUR")),
            changed(NEW, amount=Money(Decimal(1), "USD")),
            changed(NEW, bill_id="BILL-0"),
        ):
            with pytest.raises(Declined) as refused:
                await driver.pay_bill(new, KEY)
            told.append((refused.value.reason, refused.value.attribute))
        await driver.pay_bill(changed(NEW, amount=left), KEY)
        with pytest.raises(Declined) as refused:
            await driver.pay_bill(NEW, OTHER)
        told.append((refused.value.reason, refused.value.attribute))
        with pytest.raises(Rejected) as wrong:  # the account is none that the caller named
            await driver.pay_bill(changed(NEW, account_id="BA-0"), OTHER)
    assert type(wrong.value) is Rejected
    assert told == [
        (Reason.AMOUNT_TOO_HIGH, "amount"),
        (Reason.CURRENCY_MISMATCH, "amount"),
        (Reason.INVALID, "bill_id"),
        (Reason.ALREADY_PAID, "bill_id"),
    ]


ERROR = {"code": "20", "reason": "no"}
ANSWERS: dict[str, tuple[web.Response, Any]] = {
    "202 with a Location": (web.Response(status=202, headers={"Location": "/payment/v4/payment/P%2F1"}), "P/1"),
    "a Location elsewhere": (web.Response(status=201, headers={"Location": "http://x/api/payment/P1/"}), "P1"),
    "202 and nothing": (web.Response(status=202), Garbled),
    "202 and a task": (
        web.Response(status=202, text='{"id":"M1","@type":"Monitor"}', headers={"Location": "/monitor/M1"}),
        Garbled,
    ),
    "202 and another's address": (web.Response(status=202, text='{"id":"M1","href":"/x/monitor/M1"}'), Garbled),
    "201 and nothing": (web.Response(status=201), Garbled),
    "201 and a page": (web.Response(status=201, text="<html>", content_type="text/html"), Garbled),
    "a list": (web.Response(status=201, text='[{"id":"P1"}]'), Garbled),
    "a redirect": (web.Response(status=303, headers={"Location": "/payment/v4/payment/P1"}), Garbled),
    "an error of the server in 200": (web.json_response(ERROR | {"status": "503"}), Failed),
    "an error in 200": (web.json_response(ERROR), Reason.OTHER),
    "a typed error in 201": (web.json_response({"@type": "Error", "id": "E1"}, status=201), Reason.OTHER),
    "a known key": (
        web.json_response(ERROR | {"message": "correlatorId is used"}, status=409),
        Garbled,
    ),
    "a number as code": (web.json_response({"code": 60, "reason": "Bad"}, status=422), Reason.OTHER),
    "too long": (
        web.json_response({"code": 1, "reason": "token is too long"}, status=400),
        (Reason.TOO_LONG, "method_token"),
    ),
    "the token": (
        web.json_response({"code": 1, "reason": "Invalid", "message": "paymentMethod was not accepted"}, status=400),
        (Reason.INVALID, "method_token"),
    ),
    "no money": (web.json_response({"code": 1, "reason": "Card declined"}, status=402), Reason.OTHER),
    "400 without a word": (web.Response(status=400, text="no"), Rejected),
    "404 without a word": (web.Response(status=404), Rejected),
    "404 of the account": (
        web.json_response({"code": "60", "reason": "Not found", "message": "bill BILL-1 was not found"}, status=404),
        (Reason.NOT_FOUND, "bill_id"),
    ),
    "500": (web.json_response(ERROR, status=500), Failed),
}


@pytest.mark.parametrize("case", ANSWERS)
async def test_an_answer_is_judged_by_what_is_in_it(case: str) -> None:
    answered, right = ANSWERS[case]

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=answered.status, headers=answered.headers, body=answered.body)

    async with canned(payment=answer, P1=answer) as server, reading(server) as c:
        if isinstance(right, str):
            assert await c.billing.pay_bill(NEW, KEY) == right
        else:
            with pytest.raises(ConnectorError) as raised:
                await c.billing.pay_bill(NEW, KEY)
            failure = raised.value
            if isinstance(right, type):
                assert type(failure) is right
                assert failure.may_have_happened is (right is not Rejected)
            else:
                assert isinstance(failure, Declined)
                assert not failure.may_have_happened
                assert right in (failure.reason, (failure.reason, failure.attribute))
            assert "tok_4242" not in str(failure)
        assert len(server.seen) == 1


async def test_the_key_is_matched_on_the_rows(till: SandboxServer) -> None:
    async with paying(till) as driver:
        ident = await driver.pay_bill(NEW, KEY)
        for switches in ({"ignoreFilters": True}, {"ignoreParameters": ["correlatorId"]}):
            till.switches.merge(switches)
            assert await driver.payment_made_with(NEW, OTHER) is None
            assert await driver.payment_made_with(NEW, KEY) == ident
    # Where only accounts can be asked for, theirs are read.
    async with paying(till, resources={"payment": {"filters": ["account.id"]}}) as driver:
        assert await driver.payment_made_with(NEW, KEY) == ident
        assert "payment_made_with" not in driver.unsupported


async def test_a_row_that_cannot_be_read_may_be_the_one() -> None:
    async with canned(payment='[{"id": "P1", "correlatorId": {}}]') as server, reading(server) as c:
        with pytest.raises(Garbled):
            await c.billing.payment_made_with(NEW, KEY)


async def test_a_system_that_keeps_no_key_cannot_tell(till: SandboxServer) -> None:
    async with paying(till, resources={"payment": {"absent": ["correlatorId"]}}) as driver:
        assert "payment_made_with" in driver.unsupported
        with pytest.raises(NotSupported):
            await driver.payment_made_with(NEW, KEY)
    async with paying(till, resources={"payment": {"filters": ["id"]}}) as driver:
        assert "payment_made_with" in driver.unsupported
        with pytest.raises(NotSupported):
            await driver.payment_made_with(NEW, KEY)
    assert sent(till) == []
    till.switches.drop_keys = True
    async with paying(till) as driver:
        await driver.pay_bill(NEW, KEY)
        with pytest.raises(NotSupported):
            await driver.payment_made_with(NEW, OTHER)


async def test_what_is_read_only_is_said_beforehand(till: SandboxServer) -> None:
    async with paying(till, read_only=True) as driver:
        assert set(driver.unsupported) == {"pay_bill", "payment_made_with"}
        with pytest.raises(NotSupported):
            await driver.pay_bill(NEW, KEY)
    assert sent(till) == []
