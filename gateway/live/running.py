"""Puts together what subscriptions need: the stream of hints, who listens to the systems, and the feed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from connectors import DOMAINS, Connectors, connect
from connectors.events.credentials import not_followed, own_credentials
from connectors.events.listening import Listening
from connectors.store.events import EventStream
from connectors.store.events_in_memory import EventsInMemory
from connectors.store.events_in_redis import EventsInRedis
from gateway.engine import Engine
from gateway.live.counting import Counting
from gateway.live.feed import LiveFeed
from gateway.live.reading import Reader
from gateway.settings import Settings
from resolvers.unmasked import Noted


@dataclass(frozen=True, slots=True)
class Following:
    """The stream of hints, who publishes what systems say to it, and who tells subscriptions."""

    stream: EventStream
    listening: Listening
    feed: LiveFeed


@asynccontextmanager
async def following(
    settings: Settings,
    engine: Engine,
    connectors: Connectors,
    session: aiohttp.ClientSession,
    counting: Counting,
    noted: Noted,
) -> AsyncIterator[Following]:
    """What is followed, as long as this runs."""
    systems, sources = settings.systems.by_domain, settings.live.sources
    own = connect(own_credentials(systems, sources), session) if connectors.forwards else connectors
    stream: EventStream = EventsInRedis(settings.shared_address) if settings.shared_address else EventsInMemory()
    listening = Listening(
        own,
        {name: domain.changes for name, domain in DOMAINS.items()},
        sources,
        stream,
        callback_url=settings.live.callback_url,
        not_followed=not_followed(systems, sources),
    )
    reader = Reader(connectors, own, settings.graphql.deadline, noted)
    feed = LiveFeed(engine, reader, stream, listening, counting)
    async with feed.running():
        listening.start()
        try:
            yield Following(stream, listening, feed)
        finally:
            await listening.close()
