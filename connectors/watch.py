"""Bounds in time for many tasks by one timer: `asyncio.timeout` sets and stops one each, at 4 microseconds a call."""

import asyncio
import math
from operator import attrgetter
from typing import Final

_TICK: Final = 0.001
"""Seconds that a loop's clock may be early."""


class Watch:
    """What is under way in one event loop, each with its bound. The timer rings for the first and is set anew then.

    What ends in time leaves it as it is: it may ring for nobody.
    """

    def __init__(self) -> None:
        self._bounds: set[Bound] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = math.inf

    def bound(self, seconds: float) -> "Bound":
        """For a `with` statement: what takes longer than that is cancelled, and raises TimeoutError."""
        return Bound(self, seconds)

    def begin(self, bound: "Bound") -> None:
        """Watch it until it ends."""
        self._bounds.add(bound)
        if bound.ends_at < self._rings_at:
            self._set(bound.ends_at)

    def end(self, bound: "Bound") -> None:
        """It ended in time, or was ended."""
        self._bounds.discard(bound)

    def _set(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._rings_at = asyncio.get_running_loop().call_at(at, self._ring), at

    def _ring(self) -> None:
        self._timer, self._rings_at = None, math.inf
        now = asyncio.get_running_loop().time() + _TICK
        for bound in sorted(self._bounds, key=attrgetter("ends_at")):
            if bound.ends_at > now:
                self._set(bound.ends_at)
                break
            self.end(bound)
            bound.expire()


class Bound:
    """One task's bound, as `asyncio.timeout` gives it: a cancellation from elsewhere stays one.

    `expired`: whether it was this that ended the task's work.
    """

    __slots__ = ("_cancelling", "_seconds", "_task", "_watch", "ends_at", "expired")

    def __init__(self, watch: Watch, seconds: float) -> None:
        self._watch, self._seconds, self.expired = watch, seconds, False

    def __enter__(self) -> "Bound":
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # a coroutine of a task is what is bounded
        self._task, self._cancelling = task, task.cancelling()
        self.ends_at = asyncio.get_running_loop().time() + self._seconds
        self._watch.begin(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _traceback: object) -> None:
        self._watch.end(self)
        if self.expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def expire(self) -> None:
        """Cancel what it bounds."""
        self.expired = True
        self._task.cancel()
