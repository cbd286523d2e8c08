"""Ports of this machine for servers of tests."""

import os
import random
import socket
from contextlib import ExitStack, suppress


def free_ports(count: int) -> int:
    """The first of so many ports in a row that are free.

    They lie below the range that systems take for outgoing connections, or somebody's request would have one by then.
    Tests that run beside these have ports of their own.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10
    while True:
        port = 10_000 + 2_000 * worker + random.randrange(2_000 - count)
        with ExitStack() as taken, suppress(OSError):
            for one in range(port, port + count):
                taken.enter_context(socket.create_server(("127.0.0.1", one)))
            return port
