"""Request Tracker: answers recorded from the live system, and each of its traps.

The recorded tests ask a server that replays `recordings/rt.json`. With LIVE_RT (address, such as
http://127.0.0.1:18202) and LIVE_RT_TOKEN it passes the questions on to the live system instead, seeded as it was;
with RECORD=1 on top it writes the recording anew, without headers and addresses.
"""

import base64
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from connectors import connect
from connectors.errors import Failed, Garbled, NotSupported, Refused, Rejected, TooMuch
from connectors.http.client import HttpClient
from connectors.http.health import SystemStatus
from connectors.records import Window
from connectors.settings import System
from connectors.ticketing.port import TicketSeverity, TicketStatus
from connectors.ticketing.rt.driver import RtTicketing
from connectors.ticketing.rt.options import RtOptions
from tests.connectors.canned import Canned, canned

RECORDING = Path(__file__).parents[1] / "recordings/rt.json"
LIVE = os.environ.get("LIVE_RT", "").rstrip("/")
TOKEN = {"Authorization": f"token {os.environ.get('LIVE_RT_TOKEN', '')}"}
RECORD = bool(os.environ.get("RECORD"))

SUBJECTS = (  # of the seed: by turns
    ("Faults", "No connection since this morning"),
    ("Faults", "Slow download in the evening"),
    ("Faults", "Packet loss on access circuit"),
    ("Faults", "Optical signal below threshold"),
    ("Billing", "Charged twice for one month"),
    ("Billing", "Wrong VAT on invoice"),
    ("Provisioning", "Move of service to a new address"),
    ("Provisioning", "Change of plan not applied"),
)
STATUSES = (
    ("new", TicketStatus.ACKNOWLEDGED),
    ("open", TicketStatus.IN_PROGRESS),
    ("stalled", TicketStatus.PENDING),
    ("resolved", TicketStatus.RESOLVED),
)


@asynccontextmanager
async def driven(server: Canned, options: RtOptions | None = None, **settings: Any) -> AsyncIterator[Any]:
    """The driver over this server, with answers of any type."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        system = System.model_validate({"url": server.url, "timeout": 20 if LIVE else 3, **settings})
        yield RtTicketing(HttpClient("ticketing", system, session), options or RtOptions())


class Recording:
    """Answers as they were, by path and query."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {} if RECORD else json.loads(RECORDING.read_text(encoding="utf-8"))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The recorded answer, or, where there is a live system, its own."""
        if LIVE:
            async with (
                aiohttp.ClientSession(LIVE, headers=TOKEN) as session,
                session.get(request.raw_path) as answer,
            ):
                body = await answer.json()
            self.answers[request.raw_path] = _without_addresses(body)
        return web.json_response(self.answers[request.raw_path])


def _without_addresses(value: Any) -> Any:
    match value:
        case dict():
            left_out = ("_url", "_hyperlinks", "next_page", "prev_page", "Headers", "MessageId")
            return {key: _without_addresses(one) for key, one in value.items() if key not in left_out}
        case list():
            return [_without_addresses(one) for one in value]
        case _:
            return value


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


async def _post(path: str, body: Any) -> Any:
    async with (
        aiohttp.ClientSession(LIVE, headers=TOKEN) as session,
        session.post(f"/REST/2.0/{path}", json=body) as answer,
    ):
        assert answer.status == 201, await answer.text()
        return await answer.json()


