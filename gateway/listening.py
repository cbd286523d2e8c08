"""Ports: taken before anything else starts, so that a port in use is one sentence and not half a start."""

import errno
import socket


class PortUnavailable(Exception):
    """A port cannot be listened on; the text names it and says why."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises PortUnavailable."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortUnavailable(f"Port {port} on {host} is in use by another program.") from error
        raise PortUnavailable(f"Port {port} on {host} cannot be listened on: {error.strerror or error}.") from error


def check_free(host: str, port: int) -> None:
    """Raise PortUnavailable where nobody else could listen now."""
    listen(host, port).close()
