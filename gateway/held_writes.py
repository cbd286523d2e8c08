"""uvicorn's HTTP protocol with one difference: what is written in a turn of the event loop leaves at the turn's end.

uvicorn writes an answer's head and its body by themselves, each by a system call, and each may wake the client or the
proxy in front; and a client that is woken by the first of many answers is awake when the others come. Together that is
a fifth of the CPU time of small answers under load (docs/performance.md).
"""

import asyncio
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HELD: Final = 64 * 1024
"""Bytes from which on nothing is held: whoever streams is told in time that a client does not keep up."""


class HttpProtocol(HttpToolsProtocol):
    """For `http=` of uvicorn's settings."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client is there."""
        super().connection_made(cast(asyncio.Transport, HeldWrites(transport)))


class HeldWrites:
    """A connection's transport; what is written to it waits for the end of the turn."""

    __slots__ = ("_held", "_loop", "_size", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._loop = transport, asyncio.get_running_loop()
        self._held: list[bytes] = []
        self._size = 0
        self.is_closing = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        """Everything else is the transport's own."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """As a transport's."""
        if not self._held:
            self._loop.call_soon(self._flush)
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

    def _flush(self) -> None:
        held, self._held, self._size = self._held, [], 0
        if held and not self.is_closing():
            self._transport.writelines(held)
