"""uvicorn's HTTP protocol with one difference: what is written in a turn of the event loop leaves at the turn's end.

uvicorn writes an answer's head and its body by themselves, each by a system call, and each may wake the client or the
proxy in front; and a client that is woken by the first of many answers is awake when the others come. Together that is
a fifth of the CPU time of small answers under load (docs/performance.md). Where turns are long, because large answers
are made in them, small ones do not wait for their end.
"""

import asyncio
import time
from typing import Any, ClassVar, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HELD: Final = 64 * 1024
"""Bytes from which on nothing is held: whoever streams is told in time that a client does not keep up."""


class Turns:
    """Whether the event loop's turns are short, as those know who waited for the end of one. Times are in seconds."""

    def __init__(self, longest: float = 0.002, rest: float = 0.1) -> None:
        """After a wait of more than `longest` nobody waits for `rest`."""
        self._longest, self._rest, self._long_until = longest, rest, 0.0

    def are_short(self, now: float) -> bool:
        """Whether it is all right to wait, at this time of `time.perf_counter`."""
        return now >= self._long_until

    def waited(self, since: float) -> None:
        """Somebody waited since then."""
        now = time.perf_counter()
        if now - since > self._longest:
            self._long_until = now + self._rest


class HttpProtocol(HttpToolsProtocol):
    """For `http=` of uvicorn's settings."""

    turns: ClassVar = Turns()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client is there."""
        super().connection_made(cast(asyncio.Transport, HeldWrites(transport, self.turns)))


class HeldWrites:
    """A connection's transport; what is written to it waits for the end of the turn."""

    __slots__ = ("_held", "_loop", "_since", "_size", "_transport", "_turns", "is_closing")

    def __init__(self, transport: asyncio.Transport, turns: Turns) -> None:
        self._transport, self._turns, self._loop = transport, turns, asyncio.get_running_loop()
        self._held: list[bytes] = []
        self._size, self._since = 0, 0.0
        self.is_closing = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        """Everything else is the transport's own."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """As a transport's."""
        if not self._held:
            self._since = time.perf_counter()
            if not self._turns.are_short(self._since):
                self._transport.write(data)
                return
            self._loop.call_soon(self._turn_ended)
        self._held.append(data)
        self._size += len(data)
        if self._size >= MOST_HELD:
            self._flush()

    def writelines(self, parts: list[bytes]) -> None:
        """As a transport's."""
        for data in parts:
            self.write(data)

    def write_eof(self) -> None:
        """As a transport's."""
        self._flush()
        self._transport.write_eof()

    def close(self) -> None:
        """As a transport's: what was written still leaves."""
        self._flush()
        self._transport.close()

    def _turn_ended(self) -> None:
        if self._held:
            self._flush()
            self._turns.waited(self._since)

    def _flush(self) -> None:
        held, self._held, self._size = self._held, [], 0
        if held and not self.is_closing():
            self._transport.writelines(held)
