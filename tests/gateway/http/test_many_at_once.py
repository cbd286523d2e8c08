"""Of what many clients send at once little is read and begins in one turn of the event loop: a probe need not wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import ClassVar

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from gateway.http.admission import Admission
from gateway.http.admitted_requests import STATE
from gateway.http.turns import AT_ONCE
from gateway.http.write_coalescing import HttpProtocol
from gateway.server_settings import LoadLimits
from tests.gateway.http.raw import Raw, connection
from tests.gateway.serving import serving

CLIENTS = 80
ASK = b"GET /graphql HTTP/1.1\r\nHost: h\r\n\r\n"
PROBE = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"


class _Counted(HttpProtocol):
    """Counts the heads that are read."""

    read: ClassVar[list[str]] = []

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.read.append(self.scope["path"])


class _States:
    def names_and_states(self) -> dict[str, str]:
        return {}


class _Begun:
    """An application, and the turns in which its requests began."""

    def __init__(self) -> None:
        self.turn = 0
        self.begun: list[int] = []
        self.read: list[int] = []
        """How many heads had been read at the end of each turn."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun.append(self.turn)
        await PlainTextResponse("done")(scope, receive, send)

    def next_turn(self) -> None:
        """Once in each turn of the event loop."""
        self.turn += 1
        self.read.append(len(_Counted.read))
        self.ticking = asyncio.get_running_loop().call_soon(self.next_turn)

    def most_begun(self) -> int:
        """In one turn."""
        return max(self.begun.count(turn) for turn in set(self.begun))

    def most_read(self) -> int:
        """In one turn."""
        return max(after - before for before, after in zip(self.read, self.read[1:], strict=False))


@asynccontextmanager
async def many(count: int) -> AsyncIterator[tuple[_Begun, list[Raw]]]:
    """So many connections, all of which the server has taken, and what begins from now on."""
    admission, app = Admission(LoadLimits()), _Begun()
    state = {"readiness": _States(), "draining": False, "has_keys": lambda: True, STATE: admission}
    async with serving(app, http=_Counted, state=state) as address, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connection(address)) for _ in range(count)]
        for one in clients:
            await one.send(ASK)
        for one in clients:
            assert (await one.answer()).status == 200
        app.begun.clear()
        _Counted.read.clear()
        app.next_turn()
        try:
            yield app, clients
        finally:
            app.ticking.cancel()
    admission.close()


@pytest.mark.parametrize("ahead", [1, 5])
async def test_a_few_requests_begin_in_each_turn_and_all_are_answered(ahead: int) -> None:
    async with many(CLIENTS) as (app, clients):
        for one in clients:
            one.writer.write(ASK * ahead)  # the client shares this loop: all are there before the next turn
        for one in clients:
            for _ in range(ahead):
                assert (await one.answer()).status == 200
        assert len(app.begun) == CLIENTS * ahead
        assert app.most_begun() <= 2 * AT_ONCE  # those that are read, and those that have waited for their start


async def test_few_heads_are_read_in_one_turn_but_a_probe_is_read_at_once() -> None:
    async with many(CLIENTS) as (app, clients):
        *others, probing = clients
        for one in others:
            one.writer.write(ASK)
        probing.writer.write(PROBE)
        assert (await probing.answer()).body == b'{"status":"ok"}'
        before = _Counted.read.index("/healthz")
        for one in others:
            assert (await one.answer()).status == 200
        assert before <= AT_ONCE
        assert app.most_read() <= AT_ONCE + 1
