"""Every way in which a system can fail: which failure it is, when it comes, how often was asked, what it costs."""

import asyncio
import time
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from connectors import connect
from connectors.errors import (
    Busy,
    ConnectorError,
    Failed,
    Garbled,
    RateLimited,
    Refused,
    Rejected,
    TimedOut,
    TooLarge,
    TooMuch,
    Unreachable,
)
from connectors.http.client import HttpClient
from connectors.http.health import SystemStatus
from connectors.http.request import Answer, Request
from connectors.http.scope import RequestScope, request_scope
from connectors.records import Rows, Window
from connectors.settings import System
from sandbox.data import billing
from sandbox.data.world import World
from sandbox.protocol.systems import SYSTEMS
from tests.connectors.asking import connected
from tests.connectors.canned import canned, never, reading
from tests.systems import Systems, asked, stopped

NAME = frozenset({"name"})

BROKEN: list[tuple[dict[str, Any], type[ConnectorError], int]] = [
    ({"error_rate": 1, "error_status": 500}, Failed, 1),
    ({"error_rate": 1, "error_status": 503}, Failed, 1),
    ({"error_rate": 1, "error_status": 429}, RateLimited, 1),
    ({"garbage": True}, Garbled, 1),
    ({"html": True}, Garbled, 1),
    ({"close_early": True}, Unreachable, 2),
    ({"drop_connections": 9}, Unreachable, 2),
    ({"hang": True}, TimedOut, 1),
]


@pytest.mark.parametrize(("switches", "failure", "calls"), BROKEN)
async def test_what_a_broken_system_costs(
    systems: Systems, switches: dict[str, Any], failure: type[ConnectorError], calls: int
) -> None:
    for name, value in switches.items():
        setattr(systems["billing"].switches, name, value)
    async with connected(systems, billing={"timeout": 0.3}) as c:
        started = time.monotonic()
        found = await c.billing.bills(["BILL-1001-1-01"], NAME)
        assert time.monotonic() - started < 1
        assert {key: type(one) for key, one in found.items()} == {"BILL-1001-1-01": failure}
        assert len(asked(systems["billing"])) == calls
        lost = SystemStatus.UNKNOWN if failure in (Failed, Garbled) else SystemStatus.DOWN  # the bill may be at fault
        assert c.systems[1].probe.http.health.status is lost
        usage = await c.usage.usage_of_customers(["1001", "1002"])
        assert {key: type(one) for key, one in usage.items()} == {"1001": failure, "1002": failure}
        assert len(asked(systems["billing"])) == 2 * calls
        assert c.systems[1].probe.http.health.status is SystemStatus.DOWN
        assert set(await c.crm.customers(["1001"], NAME)) == {"1001"}
    error = found["BILL-1001-1-01"]
    assert isinstance(error, ConnectorError)
    assert "127.0.0.1" not in error.public
    assert "customerBill" in error.detail


async def test_a_refused_connection_is_said_at_once(systems: Systems) -> None:
    async with connected(systems) as c:
        with stopped(systems["crm"]):
            found = await c.crm.customers(["1001"], NAME)
            assert isinstance(found["1001"], Unreachable)
            assert c.systems[0].probe.http.health.status is SystemStatus.DOWN
        assert set(await c.crm.customers(["1001"], NAME)) == {"1001"}
        assert not isinstance((await c.crm.customers(["1001"], NAME))["1001"], ConnectorError)


async def test_a_dropped_connection_is_asked_for_a_second_time(systems: Systems) -> None:
    async with connected(systems) as c:
        systems["crm"].switches.drop_connections = 1
        found = await c.crm.customers(["1001"], NAME)
        assert not isinstance(found["1001"], ConnectorError)
        assert len(asked(systems["crm"])) == 2
        systems["billing"].switches.drop_connections = 1
        usage = await c.usage.usage_of_customers(["1001"])
        assert isinstance(usage["1001"], Rows)
        assert len(asked(systems["billing"])) == 2


async def test_the_requests_deadline_ends_calls_before_the_systems_own(systems: Systems) -> None:
    systems["crm"].switches.hang = True
    async with connected(systems, crm={"timeout": 30}) as c:
        with request_scope(RequestScope.lasting(0.4)) as scope:
            started = time.monotonic()
            found = await c.crm.customers(["1001"], NAME)
            assert 0.1 < time.monotonic() - started < 0.4
            assert isinstance(found["1001"], TimedOut)
            assert [(call.error, call.status, call.keys) for call in scope.calls] == [
                ("UPSTREAM_TIMEOUT", None, ("1001",))
            ]
        with request_scope(RequestScope.lasting(0.05)):
            assert isinstance((await c.crm.customers(["1001"], NAME))["1001"], TimedOut)
        assert c.systems[0].probe.http.health.status is SystemStatus.UNKNOWN
    assert len(asked(systems["crm"])) == 1  # what cannot be answered in time is not asked


