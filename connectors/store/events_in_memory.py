"""Hints for the only process."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from connectors.events.hints import Hint
from connectors.store.events import Gap

_KNOWN_FOR: Final = 600.0
"""Seconds for which an event's id is known."""

_MOST_KNOWN: Final = 100_000

_MOST_WAITING: Final = 10_000
"""Batches that wait to be followed. If more come, they are forgotten, and a gap is told."""


class EventsInMemory:
    """Implements `EventStream` for one process, which leads everything."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._waiting: asyncio.Queue[Sequence[Hint] | None] = asyncio.Queue()
        self._known: dict[str, float] = {}
        self._gap: float | None = None

    async def publish(self, hints: Sequence[Hint]) -> None:
        if new := [hint for hint in hints if self._is_new(hint)]:
            if self._gap is not None or self._waiting.qsize() >= _MOST_WAITING:  # it is told in its turn
                self._gap = min(self._gap or new[0].at, *(hint.at for hint in new))
                return
            self._waiting.put_nowait(new)

    async def follow(self) -> AsyncIterator[Sequence[Hint] | Gap]:
        while (hints := await self._waiting.get()) is not None:
            yield hints
            if self._gap is not None and self._waiting.empty():
                gap, self._gap = Gap(self._gap), None
                yield gap

    async def lead(self, name: str, lease: float) -> bool:
        return True

    async def step_down(self, name: str) -> None:
        """There is nobody else."""

    async def close(self) -> None:
        self._waiting.put_nowait(None)

    def _is_new(self, hint: Hint) -> bool:
        if not hint.event_id:
            return True
        now = self._clock()
        while self._known and (len(self._known) >= _MOST_KNOWN or next(iter(self._known.values())) < now):
            del self._known[next(iter(self._known))]
        name = f"{hint.domain} {hint.event_id}"
        if name in self._known:
            return False
        self._known[name] = now + _KNOWN_FOR
        return True