async def _seed_a_conversation() -> None:
    """Tickets beside the seed's: one with notes and files, one whose customer number holds a quote."""
    async with (
        aiohttp.ClientSession(LIVE, headers=TOKEN) as session,
        session.get("/REST/2.0/tickets", params={"query": "CF.{CustomerId}='C199001'"}) as answer,
    ):
        if (await answer.json())["total"]:
            return
    fields = {"CustomerId": "C199001", "ServiceId": "S399001"}
    ticket = {"Queue": "Faults", "Subject": "Cut cable \u2013 Brno €", "Content": "Line cut, žlutý kůň."}
    key = (await _post("ticket", {**ticket, "ContentType": "text/plain", "CustomFields": fields}))["id"]
    internal = {"FileName": "costs.txt", "FileType": "text/plain", "FileContent": base64.b64encode(b"9000").decode()}
    comment = {"Content": "Internal: splice at km 3, ask the contractor.", "ContentType": "text/plain"}
    await _post(f"ticket/{key}/comment", {**comment, "Attachments": [internal]})
    files = [
        {"FileName": "otdr.txt", "FileType": "text/plain", "FileContent": base64.b64encode(b"OTDR 12,3 dB\n").decode()},
        {"FileName": "foto.png", "FileType": "image/png", "FileContent": "iVBORw0KGgo="},
    ]
    html = {"Content": "<p>We found the cut &amp; repair it \u2013 today.</p>", "ContentType": "text/html"}
    await _post(f"ticket/{key}/correspond", {**html, "Attachments": files})
    done = {"Content": "Repaired, please check \u2013 thank you.", "ContentType": "text/plain"}
    await _post(f"ticket/{key}/correspond", done)
    quoted = {"Queue": "Faults", "Subject": "Quote in the number", "Content": "x", "ContentType": "text/plain"}
    await _post("ticket", {**quoted, "CustomFields": {"CustomerId": "C'199002", "ServiceId": "S399002"}})


@pytest_asyncio.fixture(scope="session")
async def recording() -> AsyncIterator[Recording]:
    if LIVE:
        await _seed_a_conversation()
    found = Recording()
    yield found
    if RECORD:
        lines = [f"{json.dumps(path)}: {_compact(answer)}" for path, answer in sorted(found.answers.items())]
        RECORDING.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


@pytest_asyncio.fixture
async def rt(recording: Recording) -> AsyncIterator[tuple[Any, Canned]]:
    """The driver over the recorded (or the live) system, and the server that saw its questions."""
    lists = dict.fromkeys(("tickets", "transactions", "attachments", "customfields"), recording.answer)
    async with canned(**lists) as server, driven(server) as driver:
        yield driver, server


def query(path: str) -> dict[str, list[str]]:
    """The parameters of a question."""
    return parse_qs(urlsplit(path).query)


async def test_the_seeds_tickets_are_read_in_one_call(rt: Any) -> None:
    driver, server = rt
    keys = [str(n) for n in range(1, 61)]
    found = await driver.tickets(keys, frozenset({"name", "kind", "status", "raw_status", "priority", "resolved_at"}))
    assert set(found) == set(keys)
    for n in range(60):
        ticket = found[str(n + 1)]
        assert (ticket.kind, ticket.name) == SUBJECTS[n % 8]
        assert (ticket.raw_status, ticket.status) == STATUSES[n % 4]
        assert ticket.priority == ("10", "30", "50")[n % 3]
        assert ticket.severity is TicketSeverity.UNKNOWN
    assert (found["1"].customer_ids, found["1"].service_ids) == (("C100001",), ("S300001",))
    assert (found["2"].customer_ids, found["2"].service_ids) == (("C100004",), ("S300008",))
    [question] = server.seen
    asked = query(question)["fields"][0].split(",")
    assert asked == ["Created", "CustomFields", "Priority", "Queue", "Resolved", "Status", "Subject"]


async def test_trap_unset_dates_are_1970(rt: Any) -> None:
    driver, _ = rt
    dates = frozenset({"status", "resolved_at", "expected_resolution_at", "created_at"})
    found = await driver.tickets(["1", "4"], dates)
    assert (found["1"].status, found["1"].resolved_at) == (TicketStatus.ACKNOWLEDGED, None)
    assert found["4"].status is TicketStatus.RESOLVED
    assert found["4"].resolved_at.year >= 2026
    assert found["4"].resolved_at.tzinfo is UTC
    assert [found[key].expected_resolution_at for key in ("1", "4")] == [None, None]


async def test_trap_unknown_and_impossible_ids_cost_no_other_ticket(rt: Any) -> None:
    driver, server = rt
    # RT answers 200 and nothing at all when one id is greater than its database's numbers.
    found = await driver.tickets(["1", "99999999999", "2147483648", "999999", "x", "01", "", "1 OR id>0"], frozenset())
    assert list(found) == ["1"]
    assert [query(path)["query"] for path in server.seen] == [["(id='1' OR id='999999')"]]


