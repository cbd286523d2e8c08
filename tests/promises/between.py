"""What stands between the gateway and a system: it passes requests on, and loses or holds what a test tells it to."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import aiohttp
from aiohttp import web
from yarl import URL

from acceptance.losing import Cuts
from gateway.settings import GraphQLSettings
from gateway.writes_settings import WritesSettings
from tests.stack import Stack, stacked

_OF_ONE_CONNECTION: Final = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding"}

Point = Literal["request", "answer"]


@dataclass
class Held:
    """The next request of this method (and, if given, of this path) is held, before the system has it or after that."""

    method: str
    point: Point
    path: str = ""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    let: asyncio.Event = field(default_factory=asyncio.Event)
    is_lost: bool = False
    """Whether the system never gets it."""

    def matches(self, request: web.Request, point: Point) -> bool:
        """Whether this is the one, which has not come yet."""
        fits = (request.method, point) == (self.method, self.point) and self.path in request.raw_path
        return fits and not self.reached.is_set()

    async def waited(self) -> None:
        """Until it is held."""
        await asyncio.wait_for(self.reached.wait(), 20)

    def lose(self) -> None:
        """The system never gets it, nor who asked an answer."""
        self.is_lost = True
        self.let.set()


class Between:
    """A proxy. `cuts` says which answers find the connection cut, after the effect."""

    def __init__(self, system: str) -> None:
        self.system, self.url = system, ""
        self._holding: list[Held] = []
        self.cuts = Cuts()
        self.cut: list[str] = []
        """Methods of the requests whose answers were cut."""
        self.seen: list[str] = []
        """All requests: method and path."""
        self.session: aiohttp.ClientSession

    def hold(self, method: str, point: Point, path: str = "") -> Held:
        """Hold the next such request."""
        held = Held(method, point, path)
        self._holding.append(held)
        return held

    def writes(self) -> int:
        """How many requests to change something have come."""
        return sum(not one.startswith("GET") for one in self.seen)

    def reset(self) -> None:
        """Pass everything on, and count from nothing."""
        for held in self._holding:
            held.let.set()
        self._holding.clear()
        self.cuts = Cuts()
        self.cut.clear()
        self.seen.clear()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.seen.append(f"{request.method} {request.raw_path}")
        if (held := await self._held(request, "request")) is not None and held.is_lost:
            return self._cut(request)
        # What has been sent reaches the system also when the gateway does not wait for it any more.
        answer = await asyncio.shield(asyncio.ensure_future(self._passed_on(request, body)))
        if self.cuts.loses(is_write=request.method != "GET"):
            return self._cut(request)
        return answer

    def _cut(self, request: web.Request) -> web.Response:
        self.cut.append(request.method)
        if request.transport is not None:  # else who asked has gone
            request.transport.abort()
        return web.Response()

    async def _passed_on(self, request: web.Request, body: bytes) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OF_ONE_CONNECTION}
        url = URL(self.system + request.raw_path, encoded=True)
        async with self.session.request(request.method, url, data=body or None, headers=headers) as answer:
            text = await answer.read()
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in _OF_ONE_CONNECTION}
        await self._held(request, "answer")
        return web.Response(status=answer.status, body=text, headers=kept)

    async def _held(self, request: web.Request, point: Point) -> Held | None:
        held = next((one for one in self._holding if one.matches(request, point)), None)
        if held is not None:
            held.reached.set()
            await held.let.wait()
        return held


@asynccontextmanager
async def between(system: str) -> AsyncIterator[Between]:
    """Such a proxy on a port of its own; `system` is the address of what it stands before."""
    made = Between(system)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
    ) as made.session:
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield made
        finally:
            made.reset()
            await runner.cleanup()


@asynccontextmanager
async def one_process(
    folder: Path, *, graphql: GraphQLSettings | None = None
) -> AsyncIterator[tuple[Stack, Mapping[str, Between]]]:
    """A gateway in this process that takes writes, with a proxy before billing and one before ticketing."""
    async with between("") as billing, between("") as ticketing:
        proxies = {"billing": billing, "ticketing": ticketing}
        addresses = {name: {"url": proxy.url} for name, proxy in proxies.items()}
        writes = WritesSettings(enabled=True, in_process=True)
        async with stacked(folder, customers=4, systems=addresses, writes=writes, graphql=graphql) as stack:
            for name, proxy in proxies.items():
                proxy.system = stack.systems[name].url
            yield stack, proxies
