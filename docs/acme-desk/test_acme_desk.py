"""The driver on recorded rows, behind a server that filters and pages them as Acme Desk does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from acme_desk_opticom import DRIVER
from aiohttp import web

from connectors.conformance import conform
from connectors.conformance.writes import plan_writes
from connectors.errors import ConnectorError, Declined, Garbled, NotSupported, Reason
from connectors.http.client import HttpClient
from connectors.settings import System
from connectors.ticketing.port import NewNote, NewTicket, StatusChange, Ticket, TicketSeverity, TicketStatus
from connectors.ticketing.promises import TICKETING
from connectors.writes import WriteKey

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
UNREADABLE = {"number": 300, "client": ["C9", "C8"]}
ODD = {"number": "301", "client": "C9", "opened": "yesterday", "title": 7}
KEY = WriteKey("k" * 32)
NEW = NewTicket(customer_id="C1", name="No signal", description="Since noon.", service_ids=("S1",))
NOTE = NewNote(ticket_id="100", text="Called back.", author="Jana")
NOTES: list[dict[str, Any]] = [
    {"by": "Kim", "text": "Called back", "public": True},
    {"by": "Ole", "text": "Owes us money"},
]


class Desk:
    """Acme Desk with these rows. `asked` are the paths that were asked for, `sent` what was to be written.

    `loses` answers: it does what it is asked, and breaks the connection. `refuses` an attribute, with 200.
    """

    def __init__(self, rows: list[dict[str, Any]], *, loses: bool = False, refuses: str = "") -> None:
        self.low_total = 0
        self.rows, self.written, self.loses, self.refuses = rows, list(NOTES), loses, refuses
        self.asked, self.sent, self.filters = (
            list[str](),
            list[dict[str, Any]](),
            ["number", "client", "service", "ref"],
        )

    async def cases(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        given = {name: request.query[name].split(",") for name in self.filters if name in request.query}
        unknown = set(given.get("number", ())) - {str(row["number"]) for row in self.rows}
        if unknown:
            return web.json_response({"unknown": sorted(map(int, unknown))}, status=422)
        rows = [row for row in self.rows if all(str(row.get(name)) in values for name, values in given.items())]
        start, count = int(request.query.get("from", "0")), int(request.query.get("count", "20"))
        total = min(len(rows), self.low_total or len(rows))
        return web.json_response({"total": total, "cases": rows[start : start + count]})

    async def notes(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        return web.json_response({"notes": self.written})

    async def write(self, request: web.Request) -> web.Response:
        self.sent.append(await request.json())
        number = request.match_info.get("number")
        if number and all(number != str(row["number"]) for row in self.rows):
            return web.json_response({}, status=404)
        if self.refuses:
            return web.json_response({"refused": self.refuses})
        made = 400 + len(self.sent)
        if number:
            self.written = [*self.written, self.sent[-1]]
        else:
            self.rows = [*self.rows, {**self.sent[-1], "number": made, "state": "new", "opened": 1777629600}]
        if self.loses:
            assert request.transport
            request.transport.abort()
        return web.json_response({"number": made}, status=201)


@asynccontextmanager
async def running(desk: Desk) -> AsyncIterator[System]:
    app = web.Application()
    app.router.add_get("/api/cases", desk.cases)
    app.router.add_get("/api/cases/{number}/notes", desk.notes)
    app.router.add_post("/api/cases", desk.write)
    app.router.add_post("/api/cases/{number}/notes", desk.write)
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


async def test_it_keeps_what_it_promises_of_writes() -> None:
    desk = Desk(CASES)
    async with running(desk) as system, aiohttp.ClientSession() as session:

        def build(one: System) -> Any:
            return DRIVER.connect(HttpClient("ticketing", one, session))

        plan = await plan_writes("ticketing", TICKETING, build, system, keys={"customer": ["C1"]})
        assert desk.sent == []
        assert list(plan.changes) == ["open_ticket", "add_note"]
        results = await plan.run()
    assert [f"{one.method}, {one.check}: {one.reason}" for one in results if one.mark == "failed"] == []
    assert {one.method for one in results if one.check == "lost" and one.mark == "passed"} == {
        "open_ticket",
        "add_note",
    }
    assert {one.method for one in results if one.check == "unsup."} == {"set_status", "assign_ticket"}


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
    desk = Desk([*CASES, UNREADABLE, ODD])
    desk.filters.remove("client")
    async with driving(desk) as driver:
        rows = (await driver.tickets_of_customers(["C9"], None, frozenset(), is_open=None))["C9"]
        found = await driver.tickets(["300"], frozenset())
    assert ([(one.id, one.name, one.created_at) for one in rows.items], rows.total, rows.unread) == (
        [("301", "7", None)],
        None,
        1,
    )
    assert isinstance(found["300"], Garbled)


async def test_a_total_that_is_too_low_ends_no_list() -> None:
    desk = Desk(CASES)
    desk.low_total = 3
    async with driving(desk) as driver:
        found = await driver.tickets_of_customers(["C0", "C1", "C2", "C3"], None, frozenset(), is_open=None)
    assert sum(len(rows.items) for rows in found.values()) == len(CASES)


async def test_a_word_that_nobody_knows_is_unknown_and_counts_as_open() -> None:
    async with driving(Desk(CASES)) as driver:
        (ticket,) = (await driver.tickets(["200"], frozenset())).values()
    assert isinstance(ticket, Ticket)
    assert (ticket.status, ticket.raw_status, ticket.is_open) == (TicketStatus.UNKNOWN, "parked", True)


async def test_a_ticket_is_opened_with_its_key_and_with_what_acme_desk_needs() -> None:
    desk = Desk(CASES)
    async with driving(desk) as driver:
        assert await driver.ticket_opened_with(NEW, KEY) is None
        opened = await driver.open_ticket(NEW, KEY)
        assert await driver.ticket_opened_with(NEW, KEY) == opened
        (ticket,) = (await driver.tickets([opened], frozenset())).values()
    assert (ticket.name, ticket.description, ticket.customer_ids) == (NEW.name, NEW.description, ("C1",))
    assert [(one["ref"], one["kind"], one["service"]) for one in desk.sent] == [(KEY, "fault", "S1")]


async def test_a_lost_answer_may_have_happened_is_not_sent_again_and_is_found_by_its_key() -> None:
    desk = Desk(CASES, loses=True)
    async with driving(desk) as driver:
        for writing in (driver.open_ticket(NEW, KEY), driver.add_note(NOTE, KEY)):
            with pytest.raises(ConnectorError) as lost:
                await writing
            assert lost.value.may_have_happened
        assert len(desk.sent) == 2
        assert await driver.ticket_opened_with(NEW, KEY) == "401"
        assert (await driver.has_note(NOTE, KEY), await driver.has_note(NOTE, WriteKey("other"))) == (True, False)


async def test_a_refusal_with_200_is_declined_and_names_the_attribute_of_the_port() -> None:
    desk = Desk(CASES, refuses="title")
    async with driving(desk) as driver:
        with pytest.raises(Declined) as declined:
            await driver.open_ticket(NEW, KEY)
    assert (declined.value.reason, declined.value.attribute) == (Reason.INVALID, "name")
    assert not declined.value.may_have_happened


async def test_what_has_no_place_is_declined_before_anything_is_sent() -> None:
    desk = Desk(CASES)
    severe = NewTicket(customer_id="C1", name="n", description="d", severity=TicketSeverity.MAJOR)
    two = NewTicket(customer_id="C1", name="n", description="d", service_ids=("S1", "S2"))
    async with driving(desk) as driver:
        for new, attribute in ((severe, "severity"), (two, "service_ids")):
            with pytest.raises(Declined) as declined:
                await driver.open_ticket(new, KEY)
            assert (declined.value.reason, declined.value.attribute) == (Reason.NOT_ALLOWED, attribute)
        for writing in (
            driver.set_status(StatusChange(ticket_id="100", status=TicketStatus.CLOSED), KEY),
            driver.assign_ticket("100", "kim", KEY),
        ):
            with pytest.raises(NotSupported):
                await writing
    assert desk.sent == []


async def test_a_filter_that_is_ignored_does_not_make_a_lost_ticket_one_that_is_not_there() -> None:
    desk = Desk(CASES)
    desk.filters.remove("ref")
    async with driving(desk) as driver:
        with pytest.raises(Garbled):
            await driver.ticket_opened_with(NEW, KEY)


@pytest.mark.parametrize("number", ["999", "x"])
async def test_a_note_on_a_case_that_is_not_there_is_not_found(number: str) -> None:
    desk = Desk(CASES)
    async with driving(desk) as driver:
        with pytest.raises(Declined) as declined:
            await driver.add_note(NewNote(ticket_id=number, text="t", author="a"), KEY)
    assert (declined.value.reason, declined.value.attribute) == (Reason.NOT_FOUND, "ticket_id")


async def test_notes_are_public_only_where_they_are_not_internal() -> None:
    desk = Desk(CASES)
    async with driving(desk) as driver:
        await driver.add_note(NOTE, KEY)
        await driver.add_note(NewNote(ticket_id="100", text="Owes us.", author="Ole", internal=True), WriteKey("o"))
        (ticket,) = (await driver.tickets(["100"], frozenset({"notes"}))).values()
    assert [(one.text, one.internal) for one in ticket.notes[2:]] == [("Called back.", False), ("Owes us.", True)]
