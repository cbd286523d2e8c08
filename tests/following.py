"""A part of the gateway that follows what systems change: sandbox systems, the listener's address, and what is told."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from starlette.applications import Starlette

from connectors import DOMAINS, Connectors, connect
from connectors.events.credentials import not_followed, own_credentials
from connectors.events.hints import Hint
from connectors.events.listening import Listening
from connectors.events.settings import EventSource
from connectors.settings import System
from connectors.store.events import EventStream, Gap
from connectors.store.events_in_memory import EventsInMemory
from gateway.http.events import EventEndpoint, event_routes
from tests.gateway.serving import serving

SECRET: Final = "a-secret-of-20-chars"
QUIET: Final = EventSource(poll=0)
"""Nothing is asked, nothing is posted."""


@dataclass
class Following:
    """What listens, where systems post, how often what became of their events, and all hints that were told."""

    listening: Listening
    connectors: Connectors
    session: aiohttp.ClientSession
    address: str = ""
    counted: Counter[tuple[str, str]] = field(default_factory=Counter)
    hints: list[Hint] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def told(self, wanted: Callable[[Hint], bool]) -> Hint:
        """The first hint so far, or the next one, that is wanted."""
        return (await self.all_told(1, wanted))[0]

    async def all_told(self, count: int, wanted: Callable[[Hint], bool] = lambda _: True) -> list[Hint]:
        """So many wanted hints, as soon as there are."""
        async with asyncio.timeout(15):
            while len(found := [*filter(wanted, self.hints)]) < count:
                self._news.clear()
                await self._news.wait()
        return found

    async def follow(self, stream: EventStream) -> None:
        """Keep what the stream tells."""
        async for hints in stream.follow():
            if not isinstance(hints, Gap):
                self.hints += hints
                self.listening.heard(hints)
                self._news.set()

    async def post(self, path: str, body: Any = None, **more: Any) -> int:
        """The status of an answer to what is posted to the listener."""
        data = {"json": body} if isinstance(body, dict) else {"data": body}
        async with self.session.post(f"{self.address}{path}", **data, **more) as answer:
            return answer.status


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for what another thread does, which tells nobody."""
    async with asyncio.timeout(15):
        while True:
            if is_so():
                return
            await asyncio.sleep(0)


@asynccontextmanager
async def following(
    systems: Mapping[str, System],
    sources: Mapping[str, EventSource],
    *,
    stream: EventStream | None = None,
    callback_url: str | None = None,
    lease: float = 0.3,
    renewal: float = 60.0,
) -> AsyncIterator[Following]:
    """Follow these systems. Those without a source are left alone."""
    stream = stream or EventsInMemory()
    sources = {**dict.fromkeys(systems, QUIET), **sources}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        counted: Counter[tuple[str, str]] = Counter()
        held: dict[str, EventEndpoint] = {}

        class Events:
            async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
                await held["events"](scope, receive, send)

        async with serving(Starlette(routes=event_routes(Events()))) as address:
            connectors = connect(own_credentials(systems, sources), session)
            listening = Listening(
                connectors,
                {name: domain.changes for name, domain in DOMAINS.items()},
                sources,
                stream,
                callback_url=callback_url or address,
                not_followed=not_followed(systems, sources),
                lease=lease,
                renewal=renewal,
            )
            found = Following(listening, connectors, session, address, counted)
            held["events"] = EventEndpoint(listening, lambda *what: counted.update([what]))
            task = asyncio.create_task(found.follow(stream))
            listening.start()
            try:
                async with asyncio.timeout(15):
                    await listening.has_begun.wait()
                yield found
            finally:
                await listening.close()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
