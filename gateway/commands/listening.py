"""What the gateway listens on: taken before anything else starts, so that a port in use is one sentence."""

import errno
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

_WAITING: Final = 2048
"""Connections that wait until they are taken."""

_MODE: Final = 0o660
"""Who may open a Unix socket: its owner and its group."""


class PortUnavailable(Exception):
    """It is impossible to listen on a port or a Unix socket. The text names it and the reason."""

    setting = "port"
    """The key of `[server]` that says where."""


def listen(host: str, port: int, *, beside: bool = False) -> socket.socket:
    """A TCP socket that listens on this host and port; "::" is every address, of IPv4, too. Raises PortUnavailable.

    `beside`: also beside processes of the same user that let others listen there, too, as workers do for their metrics.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named: asyncio sets TCP_NODELAY only then, and without it each answer waits 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if beside:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family is socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.bind((host, port))
        listening.listen(_WAITING)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise PortUnavailable(f"Port {port} on {host} is in use by another program.") from error
        unavailable = PortUnavailable(f"Port {port} on {host} cannot be listened on: {error.strerror or error}.")
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            unavailable.setting = "host"
        raise unavailable from error
    except UnicodeError as error:
        listening.close()
        unavailable = PortUnavailable(f"{host} is no name or address of this machine.")
        unavailable.setting = "host"
        raise unavailable from error
    return listening


def listen_on(path: Path) -> socket.socket:
    """A Unix socket that listens, in place of one that nobody listens on any more. Raises PortUnavailable."""
    _remove_left(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(str(path))
        path.chmod(_MODE)
        listening.listen(_WAITING)
    except OSError as error:
        listening.close()
        raise _taken(path, f"cannot be listened on: {error.strerror or error}") from error
    return listening


def _remove_left(path: Path) -> None:
    """Remove a socket that a process left behind. Raises PortUnavailable where somebody listens."""
    with suppress(OSError):  # to bind fails then, too, and says why
        if not stat.S_ISSOCK(path.stat().st_mode):
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trying:
            try:
                trying.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
                return
        raise _taken(path, "is in use by another program")


def _taken(path: Path, why: str) -> PortUnavailable:
    unavailable = PortUnavailable(f"{path} {why}.")
    unavailable.setting = "unix_socket"
    return unavailable


def check_free(host: str, port: int, *, beside: bool = False) -> None:
    """Raise PortUnavailable if it is impossible to listen there now, as `listen` says. The port is released again."""
    listen(host, port, beside=beside).close()
