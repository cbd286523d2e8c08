"""Long work in turns: others that wait for the event loop get it every few milliseconds.

Of all work that was interrupted, one piece goes on in each turn of the event loop, as in the engine, which knows no
connectors and has this for itself (`gateway.engine.turns`).
"""

import asyncio
import time
from collections import deque
from typing import Final
from weakref import WeakKeyDictionary

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
        """Wait until it is this work's turn again."""
        await turn()
        self._ends = time.perf_counter() + TURN


_WAITING: Final = WeakKeyDictionary[asyncio.AbstractEventLoop, deque[asyncio.Future[None]]]()


async def turn() -> None:
    """Wait for the next turn of work that was interrupted."""
    loop = asyncio.get_running_loop()
    waiting = _WAITING.setdefault(loop, deque())
    if not waiting:
        loop.call_soon(_let_one, loop, waiting)
    mine = loop.create_future()
    waiting.append(mine)
    await mine


def _let_one(loop: asyncio.AbstractEventLoop, waiting: deque[asyncio.Future[None]]) -> None:
    while waiting:
        first = waiting.popleft()
        if not first.done():  # else it was cancelled
            first.set_result(None)
            break
    if waiting:
        loop.call_soon(_let_one, loop, waiting)
