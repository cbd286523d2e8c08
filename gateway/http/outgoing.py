"""What waits to be sent over a connection that stays open: sent by a task that runs only while something waits."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from starlette.types import Message, Send

MOST_ANSWERS: Final = 16
"""Answers to a client's messages that wait for it, before its next message is read."""

SMALL: Final = 4 * 1024
"""Characters of a message that is sent however much waits."""

Take = Callable[[], Iterable[Message]]
"""Gives messages at the moment in which they can be sent, so that they are the newest."""


def _uncounted(_size: int) -> None:
    """For connections whose buffers are all that waits."""


class Outgoing:
    """The messages of one connection, sent in their order. Times are by the event loop's clock."""

    __slots__ = ("_is_ending", "_reserve", "_send", "_task", "_waiting", "sent_at", "waits_since")

    def __init__(self, send: Send, reserve: Callable[[int], None] = _uncounted) -> None:
        """`reserve` is told how many bytes more wait here, or fewer, if negative. Small messages are not counted."""
        self._send, self._reserve = send, reserve
        self._waiting: list[Message | Take] = []
        self._is_ending = False
        self._task: asyncio.Task[None] | None = None
        self.sent_at = asyncio.get_running_loop().time()
        """When the last message was handed to the system's buffers."""
        self.waits_since = 0.0
        """Since when the client has not read enough to be sent the next message; 0 while it reads."""

    def put(self, one: Message | Take) -> None:
        """Send it after what waits. Nothing is sent after `put_last`."""
        if not self._is_ending:
            self._waiting.append(one)
            if size := _size(one):
                self._reserve(size)
            self._start()

    def put_last(self, *messages: Message) -> None:
        """Send these instead of what waits, and nothing after them."""
        if not self._is_ending:
            self._give_up([*messages])
            self._start()

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be sent."""
        return self._task is None

    def stop(self) -> None:
        """Send nothing more: the connection has ended."""
        self._give_up([])
        if self._task is not None:
            self._task.cancel()

    def _give_up(self, last: list[Message | Take]) -> None:
        given_up, self._waiting, self._is_ending = self._waiting, last, True
        if size := sum(map(_size, given_up)):
            self._reserve(-size)

    async def has_room(self) -> None:
        """Wait until the client has read so much that it may be answered again."""
        while len(self._waiting) > MOST_ANSWERS and self._task is not None:
            await asyncio.wait([self._task])

    def _start(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            while waiting := self._waiting:
                one = waiting.pop(0)
                for message in one() if callable(one) else (one,):
                    await self._send_one(message, is_counted=message is one)
                    if waiting is not self._waiting:  # what was waiting is not to be sent any more
                        break
        except OSError:  # The client has gone, which whoever receives from it learns, too.
            self._give_up([])
        finally:
            self._task = None

    async def _send_one(self, message: Message, *, is_counted: bool) -> None:
        loop, size = asyncio.get_running_loop(), _size(message)
        self.waits_since = loop.time()
        if size and not is_counted:
            self._reserve(size)
        try:
            await self._send(message)
        finally:
            if size:
                self._reserve(-size)
        self.sent_at, self.waits_since = loop.time(), 0.0


def _size(one: Message | Take) -> int:
    """Bytes of a message that is large enough to be counted: its characters, most of which are one byte."""
    size = 0 if callable(one) else len(one.get("text") or "")
    return size if size > SMALL else 0
