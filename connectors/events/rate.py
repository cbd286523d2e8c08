"""A limit to how often something happens."""

import time
from collections.abc import Callable


class Rate:
    """At most `per_second` times in a second, on average, and as many at once."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._clock = per_second, clock
        self._most = max(1.0, per_second)
        self._left, self._at = self._most, clock()

    def allows(self) -> bool:
        """Whether it may happen now; if so, it is counted."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