async def test_tickets_of_all_customers_come_in_one_call(rt: Any) -> None:
    driver, server = rt
    customers = [f"C{100001 + n}" for n in range(40)]
    found = await driver.tickets_of_customers(customers, None, frozenset({"name"}), is_open=None)
    assert sum(len(rows.items) for rows in found.values()) == 60
    assert [ticket.id for ticket in found["C100001"].items] == ["47", "24", "1"]
    assert (found["C100001"].total, found["C100001"].complete) == (3, True)
    assert all(ticket.customer_ids == (key,) for key, rows in found.items() for ticket in rows.items)
    assert len(server.seen) == 1


async def test_open_and_ended_tickets_are_told_apart_by_rt(rt: Any) -> None:
    driver, server = rt
    still_open = await driver.tickets_of_customers(["C100001"], None, frozenset({"name"}), is_open=True)
    ended = await driver.tickets_of_customers(["C100001"], None, frozenset({"name"}), is_open=False)
    assert [ticket.id for ticket in still_open["C100001"].items] == ["47", "1"]
    assert [ticket.id for ticket in ended["C100001"].items] == ["24"]
    assert [query(path)["query"][0].partition(" AND ")[2] for path in server.seen] == [
        "Status!='rejected' AND Status!='resolved'",
        "(Status='rejected' OR Status='resolved')",
    ]


async def test_a_window_of_one_customer_is_one_call(rt: Any) -> None:
    driver, server = rt
    first = (await driver.tickets_of_customers(["C100001"], Window(0, 2), frozenset(), is_open=None))["C100001"]
    second = (await driver.tickets_of_customers(["C100001"], Window(2, 2), frozenset(), is_open=None))["C100001"]
    assert [ticket.id for ticket in (*first.items, *second.items)] == ["47", "24", "1"]
    assert (first.total, first.complete, second.offset, second.total) == (3, False, 2, 3)
    assert len(server.seen) == 2
    assert query(server.seen[0])["orderby"] == ["Created", "id"]
    assert query(server.seen[0])["order"] == ["DESC", "ASC"]


async def test_tickets_of_services(rt: Any) -> None:
    driver, server = rt
    found = await driver.tickets_of_services(["S300001", "S300008", "S399999"], frozenset({"name"}), is_open=None)
    assert {key: [ticket.id for ticket in rows.items] for key, rows in found.items()} == {
        "S300001": ["1"],
        "S300008": ["2"],
    }
    assert len(server.seen) == 1


async def test_description_is_what_the_ticket_was_created_with(rt: Any) -> None:
    driver, server = rt
    keys = [str(n) for n in range(1, 9)]
    found = await driver.tickets(keys, frozenset({"name", "description"}))
    for ticket in found.values():
        assert ticket.description.startswith(f"{ticket.name}. Service {ticket.service_ids[0]}, circuit CKT-")
    assert found["1"].description == "No connection since this morning. Service S300001, circuit CKT-BRN-01-0001."
    assert [urlsplit(path).path for path in server.seen] == [
        "/REST/2.0/tickets",
        "/REST/2.0/transactions",
        "/REST/2.0/attachments",
    ]


async def test_notes_say_what_is_internal_and_files_of_comments_stay_hidden(rt: Any) -> None:
    driver, server = rt
    found = await driver.tickets_of_customers(["C199001"], None, None, is_open=None)
    [ticket] = found["C199001"].items
    assert (ticket.name, ticket.description) == ("Cut cable \u2013 Brno €", "Line cut, žlutý kůň.")
    assert [(note.author, note.text, note.internal) for note in ticket.notes] == [
        ("API gateway", "Internal: splice at km 3, ask the contractor.", True),
        ("API gateway", "We found the cut & repair it \u2013 today.", False),
        ("API gateway", "Repaired, please check \u2013 thank you.", False),
    ]
    assert all(note.created_at >= ticket.created_at for note in ticket.notes)
    assert [(one.name, one.mime_type, one.owner) for one in ticket.attachments] == [
        ("otdr.txt", "text/plain", ticket.id),
        ("foto.png", "image/png", ticket.id),
    ]
    assert len(server.seen) == 4
    bodies = []
    for document in ticket.attachments:
        server.answers[document.id] = server.answers["tickets"]
        async with driver.open_document(document) as parts:
            bodies.append(b"".join([part async for part in parts]))
    assert bodies == [b"OTDR 12,3 dB\n", b"\x89PNG\r\n\x1a\n"]


