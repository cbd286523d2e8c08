"""Serves an ASGI app on a free loopback port, inside the test's own event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from gateway.http.server import server_options
from gateway.http.write_coalescing import HttpProtocol
from gateway.server_settings import ServerSettings
from sandbox.server import PromptServer


@asynccontextmanager
async def serving(
    app: ASGIApp,
    http: type[HttpProtocol] = HttpProtocol,
    message_bytes: int = 64 * 1024,
    given: ServerSettings | None = None,
    most_in_all: int | None = None,
    state: Mapping[str, Any] | None = None,
) -> AsyncIterator[str]:
    """The app's address, while it is served. `state` is what a lifespan would have made."""
    # With the protocol named: asyncio sets TCP_NODELAY only then, and without it each answer takes 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        started = asyncio.Event()
        options = server_options(given or ServerSettings(), message_bytes, most_in_all=most_in_all, protocol=http)
        server = _Server(uvicorn.Config(app, lifespan="off", **options), started, state or {})
        running = asyncio.create_task(server.serve([listening]))
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
        assert started.is_set(), running
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.stop()
            await running


class _Server(PromptServer):
    def __init__(self, config: uvicorn.Config, up: asyncio.Event, state: Mapping[str, Any]) -> None:
        super().__init__(config)
        self._up, self._state = up, state

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.lifespan.state.update(self._state)
        await super().startup(sockets)
        self._up.set()
