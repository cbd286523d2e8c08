"""Requests start as many at a time as the process bears; beyond it they wait, or are refused."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from gateway.http.admission import LEAST, QUEUE, Admission, OverloadedError
from gateway.http.admitted_requests import STATE
from gateway.http.turn import admitted
from gateway.server_settings import LoadLimits
from tests.gateway.http.raw import Raw, ask, connection
from tests.gateway.serving import serving

PATIENT = LoadLimits(delay=100.0, patience=100.0, under_way=2)
IMPATIENT = LoadLimits(delay=0.05, patience=0.05, under_way=2)
ASK = b"POST /graphql HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"
PROBE = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"


@dataclass
class Held:
    """An application whose requests to /graphql are under way until they are let go."""

    admission: Admission
    begun: list[str] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun.append(scope["path"])
        self.came.set()
        if scope["path"] == "/graphql":
            await self.go.wait()
        await PlainTextResponse("done")(scope, receive, send)

    async def reach(self, is_so: Callable[[], bool]) -> None:
        """Wait until it is so; requests come and go meanwhile."""
        async with asyncio.timeout(10):
            while not is_so():  # noqa: ASYNC110 - nobody tells of requests that come and go
                await asyncio.sleep(0.005)


@asynccontextmanager
async def held(limits: LoadLimits) -> AsyncIterator[tuple[Held, str]]:
    admission = Admission(limits)
    app = Held(admission)
    async with serving(app, state={STATE: admission}) as address:
        try:
            yield app, address
        finally:
            app.go.set()
    admission.close()


@asynccontextmanager
async def asking(address: str, count: int) -> AsyncIterator[list[Raw]]:
    async with connection(address) as raw:
        await raw.send(ASK)
        if count == 1:
            yield [raw]
        else:
            async with asking(address, count - 1) as others:
                yield [raw, *others]


async def test_what_does_not_fit_waits_for_its_turn_and_is_answered() -> None:
    async with held(PATIENT) as (app, address), asking(address, 6) as asked:
        await app.reach(lambda: len(app.begun) == 2)
        answered = await ask(address, PROBE)
        assert answered.status == 200
        assert app.begun == ["/graphql", "/graphql", "/healthz"]
        app.go.set()
        assert [(await one.answer()).status for one in asked] == [200] * 6
        await app.reach(lambda: app.admission.under_way == 0)


async def test_who_waits_for_too_long_is_told_to_come_back_and_probes_are_answered() -> None:
    async with held(IMPATIENT) as (app, address), asking(address, 2) as first:
        await app.reach(lambda: len(app.begun) == 2)
        refused = await ask(address, ASK)
        assert refused.status == 503
        assert b'"code":"OVERLOADED"' in refused.body
        assert refused.header("Retry-After") == "1"
        assert app.admission.is_shedding
        assert (await ask(address, PROBE)).status == 200
        app.go.set()
        assert [(await one.answer()).status for one in first] == [200, 200]
        await app.reach(lambda: not app.admission.is_shedding)
        assert (await ask(address, ASK)).status == 200


async def test_a_connection_goes_on_after_a_refusal() -> None:
    async with held(IMPATIENT) as (app, address), asking(address, 2):
        await app.reach(lambda: len(app.begun) == 2)
        async with connection(address) as raw:
            await raw.send(ASK)
            assert (await raw.answer()).status == 503
            app.go.set()
            await app.reach(lambda: app.admission.under_way == 0)
            await raw.send(ASK)
            assert (await raw.answer()).status == 200


async def test_a_body_that_comes_after_the_refusal_is_read_and_dropped() -> None:
    async with held(IMPATIENT) as (app, address), asking(address, 2):
        await app.reach(lambda: len(app.begun) == 2)
        async with connection(address) as raw:
            size = 100_000  # more than is waited for before the request starts
            await raw.send(ASK.replace(b"Length: 2", b"Length: %d" % size)[:-2])
            assert (await raw.answer()).status == 503
            app.go.set()
            await app.reach(lambda: app.admission.under_way == 0)
            await raw.send(b" " * size, ASK)
            assert (await raw.answer()).status == 200


async def test_who_sends_but_a_part_of_a_body_takes_no_place() -> None:
    async with held(PATIENT) as (app, address), AsyncExitStack() as stack:
        for expects in [b"", b"expect: 100-continue\r\n"] * 10:
            raw = await stack.enter_async_context(connection(address))
            await raw.send(ASK[:-2].replace(b"\r\n\r\n", b"\r\n" + expects + b"\r\n"), b"{")
        async with asking(address, 2) as first:
            await app.reach(lambda: len(app.begun) == 2)
            assert (app.admission.under_way, app.admission.waiting) == (2, 0)
            app.go.set()
            assert [(await one.answer()).status for one in first] == [200, 200]
        await raw.send(b"}")
        assert [(await raw.answer()).status for _ in range(2)] == [100, 200]


async def test_who_has_gone_while_waiting_is_not_started() -> None:
    async with held(PATIENT) as (app, address), asking(address, 2) as first:
        await app.reach(lambda: len(app.begun) == 2)
        async with asking(address, 3):
            await app.reach(lambda: app.admission.waiting == 3)
        await app.reach(lambda: app.admission.waiting == 0)
        app.go.set()
        assert [(await one.answer()).status for one in first] == [200, 200]
        assert len(app.begun) == 2


class Waiting:
    """A request that says what became of it."""

    def __init__(self, name: str, said: asyncio.Queue[str]) -> None:
        self._name, self._said = name, said

    def start(self) -> None:
        self._said.put_nowait(self._name)

    def refuse(self) -> None:
        self._said.put_nowait(f"{self._name} refused")


async def test_addresses_take_turns() -> None:
    said: asyncio.Queue[str] = asyncio.Queue()
    admission = Admission(LoadLimits(under_way=1))
    assert admission.enter()
    for name in ("a1", "a2", "a3", "b1"):
        admission.wait(Waiting(name, said), name[0])
    order = []
    for _ in range(4):
        admission.leave()
        order.append(await asyncio.wait_for(said.get(), 5))
    assert order == ["a1", "b1", "a2", "a3"]
    admission.leave()
    admission.close()


async def test_who_sends_most_is_refused_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.http.admission.MOMENT", 100.0)  # or a slow machine would refuse both
    said: asyncio.Queue[str] = asyncio.Queue()
    admission = Admission(LoadLimits(under_way=2, delay=100.0, patience=100.0))
    assert admission.enter()
    assert admission.enter()
    admission.wait(Waiting("modest", said), "modest")
    for n in range(QUEUE + 1):
        admission.wait(Waiting(f"flood {n}", said), "flood")
    refused = [await asyncio.wait_for(said.get(), 5) for _ in range(QUEUE)]
    assert refused == [f"flood {n} refused" for n in range(QUEUE, 0, -1)]
    admission.leave()
    assert await asyncio.wait_for(said.get(), 5) == "modest"
    admission.leave()
    admission.leave()
    admission.close()


async def test_a_stream_does_not_count_as_under_way() -> None:
    admission = Admission(PATIENT)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        link = scope["extensions"]["gateway.link"]()
        link.narrow()
        await PlainTextResponse(str(admission.under_way))(scope, receive, send)

    async with serving(app, state={STATE: admission}) as address:
        assert (await ask(address, ASK)).body == b"0"
    assert admission.under_way == 0
    admission.close()


async def test_an_operation_over_a_connection_waits_is_refused_and_gives_its_place_back() -> None:
    admission = Admission(IMPATIENT)
    ended = asyncio.Event()

    async def operation() -> None:
        async with admitted(admission, "a"):
            await ended.wait()

    first = [asyncio.create_task(operation()) for _ in range(2)]
    gone, refused = asyncio.create_task(operation()), asyncio.create_task(operation())
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(OverloadedError):
        await refused
    ended.set()
    await asyncio.gather(*first)
    assert gone.cancelled()
    assert (admission.under_way, admission.waiting) == (0, 0)
    admission.close()


async def test_a_busy_loop_lets_in_fewer_while_it_is_late_and_more_again_when_it_is_not() -> None:
    said: asyncio.Queue[str] = asyncio.Queue()
    admission = Admission(LoadLimits(lag=0.05, delay=100, patience=100))
    loop = asyncio.get_running_loop()
    for _ in range(LEAST + 1):
        assert admission.enter()

    async def busy(seconds: float, until: Callable[[], bool]) -> None:
        """The loop has something to do all the time, for so long in each turn."""
        async with asyncio.timeout(30):
            while not until():
                ends = loop.time() + seconds
                while loop.time() < ends:
                    pass
                await asyncio.sleep(0)

    await busy(0.06, lambda: admission.most == LEAST)
    admission.wait(Waiting("one more", said), "a")
    await busy(0.001, lambda: not said.empty())
    assert admission.most > LEAST
    for _ in range(LEAST + 2):
        admission.leave()
    admission.close()