async def test_trap_a_quote_in_a_value_is_escaped(rt: Any) -> None:
    driver, server = rt
    found = await driver.tickets_of_customers(["C'199002"], None, frozenset({"name"}), is_open=None)
    assert [ticket.name for ticket in found["C'199002"].items] == ["Quote in the number"]
    assert query(server.seen[0])["query"] == ["(CF.{CustomerId}='C\\'199002')"]


async def test_trap_a_misspelt_custom_field_is_not_the_same_as_no_tickets(recording: Recording) -> None:
    lists = dict.fromkeys(("tickets", "customfields"), recording.answer)
    async with canned(**lists) as server, driven(server, RtOptions(customer_field="KundenNr")) as driver:
        found = await driver.tickets_of_customers(["C100001"], None, frozenset(), is_open=None)
        windowed = await driver.tickets_of_customers(["C100001"], Window(0, 5), frozenset(), is_open=None)
        with pytest.raises(Rejected, match="no custom field 'KundenNr'"):
            await driver.probe()
        # What exists is remembered: nothing found is then one call.
        assert await driver.tickets_of_services(["S1"], frozenset(), is_open=None) == {}
        assert await driver.tickets_of_services(["S1"], frozenset(), is_open=None) == {}
    assert [type(one["C100001"]) for one in (found, windowed)] == [Rejected, Rejected]
    assert "KundenNr" in found["C100001"].detail
    assert [urlsplit(path).path.rsplit("/", 1)[-1] for path in server.seen[-2:]] == ["tickets", "tickets"]


# What the live system was not made to do for a recording.


def ticket(key: Any, customer: str = "C1", **fields: Any) -> dict[str, Any]:
    """A row as RT sends it."""
    held = [{"id": "9", "name": "Other", "values": []}, {"id": "2", "name": "CustomerId", "values": [customer]}]
    return {"id": key, "type": "ticket", "Created": "2026-11-01T10:00:00Z", "CustomFields": held, **fields}


def page(*rows: Any, total: Any = ...) -> str:
    """A list as RT sends it."""
    return json.dumps({"items": rows, "count": len(rows), "total": len(rows) if total is ... else total, "pages": 0.0})


async def test_trap_ids_are_numbers_or_strings_and_empty_fields_are_empty_texts() -> None:
    bare = {"id": 7, "type": "ticket", "CustomFields": "", "Queue": "", "Due": "", "Priority": 20, "Status": "Waiting"}
    async with canned(tickets=page(bare, ticket("8"))) as server, driven(server) as driver:
        found = await driver.tickets(["7", "8"], frozenset({"priority", "status", "kind", "expected_resolution_at"}))
    assert (found["7"].id, found["7"].customer_ids, found["7"].kind, found["7"].priority) == ("7", (), None, "20")
    assert (found["7"].status, found["7"].raw_status) == (TicketStatus.UNKNOWN, "Waiting")
    assert (found["8"].id, found["8"].customer_ids) == ("8", ("C1",))
    assert found["8"].created_at == datetime(2026, 11, 1, 10, tzinfo=UTC)


async def test_an_unreadable_date_or_row_costs_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    rows = page(ticket("1", Due="soon"), {"id": "2", "CustomFields": 5}, ticket("3"))
    async with canned(tickets=rows) as server, driven(server) as driver:
        found = await driver.tickets(["1", "2", "3"], frozenset({"name", "expected_resolution_at"}))
        of_customer = await driver.tickets_of_customers(["C1"], Window(0, 3), frozenset(), is_open=None)
    assert (found["1"].expected_resolution_at, found["3"].id) == (None, "3")
    assert isinstance(found["2"], Garbled)
    assert ([one.id for one in of_customer["C1"].items], of_customer["C1"].total) == (["1", "3"], None)
    assert of_customer["C1"].unread == 1
    assert "'soon'" in caplog.text


