"""A feed over the sandbox's four systems, and subscriptions to it, without any transport."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import orjson
from graphql import GraphQLError

from connectors.events.hints import Change, Hint, Source
from connectors.store.events_in_memory import EventsInMemory
from gateway.engine import Engine, Prepared
from gateway.live.feed import LiveFeed
from gateway.live.reading import Reader
from gateway.live.subscription import Subscriber, Subscription
from resolvers.loader import NO_LINK
from resolvers.unmasked import Unmasked
from resolvers.viewer import Viewer, ViewerKind
from schema import build_schema
from tests.systems import Systems, connected

AGENT = Viewer(ViewerKind.AGENT, subject="agent")

TICKET = "subscription { ticketChanged { ticketId event ticket { name status } } }"
OUTAGE = "subscription { outageChanged { outageId event outage { name state } } }"


def subscriber(*customers: str) -> Viewer:
    """A signed-in subscriber."""
    return Viewer(ViewerKind.CUSTOMER, customers, subject=",".join(customers))


class Told:
    """A client: what it was told, and a way to wait for more."""

    def __init__(self, feed: LiveFeed, engine: Engine, document: str, viewer: Viewer, variables: Mapping[str, Any]):
        prepared = engine.prepare(document)
        assert isinstance(prepared, Prepared), prepared
        operation = engine.operation(prepared, None)
        assert not isinstance(operation, GraphQLError)
        self._come = asyncio.Event()
        self.subscription = Subscription(Subscriber(viewer), prepared, operation, variables, self._come.set)
        self.errors = feed.add(self.subscription)
        self.waiting: list[Any] = []

    async def next(self) -> Any:
        """The next message's only field; waits for it."""
        async with asyncio.timeout(20):
            while not self.waiting:
                await self._come.wait()
                self._come.clear()
                self.waiting += map(orjson.loads, self.subscription.take())
        return self.waiting.pop(0)

    async def change(self) -> Any:
        """The value of the next message's only field, which must come without errors."""
        message = await self.next()
        assert "errors" not in message, message
        (value,) = message["data"].values()
        return value

    def nothing(self) -> bool:
        """Whether nothing has come that was not looked at."""
        return not self.waiting and not self.subscription.take()


class Counted:
    """What the feed counted."""

    def __init__(self) -> None:
        self.messages = self.skipped = 0

    def told(self, domain: str, messages: int, skipped: int, lag: float) -> None:
        self.messages += messages
        self.skipped += skipped


class Heard:
    """In place of whoever listens to the systems: what it is told, and what it finds when it is to catch up."""

    def __init__(self) -> None:
        self.not_followed: dict[str, str] = {}
        self.hints: list[Hint] = []
        self.found: list[tuple[list[Hint], list[str]]] = []
        """What is found by the next calls of `catch_up`."""

    def heard(self, hints: Sequence[Hint]) -> None:
        self.hints += hints

    async def catch_up(self, back: float = 0.0) -> tuple[list[Hint], list[str]]:
        return self.found.pop(0) if self.found else ([], [])


class Feeding:
    """The feed, and what systems say to it."""

    def __init__(
        self,
        feed: LiveFeed,
        engine: Engine,
        stream: EventsInMemory,
        counted: Counted,
        listening: Heard,
        unmasked: list[tuple[Viewer, Unmasked]],
    ):
        """`unmasked` is who read what in full by scopes whose use is noted."""
        self.unmasked = unmasked
        self.feed, self.engine, self._stream, self.counted, self.listening = feed, engine, stream, counted, listening

    def subscribe(self, document: str, viewer: Viewer = AGENT, **variables: Any) -> Told:
        return Told(self.feed, self.engine, document, viewer, variables)

    async def hear(self, *things: str, change: Change = Change.CHANGED, at: float | None = None, **more: Any) -> None:
        """Hints about things, by their global ids."""
        domains = {"Ticket": "ticketing", "Outage": "ticketing", "Bill": "billing", "Payment": "billing"}
        hints = []
        for thing in things:
            kind, _, own = thing.partition(":")
            when = time.time() if at is None else at
            hints.append(
                Hint(domain=domains[kind], type=kind, id=own, change=change, source=Source.POLL, at=when, **more)
            )
        await self.publish(hints)

    async def publish(self, hints: Sequence[Hint]) -> None:
        """What a process tells all others."""
        await self._stream.publish(hints)


_GRAPH: Final = build_schema()


@asynccontextmanager
async def feeding(systems: Systems, **overrides: Mapping[str, Any]) -> AsyncIterator[Feeding]:
    """A feed that follows a stream in memory; it is asked nothing that was missed, only told so."""
    async with connected(systems, **overrides) as connectors:
        engine, stream, counted = Engine(_GRAPH, absent=NO_LINK), EventsInMemory(), Counted()
        systems_heard = Heard()
        unmasked: list[tuple[Viewer, Unmasked]] = []
        reader = Reader(connectors, connectors, 10.0, lambda viewer, read: unmasked.append((viewer, read)))
        feed = LiveFeed(engine, reader, stream, systems_heard, counted)
        async with feed.running():
            yield Feeding(feed, engine, stream, counted, systems_heard, unmasked)
