"""Cancels the work for a request when its client disconnects or its deadline passes. Upstream calls end with it."""

import asyncio
import math
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from starlette.types import Receive

T = TypeVar("T")

WATCH_DELAY: Final = 0.02
"""Seconds before the connection and the deadline are watched: most requests are answered by then."""


class DeadlinePassed(Exception):
    """The work took longer than its deadline allows."""


async def run_until_disconnect(work: Coroutine[Any, Any, T], receive: Receive, seconds: float = math.inf) -> T | None:
    """The result of `work`; None if the client disconnects first, and then the work is cancelled and has ended.

    The request's body must have been read: further messages are discarded. Raises DeadlinePassed after `seconds`, or
    after `WATCH_DELAY` if that is longer.
    """
    watch = _Watch(receive, seconds)
    try:
        return await work
    except asyncio.CancelledError:
        if not watch.has_cancelled or watch.task.cancelling() > 1:  # cancelled by somebody else as well
            raise
        if watch.deadline_passed:
            raise DeadlinePassed from None
        return None
    finally:
        watch.stop()


class _Watch:
    """Cancels the task that made it on disconnect or deadline. It starts to watch after `WATCH_DELAY`."""

    def __init__(self, receive: Receive, seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # made in a coroutine that a task runs
        self.task, self.has_cancelled, self.deadline_passed = task, False, False
        loop = asyncio.get_running_loop()
        self._receive, self._until = receive, loop.time() + seconds
        self._listening: asyncio.Task[None] | None = None
        self._timer = loop.call_later(WATCH_DELAY, self._start)

    def stop(self) -> None:
        self._timer.cancel()
        if self._listening is not None:
            self._listening.cancel()
            self._listening = None  # or both are in a cycle, by the exception that ends it
        if self.has_cancelled:
            self.task.uncancel()

    def _start(self) -> None:
        self._listening = asyncio.create_task(self._wait_for_disconnect())
        if self._until != math.inf:
            self._timer = asyncio.get_running_loop().call_at(self._until, self._on_deadline)

    async def _wait_for_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._cancel()

    def _on_deadline(self) -> None:
        self.deadline_passed = not self.has_cancelled
        self._cancel()

    def _cancel(self) -> None:
        if not self.has_cancelled:
            self.has_cancelled = True
            self.task.cancel()
