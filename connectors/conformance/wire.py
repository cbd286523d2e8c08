"""A proxy on loopback between a driver and its system: counts what is written, and loses or replaces its answers."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from aiohttp import web
from yarl import URL

from connectors.http.through import Session, through
from connectors.settings import SessionAuth, System

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host", "date"})
_LOST: Final = b""
VIA: Final = ("Via", "1.1 conformance")
"""The header of requests that went through the proxy, as HTTP wants it."""


class Wire:
    """What passes between a driver and its system. All but GET, HEAD and a session's login counts as a write.

    `written` are method and path of the writes since `clear`, `bodies` what they held. `instead` (bytes of an HTTP
    answer) answers writes, which then do not reach the system; with `reads_too`, reads as well. `loses`: the system
    answers, and the connection is cut in place of the answer. `changes` makes other answers of those that come.
    """

    def __init__(self, system: System, session: Session) -> None:
        self._system, self._session = system, session
        self._upstream = URL(system.url, encoded=True)
        prefix = self._upstream.raw_path.rstrip("/")
        self._login = prefix + system.auth.login_path if isinstance(system.auth, SessionAuth) else None
        self.address = prefix
        self.written: list[str] = []
        self.bodies: list[bytes] = []
        self.clear()

    def clear(self) -> None:
        """Forget what was written, and let everything pass."""
        self.written, self.bodies = [], []
        self.instead: bytes | None = None
        self.reads_too = self.loses = False
        self.changes: Callable[[web.Response], web.Response] | None = None

    def repeated(self) -> str:
        """The first write that was sent twice; empty if there is none."""
        return next((one for at, one in enumerate(self.written) if one in self.written[:at]), "")

    async def passing(self, request: web.Request) -> web.StreamResponse:
        """Answer one request of the driver."""
        body = await request.read()
        writes = request.method not in _READS and request.path != self._login
        if writes:
            self.written.append(f"{request.method} {request.path}")
            self.bodies.append(body)
        if self.instead is not None and (writes or self.reads_too):
            return _cut(request, self.instead)
        try:
            answer = await self._asked(request, body)
        except aiohttp.ClientError:
            return _cut(request, _LOST)
        if self.changes is not None and request.path != self._login:
            return self.changes(answer)
        return _cut(request, _LOST) if writes and self.loses else answer

    async def _asked(self, request: web.Request, body: bytes) -> web.Response:
        headers = [(name, value) for name, value in request.headers.items() if name.casefold() not in _HOP_BY_HOP]
        address = URL(f"{self._upstream.scheme}://{self._upstream.raw_authority}{request.raw_path}", encoded=True)
        if self.changes is not None:
            headers = [(name, value) for name, value in headers if name.casefold() != "accept-encoding"]
        headers.append(VIA)
        headers += [("Content-Length", str(len(body)))] if body else []
        async with self._session.request(
            request.method, address, data=_streamed(body) if body else None, headers=headers, allow_redirects=False
        ) as came:
            content = await came.read()
            kept = [(name, value) for name, value in came.headers.items() if name.casefold() not in _HOP_BY_HOP]
        answer = web.Response(status=came.status, body=content)
        answer.headers.popall("Content-Type", None)
        answer.headers.extend(kept)
        return answer


async def _streamed(body: bytes) -> AsyncIterator[bytes]:
    """A body in one piece; aiohttp might send a PUT twice whose body is no stream."""
    yield body


def _cut(request: web.Request, answer: bytes) -> web.StreamResponse:
    """Send these bytes, and close the connection."""
    if request.transport is not None:
        request.transport.write(answer)
        request.transport.close()
    return web.Response()


@asynccontextmanager
async def wire_to(system: System) -> AsyncIterator[tuple[Wire, System]]:
    """Run a proxy before a system; yields it, and the system's settings with the proxy's address."""
    jar, connector = aiohttp.DummyCookieJar(), aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar, auto_decompress=False) as session:
        wire = Wire(system, through(system.network, session))
        app = web.Application(client_max_size=system.max_bytes)
        app.router.add_route("*", "/{path:.*}", wire.passing)
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            address = f"http://127.0.0.1:{runner.addresses[0][1]}{wire.address}"
            yield wire, system.on_loopback(address)
        finally:
            await runner.cleanup()
