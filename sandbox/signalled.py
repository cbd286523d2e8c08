"""A system's process that refuses connections when it is told so by a signal, and keeps its data meanwhile."""

import signal
import socket
import sys
import threading
from collections.abc import Callable

from sandbox.app import SandboxApp
from sandbox.server import PromptServer, run, server_for


class Signalled:
    """Serves until the process is ended. SIGUSR1: connections are refused, until SIGUSR2. (Windows has neither.)

    Make it before the process says that it is ready: from then on it may be told.
    """

    def __init__(self) -> None:
        self._server: PromptServer | None = None
        self._stopped, self._resumed = threading.Event(), threading.Event()
        if sys.platform != "win32":
            signal.signal(signal.SIGUSR1, self._stop)
            signal.signal(signal.SIGUSR2, lambda *_: self._resumed.set())

    def serve(
        self, app: SandboxApp, listening: socket.socket, listen: Callable[[], socket.socket], say: Callable[[str], None]
    ) -> None:
        """Serve on `listening`, later on what `listen` makes; `say` is told when it is "stopped" and "ready again"."""
        while True:
            self._server = server_for(app)
            if not self._stopped.is_set():
                run(self._server, listening)
            if not self._stopped.is_set():
                return
            self._stopped.clear()
            self._resumed.clear()
            say("stopped")
            self._resumed.wait()
            listening = listen()
            say("ready again")

    def _stop(self, *_: object) -> None:
        self._stopped.set()
        if self._server is not None:
            self._server.stop()
