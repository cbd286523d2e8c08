"""Ports: taken before anything else starts, so that a port in use is one sentence and not half a start."""

import errno
import socket


class PortUnavailable(Exception):
    """It is impossible to listen on a port. The text names the port and the reason."""


def listen(host: str, port: int) -> socket.socket:
    """A TCP socket that listens on this host and port. Raises PortUnavailable."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named: asyncio sets TCP_NODELAY only then, and without it each answer waits 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise PortUnavailable(f"Port {port} on {host} is in use by another program.") from error
        raise PortUnavailable(f"Port {port} on {host} cannot be listened on: {error.strerror or error}.") from error
    return listening


def check_free(host: str, port: int) -> None:
    """Raise PortUnavailable if it is impossible to listen there now. The port is released again."""
    listen(host, port).close()
