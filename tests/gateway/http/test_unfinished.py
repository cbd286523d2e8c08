"""What is kept of requests that are not complete is bounded for all connections together."""

import asyncio
import json
import socket
import struct
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import ref

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from gateway.http.admission import Admission
from gateway.http.admitted_requests import LONGEST_BODY, STATE
from gateway.http.link import EXTENSION
from gateway.server_settings import LoadLimits, ServerSettings
from tests.gateway.http.raw import PATIENCE, Answered, Raw, ask, connection
from tests.gateway.serving import serving

MIB = 1024 * 1024
SIZE = 256 * 1024
GET = b"GET /readme HTTP/1.1\r\nHost: h\r\n\r\n"
BODY = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"


@dataclass
class App:
    """Says how long bodies are. `/held` waits until it may answer, and so does `/slowed`, over a slowed connection."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once nothing knows the connection any more over which `/slowed` was asked."""
    links: list[ref[Any]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/held":
            await self.go.wait()
        if scope["path"] == "/slowed":
            link = scope["extensions"][EXTENSION]()
            self.links.append(ref(link, lambda _: self.freed.set()))
            link.hold(0.05)
            del link
            self.asked.set()
            await self.go.wait()
        await JSONResponse(len(await Request(scope, receive).body()))(scope, receive, send)


@asynccontextmanager
async def bounded(count: int, longest: int = SIZE) -> AsyncIterator[tuple[str, App, list[Raw]]]:
    """An application behind a bound of one MiB, and connections to it."""
    admission, app = Admission(LoadLimits()), App()
    given = ServerSettings.model_validate({"limits": {"unfinished_bytes": MIB}})
    state = {STATE: admission, LONGEST_BODY: longest}
    async with serving(app, given=given, state=state) as address, AsyncExitStack() as stack:
        yield address, app, [await stack.enter_async_context(connection(address)) for _ in range(count)]
    admission.close()


def is_refused(answered: Answered) -> bool:
    """Whether the client is told to come back, and that the connection ends."""
    (error,) = json.loads(answered.body)["errors"]
    assert (error["extensions"]["code"], answered.header("Retry-After")) == ("OVERLOADED", "1")
    return (answered.status, answered.header("connection")) == (503, "close")


@pytest.mark.parametrize("first", [b"", b"a" * 1000], ids=["a head", "a body"])
async def test_who_has_been_at_it_for_longest_is_given_up(first: bytes) -> None:
    async with bounded(5) as (address, _, (oldest, *others)):
        await oldest.send((BODY % SIZE + first) if first else GET[:-2])
        assert (await ask(address, GET)).status == 200  # by now that is read
        for one in others:
            await one.send(BODY % SIZE + b"a" * (SIZE - 100))
        assert is_refused(await oldest.answer())
        assert await oldest.ended() == b""
        for one in others:
            await one.send(b"a" * 100)
        assert [(await one.answer()).body for one in others] == [b"%d" % SIZE] * 4


async def test_what_is_sent_ahead_counts_and_what_is_under_way_is_answered() -> None:
    async with bounded(20) as (address, app, (first, *others)):
        held = GET.replace(b"/readme", b"/held")
        await first.send(held + GET * 5000)
        assert (await ask(address, GET)).status == 200
        for one in others:
            await one.send(held + GET * 5000)
        assert (await ask(address, GET)).status == 200
        app.go.set()
        answers = [await first.answer()]
        while answers[-1].status == 200:
            answers.append(await first.answer())
        assert len(answers) < 100
        assert is_refused(answers[-1])


async def test_whoever_is_alone_is_not_given_up() -> None:
    async with bounded(1, longest=2 * MIB) as (_, _, (alone,)):
        await alone.send(BODY % (2 * MIB), *[b"a" * SIZE] * 8)
        assert (await alone.answer()).body == b"%d" % (2 * MIB)


async def test_what_is_complete_or_gone_does_not_count() -> None:
    async with bounded(2) as (address, _, (one, waiting)):
        await waiting.send(BODY % 10 + b"a")
        for _ in range(20):
            await one.send(BODY % SIZE + b"a" * 1000, b"a" * (SIZE - 1000))
            assert (await one.answer()).body == b"%d" % SIZE
            async with connection(address) as gone:
                await gone.send(BODY % SIZE + b"a" * (SIZE - 1))
                assert (await ask(address, GET)).status == 200
        await waiting.send(b"a" * 9)
        assert (await waiting.answer()).body == b"10"


async def test_trailers_count() -> None:
    trailers = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"a" * 32 * 1024
    async with bounded(40) as (address, _, (oldest, *others)):
        await oldest.send(trailers)
        assert (await ask(address, GET)).status == 200  # by now that is read
        for one in others:
            await one.send(trailers)
        assert is_refused(await oldest.answer())
        await others[-1].send(b"\r\n\r\n")
        assert (await others[-1].answer()).body == b"0"


async def test_what_waits_for_a_turn_of_the_event_loop_counts() -> None:
    part = BODY % SIZE + b"a" * 50 * 1024
    async with bounded(100) as (address, _, raws):
        assert (await ask(address, GET)).status == 200
        tracemalloc.start(1)
        try:
            for one in raws:
                one.writer.write(part)  # so that the next turn finds all of them
            assert (await ask(address, GET)).status == 200
            assert tracemalloc.get_traced_memory()[1] < 3 * MIB
        finally:
            tracemalloc.stop()
        assert is_refused(await raws[0].answer())


async def test_nothing_is_kept_for_who_hung_up_while_it_was_slowed_down() -> None:
    async with bounded(1) as (_, app, (gone,)):
        slowed = GET.replace(b"/readme", b"/slowed")
        await gone.send(slowed + GET + (BODY % SIZE)[:-4].replace(b"Host: h", b"Host: h\r\nX: " + b"a" * 1000))
        await app.asked.wait()
        gone.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await gone.close()
        app.go.set()
        async with asyncio.timeout(PATIENCE):
            await app.freed.wait()