async def test_the_trace_has_every_call(systems: Systems) -> None:
    async with connected(systems) as c:
        with request_scope(RequestScope.lasting(5)) as scope:
            await c.crm.customers(["1001", "1002"], NAME)
    call = scope.calls[0]
    assert (call.system, call.method, call.status, call.keys) == ("crm", "GET", 200, ("1001", "1002"))
    assert call.path == "/tmf-api/customerManagement/v4/customer?id=1001,1002&fields=id,name&sort=id&limit=1000"
    assert call.bytes > 100
    assert 0 < call.duration_ms < 5000


@pytest.mark.parametrize(
    ("status", "failure"),
    [(301, Rejected), (302, Rejected), (400, Rejected), (401, Refused), (403, Refused), (409, Rejected), (500, Failed)],
)
async def test_statuses(status: int, failure: type[ConnectorError]) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": "/elsewhere"}, text="secret of the system")

    async with canned(customer=answer) as server, reading(server) as c:
        found = await c.crm.customers(["1"], NAME)
    error = found["1"]
    assert type(error) is failure
    assert "secret" not in error.public + error.detail
    assert f"answered {status} (text/plain, 20 bytes)" in error.detail
    assert len(server.seen) == 1  # a redirect is not followed


async def test_a_list_that_does_not_exist_is_a_failure_and_a_row_is_not() -> None:
    async with canned() as server:
        async with reading(server) as c:
            assert type((await c.crm.customers(["1"], NAME))["1"]) is Rejected
        async with reading(server, profile={"id_list": "none"}) as c:
            assert await c.crm.customers(["1"], NAME) == {}


async def test_too_large_an_answer(systems: Systems) -> None:
    async with connected(systems, crm={"max_bytes": 2000}) as c:
        found = await c.crm.customers(["1001", "1002", "1003", "1004"], None)
        assert {type(one) for one in found.values()} == {TooLarge}
        assert len(await c.crm.customers(["1001"], NAME)) == 1
        assert c.systems[0].probe.http.health.status is SystemStatus.UP


async def test_too_many_rows_are_refused_before_they_are_read(systems: Systems) -> None:
    systems["inventory"].switches.max_limit = 10
    unsorted = {"sort": False}  # then everything must be read
    async with connected(systems, inventory={"max_rows": 100, "profile": unsorted}) as c:
        with pytest.raises(TooMuch, match="max_rows = 100"):
            await c.inventory.resources_named("a", Window(0, 5), NAME)
        assert len(asked(systems["inventory"])) == 2  # the serial number, and the first page of the names
    async with connected(systems, inventory={"max_rows": 100}) as c:
        window = await c.inventory.resource_list(Window(300, 25), NAME)  # a window is bounded by itself
        assert len(window.items) == 25
    systems["inventory"].switches.no_total = True
    systems["inventory"].requests.clear()
    async with connected(systems, inventory={"max_rows": 100, "profile": unsorted}) as c:
        with pytest.raises(TooMuch):
            await c.inventory.resources_named("a", Window(0, 5), NAME)
        assert len(asked(systems["inventory"])) == 12
    async with connected(systems, inventory={"max_calls": 3, "profile": unsorted}) as c:
        with pytest.raises(TooMuch, match="max_calls = 3"):
            await c.inventory.resources_named("a", Window(0, 5), NAME)


@pytest.mark.parametrize("total", [True, False])
async def test_a_system_without_paging_that_nobody_named_is_found_out(systems: Systems, total: bool) -> None:
    systems["crm"].switches.no_paging = True
    async with connected(systems, crm={"profile": {"page_size": 50, "total_trusted": total}}) as c:
        with pytest.raises(Garbled, match="paging = 'none'"):
            await c.crm.customer_list(Window(60, 10), NAME)
        with pytest.raises(Garbled, match="paging = 'none'"):
            await c.crm.customer_list(Window(190, 70), NAME)


@pytest.mark.parametrize("total", [True, False])
async def test_pages_larger_than_the_system_sends_are_found_out(systems: Systems, total: bool) -> None:
    systems["crm"].switches.offset_is_page = True
    systems["crm"].switches.max_limit = 10
    async with connected(systems, crm={"profile": {"paging": "page", "page_size": 40, "total_trusted": total}}) as c:
        with pytest.raises(Garbled, match="set page_size"):
            await c.crm.customer_list(Window(60, 10), NAME)