async def test_an_attribute_that_cannot_be_read_costs_itself(caplog: pytest.LogCaptureFixture) -> None:
    rows = page(ticket("1", Subject={"no": "text"}), ticket("2", customer=1), ticket("3", Subject=7))  # type: ignore[arg-type]  # a number, as some databases have it
    async with canned(tickets=rows) as server, driven(server) as driver:
        found = await driver.tickets(["1", "2", "3"], frozenset({"name"}))
    assert [found[key].name for key in "123"] == [None, None, "7"]
    assert [found[key].customer_ids for key in "123"] == [("C1",), ("1",), ("C1",)]
    assert "sends Subject in a form that cannot be read" in caplog.text


@pytest.mark.parametrize("total", ["1", 1.0, "many", None, {}, True, -1, 3_000_000_000])
async def test_an_odd_total_costs_no_row(total: Any) -> None:
    async def answer(request: web.Request) -> web.Response:
        rows = [ticket(1)] if request.query["page"] == "1" else []
        return web.json_response(text=page(*rows, total=total))

    async with canned(tickets=answer) as server, driven(server) as driver:
        found = await driver.tickets_of_customers(["C1"], None, frozenset({"name"}), is_open=None)
    assert ([one.id for one in found["C1"].items], found["C1"].total) == (["1"], 1)


async def test_a_total_that_a_next_page_contradicts_is_no_total(caplog: pytest.LogCaptureFixture) -> None:
    async def low(request: web.Request) -> web.Response:
        number = int(request.query["page"])
        items = [ticket(str(one)) for one in range(number * 100 - 99, number * 100 + 1)] if number < 3 else []
        next_page = {"next_page": "https://rt/tickets?page=2"} if number == 1 else {}
        return web.json_response({"items": items, "total": 100, **next_page})

    async with canned(tickets=low) as server, driven(server) as driver:
        found = await driver.tickets_of_customers(["C1"], None, frozenset(), is_open=None)
    assert (len(found["C1"].items), found["C1"].total) == (200, 200)
    assert "a total that is too low" in caplog.text


@pytest.mark.parametrize("value", ["CF.{CustomerId}", "cf.X", "a\\", "a\x00b"])
async def test_trap_values_that_the_query_language_takes_for_something_else_are_never_sent(value: str) -> None:
    # CF.{CustomerId}='CF.{CustomerId}' compares the field with itself: every customer's tickets.
    async with canned(tickets=page(ticket("1"))) as server, driven(server) as driver:
        found = await driver.tickets_of_customers([value, "C1"], None, frozenset(), is_open=None)
        alone = await driver.tickets_of_customers([value], Window(0, 5), frozenset(), is_open=None)
    assert isinstance(found[value], Rejected)
    assert isinstance(alone[value], Rejected)
    assert [one.id for one in found["C1"].items] == ["1"]
    assert [query(path)["query"] for path in server.seen] == [["(CF.{CustomerId}='C1')"]]


async def test_trap_a_wider_answer_shows_nobody_elses_tickets() -> None:
    rows = page(ticket("1", "C1"), ticket("2", "C2"))
    async with canned(tickets=rows) as server, driven(server) as driver:
        window = await driver.tickets_of_customers(["C1"], Window(0, 10), frozenset(), is_open=None)
        many = await driver.tickets_of_customers(["C1", "C3"], None, frozenset(), is_open=None)
        by_id = await driver.tickets(["2"], frozenset())
    assert [one.id for one in window["C1"].items] == ["1"]
    assert (window["C1"].total, window["C1"].complete) == (1, True)
    assert {key: [one.id for one in found.items] for key, found in many.items()} == {"C1": ["1"]}
    assert list(by_id) == ["2"]


async def test_a_status_that_rt_did_not_filter_is_sorted_out_here() -> None:
    rows = page(ticket("1", Status="open"), ticket("2", Status="Resolved"), ticket("3", Status="odd"))
    async with canned(tickets=rows) as server, driven(server) as driver:
        found = await driver.tickets_of_customers(["C1"], Window(0, 10), frozenset(), is_open=True)
    assert [one.id for one in found["C1"].items] == ["1", "3"]


