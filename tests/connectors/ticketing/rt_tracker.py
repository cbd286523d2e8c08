"""A Request Tracker of one ticket for tests, which answers as it is told to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from connectors.http.client import HttpClient
from connectors.settings import System
from connectors.ticketing.port import NewNote, NewTicket, StatusChange, TicketStatus
from connectors.ticketing.rt.driver import RtTicketing
from connectors.ticketing.rt.options import RtOptions
from connectors.writes import WriteKey

KEY = WriteKey("k" * 32)
NEW = NewTicket(customer_id="C1", name="No signal", description="Since noon.", service_ids=("S1",))
NOTE = NewNote(ticket_id="7", text="Called back.", author="Jana")
CLOSED = StatusChange(ticket_id="7", status=TicketStatus.CLOSED)
TICKETS, TRANSACTIONS = "RT::Queue-RT::Ticket", "RT::Queue-RT::Ticket-RT::Transaction"


def listed(*rows: Any) -> web.Response:
    return web.json_response({"items": rows, "total": len(rows)})


def field(name: str, kind: str = TICKETS, most: str = "1", unique: str = "0") -> dict[str, str]:
    return {"id": name, "Name": name, "LookupType": kind, "MaxValues": most, "UniqueValues": unique}


def held(**fields: Any) -> list[dict[str, Any]]:
    return [{"id": "1", "name": name, "values": [value]} for name, value in fields.items()]


class Tracker:
    """RT with a queue and one ticket, number 7.

    `put` and `post` answer writes in its place, `first` all reads, `read` those that come after a write.
    """

    def __init__(self) -> None:
        self.state: dict[str, Any] = {"Status": "open", "Queue": {"id": "3"}, "Owner": {"id": "Nobody"}}
        self.kept: dict[str, Any] = {
            "Subject": NEW.name,
            "CustomFields": held(CustomerId="C1", ServiceId="S1", GatewayKey=KEY),
        }
        self.fields = [field(name) for name in ("CustomerId", "ServiceId", "GatewayKey")]
        self.fields += [field(name, TRANSACTIONS) for name in ("GatewayTxnKey", "GatewayAuthor")]
        self.transactions: list[dict[str, Any]] = []
        self.put: Any = None
        self.post: Any = None
        self.read: Any = None
        self.first: Any = None
        self.asked: list[str] = []
        self.bodies: list[Any] = []
        self.headers: list[Any] = []

    @property
    def written(self) -> list[str]:
        return [one for one in self.asked if not one.startswith("GET")]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path.removeprefix('/REST/2.0')}")
        if request.method != "GET":
            self.bodies.append(await request.json())
            self.headers.append(request.headers)
            return await self._write(request)
        if self.first or (self.read and self.written):
            return await (self.first or self.read)(request)
        name = request.path.rpartition("/")[2]
        if name == "customfields":
            return listed(*self.fields)
        if name == "transactions":
            return listed(*self.transactions)
        if name == "tickets":
            return listed({"id": "7", **self.kept, **self.state})
        return web.json_response({"id": 3})

    async def _write(self, request: web.Request) -> web.StreamResponse:
        instead = self.put if request.method == "PUT" else self.post
        if instead:
            return await instead(request)
        if request.method == "PUT":
            return web.json_response(["Ticket 7: said so"])
        if request.path.endswith("/ticket"):
            return web.json_response({"id": "7", "type": "ticket"}, status=201)
        return web.json_response(["added"], status=201, headers={"Location": "/REST/2.0/transaction/9"})


@asynccontextmanager
async def driving(tracker: Tracker, patience: float = 3, auth: Any = None, **options: Any) -> AsyncIterator[Any]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", tracker.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            system = System.model_validate({"url": url, "timeout": patience, **({"auth": auth} if auth else {})})
            yield RtTicketing(HttpClient("ticketing", system, session), RtOptions(**options))
    finally:
        await runner.cleanup()


def saying(status: int, body: Any = None) -> Any:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    return answer


async def breaking(request: web.Request) -> web.StreamResponse:
    assert request.transport
    request.transport.abort()
    return web.Response()


WRITES = {
    "open_ticket": lambda driver: driver.open_ticket(NEW, KEY),
    "add_note": lambda driver: driver.add_note(NOTE, KEY),
    "set_status": lambda driver: driver.set_status(CLOSED, KEY),
    "assign_ticket": lambda driver: driver.assign_ticket("7", "kim", KEY),
}


class Guarded(Tracker):
    """As Tracker, for who has logged in since `session` was counted up; others are redirected, as RT does."""

    def __init__(self) -> None:
        super().__init__()
        self.session = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/NoAuth/Login.html":
            self.session += 1
            response = web.Response(text="Hello")
            response.set_cookie("RT_SID_live", str(self.session))
            return response
        if request.cookies.get("RT_SID_live") != str(self.session):
            return web.Response(status=302, headers={"Location": "/"})
        return await super().answer(request)