async def test_one_failing_part_costs_only_its_keys() -> None:
    async def answer(request: web.Request) -> web.Response:
        keys = request.query["id"].split(",")
        if "13" in keys:
            return web.Response(status=500)
        return web.json_response([{"id": key} for key in keys], headers={"X-Total-Count": str(len(keys))})

    async with canned(customer=answer) as server, reading(server, profile={"max_keys": 5}) as c:
        found = await c.crm.customers([str(n) for n in range(20)], NAME)
    assert len(server.seen) == 4
    assert {key for key, one in found.items() if isinstance(one, Failed)} == {"10", "11", "12", "13", "14"}
    assert {key for key, one in found.items() if not isinstance(one, ConnectorError)} == {
        str(n) for n in (*range(10), *range(15, 20))
    }


async def test_one_failing_id_costs_only_itself_where_there_are_no_lists() -> None:
    async def bad(_: web.Request) -> web.Response:
        return web.Response(status=500)

    async with (
        canned(**{"1": '{"id": "1"}', "2": bad, "3": '{"id": ', "4": '{"id": "5"}'}) as server,
        reading(server, profile={"id_list": "none"}) as c,
    ):
        found = await c.crm.customers(["1", "2", "3", "4", "6"], NAME)
    assert {key: type(one).__name__ for key, one in found.items()} == {"1": "Customer", "2": "Failed", "3": "Garbled"}


async def test_never_more_calls_at_once_than_the_system_bears() -> None:
    full, go = asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if server.in_flight == 4:
            full.set()
        await go.wait()
        return web.json_response({"id": request.path.rsplit("/", 1)[-1]})

    keys = [str(n) for n in range(20)]
    async with (
        canned(**dict.fromkeys(keys, answer)) as server,
        reading(server, profile={"id_list": "none"}, concurrency=4) as c,
    ):
        asking = asyncio.create_task(c.crm.customers(keys, NAME))
        await full.wait()
        other = asyncio.create_task(c.crm.customers(keys, NAME))
        go.set()
        assert set(await asking) == set(await other) == set(keys)
    assert server.most == 4


async def test_waiting_for_a_place_says_nothing_about_the_system() -> None:
    begun = asyncio.Event()

    async def hanging(request: web.Request) -> web.StreamResponse:
        begun.set()
        return await never(request)

    async with (
        canned(customer=hanging, product="[]") as server,
        reading(server, concurrency=1, timeout=5) as c,
    ):
        asking = asyncio.create_task(c.crm.customers(["1"], NAME))
        await begun.wait()
        with request_scope(RequestScope.lasting(0.3)) as scope:
            found = (await c.crm.products(["1"], NAME))["1"]
        assert type(found) is Busy
        assert (found.code, found.retryable) == ("UPSTREAM_BUSY", True)
        assert [call.error for call in scope.calls] == ["UPSTREAM_BUSY"]
        assert c.systems[0].probe.http.health.status is SystemStatus.UNKNOWN
        assert len(server.seen) == 1
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await c.crm.products(["1"], NAME) == {}


HOSTILE: list[tuple[str | bytes, dict[str, str]]] = [
    ("[" * 100_000, {}),
    ('[{"id": "1", "contactMedium": ' + "[" * 100_000, {}),
    (b"\xff\xfd", {}),
    ("nul", {}),
    ('{"customer": 5}', {}),
]

EMPTY: list[tuple[int, str]] = [(204, ""), (200, ""), (200, " \r\n"), (200, "null"), (200, "[]")]


@pytest.mark.parametrize(("body", "headers"), HOSTILE)
async def test_whatever_is_wrong_with_a_body_is_the_systems_failure(body: str | bytes, headers: dict[str, str]) -> None:
    async def answer(_: web.Request) -> web.Response:
        raw = body.encode() if isinstance(body, str) else body
        return web.Response(body=raw, content_type="application/json", headers=headers)

    async with canned(customer=answer) as server, reading(server) as c:
        found = (await c.crm.customers(["1"], None))["1"]
        assert type(found) is Garbled
        assert len(found.detail) < 400
        await c.crm.customers(["2"], None)
        assert c.systems[0].probe.http.health.status is SystemStatus.DOWN