async def test_trap_long_questions_are_split_by_bytes() -> None:
    customers = [f"Č{n:05d}" for n in range(500)]
    async with (
        canned(tickets=page(ticket("1", customers[0]))) as server,
        driven(server, RtOptions(max_url=2000)) as driver,
    ):
        found = await driver.tickets_of_customers([*customers, "C" * 2000], None, frozenset(), is_open=True)
    assert max(map(len, server.seen)) <= 2000
    assert min(map(len, server.seen[:-1])) > 1800
    conditions = [query(path)["query"][0] for path in server.seen]
    assert [sum(f"'{key}'" in one for one in conditions) for key in customers] == [1] * 500
    assert isinstance(found["C" * 2000], Rejected)
    assert [one.id for one in found[customers[0]].items] == ["1"]


async def test_histories_are_split_by_bytes_too_and_a_limit_below_one_key_is_said() -> None:
    async def transactions(request: web.Request) -> web.Response:
        (asked,) = (one["value"] for one in json.loads(request.query["query"]) if one["field"] == "ObjectId")
        told = {"ObjectType": "RT::Ticket", "Type": "Comment"}
        return web.json_response(text=page(*({"id": f"10000{key}", "ObjectId": key, **told} for key in asked)))

    keys = [str(key) for key in range(10, 60)]
    lists = {"tickets": page(*map(ticket, keys)), "transactions": transactions, "attachments": page()}
    async with canned(**lists) as server, driven(server, RtOptions(max_url=700)) as driver:
        found = await driver.tickets(keys, frozenset({"notes"}))
    asked = Counter(urlsplit(path).path.rpartition("/")[2] for path in server.seen)
    assert max(map(len, server.seen)) <= 700
    assert {key: len(one.notes) for key, one in found.items()} == dict.fromkeys(keys, 1)
    assert asked == {"tickets": 1, "transactions": 2, "attachments": 5}
    async with canned(**lists) as server, driven(server, RtOptions(max_url=500)) as driver:
        found = await driver.tickets(["10"], frozenset({"notes"}))
    assert isinstance(found["10"], Rejected)
    assert "max_url = 500" in found["10"].detail


async def numbered(request: web.Request) -> web.Response:
    """250 tickets of C1, in pages, at most 100 each; like RT it has an order only where it is asked for one."""
    size, number = min(100, int(request.query["per_page"])), int(request.query["page"])
    keys = list(range(1, 251)) if request.query.getall("orderby")[-1] == "id" else [number] * 250
    rows = [ticket(str(key)) for key in keys[(number - 1) * size : number * size]]
    return web.json_response(text=page(*rows, total=250))


async def test_trap_pages_of_at_most_100_in_no_order_of_their_own() -> None:
    async with canned(tickets=numbered) as server, driven(server) as driver:
        found = await driver.tickets_of_customers(["C1"], None, frozenset(), is_open=None)
        calls = len(server.seen)
        window = await driver.tickets_of_customers(["C1"], Window(120, 10), frozenset(), is_open=None)
        last = len(server.seen)
        beyond = await driver.tickets_of_customers(["C1"], Window(300, 10), frozenset(), is_open=None)
    assert [one.id for one in found["C1"].items] == [str(n) for n in range(1, 251)]
    assert (found["C1"].total, calls) == (250, 3)
    assert [one.id for one in window["C1"].items] == [str(n) for n in range(121, 131)]
    assert (window["C1"].total, last - calls) == (250, 1)
    assert (list(beyond["C1"].items), beyond["C1"].total, len(server.seen) - last) == ([], 250, 1)


async def test_more_than_the_bounds_is_said() -> None:
    async with (
        canned(tickets=numbered) as server,
        driven(server, max_rows=200) as rows,
        driven(server, max_calls=2) as calls,
    ):
        for driver in (rows, calls):
            found = await driver.tickets_of_customers(["C1"], None, frozenset(), is_open=None)
            assert isinstance(found["C1"], TooMuch)


async def test_trap_lists_without_a_total_are_read_to_their_end() -> None:
    """RT counts transactions for super users only."""

    async def transactions(request: web.Request) -> web.Response:
        size, number = int(request.query["per_page"]), int(request.query["page"])
        rows = [
            {"id": str(key), "ObjectId": "1", "ObjectType": "RT::Ticket", "Type": "Comment", "Creator": {"id": "jan"}}
            for key in range(1, 151)
        ]
        return web.json_response(text=page(*rows[(number - 1) * size : number * size], total=None))

    async with (
        canned(tickets=page(ticket("1")), transactions=transactions, attachments=page()) as server,
        driven(server) as driver,
    ):
        found = await driver.tickets(["1"], frozenset({"notes"}))
    assert [(note.author, note.text) for note in found["1"].notes] == [("jan", None)] * 150


