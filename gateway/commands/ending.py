"""How a served gateway ends, so that nobody's request is lost.

At SIGTERM it says that it is not ready, and answers everything still: the balancer needs a moment to see it. Then it
stops to listen, answers what is under way, and ends. uvicorn's own servers stop to listen at once, and the parent of
several workers holds the port open until they have ended, so that clients connect to nobody.
"""

import asyncio
import signal
import sys
import time
from contextlib import suppress
from socket import socket
from types import FrameType
from typing import Any, Final, cast

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import multiprocess
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from gateway.commands.accepting import Accepting
from gateway.http.edge import Edge
from gateway.http.server import Protocols

_TICK: Final = 0.1
"""Seconds between uvicorn's chores; it reckons with ten a second."""

STARTS_WITHIN: Final = 60.0
"""Seconds after which a worker that has not begun is killed."""


class LeavingConfig(uvicorn.Config):
    """uvicorn's configuration, with the seconds for which a server is not ready before it stops."""

    def __init__(self, *arguments: Any, leave_after: float, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.leave_after = leave_after


class LeavingServer(uvicorn.Server):
    """A server that is not ready for some time before it stops. Ctrl-C stops it at once."""

    def __init__(self, config: LeavingConfig) -> None:
        super().__init__(config)
        self._leave_after, self._is_told_to_leave = config.leave_after, False
        self._accepting: Accepting | None = None

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start, and take connections as fast as they come."""
        await super().startup(sockets)
        if self.started:
            listening = [one.fileno() for server in self.servers for one in server.sockets]
            self._accepting = Accepting(listening, self._new_protocol)

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
        self._edge.closing_since = asyncio.get_running_loop().time()
        await super().shutdown(sockets)

    @property
    def _edge(self) -> Edge:
        made: Any = self.config.http  # `gateway.http.server.server_options` made it
        return cast(Protocols, made).edge


class Worker(Process):
    """A worker whose server is a LeavingServer, and that has `STARTS_WITHIN` seconds to begin.

    uvicorn kills one that does not answer for 5 s. A worker answers once it has imported everything, and where its
    fellow has just died the machine is busy with that one's requests: it would be killed and begun anew, again and
    again.
    """

    _asked_first: float | None = None
    _has_begun = False

    def is_alive(self, timeout: float = 5) -> bool:
        """Whether it runs, and answers within so many seconds once it has begun to; nobody waits for that."""
        if self._has_begun or not self.process.is_alive():
            return super().is_alive(timeout)
        with suppress(OSError):
            if self._asked_first is None:
                self._asked_first = time.monotonic()
                self.parent_conn.send(b"ping")
            if self.parent_conn.poll(0):
                self.parent_conn.recv()
                self._has_begun = True
            return self._has_begun or time.monotonic() < self._asked_first + STARTS_WITHIN
        return False

    @property
    def server(self) -> uvicorn.Server:
        """The one that this worker runs."""
        if self._server is None:
            assert isinstance(self.config, LeavingConfig)  # noqa: S101 - it is the one of `run`
            self._server = LeavingServer(self.config)
        return self._server


class _Workers(Multiprocess):
    """Several workers, which alone listen once they are told to end."""

    def terminate_all(self) -> None:
        super().terminate_all()
        for one in self.sockets:
            one.close()


def run(config: LeavingConfig) -> None:
    """Serve until a signal ends it. Exits with uvicorn's status for a start that failed."""
    if config.workers > 1:
        multiprocess.Process = Worker  # type: ignore[misc]  # uvicorn starts and restarts them, and takes no class
        _Workers(config, [config.bind_socket()]).run()
        return
    server = LeavingServer(config)
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)
