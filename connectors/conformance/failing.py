"""Checks that a driver raises the right `ConnectorError`, against servers on loopback that fail in one way each."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

from connectors.conformance.promises import Keyed, Listed, Method
from connectors.conformance.trial import Failure, Trial
from connectors.errors import (
    ConnectorError,
    Failed,
    Garbled,
    RateLimited,
    Refused,
    Rejected,
    TimedOut,
    Unreachable,
)
from connectors.records import Window
from connectors.settings import System

_PATIENCE: Final = 10.0
"""Seconds for a call to a system that answers at once."""

_HASTE: Final = 0.1
"""Seconds for a call to a system that never answers."""

_LONGEST_HEAD: Final = 64 * 1024
"""Most bytes of a request that are kept to find the end of its head."""

_PAGE: Final = b"<!doctype html><html><body><form>Log in</form></body></html>"


def http_answer(status: str, kind: str, body: bytes, more: str = "") -> bytes:
    """The bytes of an HTTP answer, after which the connection is closed."""
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n"
    )
    return head.encode() + body


@dataclass(frozen=True, slots=True)
class FailureMode:
    """A way to fail: the bytes that answer any request (None: no answer), and the `ConnectorError`s that fit."""

    description: str
    answer: bytes | None
    right: tuple[type[ConnectorError], ...]


FAILURE_MODES: Final = (
    FailureMode(
        "answers every question with an HTML page", http_answer("200 OK", "text/html", _PAGE), (Garbled, Refused)
    ),
    FailureMode(
        "answers with half of a JSON text", http_answer("200 OK", "application/json", b'{"data": [{"id": '), (Garbled,)
    ),
    FailureMode(
        "answers with JSON of no shape that it has", http_answer("200 OK", "application/json", b"7"), (Garbled,)
    ),
    FailureMode("answers with no HTTP", b"220 mail.example ESMTP\r\n\r\n", (Garbled, Unreachable)),
    FailureMode("answers 500", http_answer("500 Internal Server Error", "text/html", _PAGE), (Failed,)),
    FailureMode("answers 503", http_answer("503 Service Unavailable", "text/plain", b"later"), (Failed,)),
    FailureMode("answers 429", http_answer("429 Too Many Requests", "text/plain", b"slower"), (RateLimited,)),
    FailureMode("answers 401", http_answer("401 Unauthorized", "text/html", _PAGE), (Refused,)),
    FailureMode(
        "sends to a login page (302)",
        http_answer("302 Found", "text/html", b"", "Location: /login\r\n"),
        (Rejected, Refused),
    ),
    FailureMode("hangs up in the middle", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", (Unreachable,)),
    FailureMode("never answers", None, (TimedOut,)),
)


NOT_FOUND: Final = FailureMode(
    "answers 404 to everything", http_answer("404 Not Found", "text/html", _PAGE), (Rejected, Garbled)
)
"""A server at a wrong address, for `probe`. In other methods a 404 may mean that a record does not exist."""


class _Failing(asyncio.Protocol):
    """One connection to a failing server."""

    def __init__(self, mode: FailureMode, connections: set[asyncio.Transport]) -> None:
        self._way, self._connections, self._seen = mode, connections, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self._transport)

    def data_received(self, data: bytes) -> None:
        self._seen = (self._seen + data)[-_LONGEST_HEAD:]
        if self._way.answer is not None and b"\r\n\r\n" in self._seen:
            self._transport.write(self._way.answer)
            self._transport.close()

    def connection_lost(self, _exception: Exception | None) -> None:
        self._connections.discard(self._transport)


@asynccontextmanager
async def failing_server(mode: FailureMode) -> AsyncIterator[str]:
    """Run a server that fails in this way; yields its address."""
    connections: set[asyncio.Transport] = set()
    server = await asyncio.get_running_loop().create_server(lambda: _Failing(mode, connections), "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for transport in list(connections):
            transport.abort()
        await server.wait_closed()


@asynccontextmanager
async def unused_address() -> AsyncIterator[str]:
    """Yields an address where no server listens."""
    with socket.socket() as taken:  # bound but not listening, so that no other program gets the port
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


async def errors(trial: Trial, method: Method) -> str:
    """Check that each failure mode of the system becomes the right `ConnectorError`."""
    async with unused_address() as address:
        await _try(trial, method, address, FailureMode("is not there", b"", (Unreachable,)))
    await asyncio.gather(*(_try_mode(trial, method, mode) for mode in FAILURE_MODES))
    return f"{len(FAILURE_MODES) + 1} ways to fail"


async def _try_mode(trial: Trial, method: Method, mode: FailureMode) -> None:
    async with failing_server(mode) as address:
        await _try(trial, method, address, mode)


def at_address(system: System, address: str, timeout: float = _PATIENCE) -> System:
    """The same system at another address, without its credentials."""
    changed = {"auth": None, "timeout": timeout, "connect_timeout": timeout}
    return system.on_loopback(address).model_copy(update=changed)


async def _try(trial: Trial, method: Method, address: str, mode: FailureMode) -> None:
    timeout = _HASTE if mode.answer is None else _PATIENCE
    driver = trial.build(at_address(trial.system, address, timeout))
    keys = trial.sample_keys(method)[:2] if isinstance(method, Keyed) else []

    async def ask() -> Any:
        if isinstance(method, Keyed):
            return await method.ask(driver, keys, None, None)
        if isinstance(method, Listed):
            return await method.ask(driver, Window(0, 5), None)
        rows = trial.sample_rows(method)
        text = next((text for row in rows for text in method.texts_of(row) if text), "a")
        return await method.ask(driver, text, Window(0, 5), None)

    outcome = await trial.attempt(ask)
    given: list[Any] = [outcome.error]
    if outcome.error is None:
        answers = outcome.value
        if isinstance(method, Keyed) and isinstance(answers, Mapping) and set(answers) >= set(keys):
            given = list(answers.values())
        else:
            given = [answers]
    right = " or ".join(one.__name__ for one in mode.right)
    for one in given:
        if not isinstance(one, mode.right):
            what = (
                f"raised {type(one).__name__} ({str(one)[:150]})" if isinstance(one, Exception) else f"gave {one!r:.80}"
            )
            raise Failure(f"{method.name}, where the system {mode.description}, {what}; right is {right}.")
