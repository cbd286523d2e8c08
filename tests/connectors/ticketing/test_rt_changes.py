"""What changed in Request Tracker, found by questions whose dates it reads in a zone of its own."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from connectors.errors import TooMuch
from connectors.records import Changed
from tests.connectors.canned import canned
from tests.connectors.ticketing.test_rt import driven

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def ticket(ident: int, minutes: float, made: float = -9000) -> dict[str, Any]:
    changed, created = (NOON + timedelta(minutes=one) for one in (minutes, made))
    return {"id": ident, "LastUpdated": f"{changed:%Y-%m-%dT%H:%M:%SZ}", "Created": f"{created:%Y-%m-%dT%H:%M:%SZ}"}


def paged(tickets: list[dict[str, Any]]) -> Any:
    async def answer(request: web.Request) -> web.Response:
        size, page = int(request.query["per_page"]), int(request.query["page"])
        items = tickets[(page - 1) * size : page * size]
        return web.json_response({"items": items, "total": len(tickets), "page": page, "per_page": size})

    return answer


async def test_changes_since_a_time_are_asked_with_a_margin_and_checked_here() -> None:
    rows = [ticket(3, 2, 1), ticket(1, 0), ticket(2, -1), ticket(4, -500)]
    async with canned(tickets=paged(rows)) as server, driven(server) as driver:
        found = await driver.tickets_changed(NOON)
        asked = parse_qs(urlsplit(server.seen[0]).query)
    assert found == [
        Changed(id="3", changed_at=NOON + timedelta(minutes=2), created_at=NOON + timedelta(minutes=1)),
        Changed(id="1", changed_at=NOON, created_at=NOON - timedelta(minutes=9000)),
    ]
    assert asked["query"] == ["LastUpdated>'2026-11-20'"]  # in whatever zone it is read
    assert (asked["orderby"], asked["order"]) == (["LastUpdated", "id"], ["DESC", "ASC"])
    assert len(server.seen) == 1


async def test_all_pages_are_read_until_what_is_older() -> None:
    rows = [ticket(one, 1000 - one) for one in range(450)]
    async with canned(tickets=paged(rows)) as server, driven(server) as driver:
        found = await driver.tickets_changed(NOON + timedelta(minutes=750))
        assert [one.id for one in found] == [str(one) for one in range(251)]
        assert len(server.seen) == 4  # of 100


async def test_the_last_changes_are_one_small_page() -> None:
    async with canned(tickets=paged([ticket(one, -one) for one in range(1, 300)])) as server, driven(server) as driver:
        found = await driver.tickets_changed(None)
        assert found[0].id == "1"
        assert len(found) == 20
        assert len(server.seen) == 1


async def test_more_changes_than_the_setting_allows_are_too_much() -> None:
    rows = [ticket(one, 1) for one in range(1, 500)]
    async with canned(tickets=paged(rows)) as server, driven(server, max_rows=200) as driver:
        with pytest.raises(TooMuch):
            await driver.tickets_changed(NOON)


async def test_a_ticket_without_a_date_is_left_out() -> None:
    body = json.dumps({"items": [ticket(1, 1), {"id": 2, "LastUpdated": ""}], "total": 2})
    async with canned(tickets=body) as server, driven(server) as driver:
        assert [one.id for one in await driver.tickets_changed(NOON)] == ["1"]
