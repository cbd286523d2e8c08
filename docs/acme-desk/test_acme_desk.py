"""The driver on recorded rows, behind a server that filters and pages them as Acme Desk does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from acme_desk_opticom import DRIVER
from aiohttp import web

from connectors.conformance import conform
from connectors.errors import Garbled
from connectors.http.client import HttpClient
from connectors.settings import System
from connectors.ticketing.port import Ticket, TicketStatus
from connectors.ticketing.promises import TICKETING

WORDS = ("new", "open", "done")
CASES: list[dict[str, Any]] = [
    {
        "number": 100 + at,
        "client": f"C{at % 4}",
        "title": f"Case {at}",
        "state": WORDS[at % 3],
        "opened": 1777629600 - 86400 * at,
        "service": f"S{at % 3}",
    }
    for at in range(24)
]
CASES += [{"number": 200, "client": "C0", "state": "parked", "opened": None}]
UNREADABLE = {"number": 300, "client": "C9", "opened": "yesterday"}
NOTES = [{"by": "Kim", "text": "Called back", "public": True}, {"by": "Ole", "text": "Owes us money"}]


class Desk:
    """Acme Desk with these rows. `asked` are the paths that were asked for."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows, self.asked = rows, list[str]()

    async def cases(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        given = {
            name: request.query[name].split(",") for name in ("number", "client", "service") if name in request.query
        }
        unknown = set(given.get("number", ())) - {str(row["number"]) for row in self.rows}
        if unknown:
            return web.json_response({"unknown": sorted(map(int, unknown))}, status=422)
        rows = [row for row in self.rows if all(str(row.get(name)) in values for name, values in given.items())]
        start, count = int(request.query.get("from", "0")), int(request.query.get("count", "20"))
        return web.json_response({"total": len(rows), "cases": rows[start : start + count]})

    async def notes(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        return web.json_response({"notes": NOTES})


@asynccontextmanager
async def running(desk: Desk) -> AsyncIterator[System]:
    app = web.Application()
    app.router.add_get("/api/cases", desk.cases)
    app.router.add_get("/api/cases/{number}/notes", desk.notes)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield System.model_validate({"url": f"http://127.0.0.1:{runner.addresses[0][1]}", "options": {"page_size": 10}})
    await runner.cleanup()


@asynccontextmanager
async def driving(desk: Desk) -> AsyncIterator[Any]:
    async with running(desk) as system, aiohttp.ClientSession() as session:
        yield DRIVER.connect(HttpClient("ticketing", system, session))


async def test_it_conforms() -> None:
    async with running(Desk(CASES)) as system, aiohttp.ClientSession() as session:

        def build(one: System) -> Any:
            return DRIVER.connect(HttpClient("ticketing", one, session))

        keys = {"customer": ["C0", "C1", "C2", "C3"]}
        results = [one async for one in conform("ticketing", TICKETING, build, system, keys=keys)]
    assert [f"{one.method}, {one.check}: {one.reason}" for one in results if one.mark == "failed"] == []
    answered = {one.method for one in results if one.check == "answers" and one.mark == "passed"}
    assert answered == {"probe", "tickets", "tickets_of_customers", "tickets_of_services"}


async def test_a_number_that_does_not_exist_costs_one_more_call_and_fails_nobody() -> None:
    desk = Desk(CASES)
    async with driving(desk) as driver:
        assert list(await driver.tickets(["100", "999", "101"], frozenset())) == ["100", "101"]
        assert list(await driver.tickets(["999"], frozenset())) == []
    assert [one.partition("&")[0] for one in desk.asked] == [
        "/api/cases?number=100,999,101",
        "/api/cases?number=100,101",
        "/api/cases?number=999",
    ]


async def test_notes_are_read_where_they_are_selected_and_internal_where_it_is_not_sure() -> None:
    desk = Desk(CASES)
    async with driving(desk) as driver:
        await driver.tickets(["100"], frozenset({"name"}))
        assert len(desk.asked) == 1
        found = await driver.tickets(["100"], frozenset({"notes"}))
    assert [(one.author, one.internal) for one in found["100"].notes] == [("Kim", False), ("Ole", True)]


async def test_a_row_that_cannot_be_read_costs_that_row_and_the_total() -> None:
    async with driving(Desk([*CASES, UNREADABLE])) as driver:
        rows = (await driver.tickets_of_customers(["C9"], None, frozenset(), is_open=None))["C9"]
        found = await driver.tickets(["300"], frozenset())
    assert (list(rows.items), rows.total) == ([], None)
    assert isinstance(found["300"], Garbled)


async def test_a_word_that_nobody_knows_is_unknown_and_counts_as_open() -> None:
    async with driving(Desk(CASES)) as driver:
        (ticket,) = (await driver.tickets(["200"], frozenset())).values()
    assert isinstance(ticket, Ticket)
    assert (ticket.status, ticket.raw_status, ticket.is_open) == (TicketStatus.UNKNOWN, "parked", True)
