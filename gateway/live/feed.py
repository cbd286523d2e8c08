"""Follows the stream of hints, and tells each type's subscriptions what changed."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol

from graphql import GraphQLError

from connectors import DOMAINS
from connectors.errors import NotConfigured, NotSupported
from connectors.events.hints import Hint
from connectors.store.events import EventStream, Gap
from gateway.engine import Engine
from gateway.engine.selection import selection_of
from gateway.live.counting import Counting
from gateway.live.equals import Equals, key_of
from gateway.live.reading import Reader
from gateway.live.subscription import Subscription
from gateway.live.teller import Teller
from resolvers.changes import FOLLOWED, followed_ids
from resolvers.errors import BadInput

logger = logging.getLogger("gateway.live")

_PAUSES: Final = (1.0, 30.0)
"""Seconds before systems that did not answer are asked again what changed: at first, and at most."""

_OVERRUN: Final = 60.0
"""Seconds of hints that are asked for again when more things changed at once than can be kept."""

_MOST_WATCHED: Final = 1000
"""Hints that wait for somebody who watches them."""


class Systems(Protocol):
    """What the feed needs to know of whoever listens to the systems (`connectors.events.listening.Listening`)."""

    @property
    def not_followed(self) -> Mapping[str, str]:
        """By domain, why its changes cannot be followed."""

    def heard(self, hints: Sequence[Hint]) -> None:
        """Take notice of what the stream told."""

    async def catch_up(self, back: float = 0.0) -> tuple[list[Hint], list[str]]:
        """What changed since the last hints, and the domains that did not answer; to be called again until all have.

        `back`: seconds before the last hints from which on they may have been missed.
        """


class LiveFeed:
    """Implements `gateway.live.subscription.Feed`."""

    def __init__(
        self, engine: Engine, reader: Reader, stream: EventStream, systems: Systems, counting: Counting
    ) -> None:
        self._engine, self._reader, self._stream, self._systems = engine, reader, stream, systems
        self._tellers = {
            field: Teller(followed, engine, reader, counting, self._overrun) for field, followed in FOLLOWED.items()
        }
        self._by_type = {one.followed.type_name: one for one in self._tellers.values()}
        self._subscribed: dict[Subscription, Teller] = {}
        self._watching: set[asyncio.Queue[Hint]] = set()
        self._catching_up: asyncio.Task[None] | None = None

    def add(self, subscription: Subscription) -> list[GraphQLError]:
        """Tell it what changes from now on. Errors where that can never succeed; then it is not added."""
        prepared, operation = subscription.prepared, subscription.operation
        viewer = subscription.subscriber.viewer
        subscribed = self._engine.subscribed(
            prepared, operation, subscription.variables, staff=viewer.is_staff, rights=viewer.scopes
        )
        if isinstance(subscribed, list):
            return subscribed
        teller = self._tellers[subscribed.field]
        domain = teller.followed.domain
        try:
            ids = followed_ids(teller.followed.type_name, subscribed.arguments.get("ids"))
        except BadInput as error:
            return [GraphQLError(str(error), original_error=error)]
        system = self._reader.connectors.served_by.get(domain)
        if system is None:
            return [GraphQLError("", original_error=NotConfigured(DOMAINS[domain].part_of or domain))]
        if reason := self._systems.not_followed.get(system):
            return [GraphQLError("", original_error=NotSupported(system, reason))]
        selections = prepared.derived.setdefault(self, {})
        withheld = self._engine.withheld(prepared, viewer.scopes)
        if (asked := (id(operation), withheld)) not in selections:
            selections[asked] = selection_of(self._engine.core_schema, prepared, operation, withheld)
        selection = selections[asked]
        key = key_of(subscription, selection, forwards=self._reader.connectors.forwards)
        teller.add(subscription, Equals(key, prepared, operation, selection), ids)
        self._subscribed[subscription] = teller
        return []

    def remove(self, subscription: Subscription) -> None:
        """Tell it nothing any more. Nothing happens where it is not there."""
        if (teller := self._subscribed.pop(subscription, None)) is not None:
            teller.remove(subscription)

    async def watch(self) -> AsyncIterator[Hint]:
        """Every hint from now on. One who does not keep up misses some."""
        waiting: asyncio.Queue[Hint] = asyncio.Queue(_MOST_WATCHED)
        self._watching.add(waiting)
        try:
            while True:
                yield await waiting.get()
        finally:
            self._watching.discard(waiting)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow and tell, until this ends."""
        tasks = [asyncio.create_task(one) for one in (self._follow(), *(one.run() for one in self._tellers.values()))]
        try:
            yield
        finally:
            await self._stream.close()
            ending = [*tasks, *([self._catching_up] if self._catching_up else [])]
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)

    async def _follow(self) -> None:
        async for told in self._stream.follow():
            if isinstance(told, Gap):
                await self._catch_up()
                continue
            self._systems.heard(told)
            await self._reader.connectors.evict(told)
            for hint in told:
                self._hear(hint)

    async def _catch_up(self) -> None:
        """Hear what changed while hints may have been missed; systems that do not answer are asked again, later."""
        logger.info("events may have been missed: the systems are asked what changed")
        hints, failed = await self._systems.catch_up()
        await self._reader.connectors.evict(hints)
        for hint in hints:
            self._hear(hint)
        if failed and (self._catching_up is None or self._catching_up.done()):
            self._catching_up = asyncio.create_task(self._catch_up_later())

    async def _catch_up_later(self, back: float = 0.0) -> None:
        failed, pause = ["all"], _PAUSES[0]
        while failed:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _PAUSES[1])
            hints, failed = await self._systems.catch_up(back)
            await self._reader.connectors.evict(hints)
            for hint in hints:
                self._hear(hint)

    def _overrun(self) -> None:
        logger.warning("more things changed at once than can be kept: the systems are asked what changed")
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.create_task(self._catch_up_later(_OVERRUN))

    def _hear(self, hint: Hint) -> None:
        self._reader.heard(hint)
        if (teller := self._by_type.get(hint.type)) is not None and hint.id:
            teller.hear(hint)
        for waiting in self._watching:
            with suppress(asyncio.QueueFull):
                waiting.put_nowait(hint)
