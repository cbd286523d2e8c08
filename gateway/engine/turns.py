"""Work that lets others have their turn: long synchronous work is a generator that yields where it may be interrupted.

Whoever drives it decides: `at_once` never stops; `in_turns` looks at the clock at each yield, and gives the event loop
a turn after `SLICE`. So usual work, which is over sooner, costs no turn.
"""

import asyncio
from collections.abc import Generator
from time import perf_counter
from typing import Final, TypeVar

T = TypeVar("T")

Work = Generator[None, None, T]
"""Work whose result is the generator's return value."""

SLICE: Final = 0.01
"""Seconds after which work is interrupted. Between two yields there should be at most as much again."""


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
                await asyncio.sleep(0)
                until = perf_counter() + SLICE
    except StopIteration as done:
        result: T = done.value
        return result
    finally:
        work.close()
