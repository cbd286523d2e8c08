"""What this gateway writes itself is heard of at once, and not only when its system says so."""

import asyncio
import time
from collections.abc import Iterator
from typing import Final

from connectors.events.hints import Change, Hint, Source
from connectors.store.events import EventStream
from resolvers.changes import FOLLOWED
from resolvers.writing.audit import Audited

_DOMAINS: Final = {one.type_name: one.domain for one in FOLLOWED.values()}
_HAPPENED: Final = frozenset({"done", "unknown"})
"""Outcomes of writes that have changed something, or may have."""


class OwnWrites:
    """Publishes a hint about each thing that a write has changed, or may have."""

    def __init__(self, stream: EventStream) -> None:
        self._stream = stream
        self._publishing: set[asyncio.Task[None]] = set()

    def __call__(self, audited: Audited) -> None:
        """Publish what came of a write; it does not wait."""
        if audited.outcome in _HAPPENED and (hints := list(_hints(audited))):
            task = asyncio.create_task(self._stream.publish(hints))
            self._publishing.add(task)
            task.add_done_callback(self._publishing.discard)


def _hints(audited: Audited) -> Iterator[Hint]:
    """About what was written to, and about what came of it: made by the write, unless it is the same thing."""
    for thing in dict.fromkeys((audited.subject, audited.result)):
        type_name, _, own_id = thing.partition(":")
        if type_name in _DOMAINS and own_id:
            change = Change.CREATED if thing != audited.subject else Change.CHANGED
            domain = _DOMAINS[type_name]
            yield Hint(domain=domain, type=type_name, id=own_id, change=change, source=Source.WRITE, at=time.time())
