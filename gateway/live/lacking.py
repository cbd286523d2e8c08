"""Messages that lacked what could not be read when they were made: they are made again, until nothing is missing."""

import asyncio
import logging
from collections.abc import Callable, Hashable, Iterable
from typing import Final

logger = logging.getLogger("gateway.live")

MOST_LACKING: Final = 50_000
"""Things of one type about which a message is made again."""

_PAUSES: Final = (1.0, 30.0)
"""Seconds before they are made again: at first, and at most while something is missing still."""


class Lacking:
    """By thing: whose message about it lacks something, each the key of an `Equals`."""

    def __init__(self, again: Callable[[Iterable[str]], None]) -> None:
        """`again` is given the things after a while; it must have each of them read, and `take` whose it was."""
        self._again = again
        self._whose: dict[str, set[Hashable]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._pause, self._added_at = _PAUSES[0], 0.0
        self._dropped = 0

    def add(self, thing: str, whose: Hashable) -> None:
        """A message about the thing lacked something."""
        if thing not in self._whose and len(self._whose) >= MOST_LACKING:
            self._dropped += 1
            return
        self._whose.setdefault(thing, set()).add(whose)
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._timer is None:
            if now - self._added_at > 2 * self._pause:  # all was well meanwhile
                self._pause = _PAUSES[0]
            self._timer = loop.call_later(self._pause, self._due)
            self._pause = min(2 * self._pause, _PAUSES[1])
        self._added_at = now

    def take(self, thing: str) -> set[Hashable]:
        """Whose message about the thing lacked something. It is forgotten: a new one is made now."""
        return self._whose.pop(thing, set())

    def clear(self) -> None:
        """Forget everything, and make nothing again."""
        self._whose.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        self._timer = None
        if self._dropped:
            logger.warning("%d messages that lacked something were too many to be made again", self._dropped)
            self._dropped = 0
        self._again([*self._whose])