async def test_trap_transactions_and_attachments_of_other_objects_are_dropped() -> None:
    def transaction(key: int, **other: Any) -> dict[str, Any]:
        return {"id": key, "ObjectId": "1", "ObjectType": "RT::Ticket", "Type": "Correspond", **other}

    transactions = page(
        transaction(1), transaction(2, ObjectType="RT::Queue"), transaction(3, ObjectId="2"), transaction(4, Type="Set")
    )
    attachments = page(
        {"id": "1", "TransactionId": "1", "ContentType": "text/html", "Content": "<p>A<br>B</p>", "Filename": ""},
        {"id": "2", "TransactionId": 1, "ContentType": "text/plain", "Content": "plain", "Filename": ""},
        {"id": "3", "TransactionId": "2", "ContentType": "text/plain", "Content": "not ours", "Filename": "x"},
        {"id": "4", "TransactionId": "1", "ContentType": "", "Filename": "log"},
    )
    async with (
        canned(tickets=page(ticket("1")), transactions=transactions, attachments=attachments) as server,
        driven(server) as driver,
    ):
        found = await driver.tickets(["1"], None)
    assert [note.text for note in found["1"].notes] == ["plain"]
    assert [(one.id, one.name, one.mime_type) for one in found["1"].attachments] == [("4", "log", None)]


async def test_a_file_that_is_gone_and_one_that_cannot_be_read() -> None:
    transactions = page({"id": "1", "ObjectId": "1", "ObjectType": "RT::Ticket", "Type": "Create"})
    files = page(*({"id": str(n), "TransactionId": "1", "Filename": "log"} for n in (11, 12, 13)))
    lists = {"tickets": page(ticket("1")), "transactions": transactions, "attachments": files}
    async with canned(**lists, **{"12": '{"Content": "äö"}', "13": "{}"}) as server, driven(server) as driver:
        [gone, no_base64, empty] = (await driver.tickets(["1"], frozenset({"attachments"})))["1"].attachments
        async with driver.open_document(gone) as parts:
            assert parts is None
        for broken in (no_base64, empty):
            with pytest.raises(Garbled):
                async with driver.open_document(broken):
                    pass


async def test_one_failing_part_costs_only_its_keys() -> None:
    async def second_fails(request: web.Request) -> web.Response:
        if "id='101'" in request.query["query"]:
            return web.Response(status=500, text="<html>Internal Server Error</html>", content_type="text/html")
        return web.Response(text=page(ticket("1")), content_type="application/json")

    async with canned(tickets=second_fails) as server, driven(server) as driver:
        found = await driver.tickets([str(n) for n in range(1, 151)], frozenset())
    assert found["1"].id == "1"
    assert {type(found.get(str(n))) for n in range(101, 151)} == {Failed}
    assert len(server.seen) == 2
    assert set(found) == {"1", *(str(n) for n in range(101, 151))}


@pytest.mark.parametrize(
    ("status", "body", "kind", "error"),
    [
        (
            400,
            '{"message":"Wrong query at /usr/share/request-tracker5/lib/RT/Tickets.pm line 3187."}',
            "json",
            Rejected,
        ),
        (302, "Login required", "plain", Rejected),
        (401, '{"message":"Unauthorized"}', "json", Refused),
        (403, '{"message":"Forbidden"}', "json", Refused),
        (404, '{"message":"Not Found"}', "json", Rejected),
        (406, '{"message":"Not Acceptable"}', "json", Rejected),
        (200, "<html><body>Login</body></html>", "html", Garbled),
        (200, '{"message":"Something in prose"}', "json", Garbled),
    ],
)
async def test_trap_refusals_in_html_or_prose_with_paths_are_errors_without_them(
    status: int, body: str, kind: str, error: type[Exception]
) -> None:
    async def refuse(_request: web.Request) -> web.Response:
        content_type = "application/json" if kind == "json" else f"text/{kind}"
        return web.Response(status=status, text=body, content_type=content_type)

    async with canned(tickets=refuse) as server, driven(server) as driver:
        found = (await driver.tickets(["1"], frozenset()))["1"]
        if status != 401:  # which is about no ticket
            assert driver.http.health.status is not SystemStatus.DOWN
        await driver.tickets(["2"], frozenset())
        health = driver.http.health.status
    assert type(found) is error
    assert "request-tracker5" not in str(found)
    assert (health is SystemStatus.DOWN) is (error is not Rejected)


