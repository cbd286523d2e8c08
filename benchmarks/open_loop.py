"""A load generator that does not wait for answers, a process of its own: so many requests a second, come what may.

    .venv/bin/python -m benchmarks.open_loop

Reads one job on standard input, and writes its result (both JSON). Each request takes a connection that is free, or a
new one. Times are from when a request was due, so that a generator that is late counts against whoever is measured.
"""

import asyncio
import random
import sys
import time
from contextlib import suppress
from itertools import cycle
from typing import Final, cast

import httptools
import msgspec
import uvloop

_PATIENCE: Final = 30.0
"""Seconds after the last request in which answers count."""

_MOST: Final = 3000
"""Connections."""


class Job(msgspec.Struct, forbid_unknown_fields=True):
    """What to ask on loopback, in turn, `rate` times a second on average (exponential pauses), for so many seconds."""

    port: int
    requests: list[str]
    """Whole requests, as they are sent."""
    rate: float
    seconds: float
    source: str = "127.0.0.1"
    """Address to connect from."""
    seed: int = 17


class Answered(msgspec.Struct):
    """One request: when it was due (seconds from the start), how long it took, its status; 0 for none."""

    due: float
    took: float
    status: int


class _Connection(asyncio.Protocol):
    """One connection, with at most one request under way."""

    def __init__(self, user: "_Users") -> None:
        self._users = user
        self.asked: tuple[float, bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what was waiting for the connection."""
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def ask(self, due: float, request: bytes) -> None:
        """Send a request over the connection, which is free."""
        self.asked = due, request
        self._send()

    def _send(self) -> None:
        if self.asked is not None:
            self._parser = httptools.HttpResponseParser(self)
            self._transport.write(self.asked[1])

    def data_received(self, data: bytes) -> None:
        """Part of an answer."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._end(self._parser.get_status_code())
        if self._parser.should_keep_alive():
            self._users.free.append(self)
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """No answer will come."""
        if self in self._users.free:
            self._users.free.remove(self)
        else:
            self._users.open -= 1
        self._end(0)

    def _end(self, status: int) -> None:
        if self.asked is not None:
            self._users.end(self.asked[0], status)
            self.asked = None


class _Users:
    def __init__(self, job: Job) -> None:
        self._job, self._loop = job, asyncio.get_running_loop()
        self._requests = cycle([one.encode() for one in job.requests])
        self.free: list[_Connection] = []
        self.open = 0
        self.answers: list[Answered] = []
        self.asked = self._left = 0
        self._all = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def end(self, due: float, status: int) -> None:
        """A request has its answer, or will have none."""
        self.answers.append(Answered(due - self._began, time.perf_counter() - due, status))
        self._left -= 1
        if not self._left:
            self._all.set()

    async def run(self) -> None:
        """Ask on, and wait for what is under way."""
        pauses = random.Random(self._job.seed)  # noqa: S311 - no secret
        self._began = due = time.perf_counter()
        ends = due + self._job.seconds
        while (due := due + pauses.expovariate(self._job.rate)) < ends:
            if (early := due - time.perf_counter()) > 0.0005:
                await asyncio.sleep(early)
            self.asked += 1
            self._ask(due)
        self._left = self.asked - len(self.answers)
        if self._left:
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await self._all.wait()

    def _ask(self, due: float) -> None:
        request = next(self._requests)
        if self.free:
            self.free.pop().ask(due, request)
        elif self.open < _MOST:
            self.open += 1
            connection = _Connection(self)
            connection.asked = due, request
            task = self._loop.create_task(self._connect(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self.end(due, 0)

    async def _connect(self, connection: _Connection) -> None:
        try:
            await self._loop.create_connection(
                lambda: connection, "127.0.0.1", self._job.port, local_addr=(self._job.source, 0)
            )
        except OSError:
            connection.connection_lost(None)


async def run(job: Job) -> list[Answered]:
    """Ask everything; what is not answered in the end has the status 0."""
    users = _Users(job)
    await users.run()
    return users.answers + [Answered(0.0, _PATIENCE, 0)] * (users.asked - len(users.answers))


def main() -> None:
    """One job in, its result out."""
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.buffer.write(msgspec.json.encode(runner.run(run(job))) + b"\n")


if __name__ == "__main__":
    main()
