"""Telling systemd that the gateway serves, by the protocol of sd_notify(3)."""

import logging
import os
import socket
from typing import Final

_log: Final = logging.getLogger("gateway.serve")


def tell_ready() -> None:
    """Say that requests are answered, where a service manager waits for that (NOTIFY_SOCKET); else do nothing.

    Each worker says it, and the first one counts. The variable names a Unix socket, or with "@" one without a file.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as told:
            told.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            told.send(b"READY=1")
    except OSError as error:
        _log.warning("systemd cannot be told that the gateway serves (NOTIFY_SOCKET=%s): %s", address, error)
