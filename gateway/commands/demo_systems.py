"""The demo's four sandbox systems: each a process of its own, so that each can be stopped alone."""

import asyncio
import shlex
import signal
import sys
from collections import deque
from contextlib import suppress

from gateway.commands.demo_settings import HOST

_PATIENCE = 3.0
"""Seconds that a process gets to end by itself before it is killed."""


class NotStarted(Exception):
    """A sandbox system ended before it was ready; the text names it and holds its last lines."""


class SandboxProcess:
    """One system's process: `await start()`, then `gone` says when it ended, and `stop()` ends it."""

    def __init__(self, system: str, port: int, arguments: tuple[str, ...]) -> None:
        self.system, self.address = system, f"http://{HOST}:{port}"
        self._command = (sys.executable, "-m", "sandbox", "--system", system, "--port", str(port), *arguments)
        self._process: asyncio.subprocess.Process | None = None
        self._last_lines: deque[str] = deque(maxlen=20)
        self._reading: asyncio.Task[None] | None = None
        self._said = asyncio.Event()
        self._listens = False

    @property
    def listens(self) -> bool:
        """Whether it takes connections: it has not ended, and does not refuse them."""
        return self._listens and self._running.returncode is None

    @property
    def command(self) -> str:
        """The command that starts this system by hand, for a POSIX shell."""
        return shlex.join(self._command)

    @property
    def pid(self) -> int:
        """Id of the process, to end it by hand."""
        return self._running.pid

    @property
    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError(f"{self.system} was not started")
        return self._process

    async def start(self) -> None:
        """Return once the system listens. Raises NotStarted.

        It gets a session of its own: Ctrl-C in the terminal reaches the demo only, which then ends it in order.
        """
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        while line := await self._line():
            if line.startswith(f"{self.system} ready"):
                self._listens = True
                # Somebody has to go on reading, or the process blocks on a full pipe.
                self._reading = asyncio.create_task(self._read_on())
                return
        await self._process.wait()
        raise NotStarted(f"The sandbox's {self.system} system did not start: " + " ".join(self._last_lines))

    async def refuse(self) -> None:
        """Let it refuse connections, and keep what it knows, until `accept`. Raises TimeoutError."""
        if self.listens:
            await self._told(signal.SIGUSR1)

    async def accept(self) -> None:
        """Let it take connections again; where it has ended, start it anew. Raises NotStarted, TimeoutError."""
        if self._running.returncode is not None:
            await self.stop()
            await self.start()
        elif not self.listens:
            await self._told(signal.SIGUSR2)

    async def _told(self, what: signal.Signals) -> None:
        """Send a signal, and wait until the process says that it did it."""
        self._said.clear()
        self._running.send_signal(what)
        async with asyncio.timeout(_PATIENCE):
            await self._said.wait()

    async def gone(self) -> int:
        """Wait until the process has ended, for whatever reason; its exit code, negative for a signal."""
        return await self._running.wait()

    async def stop(self) -> None:
        """End the process: ask it first, then kill it. Does nothing if there is none."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):  # It may end at this very moment.
                self._process.terminate()
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        if self._reading is not None:
            await self._reading

    async def _line(self) -> str:
        output = self._running.stdout
        line = (await output.readline()).decode(errors="replace") if output else ""
        if line:
            self._last_lines.append(line.strip())
        return line

    async def _read_on(self) -> None:
        while line := await self._line():
            self._listens = not line.startswith(f"{self.system} stopped")
            self._said.set()
