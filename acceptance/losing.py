"""A proxy before a system, which counts what is written there, and loses the answer to a write after its effect."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import aiohttp
from aiohttp import web
from yarl import URL

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_LOGIN: Final = "/NoAuth/"
"""Where Request Tracker's form is posted, which writes nothing."""
_OF_A_CONNECTION: Final = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding"})


@dataclass(slots=True)
class Losing:
    """The proxy: `written` are method and path of every write that the system has answered."""

    address: str = ""
    written: list[str] = field(default_factory=list)
    _lost: int = 0

    def lose(self, number: int) -> None:
        """Cut the connection in place of the answer to the write after so many: 1 is the next."""
        self._lost = len(self.written) + number

    def counted(self) -> list[str]:
        """The writes since this was asked last."""
        written, self.written, self._lost = self.written, [], 0
        return written

    def heard(self, method: str, path: str) -> bool:
        """Note that the system has answered. Whether this answer is lost."""
        if method in _READS or path.startswith(_LOGIN):
            return False
        self.written.append(f"{method} {path}")
        return len(self.written) == self._lost


@asynccontextmanager
async def losing(system: str) -> AsyncIterator[Losing]:
    """Serve a proxy before the system at this address, on a free port of loopback."""
    proxy = Losing()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False) as session:

        async def passed_on(request: web.BaseRequest) -> web.StreamResponse:
            headers = [(name, value) for name, value in request.headers.items() if _is_passed(name)]
            target, body = URL(system + request.raw_path, encoded=True), await request.read()
            asked = session.request(request.method, target, headers=headers, data=body or None, allow_redirects=False)
            async with asked as answer:
                content = await answer.read()
            if proxy.heard(request.method, request.path) and request.transport is not None:
                request.transport.abort()
            kept = [(name, value) for name, value in answer.headers.items() if _is_passed(name)]
            return web.Response(status=answer.status, body=content, headers=kept)

        runner = web.ServerRunner(web.Server(passed_on))
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            proxy.address = f"http://{host}:{port}"
            yield proxy
        finally:
            await runner.cleanup()


def _is_passed(header: str) -> bool:
    return header.lower() not in _OF_A_CONNECTION
