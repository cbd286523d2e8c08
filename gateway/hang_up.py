"""Clients that go away: what was being done for them ends, upstream calls included."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from starlette.types import Receive

T = TypeVar("T")

PATIENCE: Final = 0.02
"""Seconds until somebody listens for the client: most answers are out by then, and need no listener."""


async def unless_hung_up(work: Coroutine[Any, Any, T], receive: Receive) -> T | None:
    """What the work gives; None where the client went away first, and then the work is cancelled and has ended.

    The request's body must have been read: what is received meanwhile is thrown away.
    """
    listener = _Listener(receive)
    try:
        return await work
    except asyncio.CancelledError:
        if not listener.heard:
            raise
        listener.working.uncancel()
        return None
    finally:
        listener.stop()


class _Listener:
    """Cancels the task that made it when the client is gone, beginning to listen after a while."""

    def __init__(self, receive: Receive) -> None:
        working = asyncio.current_task()
        assert working is not None  # noqa: S101  # made in a coroutine that a task runs
        self.working, self.heard = working, False
        self._receive = receive
        self._listening: asyncio.Task[None] | None = None
        self._start = asyncio.get_running_loop().call_later(PATIENCE, self._listen)

    def stop(self) -> None:
        self._start.cancel()
        if self._listening is not None:
            self._listening.cancel()

    def _listen(self) -> None:
        self._listening = asyncio.create_task(self._hang_up())

    async def _hang_up(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.heard = True
        self.working.cancel()
