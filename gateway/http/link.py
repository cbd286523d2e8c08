"""What a connection that stays open needs of its server beside ASGI: to be cut off, and to learn that the server ends.

uvicorn's protocols as `HttpProtocol` and `WebSocketProtocol` extend them offer it in the scope of each request.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final, Protocol
from weakref import ref

from starlette.types import Scope

EXTENSION: Final = "gateway.link"
"""Key in the scope's `extensions`; its value is a weak reference to the Link, which holds the scope."""


BUFFER: Final = 64 * 1024
"""Bytes that the system keeps of a connection, each way. Its own choice would be some millions for a slow client."""


class Link(Protocol):
    """One connection, as its server sees it."""

    leave: Callable[[], None] | None
    """Called when the server ends, instead of closing the connection; whoever sets it closes in time."""

    def narrow(self) -> None:
        """Keep buffers small from now on: what a slow client is to be sent, and what a fast one sends."""

    def hold(self, seconds: float) -> None:
        """Read nothing more for so long."""

    def admit(self, size: int) -> bool:
        """Whether so many bytes more may wait for their clients, of all connections together."""

    def reserve(self, size: int) -> None:
        """So many bytes wait in the application's hands until they are sent; fewer, if negative."""

    def abort(self) -> None:
        """Cut the connection off, and send nothing that still waits."""


def link_if_any(scope: Scope) -> Link | None:
    """The link of a request; None under a server that offers none (`create_app` says which one does)."""
    reference: ref[Link] | None = (scope.get("extensions") or {}).get(EXTENSION)
    return reference() if reference else None


def link_of(scope: Scope) -> Link:
    """The link of a request. Raises RuntimeError where its server offers none."""
    link = link_if_any(scope)
    if link is None:
        raise RuntimeError("connections that stay open need HttpProtocol and WebSocketProtocol of the gateway")
    return link


def narrow(transport: asyncio.Transport) -> None:
    """Let the system and the event loop keep at most `BUFFER` bytes of this connection, each way."""
    connected: socket.socket | None = transport.get_extra_info("socket")
    if connected is not None:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER // 2)  # Linux doubles what it is told,
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER // 2)  # as it counts its own needs, too.
    transport.set_write_buffer_limits(BUFFER // 2)
