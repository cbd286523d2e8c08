"""How long the event loop is held up: the CPU time of its turns, whatever else runs on the machine."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import thread_time


@dataclass(slots=True)
class Turns:
    """CPU seconds of the turns of an event loop: the longest, and of all together."""

    longest: float = 0.0
    total: float = 0.0


@contextmanager
def watched(loop: asyncio.AbstractEventLoop) -> Iterator[Turns]:
    """The turns of asyncio's own event loop from now on.

    A turn is all that runs between two looks at the sockets. What runs in other threads does not count.
    """
    turns = Turns()
    once = loop._run_once  # type: ignore[attr-defined]  # the one place that every turn passes has no public name

    def run_once() -> None:
        began = thread_time()
        once()
        took = thread_time() - began
        turns.total += took
        turns.longest = max(turns.longest, took)

    loop._run_once = run_once  # type: ignore[attr-defined]  # as above
    try:
        yield turns
    finally:
        loop._run_once = once  # type: ignore[attr-defined]  # as above
