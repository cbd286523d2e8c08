"""Follows a stream of events that a system keeps open, such as Icinga's: begins it anew whenever it ends."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Final

from connectors.errors import ConnectorError
from connectors.events.hints import Hint
from connectors.events.speaking import Follow

logger = logging.getLogger("gateway.events")

PAUSES: Final = (1.0, 30.0)
"""Seconds before a stream that ended is begun anew: at first, and at most while it cannot be begun."""

_KNOWN: Final = 3600.0
"""Seconds for which it is known for what reason a stream was cut: one that is cut each minute says so once."""


class StreamFollower:
    """One stream of one system. `began` is called each time that it has begun: what was before must be asked for."""

    def __init__(
        self, domain: str, follow: Follow, began: Callable[[], None], pauses: tuple[float, float] = PAUSES
    ) -> None:
        self._domain, self._follow, self._began, self._pauses = domain, follow, began, pauses
        self._pause = pauses[0]
        self._is_away = self._has_begun = False
        self._said, self._said_at = "", 0.0

    async def run(self, publish: Callable[[Sequence[Hint]], Awaitable[None]]) -> None:
        """Publish what it tells, until this is cancelled. That it is away is logged once, and so is its end.

        Where it ends by itself and is begun anew, nothing is logged.
        """
        while True:
            self._has_begun = False
            try:
                async with aclosing(self._follow()) as told:
                    async for hints in told:
                        self._is_there()
                        if hints:
                            await publish(hints)
                        else:
                            self._began()
            except ConnectorError as failure:
                self._is_gone(str(failure))
            except Exception as failure:
                if self._is_gone(type(failure).__name__):
                    logger.exception("%s: the driver failed when it followed the stream of events", self._domain)
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, self._pauses[1])

    def _is_there(self) -> None:
        self._pause, self._has_begun = self._pauses[0], True
        if self._is_away:
            self._is_away = False
            logger.info("%s: the stream of events goes on", self._domain)

    def _is_gone(self, reason: str) -> bool:
        """Note that it has ended; whether that was logged."""
        now = asyncio.get_running_loop().time()
        is_known = self._has_begun and reason == self._said and now < self._said_at + _KNOWN
        is_news = not self._is_away and not is_known
        if is_news:
            self._is_away, self._said, self._said_at = True, reason, now
            logger.warning("%s: the stream of events has ended, and is begun anew: %s", self._domain, reason)
        return is_news
