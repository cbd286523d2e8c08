"""How much of what clients send is heeded in one turn of the event loop."""

import asyncio
from collections import deque
from typing import Final

AT_ONCE: Final = 16
"""Handshakes and messages that are heeded in one turn. Each takes some tenths of a millisecond, or starts what does."""


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
