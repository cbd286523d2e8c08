"""Runs the `gateway` command as a person does: in a process of its own, on free ports."""

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.commands.cli import main
from tests.ports import free_ports as free_ports  # for those who start a process on them

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 60.0
"""Seconds after which a process that does not do what it should is killed, so that the test fails."""


def environment(folder: Path) -> dict[str, str]:
    """This environment without settings of ours, and with a folder of its own for the demo's keys."""
    ours = {"PORT", "GATEWAY_CONFIG"}
    kept = {name: value for name, value in os.environ.items() if name not in ours and "GATEWAY_" not in name}
    return {**kept, "XDG_CONFIG_HOME": str(folder), "HOME": str(folder), "COLUMNS": "200"}


def gateway(
    *arguments: str, folder: Path, variables: dict[str, str] | None = None, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; `typed` is what it reads."""
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**environment(folder), **(variables or {})},
        timeout=PATIENCE,
        check=False,
        input=typed,
    )


class InProcess:
    """Runs the `gateway` command inside the test, for what needs no process of its own: a second less for each run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._patch, self._capsys, self._folder = monkeypatch, capsys, folder

    def __call__(self, *arguments: str, typed: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; `typed` is what it reads."""
        with self._patch.context() as patch:
            patch.setattr(sys, "argv", ["gateway", *arguments])
            patch.setattr(sys, "stdin", io.StringIO(typed))
            patch.chdir(ROOT)
            for name in set(os.environ) - set(environment(self._folder)):
                patch.delenv(name)
            for name, value in {**environment(self._folder), **variables}.items():
                patch.setenv(name, value)
            try:
                main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
            else:
                code = 0
        printed = self._capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, printed.out, printed.err)


@dataclass
class Running:
    """A demo that runs. The gateway is on `port`, the systems on the four ports after it."""

    process: subprocess.Popen[str]
    port: int
    folder: Path
    lines: list[str] = field(default_factory=list)

    @property
    def sandbox_port(self) -> int:
        """The CRM's port."""
        return self.port + 1

    def read_until(self, marker: str) -> str:
        """Read on until a line holds the marker; that line. Fails where the process ends first."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if marker in line:
                return self.lines[-1]
        raise AssertionError(f"no line with {marker!r} in:\n" + "\n".join(self.lines))

    def pid_of(self, system: str) -> int:
        """The process of a system, as the demo printed it."""
        (line,) = [line for line in self.lines if line.startswith(f"  {system} ") and "kill" in line]
        return int(line.split()[-1])

    def token_of(self, who: str) -> str:
        """A printed token."""
        (line,) = [line for line in self.lines if line.startswith(f"  {who} ") and "eyJ" in line]
        return line.split()[-1]

    def curl(self) -> str:
        """The printed line."""
        (line,) = [line for line in self.lines if line.startswith("curl ")]
        return line


@contextmanager
def running_demo(folder: Path, *arguments: str) -> Iterator[Running]:
    """`gateway demo`, from its last line of help to its end."""
    port = free_ports(5)
    command = [sys.executable, "-m", "gateway", "demo", "--port", str(port), "--sandbox-port", str(port + 1)]
    process = subprocess.Popen(
        [*command, "--customers", "20", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env=environment(folder),
        start_new_session=True,
    )
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    demo = Running(process, port, folder)
    try:
        demo.read_until("Ctrl-C ends all of it.")
        yield demo
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate()
        watchdog.cancel()
