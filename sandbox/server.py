"""A system's server in its own thread, for tests and the demo. It can be stopped and started again."""

import asyncio
import socket
import threading
from collections import deque
from contextlib import suppress
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.app import ABORT, SandboxApp, create_app
from sandbox.data.world import World
from sandbox.protocol.switches import Switches
from sandbox.protocol.systems import SystemName

_TICK: Final = 0.1
"""Seconds between uvicorn's chores, such as setting the date in its headers; it reckons with ten ticks a second."""


class PortInUse(OSError):
    """The port is in use; the message names it and says what to do."""


class _Protocol(HttpToolsProtocol):
    """An HTTP protocol that lets the application abort the connection."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = {ABORT: self.transport.abort}
        self.scope["extensions"] = extensions


class PromptServer(uvicorn.Server):
    """A server that says when it is ready, stops when it is told to, and cuts the connections that are open then.

    uvicorn's own looks ten times a second whether it should stop, and then waits for clients to close.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def stop(self) -> None:
        """Stop now. May be called from any thread, also when the server has ended by itself."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # The loop is closed: the server has ended.
                self._loop.call_soon_threadsafe(self._stopping.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and set `ready`."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """Do uvicorn's chores until the server is told to stop."""
        tick = 0
        while not await self.on_tick(tick):
            tick += 1
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK):
                    await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Free the port, cut every connection, and wait for what was being answered."""
        for server in self.servers:
            server.close()
        for one in sockets or []:
            one.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks)
        for server in self.servers:
            await server.wait_closed()
        await self.lifespan.shutdown()


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises PortInUse."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else asyncio leaves Nagle on
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(1024)
    except OSError as problem:
        found.close()
        raise PortInUse(
            f"cannot listen on {host}:{port} ({problem.strerror}); choose another port or stop what uses it"
        ) from problem
    return found


def run(server: PromptServer, listening: socket.socket) -> None:
    """Serve on `listening` until the server is told to stop, on uvloop where there is one."""
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(server.serve([listening]))


def server_for(app: SandboxApp) -> PromptServer:
    """Return the uvicorn server that runs a system."""
    return PromptServer(
        uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="on",
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
        )
    )


class SandboxServer:
    """One system on its own port.

    `start()` returns when it answers; `stop()` when the port is free and every connection is cut; both may be
    repeated and the port stays the same. Data written before a stop is still there after it.
    """

    def __init__(self, system: SystemName, *, world: World, host: str = "127.0.0.1", port: int = 0) -> None:
        self.system, self.world, self.host, self.port = system, world, host, port
        self.app = create_app(system, world)
        self._server: PromptServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The address without a path, such as ``http://127.0.0.1:8101``. Known once started."""
        return f"http://{self.host}:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether it was started and not stopped since."""
        return self._thread is not None

    @property
    def switches(self) -> Switches:
        """The system's switches, to be read and assigned directly."""
        return self.app.switches

    @property
    def requests(self) -> deque[dict[str, Any]]:
        """The last requests: method, path, query, status, and the header traceparent of those that have one."""
        return self.app.requests

    def start(self) -> "SandboxServer":
        """Listen and answer. Raises PortInUse; RuntimeError if it is running."""
        if self._thread is not None:
            raise RuntimeError(f"{self.system} is running at {self.url}")
        listening = listening_socket(self.host, self.port)
        self.port = listening.getsockname()[1]
        server = self._server = server_for(self.app)
        self._thread = threading.Thread(
            target=run, args=(server, listening), name=f"sandbox-{self.system}", daemon=True
        )
        self._thread.start()
        if not server.ready.wait(30):
            raise RuntimeError(f"{self.system} did not start within 30 seconds")
        return self

    def stop(self) -> None:
        """Free the port and cut every connection. Does nothing if it is not running."""
        if self._thread is None or self._server is None:
            return
        self._server.stop()
        self._thread.join()
        self._server = self._thread = None

    def __enter__(self) -> "SandboxServer":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
