"""A proxy before a system, which counts what is written there, and loses the answer to a write after its effect."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
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


class Cuts:
    """Which answers are lost: one in so many, of those to writes each so manieth, of those to reads any; 0: none.

    Reads must not be lost in a rhythm. Who does not know an outcome asks the same few things again: with every third
    answer lost, and no repetition left in the retry budget, a lone client lost the same third read each time, for ever.
    """

    def __init__(self, one_in: int = 0, chance: Callable[[], float] = random.random) -> None:
        """`chance` is at random from 0 to 1."""
        self._one_in, self._chance, self._writes = one_in, chance, 0

    def loses(self, *, is_write: bool) -> bool:
        """Whether the next answer is lost."""
        if not self._one_in:
            return False
        if not is_write:
            return self._chance() * self._one_in < 1
        self._writes += 1
        return self._writes % self._one_in == 0


@dataclass(slots=True)
class Losing:
    """The proxy: `written` are method and path of every write that the system has answered.

    `cuts` says which answers are lost. `cut`: methods of the requests that this met. `answers`: how many there were.
    """

    address: str = ""
    written: list[str] = field(default_factory=list)
    cuts: Cuts = field(default_factory=Cuts)
    cut: list[str] = field(default_factory=list)
    answers: int = 0
    under_way: set["asyncio.Future[web.Response]"] = field(default_factory=set)
    """What the system has not answered yet, also where nobody waits for the answer any more."""
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
        self.answers += 1
        is_write = method not in _READS and not path.startswith(_LOGIN)
        is_lost = self.cuts.loses(is_write=is_write)
        if is_write:
            self.written.append(f"{method} {path}")
            is_lost = is_lost or len(self.written) == self._lost
        if is_lost:
            self.cut.append(method)
        return is_lost

    async def settled(self) -> None:
        """Until the system has answered everything that it was sent."""
        while self.under_way:
            await asyncio.wait(self.under_way)


@asynccontextmanager
async def losing(system: str) -> AsyncIterator[Losing]:
    """Serve a proxy before the system at this address, on a free port of loopback."""
    proxy = Losing()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False) as session:

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            passing = asyncio.ensure_future(passed_on(request, await request.read()))
            proxy.under_way.add(passing)
            passing.add_done_callback(proxy.under_way.discard)
            return await asyncio.shield(passing)

        async def passed_on(request: web.BaseRequest, body: bytes) -> web.Response:
            headers = [(name, value) for name, value in request.headers.items() if _is_passed(name)]
            target = URL(system + request.raw_path, encoded=True)
            asked = session.request(request.method, target, headers=headers, data=body or None, allow_redirects=False)
            async with asked as answer:
                content = await answer.read()
            if proxy.heard(request.method, request.path) and request.transport is not None:
                request.transport.abort()
            kept = [(name, value) for name, value in answer.headers.items() if _is_passed(name)]
            return web.Response(status=answer.status, body=content, headers=kept)

        runner = web.ServerRunner(web.Server(handle))
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
