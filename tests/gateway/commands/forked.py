"""Starts `gateway` in a process of its own that need not import anything: a fork of one that has, as workers are.

An interpreter of its own takes two seconds of a processor for its imports. Tests of how it is started have one of its
own all the same (`running.py`, test_serve.py).
"""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Mapping
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Final

from gateway.commands.cli import main
from tests.gateway.commands.running import ROOT

_FORKS: Final = get_context("forkserver")
_IMPORTED: Final = [__name__, "gateway.commands.serve", "uvicorn.lifespan.on", "uvicorn.protocols.http.httptools_impl"]


class Forked:
    """What tests use of `asyncio.subprocess.Process`."""

    def __init__(self, process: ForkServerProcess, stdout: asyncio.StreamReader, stderr: asyncio.StreamReader) -> None:
        assert process.pid is not None
        self._process, self.pid, self.stdout, self.stderr = process, process.pid, stdout, stderr
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        self._loop.add_reader(process.sentinel, self._end)

    def _end(self) -> None:
        self._loop.remove_reader(self._process.sentinel)
        self._process.join()
        self._ended.set()

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; nothing while it runs."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """The exit code, once it has ended."""
        await self._ended.wait()
        assert self._process.exitcode is not None
        return self._process.exitcode


async def forked(*arguments: str, environment: Mapping[str, str], open_files: int | None = None) -> Forked:
    """Start the command in a session of its own. `open_files`: how many it may have open."""
    _FORKS.set_forkserver_preload(_IMPORTED)
    (out, stdout), (err, stderr) = _FORKS.Pipe(duplex=False), _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=_run, args=(arguments, dict(environment), stdout, stderr, open_files))
    process.start()
    stdout.close()
    stderr.close()
    return Forked(process, await _reader(out), await _reader(err))


async def _reader(pipe: Connection) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    file = os.fdopen(os.dup(pipe.fileno()), "rb")
    pipe.close()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
    return reader


def imported() -> set[str]:
    """The modules in a process that is about to run `gateway serve`."""
    _FORKS.set_forkserver_preload(_IMPORTED)
    reader, writer = _FORKS.Pipe(duplex=False)
    with reader, writer:
        process = _FORKS.Process(target=_tell_modules, args=(writer,))
        process.start()
        found: list[str] = reader.recv()
    process.join()
    return set(found)


def _tell_modules(where: Connection) -> None:
    where.send(list(sys.modules))


def _run(
    arguments: tuple[str, ...],
    environment: dict[str, str],
    stdout: Connection,
    stderr: Connection,
    open_files: int | None,
) -> None:
    os.setsid()
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    for pipe, number in ((stdout, 1), (stderr, 2)):
        os.dup2(pipe.fileno(), number)
        pipe.close()
    if open_files is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))
    sys.argv = ["gateway", *arguments]
    main()
