"""What waits until its client takes it is bounded, on one connection and on all together."""

import asyncio
import gc
import json
import resource
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, ClassVar

import pytest
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from gateway.http.admission import Admission
from gateway.http.admitted_requests import STATE
from gateway.http.edge import TICK
from gateway.http.write_coalescing import HttpProtocol
from gateway.server_settings import LoadLimits, ServerSettings
from tests.gateway.http.raw import PATIENCE, Raw, ask, connection
from tests.gateway.serving import serving

MB = 1024 * 1024
LARGE = 48 * MB
"""More than the system keeps of a connection that is not read."""


def get(path: bytes) -> bytes:
    return b"GET %s HTTP/1.1\r\nHost: here\r\n\r\n" % path


class Large:
    """Answers of some size. `made` counts them."""

    def __init__(self) -> None:
        self.made = 0
        self.ended = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        size = int(scope["path"].rpartition("/")[2] or 0)
        self.made += 1
        response: Response = PlainTextResponse(bytes(size))
        if scope["path"].startswith("/stream"):
            response = StreamingResponse(_parts(size))
        try:
            await response(scope, receive, send)
        finally:
            self.ended.set()


async def _parts(size: int) -> AsyncIterator[bytes]:
    for _ in range(0, size, 64 * 1024):
        yield bytes(64 * 1024)


@asynccontextmanager
async def bounded(**limits: Any) -> AsyncIterator[tuple[Large, str]]:
    """An application and its address, with these limits."""
    app = Large()
    async with serving(app, given=ServerSettings.model_validate({"limits": limits})) as address:
        yield app, address


async def unread(stack: AsyncExitStack, address: str, data: bytes) -> Raw:
    """A connection whose client sends this and reads nothing beyond what its buffers take."""
    raw = await stack.enter_async_context(connection(address))
    await raw.send(data)
    async with asyncio.timeout(PATIENCE):
        await raw.reader.readexactly(1)  # The answer has begun.
    return raw


@pytest.mark.parametrize("path", [b"/%d", b"/stream/%d"])
async def test_a_large_answer_arrives_whole(path: bytes) -> None:
    async with bounded() as (_, address), connection(address) as raw:
        for size in (0, 1, 4096, 4097, 65536, 65537, 5 * 65536, 3 * MB + 1):
            await raw.send(get(path % size))
            async with asyncio.timeout(PATIENCE):
                head = await raw.reader.readuntil(b"\r\n\r\n")
                if b"chunked" in head:
                    while (length := int(await raw.reader.readline(), 16)) or await raw.reader.readline() != b"\r\n":
                        assert await raw.reader.readexactly(length + 2) == bytes(length) + b"\r\n"
                else:
                    assert await raw.reader.readexactly(size) == bytes(size)


@pytest.mark.parametrize("path", [b"/%d", b"/stream/%d"])
async def test_a_client_that_does_not_read_is_cut_off(path: bytes) -> None:
    async with bounded(send_timeout=0.5) as (app, address), AsyncExitStack() as stack:
        await unread(stack, address, get(path % LARGE))
        async with asyncio.timeout(0.5 + 2 * TICK + PATIENCE):
            await app.ended.wait()


async def test_a_client_that_reads_slowly_is_cut_off_unless_it_keeps_the_rate() -> None:
    async with bounded(send_timeout=0.3) as (app, address), AsyncExitStack() as stack:
        raw = await unread(stack, address, get(b"/%d" % LARGE))
        async with asyncio.timeout(PATIENCE):
            while not app.ended.is_set():
                await raw.reader.read(10)
                await asyncio.sleep(0.01)
    async with bounded(send_timeout=0.3, send_rate=1 * MB) as (_, address), connection(address) as raw:
        await raw.send(get(b"/%d" % (16 * MB)))
        read = 0
        async with asyncio.timeout(PATIENCE):
            head = await raw.reader.readuntil(b"\r\n\r\n")
            while read < 16 * MB:
                part = await raw.reader.readexactly(min(256 * 1024, 16 * MB - read))
                read += len(part)
                await asyncio.sleep(0.03)  # 8 MB a second
        assert b" 200 " in head


