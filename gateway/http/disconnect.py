"""What ends the work for a request early: a client that goes away, and the deadline. Upstream calls end with it."""

import asyncio
import math
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from starlette.types import Receive

T = TypeVar("T")

PATIENCE: Final = 0.02
"""Seconds until somebody listens for the client and looks at the clock: most answers are out by then."""


class OutOfTime(Exception):
    """The work took longer than it may."""


async def unless_hung_up(work: Coroutine[Any, Any, T], receive: Receive, seconds: float = math.inf) -> T | None:
    """What the work gives; None where the client went away first, and then the work is cancelled and has ended.

    The request's body must have been read: what is received meanwhile is thrown away. Raises OutOfTime for work that
    takes longer than `seconds` (and than `PATIENCE`, in which nobody looks).
    """
    watch = _Watch(receive, seconds)
    try:
        return await work
    except asyncio.CancelledError:
        if not watch.has_ended_it or watch.working.cancelling() > 1:  # somebody else ends the task, too
            raise
        if watch.is_late:
            raise OutOfTime from None
        return None
    finally:
        watch.stop()


class _Watch:
    """Cancels the task that made it when the client is gone or the time is up; it begins to watch after a while."""

    def __init__(self, receive: Receive, seconds: float) -> None:
        working = asyncio.current_task()
        assert working is not None  # noqa: S101  # made in a coroutine that a task runs
        self.working, self.has_ended_it, self.is_late = working, False, False
        loop = asyncio.get_running_loop()
        self._receive, self._until = receive, loop.time() + seconds
        self._listening: asyncio.Task[None] | None = None
        self._timer = loop.call_later(PATIENCE, self._begin)

    def stop(self) -> None:
        self._timer.cancel()
        if self._listening is not None:
            self._listening.cancel()
        if self.has_ended_it:
            self.working.uncancel()

    def _begin(self) -> None:
        self._listening = asyncio.create_task(self._hang_up())
        if self._until != math.inf:
            self._timer = asyncio.get_running_loop().call_at(self._until, self._time_is_up)

    async def _hang_up(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._end()

    def _time_is_up(self) -> None:
        self.is_late = not self.has_ended_it
        self._end()

    def _end(self) -> None:
        if not self.has_ended_it:
            self.has_ended_it = True
            self.working.cancel()
