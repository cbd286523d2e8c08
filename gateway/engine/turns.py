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

from gateway.engine.new_objects import look_at_new_objects

T = TypeVar("T")

Work = Generator[None, None, T]
"""Work whose result is the generator's return value."""

SLICE: Final = 0.005
"""Seconds after which work is interrupted. Between two yields there should be at most as much again."""


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


def at_once(work: Work[T]) -> T:
    """The result of the work, without an interruption."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: T = done.value
            return result


async def in_turns(work: Work[T], *, begins_at_once: bool = True) -> T:
    """The result of the work. Cancelling ends it at its next interruption.

    Work that is seldom short should not begin at once: others may have begun as much in this turn of the event loop.
    """
    if not begins_at_once:
        await turn()
        look_at_new_objects()  # in this turn, or what was sent later would begin sooner
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
