"""`GET /events`: who may watch, what is shown, and how a stream ends."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from connectors.events.hints import Change, Hint, Source
from gateway.auth.refusals import AuthenticationError
from gateway.http.link import link_of
from gateway.http.watching import MOST_WATCHERS, WatchEndpoint
from resolvers.viewer import ANONYMOUS, Viewer, ViewerKind
from tests.gateway.http.usual_rates import usual_rates
from tests.gateway.serving import serving

VIEWERS = {
    "agent": Viewer(ViewerKind.AGENT),
    "admin": Viewer(ViewerKind.ADMIN),
    "subscriber": Viewer(ViewerKind.CUSTOMER, customer_ids=("1001",)),
}


class Gateway:
    """The endpoint with hints that a test gives, to each stream once it is followed."""

    def __init__(self) -> None:
        self.address = ""
        self.watched: asyncio.Queue[asyncio.Queue[Hint | None]] = asyncio.Queue()
        self.left = asyncio.Event()
        self.ended_tokens: set[str] = set()
        self.endpoint = WatchEndpoint(self.authenticate, self.watch, usual_rates(), ping=0.05)

    async def authenticate(self, request: Request) -> Viewer:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token in self.ended_tokens:
            raise AuthenticationError("The token expired. Get a new one.")
        return VIEWERS.get(token, ANONYMOUS)

    async def watch(self) -> AsyncIterator[Hint]:
        hints: asyncio.Queue[Hint | None] = asyncio.Queue()
        await self.watched.put(hints)
        try:
            while (hint := await hints.get()) is not None:
                yield hint
        finally:
            self.left.set()

    @asynccontextmanager
    async def events(
        self, who: str = "agent"
    ) -> AsyncIterator[tuple[aiohttp.StreamReader, asyncio.Queue[Hint | None]]]:
        async with aiohttp.request("GET", self.address, headers={"Authorization": f"Bearer {who}"}) as answer:
            assert (answer.status, answer.content_type) == (200, "text/event-stream")
            yield answer.content, await self.watched.get()


@pytest_asyncio.fixture(loop_scope="session")
async def gateway() -> AsyncIterator[Gateway]:
    gateway = Gateway()
    async with serving(Starlette(routes=[Route("/events", gateway.endpoint)])) as address:
        gateway.address = f"{address}/events"
        yield gateway


async def event(stream: aiohttp.StreamReader) -> tuple[str, dict[str, Any]]:
    """The next event that is no comment."""
    while (line := await asyncio.wait_for(stream.readline(), 10)) in (b":\n", b"\n"):
        pass
    kind, data = line.decode(), (await stream.readline()).decode()
    assert (kind[:7], data[:6]) == ("event: ", "data: ")
    return kind[7:-1], json.loads(data[6:])


def hint(number: str) -> Hint:
    return Hint(
        domain="ticketing", type="Ticket", id=number, change=Change.CHANGED, source=Source.HUB, at=time.time() - 2
    )


@pytest.mark.parametrize("who", ["agent", "admin"])
async def test_staff_see_hints_and_what_was_refused(gateway: Gateway, who: str) -> None:
    async with gateway.events(who) as (stream, hints):
        await hints.put(hint("TT-1"))
        kind, told = await event(stream)
        assert kind == "hint"
        assert 2 <= told.pop("lag") < 12
        assert told.pop("at") < time.time()
        assert told == {
            "domain": "ticketing",
            "type": "Ticket",
            "id": "TT-1",
            "change": "changed",
            "source": "hub",
            "event_id": "",
        }
        gateway.endpoint.refused("billing", "forged")
        kind, told = await event(stream)
        assert (kind, told["domain"], told["outcome"]) == ("refused", "billing", "forged")
    await gateway.left.wait()


@pytest.mark.parametrize(
    ("who", "status", "code"), [("subscriber", 403, "FORBIDDEN"), ("nobody", 401, "UNAUTHENTICATED")]
)
async def test_nobody_else_sees_anything(gateway: Gateway, who: str, status: int, code: str) -> None:
    headers = {"Authorization": f"Bearer {who}"}
    async with aiohttp.request("GET", gateway.address, headers=headers) as answer:
        assert (answer.status, (await answer.json())["errors"][0]["extensions"]["code"]) == (status, code)
    assert gateway.watched.empty()


async def test_other_methods_and_a_gateway_that_hears_nothing_say_so(gateway: Gateway) -> None:
    headers = {"Authorization": "Bearer agent"}
    async with aiohttp.request("POST", gateway.address, headers=headers) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET")
    deaf = WatchEndpoint(gateway.authenticate, None, usual_rates())
    async with (
        serving(Starlette(routes=[Route("/events", deaf)])) as address,
        aiohttp.request("GET", f"{address}/events", headers=headers) as answer,
    ):
        assert answer.status == 404
        assert "live.enabled = true" in (await answer.json())["errors"][0]["message"]


async def test_few_may_watch(gateway: Gateway) -> None:
    headers = {"Authorization": "Bearer agent"}
    async with aiohttp.ClientSession(headers=headers) as session, AsyncExitStack() as stack:
        open_ones = [await stack.enter_async_context(session.get(gateway.address)) for _ in range(MOST_WATCHERS)]
        async with session.get(gateway.address) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "5")
        open_ones[0].close()
        await gateway.left.wait()
        async with session.get(gateway.address) as answer:
            assert answer.status == 200


async def test_a_stream_ends_with_its_token_also_while_much_is_told(gateway: Gateway) -> None:
    async with gateway.events() as (stream, hints):
        gateway.ended_tokens.add("agent")
        told = ("", {})
        while told[0] != "end":
            await hints.put(hint("TT-1"))
            told = await event(stream)
        assert told == ("end", {"message": "The token expired. Get a new one."})
        assert await stream.read() == b"\n"


async def test_a_stream_ends_when_nothing_more_is_heard(gateway: Gateway) -> None:
    async with gateway.events() as (stream, hints):
        await hints.put(hint("TT-2"))
        await hints.put(None)
        assert (await event(stream))[1]["id"] == "TT-2"
        assert await event(stream) == ("end", {"message": "Nothing more is heard."})


async def test_a_stream_ends_when_its_server_asks_it_to() -> None:
    gateway, links = Gateway(), []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        links.append(link_of(scope))
        await gateway.endpoint(scope, receive, send)

    async with serving(app) as gateway.address, gateway.events() as (stream, _):
        [link] = links
        assert link.leave is not None
        link.leave()
        assert await event(stream) == ("end", {"message": "The gateway ends. Watch again in a moment."})
        assert await stream.read() == b"\n"
