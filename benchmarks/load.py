"""The load generator, a process of its own: so many users on kept connections, each asking again once answered.

    .venv/bin/python -m benchmarks.load

Reads one job per line on standard input and writes one result per line (both JSON). It writes prepared bytes and reads
answers with httptools, so that the machine's time is left to those who are measured.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any, Final, cast

import httptools
import msgspec
import orjson
import uvloop

_PATIENCE: Final = 600.0


class Job(msgspec.Struct, forbid_unknown_fields=True):
    """What to ask on loopback: tokens and bodies in turn, by `concurrency` users who each wait for their answer."""

    port: int
    path: str
    bodies: list[dict[str, Any]]
    tokens: list[str]
    requests: int
    concurrency: int


class Result(msgspec.Struct):
    """Milliseconds until an answer was there; `wrong` is the first one that was not as it should be."""

    p50: float
    p99: float
    seconds: float
    wrong: str | None


class User(asyncio.Protocol):
    """One connection that asks the next request when the one before is answered."""

    def __init__(self, requests: Iterator[bytes], took: list[float]) -> None:
        self._requests, self._took = requests, took
        self.done: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._body = bytearray()
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the first request."""
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        """Part of an answer."""
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection that ends early is a wrong answer."""
        if not self.done.done():
            self.done.set_result(f"the connection ended: {exc}")

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._body += body

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._took.append(time.perf_counter() - self._began)
        if self._parser.get_status_code() != 200 or b'"errors"' in self._body:
            self._finish(f"status {self._parser.get_status_code()}: {self._body[:500].decode(errors='replace')}")
        else:
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._finish(None)
            return
        self._parser = httptools.HttpResponseParser(self)
        self._body.clear()
        self._began = time.perf_counter()
        self._transport.write(request)

    def _finish(self, wrong: str | None) -> None:
        if not self.done.done():
            self.done.set_result(wrong)
        self._transport.close()


async def run(job: Job) -> Result:
    """Ask everything, and wait for the last answer."""
    pairs = zip(cycle(job.tokens), cycle(map(orjson.dumps, job.bodies)), strict=False)
    prepared = [_request(job, token, body) for token, body in islice(pairs, max(len(job.tokens), len(job.bodies)))]
    requests = islice(cycle(prepared), job.requests)
    took: list[float] = []
    loop, began = asyncio.get_running_loop(), time.perf_counter()
    connected = [
        await loop.create_connection(lambda: User(requests, took), "127.0.0.1", job.port)
        for _ in range(min(job.concurrency, job.requests))
    ]
    await asyncio.wait([user.done for _, user in connected], timeout=_PATIENCE)
    wrong = [user.done.result() if user.done.done() else f"no answer within {_PATIENCE} s" for _, user in connected]
    seconds = time.perf_counter() - began
    took.sort()
    return Result(_at(took, 0.5), _at(took, 0.99), seconds, next((one for one in wrong if one), None))


def _at(took: list[float], share: float) -> float:
    """Milliseconds within which this share was answered."""
    return took[min(len(took) - 1, int(len(took) * share))] * 1000 if took else 0.0


def _request(job: Job, token: str, body: bytes) -> bytes:
    head = (
        f"POST {job.path} HTTP/1.1\r\nhost: 127.0.0.1:{job.port}\r\nauthorization: Bearer {token}\r\n"
        f"content-type: application/json\r\naccept: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def main() -> None:
    """Jobs in, results out, until the input ends."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for line in sys.stdin.buffer:
            result = runner.run(run(msgspec.json.decode(line, type=Job)))
            sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
