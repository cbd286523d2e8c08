"""A system that answers what a test tells it to, for rows that the sandbox would never send."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from connectors import connect
from connectors.settings import System
from sandbox.protocol.systems import SYSTEMS

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Canned:
    """Answers by the last part of the path: JSON text or bytes as they are, or what a coroutine makes of the request.

    `seen` are the requests, ``path?query`` as sent. `in_flight` counts those that are being answered, `most` the
    highest that it has been.
    """

    def __init__(self) -> None:
        self.answers: dict[str, str | bytes | Answering] = {}
        self.seen: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.url = ""
        self.in_flight = self.most = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request.raw_path)
        self.headers.append(request.headers)
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            answer = self.answers.get(request.path.rsplit("/", 1)[-1])
            if answer is None:
                return web.Response(status=404)
            if isinstance(answer, (str, bytes)):
                body = answer.encode() if isinstance(answer, str) else answer
                return web.Response(body=body, content_type="application/json")
            return await answer(request)
        finally:
            self.in_flight -= 1


@asynccontextmanager
async def canned(**answers: Any) -> AsyncIterator[Canned]:
    """Such a system on a port of its own."""
    server = Canned()
    server.answers.update(answers)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def reading(server: Canned, **settings: Any) -> AsyncIterator[Any]:
    """`Connectors` that all ask this system, with answers of any type; `settings` are those of a system."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        system = System.model_validate({"url": server.url, **settings})
        yield connect(dict.fromkeys(SYSTEMS, system), session)


async def never(_request: web.Request) -> web.StreamResponse:
    """No answer, ever."""
    await asyncio.Event().wait()
    raise AssertionError("an event that nobody sets was set")
