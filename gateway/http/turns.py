"""How much of what clients send is heeded in one turn of the event loop."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

AT_ONCE: Final = 16
"""Handshakes and messages that are heeded in one turn. Each takes some tenths of a millisecond, or starts what does."""

MOMENT: Final = 0.02
"""Seconds for which what comes is gathered while requests are refused."""


class Turns:
    """Lets everything else have its turn, however many clients send at once: what is too much for one turn waits.

    Whoever waits longest comes first.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = self._left = at_once
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_renewing = False

    async def take(self) -> None:
        """Wait until there is room in a turn of the event loop."""
        loop = asyncio.get_running_loop()
        if not self._is_renewing:
            self._is_renewing = True
            loop.call_soon(self._renew)
        if self._left and not self._waiting:
            self._left -= 1
            return
        waiting = loop.create_future()
        self._waiting.append(waiting)
        await waiting

    def _renew(self) -> None:
        """Let in as many as may be in the turn that begins."""
        self._left = self._at_once
        while self._waiting and self._left:
            waiting = self._waiting.popleft()
            if not waiting.done():  # else its connection has ended
                waiting.set_result(None)
                self._left -= 1
        self._is_renewing = self._left < self._at_once
        if self._is_renewing:
            asyncio.get_running_loop().call_soon(self._renew)


class Beginnings:
    """The same for what is called, not awaited: it is done at once, or in a turn to come, in the order of its coming.

    The loop is called only once for as many as may be done in one turn, however many turns they take.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = self._left = at_once
        self._urgent = 4 * at_once
        self._waiting: deque[Callable[[], None]] = deque()
        self._is_renewing = self._goes_on = False

    def take(self) -> bool:
        """Whether there is room in this turn. Where there is none, `later` follows."""
        self._left -= 1
        if self._left > 0:
            return True
        self._renew_soon()
        return self._left == 0 or self._goes_on

    def take_urgent(self) -> bool:
        """Whether there is room for what should wait for nothing else, after `take` found none."""
        self._urgent -= 1
        return self._urgent >= 0

    def later(self, begin: Callable[[], None]) -> None:
        """Call this in a turn to come, in which it finds room."""
        self._waiting.append(begin)
        self._renew_soon()

    def _renew_soon(self) -> None:
        if not self._is_renewing:
            self._is_renewing = True
            asyncio.get_running_loop().call_soon(self._renew)

    def _renew(self) -> None:
        first = min(self._at_once, len(self._waiting))
        self._urgent, self._is_renewing, self._goes_on = 4 * self._at_once, False, True
        try:
            for _ in range(first):
                self._waiting.popleft()()
        finally:
            self._goes_on = False
            self._left = self._at_once - first
            if first:
                self._renew_soon()


class Together:
    """What is called together with all else that comes within a moment, in the order of its coming.

    To do the same again and again takes less time than to do it now and then between other things: the processor has
    what it needs at hand.
    """

    def __init__(self, beginnings: Beginnings) -> None:
        self._beginnings = beginnings
        self._waiting: list[Callable[[], None]] = []

    def add(self, what: Callable[[], None]) -> None:
        """Call this, too, once the moment is over, in a turn of the event loop in which it finds room."""
        if not self._waiting:
            asyncio.get_running_loop().call_later(MOMENT, self._begin)
        self._waiting.append(what)

    def _begin(self) -> None:
        waiting, self._waiting = self._waiting, []
        for what in waiting:
            self._beginnings.later(what)


class TurnEnd:
    """What is done once all that has come in one turn of the event loop is read, in its order."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def add(self, what: Callable[[], None]) -> None:
        """Do this, too."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._do)
        self._waiting.append(what)

    def _do(self) -> None:
        try:
            for _ in range(len(self._waiting)):
                self._waiting.popleft()()
        finally:
            if self._waiting:  # one of them failed, and the others are done nevertheless
                asyncio.get_running_loop().call_soon(self._do)