@pytest.mark.parametrize(("status", "body"), EMPTY)
@pytest.mark.parametrize("profile", [{}, {"paging": "page"}, {"paging": "none"}, {"id_list": "none"}])
async def test_an_answer_without_a_body_is_an_empty_list_and_no_loss(
    status: int, body: str, profile: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def nothing(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body.encode(), content_type="application/json")

    answers = dict.fromkeys(["customer", "product", "billingAccount", "customerBill", "service", "resource"], nothing)
    answers |= dict.fromkeys(["geographicSite", "troubleTicket", "serviceProblem", "queryUsageConsumption"], nothing)
    async with canned(**answers) as server, reading(server, profile=profile) as c:
        for system in c.systems:
            await system.probe.probe()
        if profile.get("id_list") != "none":  # a single row has an address of its own, without which it is a 404
            assert await c.crm.customers(["1"], None) == {}
            assert await c.inventory.sites(["1"], None) == {}
        assert (await c.crm.customer_list(Window(0, 5), None)).items == []
        if body != "[]":  # a task is an object
            assert (await c.usage.usage_of_customers(["1"])) == {}
        assert all(not rows.items for rows in (await c.crm.products_of_customers(["1"], None, None)).values())
        assert all(not rows.items for rows in (await c.crm.products_of_customers(["1"], Window(0, 5), None)).values())
        assert {one.probe.http.health.status for one in c.systems} == {SystemStatus.UP}
    assert [one for one in caplog.records if one.name.startswith("gateway")] == []


@pytest.mark.parametrize("status", [200, 204])
async def test_an_answer_without_a_body_is_an_empty_list_of_every_product(status: int) -> None:
    async def nothing(_: web.Request) -> web.Response:
        return web.Response(status=status)

    answers = {"": nothing, "tickets": nothing, "party.party": nothing, "account.invoice": nothing}
    async with canned(**answers) as server, aiohttp.ClientSession() as session:
        own = {"crm": "bottlecrm", "billing": "tryton", "ticketing": "rt"}
        systems = {name: System(url=server.url, driver=driver) for name, driver in own.items()}
        c: Any = connect(systems, session)
        assert (await c.crm.customer_list(Window(0, 5), None)).items == []
        assert await c.crm.customers(["1"], NAME) == {}
        assert (await c.crm.customers_named("Novák", Window(0, 5), None)).items == []
        await c.systems[1].probe.probe()
        assert await c.billing.bills(["1"], None) == {}
        assert await c.ticketing.tickets(["1"], None) == {}
        assert {one.probe.http.health.status for one in c.systems} == {SystemStatus.UP}


async def test_null_for_the_rows_in_a_wrapped_list_is_none() -> None:
    async with canned(customer='{"customer": null}') as server, reading(server) as c:
        assert await c.crm.customers(["1"], None) == {}


@pytest.mark.parametrize("status", [200, 204])
async def test_a_single_row_without_a_body_is_absent(status: int) -> None:
    async def nothing(_: web.Request) -> web.Response:
        return web.Response(status=status)

    async with canned(**{"1": nothing}) as server, reading(server, profile={"id_list": "none"}) as c:
        assert await c.crm.customers(["1"], None) == {}
        assert c.systems[0].probe.http.health.status is SystemStatus.UP


async def test_nothing_where_a_total_says_that_there_are_rows_is_not_believed() -> None:
    async def contradicted(_: web.Request) -> web.Response:
        return web.Response(status=204, headers={"X-Total-Count": "7"})

    async with canned(customer=contradicted) as server, reading(server) as c:
        assert type((await c.crm.customers(["1"], None))["1"]) is Garbled


async def test_who_hangs_up_cancels_what_is_asked_and_frees_the_place() -> None:
    begun = asyncio.Event()

    async def hanging(request: web.Request) -> web.StreamResponse:
        begun.set()
        return await never(request)

    async with (
        canned(customer=hanging, billingAccount="[]", product="[]") as server,
        reading(server, concurrency=1) as c,
    ):
        with request_scope(RequestScope.lasting(5)) as scope:
            asking = asyncio.create_task(c.crm.customers(["1"], NAME))
            await begun.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert scope.calls[0].error == "REQUEST_CANCELLED"
        assert await c.crm.products(["1"], NAME) == {}
        assert c.systems[0].probe.http.health.status is SystemStatus.UP


async def test_a_question_that_is_not_accepted_is_said_but_does_not_make_a_system_lost(
    systems: Systems, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(systems, crm={"profile": {"paths": {"product": "/nowhere"}}}) as c:
        for _ in range(4):
            assert type((await c.crm.products(["1"], NAME))["1"]) is Rejected
            await c.crm.customers(["1001"], NAME)
        assert c.systems[0].probe.http.health.status is SystemStatus.UP
    lines = [one.getMessage() for one in caplog.records if one.name == "gateway.systems"]
    assert [line.split(":")[0] for line in lines] == [f"Rejected, {n} so far" for n in (1, 2, 4)]
    assert "/nowhere does not exist there" in lines[0]


async def test_links_that_repeat_a_long_question_are_no_failure(systems: Systems, world: World) -> None:
    systems["billing"].switches.max_limit = 100
    ids = [row["id"] for number in world.numbers for row in billing.customer_bills(world, number)][:480]
    async with connected(systems) as c:
        found = await c.billing.bills(ids, frozenset())
    assert [key for key, one in found.items() if isinstance(one, ConnectorError)] == []
    assert set(found) == set(ids)
    sent = asked(systems["billing"])
    assert len(sent) == 5
    assert min(map(len, sent)) > 7000


@pytest.mark.parametrize(("question", "longest"), [(20, 60_000), (7000, 100_000)])
async def test_a_header_may_be_longer_by_what_repeats_the_question_and_has_an_end(question: int, longest: int) -> None:
    length = 0

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="[]", headers={"Link": "x" * length})

    async with canned(cases=answer) as server, aiohttp.ClientSession() as session:
        http = HttpClient("ticketing", System(url=server.url), session)
        request = Request.get(f"/cases?{'x' * question}")
        length = longest
        assert await http.send(request, lambda answer: answer.status) == 200
        length = longest + 10_000
        with pytest.raises(Garbled):
            await http.send(request, lambda answer: answer.status)


async def test_an_answer_that_is_no_http_is_garbled_and_the_log_names_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, aiohttp.ClientSession() as session:
        system = System(url=url)
        c = connect(dict.fromkeys(SYSTEMS, system), session)
        for somebody in ("somebody@example.net", "somebody.else@example.net"):
            with pytest.raises(Garbled):
                await c.crm.customers_reached_by(somebody, NAME)
    assert "crm is lost" in caplog.text
    assert "somebody" not in caplog.text


async def test_an_answer_that_the_driver_expects_comes_to_it_and_is_no_failure() -> None:
    async def unknown(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"unknown": ["7"]}, status=422)

    def read(answer: Answer) -> tuple[int, bytes]:
        return answer.status, answer.body

    async with canned(cases=unknown) as server, aiohttp.ClientSession() as session:
        http = HttpClient("ticketing", System.model_validate({"url": server.url}), session)
        assert await http.send(Request.get("/cases", ["7"], expected={422}), read) == (422, b'{"unknown": ["7"]}')
        assert http.health.status is SystemStatus.UP
        with pytest.raises(Rejected, match="GET /cases answered 422"):
            await http.send(Request.get("/cases", ["7"], expected={409}), read)


