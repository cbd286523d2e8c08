"""What changed in Tryton: rows have no `write_date` until they are changed; a payment leaves its invoice as it is."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
from aiohttp import web

from connectors.billing.tryton.driver import TrytonBilling
from connectors.billing.tryton.options import TrytonOptions
from connectors.http.client import HttpClient
from connectors.records import Changed
from connectors.settings import System
from tests.connectors.canned import Canned, canned

NOON = datetime(2026, 11, 22, 12, 0, 0, 500, tzinfo=UTC)


def typed(minutes: float) -> dict[str, Any]:
    moment = NOON + timedelta(minutes=minutes)
    parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return {"__class__": "datetime", **{part: getattr(moment, part) for part in parts}}


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def rows(*given: dict[str, Any]) -> Any:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(given[: int(request.query["s"])] if "p" not in request.query else [])

    return answer


@asynccontextmanager
async def driven(server: Canned) -> AsyncIterator[TrytonBilling]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        system = System.model_validate({"url": server.url})
        yield TrytonBilling(HttpClient("billing", system, session), TrytonOptions(database="billing"))


def asked(server: Canned, at_place: int) -> Any:
    return json.loads(base64.urlsafe_b64decode(parse_qs(urlsplit(server.seen[at_place]).query)["d"][0]))


INVOICES = rows(
    {"id": 1, "type": "out", "create_date": typed(1), "write_date": None},
    {"id": 2, "type": "out", "create_date": typed(-900), "write_date": typed(2)},
    {"id": 3, "type": "out", "create_date": typed(-900), "write_date": typed(1)},
    {"id": 4, "type": "in", "create_date": typed(1), "write_date": typed(2)},
    {"id": 5, "type": "out", "create_date": typed(-900), "write_date": typed(-1)},
)
PAYMENTS = rows(
    {"id": 9, "kind": "receivable", "create_date": typed(3), "line": {"move_origin": "account.invoice,3"}},
    {"id": 8, "kind": "receivable", "create_date": typed(1), "write_date": typed(4), "line": {"move_origin": "x,7"}},
    {"id": 7, "kind": "payable", "create_date": typed(3), "line": {"move_origin": "account.invoice,6"}},
    {"id": 6, "kind": "receivable", "create_date": typed(3), "line": {"move_origin": "account.invoice,77"}},
)


async def test_a_payment_changes_its_invoice_which_does_not_say_so() -> None:
    async with canned(**{"account.invoice": INVOICES, "account.payment": PAYMENTS}) as server, driven(server) as driver:
        found = {one.id: one for one in await driver.bills_changed(NOON)}
        assert found == {
            "1": Changed(id="1", changed_at=at(1), created_at=at(1)),
            "2": Changed(id="2", changed_at=at(2), created_at=at(-900)),
            "3": Changed(id="3", changed_at=at(3), created_at=at(-900)),
            "77": Changed(id="77", changed_at=at(3)),
        }
        moment = typed(0)
        since = ["OR", [["write_date", ">=", moment]], [["create_date", ">=", moment]]]
        assert asked(server, 0) == [since, ["type", "=", "out"]]
        assert asked(server, 1) == [since, ["kind", "=", "receivable"]]


async def test_payments_are_known_by_when_they_were_written_last() -> None:
    async with canned(**{"account.payment": PAYMENTS}) as server, driven(server) as driver:
        found = await driver.payments_changed(NOON)
        assert [(one.id, one.changed_at) for one in found] == [("9", at(3)), ("8", at(4)), ("6", at(3))]


async def test_the_last_change_is_the_last_row_written_or_made() -> None:
    async with canned(**{"account.invoice": INVOICES, "account.payment": PAYMENTS}) as server, driven(server) as driver:
        found = await driver.bills_changed(None)
        assert {one.id for one in found} == {"1", "3"}
        orders = [parse_qs(urlsplit(one).query)["o"][0] for one in server.seen]
    decoded = [json.loads(base64.urlsafe_b64decode(one))[0] for one in orders]
    assert decoded == [["write_date", "DESC NULLS LAST"], ["create_date", "DESC NULLS LAST"]] * 2
