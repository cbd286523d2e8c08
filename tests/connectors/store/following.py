"""Who follows a stream of hints, what was published on it, and what stands between it and Redis."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from connectors.events.hints import Change, Hint, Source
from connectors.store.events import EventStream, Gap

PATIENCE: Final = 20.0
"""Seconds after which what is waited for will not come."""

_numbers = itertools.count(1)


def hint(name: str = "", *, event: str = "", domain: str = "ticketing") -> Hint:
    """A new one, with a number of its own where it has no name."""
    return Hint(
        domain=domain,
        type="Ticket",
        id=name or str(next(_numbers)),
        change=Change.CHANGED,
        source=Source.HUB,
        at=time.time(),
        event_id=event,
    )


class Follower:
    """Follows until it is closed, and keeps what it heard, and when."""

    def __init__(self, events: EventStream) -> None:
        self.events = events
        self.heard: list[tuple[float, Hint | Gap]] = []
        self._came = asyncio.Event()
        self.following = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        async for heard in self.events.follow():
            now = time.time()
            self.heard.extend((now, one) for one in ([heard] if isinstance(heard, Gap) else heard))
            self._came.set()

    async def begun(self) -> None:
        """Until it hears what is published; nothing is kept of that."""
        async with asyncio.timeout(PATIENCE):
            while not self.heard:
                await self.events.publish([hint("begun?")])
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._came.wait(), 0.1)
        await self.told(self.events)
        self.heard.clear()

    async def told(self, by: EventStream) -> None:
        """Until it has heard what `by` publishes now, and so everything that came before."""
        last = hint()
        await by.publish([last])
        await self.until(lambda: last in self.hints)

    async def until(self, came: Callable[[], bool]) -> None:
        """Until it has heard that."""
        async with asyncio.timeout(PATIENCE):
            while not came():
                self._came.clear()
                await self._came.wait()

    @property
    def hints(self) -> list[Hint]:
        return [one for _, one in self.heard if isinstance(one, Hint)]

    @property
    def ids(self) -> list[str]:
        return [one.id for one in self.hints]

    @property
    def gaps(self) -> list[Gap]:
        return [one for _, one in self.heard if isinstance(one, Gap)]

    def missed(self, published: Sequence[Hint]) -> list[Hint]:
        """What it neither heard, nor was told a gap about afterwards that began before it."""
        heard = set(self.hints)
        gaps = [(when, one.since) for when, one in self.heard if isinstance(one, Gap)]
        return [one for one in published if one not in heard and not any(since < one.at < at for at, since in gaps)]


@asynccontextmanager
async def followers(*streams: EventStream) -> AsyncIterator[list[Follower]]:
    """All of them have begun; they are closed afterwards."""
    made = [Follower(one) for one in streams]
    try:
        for one in made:
            await one.begun()
        for one, other in itertools.permutations(made, 2):
            await one.told(other.events)
        for one in made:
            one.heard.clear()
        yield made
    finally:
        for one in made:
            await one.events.close()
        await asyncio.wait_for(asyncio.gather(*(one.following for one in made)), PATIENCE)


class Wire:
    """A TCP proxy before Redis. While it is `torn` it takes connections, and passes nothing on."""

    def __init__(self, port: int) -> None:
        self.to, self.port = port, 0
        self._whole = asyncio.Event()
        self._whole.set()
        self._connections: list[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = []
        self._passing: set[asyncio.Task[None]] = set()
        self.tried = asyncio.Event()
        """Whether somebody has connected since it is torn."""

    def tear(self) -> None:
        """Nothing passes, and nobody is told."""
        self._whole.clear()
        self.tried.clear()

    def mend(self) -> None:
        """What comes passes again, and what was under way."""
        self._whole.set()

    def cut(self, *, but: str | None = None) -> None:
        """End all connections, but the newest or the oldest one that still lives."""
        living = [both for both in self._connections if not both[0].is_closing()]
        kept = living[-1:] if but == "newest" else living[:1] if but == "oldest" else []
        for both in living:
            for one in both if both not in kept else ():
                one.transport.abort()

    async def close(self) -> None:
        self.mend()
        self.cut()
        await asyncio.gather(*self._passing)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.to)
        self._connections.append((writer, back))
        self._passing |= {asyncio.create_task(self._pass(*ends)) for ends in ((reader, back), (there, writer))}
        self.tried.set()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._whole.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def wire(port: int) -> AsyncIterator[Wire]:
    """Such a proxy on a port of its own."""
    made = Wire(port)
    server = await asyncio.start_server(made.connected, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.close()
