"""uvicorn's WebSocket protocol (on the library `websockets`), for connections that stay open by the ten thousand."""

import logging
from collections.abc import Callable
from typing import Any, Final
from weakref import ref

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from gateway.http.link import EXTENSION

_log: Final = logging.getLogger("gateway.websocket")
_log.setLevel(logging.WARNING)  # uvicorn would log a line for each connection, with the client's address


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """To be given as `ws=` in uvicorn's configuration. It is the Link of its connection."""

    leave: Callable[[], None] | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.logger = _log

    def handle_connect(self, event: Request) -> None:
        """Offer the link to the application."""
        super().handle_connect(event)
        if not self.handshake_complete:  # else it was no valid handshake, and is refused already
            self.scope["extensions"] = {**(self.scope["extensions"] or {}), EXTENSION: ref(self)}  # type: ignore[dict-item]  # of our own

    def shutdown(self) -> None:
        """Let the application close the connection, if it wants to; else close it now."""
        if self.leave is None or self.close_sent:
            super().shutdown()
        else:
            self.leave()

    def abort(self) -> None:
        """Cut the connection off."""
        self.transport.abort()


def websocket_options(message_bytes: int) -> dict[str, Any]:
    """Options of `uvicorn.Config` for WebSockets whose messages from clients have at most so many bytes.

    Without compression, which would cost 10 kB or more for each connection, and without uvicorn's pings, which would
    cost it a timer: the endpoint has pings of GraphQL's protocol.
    """
    return {
        "ws": WebSocketProtocol,
        "ws_max_size": message_bytes,
        "ws_per_message_deflate": False,
        "ws_ping_interval": None,
    }
