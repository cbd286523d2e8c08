"""How uvicorn is to serve the gateway: with its own protocols, whose connections share one edge in each process."""

from typing import Any

from gateway.http.edge import Edge
from gateway.http.trusted_proxies import TrustedProxies
from gateway.http.websocket_protocol import websocket_options
from gateway.http.write_coalescing import HttpProtocol
from gateway.server_settings import ServerSettings


class Protocols:
    """Makes the protocol of each connection, as uvicorn takes a class for. A new one can be pickled."""

    def __init__(self, edge: Edge, protocol: type[HttpProtocol] = HttpProtocol) -> None:
        self.edge, self._protocol = edge, protocol
        self._successor: Protocols | None = None
        self._succeeding: dict[str, Any] = {}

    def __call__(self, **named: Any) -> HttpProtocol:
        """A new connection's protocol."""
        if self._successor is not None:
            return self._successor(**{**named, **self._succeeding})
        return self._protocol(edge=self.edge, **named)

    def hand_over(self, successor: "Protocols", **named: Any) -> None:
        """New connections are another's from now on, with these arguments; those that are open go after an answer."""
        self._successor, self._succeeding = successor, named
        self.edge.draining = True


def trusted_proxies(server: ServerSettings) -> TrustedProxies:
    """The proxies that the settings trust."""
    return TrustedProxies(server.trusted_proxies, on_unix_socket=server.unix_socket is not None)


def server_options(
    server: ServerSettings,
    message_bytes: int,
    *,
    most_in_all: int | None = None,
    protocol: type[HttpProtocol] = HttpProtocol,
) -> dict[str, Any]:
    """Options of `uvicorn.Config`. Messages of WebSockets have at most so many bytes.

    At most `most_in_all` connections are open, WebSockets among them.
    """
    return {
        "http": Protocols(Edge(server.limits, trusted_proxies(server), most_in_all), protocol),
        **websocket_options(message_bytes),
        "headers": [("X-Content-Type-Options", "nosniff")],
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,  # nobody looks at a client's address but the edge, which wants the proxy's
        "timeout_keep_alive": server.limits.keep_alive,
    }
