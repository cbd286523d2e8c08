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


class StreamFollower:
    """One stream of one system. `began` is called each time that it has begun: what was before must be asked for."""

    def __init__(self, domain: str, follow: Follow, began: Callable[[], None]) -> None:
        self._domain, self._follow, self._began = domain, follow, began
        self._pause = PAUSES[0]
        self._is_away = False

    async def run(self, publish: Callable[[Sequence[Hint]], Awaitable[None]]) -> None:
        """Publish what it tells, until this is cancelled. That it is away is logged once, and so is its end."""
        while True:
            try:
                async with aclosing(self._follow()) as told:
                    async for hints in told:
                        self._is_there()
                        if hints:
                            await publish(hints)
                        else:
                            self._began()
                reason = "it was closed"
            except ConnectorError as failure:
                reason = str(failure)
            except Exception as failure:
                logger.exception("%s: the driver failed when it followed the stream of events", self._domain)
                reason = type(failure).__name__
            if not self._is_away:
                self._is_away = True
                logger.warning("%s: the stream of events has ended, and is begun anew: %s", self._domain, reason)
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, PAUSES[1])

    def _is_there(self) -> None:
        self._pause = PAUSES[0]
        if self._is_away:
            self._is_away = False
            logger.info("%s: the stream of events goes on", self._domain)
