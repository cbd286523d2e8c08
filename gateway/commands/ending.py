"""How a served gateway ends, so that nobody's request is lost.

At SIGTERM it says that it is not ready, and answers everything still: the balancer needs a moment to see it. Then it
stops to listen, answers what is under way, and ends. uvicorn's own servers stop to listen at once, and the parent of
workers holds the port open until they have ended, so that clients connect to nobody.
"""

import asyncio
import logging
import os
import signal
from socket import socket
from types import FrameType
from typing import Any, Final, cast

import uvicorn

from gateway.commands.accepting import Accepting
from gateway.commands.garbage import FullLooks
from gateway.commands.service_manager import tell_ready
from gateway.http.edge import Edge
from gateway.http.server import Protocols

_log: Final = logging.getLogger("gateway.serve")

_TICK: Final = 0.1
"""Seconds between uvicorn's chores; it reckons with ten a second."""


class LeavingConfig(uvicorn.Config):
    """uvicorn's configuration, with the seconds for which a server is not ready before it stops."""

    def __init__(self, *arguments: Any, leave_after: float, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.leave_after = leave_after


class LeavingServer(uvicorn.Server):
    """A server that is not ready for some time before it stops. Ctrl-C stops it at once."""

    def __init__(self, config: LeavingConfig, *, parent: int | None = None) -> None:
        """`parent`: the process above a worker, with which it ends. Else whoever started this one may end."""
        super().__init__(config)
        self._parent = parent
        self._leave_after, self._is_told_to_leave = config.leave_after, False
        self._accepting: Accepting | None = None
        self._full_looks = FullLooks()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start, take connections as fast as they come, and say so to whoever waits for it."""
        await super().startup(sockets)
        if self.started:
            listening = [one.fileno() for server in self.servers for one in server.sockets]
            self._accepting = Accepting(listening, self._new_protocol)
            tell_ready()

    async def on_tick(self, counter: int) -> bool:
        """uvicorn's chores. Whether to end."""
        if self._parent not in (None, os.getppid()) and not self.should_exit:
            _log.warning("the process above this worker is gone, and the worker ends, too")
            self.handle_exit(signal.SIGTERM, None)
        self._full_looks.look_if_due()
        return await super().on_tick(counter)

    def _new_protocol(self) -> asyncio.Protocol:
        made: Protocols = cast(Any, self.config.http)
        return made(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Say from now on that this process is not ready."""
        super().handle_exit(sig, frame)
        if sig == signal.SIGTERM:
            self._is_told_to_leave = True
            self._edge.draining = True
            if hasattr(self, "lifespan"):  # else it has not begun to start
                self.lifespan.state["draining"] = True

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Answer everything for `leave_after` seconds, then what is under way."""
        if self._is_told_to_leave:
            loop = asyncio.get_running_loop()
            until, tick = loop.time() + self._leave_after, 0
            while loop.time() < until and not self.force_exit:
                await self.on_tick(tick)
                tick += 1
                await asyncio.sleep(_TICK)
        if self._accepting is not None:
            self._accepting.stop()
        for listening in (*self.servers, *(sockets or ())):  # as uvicorn does, but with nothing before it
            listening.close()
        self._edge.closing_since = asyncio.get_running_loop().time()
        await super().shutdown(sockets)

    @property
    def _edge(self) -> Edge:
        made: Any = self.config.http  # `gateway.http.server.server_options` made it
        return cast(Protocols, made).edge
