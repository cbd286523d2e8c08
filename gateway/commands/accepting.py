"""Takes connections as fast as they come, however long the event loop's turns are.

uvloop takes one in each turn. With turns of 20 ms that is 50 a second: the rest waits in the system's queue, probes
among them, and beyond its length clients try again after one second, and after two more.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from typing import Final

AT_ONCE: Final = 64
"""Connections that are taken in one turn, besides the event loop's own."""


MOST_WAITING: Final = 4096
"""Connections that are taken at the end: as many as the system's queue may hold."""


class Accepting:
    """Takes more connections from listening sockets, on which an event loop accepts, too."""

    def __init__(self, listening: Sequence[int], protocol: Callable[[], asyncio.Protocol]) -> None:
        """`listening` are descriptors, which stay open until their owner closes them."""
        self._loop, self._protocol = asyncio.get_running_loop(), protocol
        self._sockets = [socket.socket(fileno=os.dup(one)) for one in listening]
        self._tasks: set[asyncio.Task[object]] = set()
        for one in self._sockets:
            one.setblocking(False)
            self._loop.add_reader(one.fileno(), self._take, one)

    def stop(self) -> None:
        """Take those that wait, and then no more. Whoever waits when a listening socket is closed is reset, with the
        request that it has sent: so close it in the same turn.
        """
        for one in self._sockets:
            self._loop.remove_reader(one.fileno())
            for _ in range(MOST_WAITING // AT_ONCE):
                if not self._take(one):
                    break
            one.close()
        self._sockets.clear()

    def _take(self, listening: socket.socket) -> bool:
        """Whether more may wait."""
        for _ in range(AT_ONCE):
            try:
                connected, _address = listening.accept()
            except OSError:  # None waits; or it has gone already, or there is no descriptor: the loop's own turn tells
                return False
            connected.setblocking(False)
            task = self._loop.create_task(self._connect(connected))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return True

    async def _connect(self, connected: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connected)
        except OSError:  # it has gone meanwhile
            connected.close()
