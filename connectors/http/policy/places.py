"""Places for the calls to one system: a fixed number for all its operations, each of which has a limit of its own."""

import asyncio
from collections import deque
from typing import Final, Protocol


class Limited(Protocol):
    """An operation's own limit."""

    @property
    def now(self) -> int:
        """Calls that may be under way at once at the moment."""


class Fixed:
    """A limit that never changes."""

    def __init__(self, most: int) -> None:
        self.now: Final = most


class Line:
    """The calls of one operation: how many are under way, and who waits, first come first served."""

    __slots__ = ("limit", "longest", "under_way", "waiting")

    def __init__(self, limit: Limited, longest: int) -> None:
        """`longest`: most calls that may wait."""
        self.limit, self.longest, self.under_way = limit, longest, 0
        self.waiting: deque[asyncio.Future[bool]] = deque()


class Places:
    """The places of one system. Whoever got one gives it back with `leave`.

    A place that becomes free goes to the operations in turn, so that a slow one, or one that asks much, does not keep
    the others waiting.
    """

    __slots__ = ("_free", "_turns")

    def __init__(self, most: int) -> None:
        self._free = most
        self._turns: deque[Line] = deque()
        """Operations with waiting calls; the next one's turn is first."""

    def take(self, line: Line) -> bool:
        """A place at once, if there is one for this operation and nobody of it waits."""
        if self._free and line.under_way < line.limit.now and not line.waiting:
            self._free -= 1
            line.under_way += 1
            return True
        return False

    async def wait(self, line: Line, seconds: float) -> bool:
        """Wait for a place. False if there is nothing to wait for any more: see `dismiss`.

        Raises TimeoutError after so many seconds, at once if too many wait already.
        """
        if len(line.waiting) >= line.longest:
            raise TimeoutError
        place: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if not line.waiting:
            self._turns.append(line)
        line.waiting.append(place)
        try:
            async with asyncio.timeout(seconds):
                return await place
        except BaseException:
            if place.done() and not place.cancelled() and place.result():  # it came at the same moment
                self.leave(line)
            else:
                self._forget(line, place)
            raise

    def leave(self, line: Line) -> None:
        """Give a place back; the next who waits gets it."""
        self._free += 1
        line.under_way -= 1
        if self._turns:
            self.share_out()

    def share_out(self) -> None:
        """Give free places to those who wait, as far as the limits of their operations allow."""
        passed = 0
        while self._free and passed < len(self._turns):
            line = self._turns[0]
            self._turns.rotate(-1)
            if line.under_way >= line.limit.now:
                passed += 1
                continue
            passed = 0
            place = line.waiting.popleft()
            if not line.waiting:
                self._turns.remove(line)
            if not place.done():  # whoever waited may have been cancelled in this turn
                self._free -= 1
                line.under_way += 1
                place.set_result(True)

    def dismiss(self, line: Line) -> None:
        """Nobody of this operation needs to wait any more: it will not be asked."""
        if line.waiting:
            self._turns.remove(line)
            while line.waiting:
                place = line.waiting.popleft()
                if not place.done():
                    place.set_result(False)

    def _forget(self, line: Line, place: "asyncio.Future[bool]") -> None:
        if place in line.waiting:
            line.waiting.remove(place)
            if not line.waiting:
                self._turns.remove(line)
