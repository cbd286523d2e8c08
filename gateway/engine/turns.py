"""Work that lets others have their turn: long synchronous work is a generator that yields where it may be interrupted.

Whoever drives it decides: `at_once` never stops; `in_turns` looks at the clock at each yield, and waits for its next
turn after `SLICE`. So usual work, which is over sooner, costs no turn.

Of all work that was interrupted, one piece goes on in each turn of the event loop: however many there are, sockets are
looked at, and what is new begins, after one slice.
"""

import asyncio
from collections import deque
from collections.abc import Generator
from time import perf_counter
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

Work = Generator[None, None, T]
"""Work whose result is the generator's return value."""

SLICE: Final = 0.005
"""Seconds after which work is interrupted. Between two yields there should be at most as much again."""


class _Interrupted:
    """Work of one event loop that was interrupted, in the order in which it goes on."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()

    def wait(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
        """Done when it is this one's turn."""
        if not self._waiting:
            loop.call_soon(self._let_one, loop)
        waiting = loop.create_future()
        self._waiting.append(waiting)
        return waiting

    def _let_one(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():  # else it was cancelled
                waiting.set_result(None)
                break
        if self._waiting:
            loop.call_soon(self._let_one, loop)


_INTERRUPTED: Final = WeakKeyDictionary[asyncio.AbstractEventLoop, _Interrupted]()


async def turn() -> None:
    """Wait for the next turn of work that was interrupted."""
    loop = asyncio.get_running_loop()
    interrupted = _INTERRUPTED.get(loop)
    if interrupted is None:
        interrupted = _INTERRUPTED[loop] = _Interrupted()
    await interrupted.wait(loop)


def at_once(work: Work[T]) -> T:
    """The result of the work, without an interruption."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: T = done.value
            return result


async def in_turns(work: Work[T]) -> T:
    """The result of the work. Cancelling ends it at its next interruption."""
    until = perf_counter() + SLICE
    try:
        while True:
            next(work)
            if perf_counter() > until:
                await turn()
                until = perf_counter() + SLICE
    except StopIteration as done:
        result: T = done.value
        return result
    finally:
        work.close()
