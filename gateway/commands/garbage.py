"""How often Python looks for garbage that references alone do not free."""

import gc
import time
from collections.abc import Callable
from typing import Final

_NEW_OBJECTS: Final = 50_000
"""Containers made and not yet gone, before the garbage collector looks at them. At a tenth of that it would look at
those of requests that are under way, again and again: 5 to 10 % of what requests take. What new documents add is looked
at when they are prepared (`gateway.engine.new_objects`)."""

_YOUNG: Final = 3
"""Looks at new objects before one at those that stayed since the last such look. All of these are looked at in one turn
of the event loop: some 150,000 at most, 20 to 30 ms, also while large answers are made."""

_NEVER: Final = 2**31 - 1
"""Such looks before one at all objects. With prepared documents these are millions, and the look takes a quarter of a
second; whoever sends new documents would bring it about."""

FULL_LOOK_EVERY: Final = 3600.0
"""Seconds between two looks at all objects. They are for cycles that nobody knows of."""


def collect_rarely() -> None:
    """Make the garbage collector run less often, while the program starts.

    With Python's own thresholds it would visit all modules again and again while they are imported, a sixth of a
    start's time, and find nothing to free.
    """
    gc.set_threshold(_NEW_OBJECTS, 20, 100)


def collect_in_short_turns() -> None:
    """Make the garbage collector run less often, but for no longer than others may wait, while requests are served.

    Their objects are freed with their last reference, and those under way would be visited again and again.
    """
    gc.set_threshold(_NEW_OBJECTS, _YOUNG, _NEVER)


class FullLooks:
    """The looks at all objects, by the clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._next = clock, clock() + FULL_LOOK_EVERY

    def look_if_due(self) -> None:
        """Let the garbage collector look at all objects, if it did not for an hour."""
        if (now := self._clock()) >= self._next:
            self._next = now + FULL_LOOK_EVERY
            gc.collect()