async def test_a_client_that_asks_on_and_reads_nothing_holds_one_answer() -> None:
    """However many requests it sends ahead: the next is begun when the last is taken."""
    async with bounded(send_timeout=1.0) as (app, address), AsyncExitStack() as stack:
        await unread(stack, address, get(b"/%d" % LARGE) * 1000)
        async with asyncio.timeout(PATIENCE):
            await app.ended.wait()
        assert app.made == 1


async def test_all_together_hold_no_more_than_the_setting() -> None:
    """Those that do not read lose their connections; who reads is answered all the while."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with bounded(waiting_bytes=100 * MB) as (_, address), AsyncExitStack() as stack:
        for _ in range(2):
            await unread(stack, address, get(b"/%d" % LARGE))
        for _ in range(20):
            raw = await stack.enter_async_context(connection(address))
            await raw.send(get(b"/%d" % LARGE))
            answered = await ask(address, get(b"/100000"))
            assert answered.status == 200
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 700 * 1024, "in KB; all of them would take 1 GB"


async def test_an_answer_that_has_no_place_is_a_503() -> None:
    """Where nobody is there to be cut off: it is larger than all that may wait. Small ones are always sent."""
    async with bounded(waiting_bytes=MB) as (_, address):
        answered = await ask(address, get(b"/%d" % (2 * MB)))
        assert (answered.status, answered.header("retry-after")) == (503, "1")
        (error,) = json.loads(answered.body)["errors"]
        assert error["extensions"] == {"code": "OVERLOADED", "retryable": True}
        assert (await ask(address, get(b"/4096"))).status == 200


class _Known(HttpProtocol):
    """Says when it is gone."""

    alive: ClassVar[set[int]] = set()
    gone: ClassVar[asyncio.Event]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.alive.add(id(self))

    def __del__(self) -> None:
        self.alive.discard(id(self))
        if not self.alive:
            self.gone.set()


@asynccontextmanager
async def leaving_nothing(state: Mapping[str, Any] | None = None) -> AsyncIterator[str]:
    """An address whose connections must all be gone at the end, without the garbage collector."""
    gc.disable()
    try:
        async with serving(Large(), http=_Known, state=state) as address:
            _Known.gone = asyncio.Event()
            yield address
            if not _Known.alive:
                return
            _Known.gone.clear()
            async with asyncio.timeout(PATIENCE):
                await _Known.gone.wait()
    finally:
        gc.enable()


async def test_a_connection_that_is_over_leaves_nothing_to_the_garbage_collector() -> None:
    """It would be asked for seldom: a flood of connections would stay for as long."""
    async with leaving_nothing() as address:
        for size in (10, 3 * MB):
            await ask(address, b"GET /%d HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n" % size)
            await ask(address, get(b"/%d" % size))
        assert (await ask(address, b"GET / HTTP/1.1\r\nHost: here\r\nHost: there\r\n\r\n")).status == 400


class _States:
    """What is known of systems."""

    def names_and_states(self) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize("path", [b"/healthz", b"/readyz", b"/refused"])
@pytest.mark.parametrize("more", [b"", b"Connection: close\r\n"], ids=["kept", "closed"])
async def test_nor_does_one_whose_request_had_no_task(path: bytes, more: bytes) -> None:
    """A balancer's probes come on new connections; the collector would look at thousands of them in one turn."""
    admission = Admission(LoadLimits(under_way=1, delay=0.01, patience=0.01))
    admission.begin()  # so that nothing else may start
    state = {"readiness": _States(), "draining": False, "has_keys": lambda: True, STATE: admission}
    async with leaving_nothing(state) as address:
        answered = await ask(address, b"GET %s HTTP/1.1\r\nHost: here\r\n%s\r\n" % (path, more))
        assert answered.status == (503 if path == b"/refused" else 200)
    admission.leave()
    admission.close()


async def test_nor_does_one_that_is_gone_before_its_request_began() -> None:
    admission = Admission(LoadLimits(under_way=1, delay=PATIENCE, patience=PATIENCE))
    admission.begin()
    async with leaving_nothing({STATE: admission}) as address, connection(address) as raw:
        await raw.send(get(b"/10"))
        async with asyncio.timeout(PATIENCE):
            while not admission.waiting:  # noqa: ASYNC110 - nobody tells of requests that come
                await asyncio.sleep(0.005)
        await raw.close()
    admission.leave()
    admission.close()
