"""Long work in turns: others that wait for the event loop get it every few milliseconds."""

import asyncio
import time
from typing import Final

TURN: Final = 0.005
"""Seconds of work after which others have their turn."""


class Turns:
    """The turns of one piece of work. Ask `is_over` after each small part, and await `next` when it is."""

    def __init__(self) -> None:
        self._ends = time.perf_counter() + TURN

    @property
    def is_over(self) -> bool:
        """Whether others should have their turn now."""
        return time.perf_counter() > self._ends

    async def next(self) -> None:
        """Let everything that is ready run once."""
        await asyncio.sleep(0)
        self._ends = time.perf_counter() + TURN
