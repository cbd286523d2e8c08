"""A Redis (or Valkey) that may be away: what asks it goes on without, and leaves it in peace for a moment."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from connectors.store.asking import asked
from connectors.store.writes import StoreUnavailable

T = TypeVar("T")


class MayBeAway:
    """Asks, each question for `timeout` seconds at most. After a failure nothing is asked for `pause` seconds.

    Then one question is asked, and the others only when it was answered. `lost` and `back` are logged, once for each
    change.
    """

    def __init__(
        self,
        log: logging.Logger,
        *,
        lost: str,
        back: str,
        timeout: float = 0.25,
        pause: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log, self._lost, self._back, self._clock = log, lost, back, clock
        self._timeout, self.pause = timeout, pause
        self._failed_at: float | None = None

    @property
    def is_left_in_peace(self) -> bool:
        """Whether nothing is asked now."""
        return self._failed_at is not None and self._clock() < self._failed_at + self.pause

    async def asked(self, command: Callable[[], Awaitable[T]]) -> T | None:
        """The answer, or None where there is none. Never raises `StoreUnavailable`."""
        if self.is_left_in_peace:
            return None
        was_away = self._failed_at is not None
        if was_away:
            self._failed_at = self._clock()  # this question finds out; others are not asked meanwhile
        try:
            answer = await asked(command, self._timeout)
        except StoreUnavailable as error:
            if self._failed_at is None:
                self._log.warning("%s: %s", self._lost, error)
            self._failed_at = self._clock()
            return None
        if was_away and self._failed_at is not None:
            self._log.warning(self._back)
            self._failed_at = None
        return answer
