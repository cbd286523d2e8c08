"""The worker processes of a served gateway, and the process above them, which replaces them.

uvicorn's supervisor does most of it. A worker that has died is replaced, and all of them one after the other at SIGHUP,
by workers with the settings as they are then, if these can be used. A worker is forked from a process that has imported
everything, has one thread and no event loop: it serves a second or two sooner than a new interpreter, and shares the
memory of what it does not change.
"""

import gc
import logging
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from socket import socket
from threading import Event
from typing import Final

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import multiprocess
from uvicorn.supervisors.multiprocess import SIGNALS, Multiprocess, Process

from gateway.commands.ending import LeavingConfig, LeavingServer
from gateway.commands.reloading import NotReloadedError, ReloadingServer

STARTS_WITHIN: Final = 60.0
"""Seconds after which a worker that has not begun is killed."""

_FORK: Final = multiprocessing.get_context("fork")

_log: Final = logging.getLogger("gateway.serve")


class Worker(Process):
    """A worker whose server is a LeavingServer, and that has `STARTS_WITHIN` seconds to begin.

    uvicorn kills one that does not answer for 5 s. Where its fellow has just died, the machine is busy with that one's
    requests, and a worker answers late: it would be killed and begun anew, again and again.
    """

    _asked_first: float | None = None
    _has_begun = False

    def __init__(self, config: uvicorn.Config, sockets: list[socket]) -> None:
        super().__init__(config, sockets)
        self.process = _FORK.Process(target=self._begin, args=(sockets,))  # type: ignore[assignment]  # uvicorn spawns

    def _begin(self, sockets: list[socket]) -> None:
        """Serve, in the new process. Until the server takes signals they have their usual effect, not the parent's."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with suppress(KeyboardInterrupt):
            self.target(sockets)

    def is_alive(self, timeout: float = 5) -> bool:
        """Whether it runs, and answers within so many seconds once it has begun to; nobody waits for that."""
        if self._has_begun or not self.process.is_alive():
            return super().is_alive(timeout)
        with suppress(OSError):
            if self._asked_first is None:
                self._asked_first = time.monotonic()
                self.parent_conn.send(b"ping")
            if self.parent_conn.poll(0):
                self.parent_conn.recv()
                self._has_begun = True
            return self._has_begun or time.monotonic() < self._asked_first + STARTS_WITHIN
        return False

    def wait_until_ready(self, timeout: float, should_exit: Event | None = None) -> bool:
        """Whether it serves, within `STARTS_WITHIN` seconds or the timeout, if that is longer."""
        self._has_begun = super().wait_until_ready(max(timeout, STARTS_WITHIN), should_exit)
        return self._has_begun

    @property
    def server(self) -> uvicorn.Server:
        """The one that this worker runs."""
        if self._server is None:
            assert isinstance(self.config, LeavingConfig)  # noqa: S101 - it is the one of `run`
            self._server = LeavingServer(self.config, parent=os.getppid())
        return self._server


class _Workers(Multiprocess):
    """Workers, which alone listen once they are told to end."""

    def __init__(self, config: LeavingConfig, listening: socket, again: Callable[[], LeavingConfig]) -> None:
        super().__init__(config, [listening])
        self._again = again

    def handle_hup(self) -> None:
        """Replace the workers by others with the settings as they are now. Wrong ones change nothing."""
        try:
            self.config = self._again()
        except NotReloadedError as error:
            _log.error("SIGHUP: %s", error)
            return
        _log.info("SIGHUP: workers with the settings as they are now replace the others")
        self.restart_all()

    def keep_subprocess_alive(self) -> None:
        """Replace workers that have died or hang, and say so. uvicorn says it among its information only."""
        before = list(self.processes)
        super().keep_subprocess_alive()
        for gone, present in zip(before, self.processes, strict=True):
            if gone is not present:
                _log.warning("worker %s has ended (exit code %s); another takes its place", gone.pid, gone.exitcode)

    def terminate_all(self) -> None:
        super().terminate_all()
        for one in self.sockets:
            one.close()


def run(config: LeavingConfig, listening: socket, again: Callable[[], LeavingConfig]) -> None:
    """Serve until a signal ends it, by a socket that listens. Exits with uvicorn's status for a start that failed.

    `again` makes the configuration anew, for SIGHUP. It raises NotReloadedError where the one before must stay.
    """
    if config.workers > 1:
        multiprocess.Process = Worker  # type: ignore[misc]  # uvicorn starts and restarts them, and takes no class
        gc.freeze()  # or each worker's collector writes to what they share, and has a copy of it
        workers = _Workers(config, listening, again)
        workers.run()
        has_failed = any(one.exitcode == STARTUP_FAILURE for one in workers.processes)
    else:
        server = ReloadingServer(config, again)
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listening])
        has_failed = not server.started
    if has_failed:
        sys.exit(STARTUP_FAILURE)