@pytest.mark.parametrize(
    ("put", "sent"),
    [
        ("a\0b", "a%00b"),
        ("a b\r\nX: 1", "a%20b%0D%0AX:%201"),
        ("\ud800\u00e9", "?%C3%A9"),
        ("a%2Fb?c=1", "a%2Fb?c=1"),
    ],
)
async def test_whatever_a_driver_puts_in_an_address_is_one_request_and_no_fault(put: str, sent: str) -> None:
    came: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        came.append(request.raw_path)
        return web.json_response({})

    async with canned(cases=answer) as server, aiohttp.ClientSession() as session:
        http = HttpClient("ticketing", System.model_validate({"url": server.url}), session)
        assert await http.send(Request.get(f"/cases?id={put}", ["7"]), lambda said: said.status) == 200
    assert came == [f"/cases?id={sent}"]


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Content-Type", ";" * 60_000),
        ("Content-Type", "(" * 60_000),
        ("Content-Type", "a/b;" + "a*0=x;" * 10_000),
        ("Retry-After", f"1 Jan {'9' * 20} 00:00:00 GMT"),
        ("Retry-After", f"Mon, 01 Jan 2026 00:00:00 +{'9' * 20}"),
    ],
)
async def test_no_header_of_a_refusal_is_more_than_a_refusal(header: str, value: str) -> None:
    """The first of them was read for 80 seconds, in which nobody else was answered."""
    head = f"HTTP/1.1 400 Bad Request\r\n{header}: {value}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head.encode())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, aiohttp.ClientSession() as session:
        system = System.model_validate({"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"})
        found = await connect(dict.fromkeys(SYSTEMS, system), session).crm.customers(["1001"], NAME)
    assert isinstance(found["1001"], Rejected)
