"""Processes of the benchmark: started, waited for, ended; and how much CPU time each has used (Linux)."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
_PATIENCE: Final = 60.0


class NotStarted(Exception):
    """A process ended, or was silent, before it took connections; the text has what it said."""


class Process:
    """A server on a loopback port, with the packages of the checkout `tree`. Its output goes to a file in `folder`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        port: int,
        folder: Path,
        variables: Mapping[str, str],
        tree: Path = ROOT,
    ) -> None:
        self.name, self.port = name, port
        self._log = folder / f"{name}.log"
        kept = {key: value for key, value in os.environ.items() if "GATEWAY_" not in key}
        with self._log.open("wb") as log:
            # S603: the programs are ours, and so are the arguments.
            self._process = subprocess.Popen(  # noqa: S603
                command,
                cwd=tree,
                env={**kept, "PYTHONPATH": str(tree), "BENCH_PORT": str(port), **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait(self) -> None:
        """Return once it takes connections. Raises NotStarted."""
        until = time.monotonic() + _PATIENCE
        while self._process.poll() is None and time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        self.stop()
        raise NotStarted(f"{self.name} did not start: {self._log.read_text(errors='replace')[-2000:]}")

    def tell(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def stop(self, by: int = signal.SIGTERM) -> None:
        """End it by this signal, or the hard way."""
        if self._process.poll() is None:
            self._process.send_signal(by)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def run_on(self, processors: set[int]) -> None:
        """Let it run on these only, with all its threads and children."""
        for pid in family(self._process.pid):
            for thread in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), processors)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def cpu(self) -> float:
        """Seconds of CPU time so far, of all its threads and children."""
        return sum(map(cpu_of, family(self._process.pid)))

    @property
    def main_cpu(self) -> float:
        """Seconds of CPU time so far, of its first thread alone."""
        pid = self._process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]) / 1e9

    @property
    def resident(self) -> int:
        """Bytes of memory that it takes, with its children."""
        pages = (Path(f"/proc/{pid}/statm").read_text().split()[1] for pid in family(self._process.pid))
        return sum(map(int, pages)) * os.sysconf("SC_PAGE_SIZE")


def cpu_of(pid: int) -> float:
    """Seconds of CPU time of a process with all its threads, those that ended too. Exact, unlike /proc/<pid>/stat.

    The clock is what clock_getcpuclockid(3) gives: the id's complement, shifted, and 2 for the scheduler's count.
    """
    return time.clock_gettime((~pid << 3) | 2)


def family(pid: int) -> list[int]:
    """A process, its children, and theirs."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):  # It may end at this very moment.
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                children.setdefault(int(parent), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def machine_cpu() -> float:
    """Seconds of CPU time that everything on this machine has used."""
    user, nice, system, _idle, _wait, *interrupts = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    return sum(map(int, (user, nice, system, *interrupts))) / os.sysconf("SC_CLK_TCK")


def free_ports(count: int) -> list[int]:
    """Ports that are free, below the range that systems take for outgoing connections."""
    while True:
        first = random.randrange(10_000, 32_000)  # noqa: S311  # no secret
        with ExitStack() as taken, suppress(OSError):
            for port in range(first, first + count):
                taken.enter_context(socket.create_server(("127.0.0.1", port)))
            return list(range(first, first + count))