async def test_outages_are_declared_unsupported_and_cost_no_call() -> None:
    async with canned() as server, aiohttp.ClientSession() as session:
        system = System.model_validate({"url": server.url, "driver": "rt"})
        connected = connect({"ticketing": system}, session)
        port = connected.assurance
        for asking in (
            port.outages(["1"], None),
            port.outage_list(Window(0, 1), None, is_open=None),
            port.open_outages_of_services(["S1"], None),
            port.open_outages_of_resources(["R1"], None),
            port.outages_changed(None),
        ):
            with pytest.raises(NotSupported, match=r"ticketing: The driver 'rt' does not know outages; systems\.assur"):
                await asking
    assert server.seen == []
    methods = {name for name in connected.systems[0].unsupported if "." not in name}
    outages = {"outages", "outage_list", "open_outages_of_services", "open_outages_of_resources"}
    assert methods == outages | {"outages_changed"}


async def test_nothing_asked_is_nothing_sent() -> None:
    async with canned() as server, driven(server) as driver:
        assert await driver.tickets([], None) == {}
        assert await driver.tickets(["x"], None) == {}
        assert await driver.tickets_of_customers([""], Window(0, 1), None, is_open=None) == {}
        assert await driver.tickets_of_services([], None, is_open=True) == {}
    assert server.seen == []


async def test_the_token_is_a_header_of_its_own_kind() -> None:
    auth = {"kind": "api_key", "header": "Authorization", "key": "token 1-39-abc"}
    async with canned(tickets=page()) as server, driven(server, auth=auth) as driver:
        await driver.tickets(["1"], frozenset())
    assert server.headers[0]["Authorization"] == "token 1-39-abc"


SESSION = {
    "kind": "session",
    "username": "gateway",
    "password": "right",
    "login_path": "/NoAuth/Login.html",
    "verify_path": "/REST/2.0/rt",
    "username_field": "user",
    "password_field": "pass",
}


async def test_trap_a_token_is_slow_at_every_request_so_one_login_is_kept_until_a_302_ends_it() -> None:
    """As in RT 5.0.3: any login gets a cookie, a stale one 302 in prose, and every answer ends its connection."""
    logins: list[bool] = []

    async def login(request: web.Request) -> web.Response:
        form = await request.post()
        logins.append(form["pass"] == "right" and form["user"] == "gateway")
        return closing(text="<html><title>Login</title>", cookie=f"s{len(logins)}")

    def closing(cookie: str | None = None, **answer: Any) -> web.Response:
        response = web.Response(**{"content_type": "text/html", **answer}, headers={"Connection": "close"})
        if cookie:
            response.set_cookie("RT_SID_live.18202", cookie, path="/", httponly=True)
        return response

    async def known(request: web.Request) -> web.Response:
        number = request.cookies.get("RT_SID_live.18202", "")[1:]
        if not number or int(number) < len(logins) or not logins[-1]:
            response = closing(status=302, text="Login required", cookie="nobody")
            response.headers["Location"] = "/"
            return response
        text = page(ticket("1")) if request.path.endswith("tickets") else "{}"
        return closing(text=text, content_type="application/json")

    async with canned(**{"Login.html": login, "rt": known, "tickets": known}) as server:
        async with driven(server, auth=SESSION) as driver:
            for _ in range(3):
                assert (await driver.tickets(["1"], frozenset()))["1"].id == "1"
            assert logins == [True]
            logins.append(True)  # the session ended
            assert (await driver.tickets(["1"], frozenset()))["1"].id == "1"
            assert logins == [True] * 3
        async with driven(server, auth=SESSION | {"password": "wrong"}) as driver:
            for _ in range(3):
                assert type((await driver.tickets(["1"], frozenset()))["1"]) is Refused
    assert logins == [True, True, True, False]
    assert not [one for one in server.headers if "Authorization" in one]
