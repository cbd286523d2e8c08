"""uvicorn's HTTP protocol, except that all writes of one turn of the event loop are sent together at its end
(and that only WebSockets are upgraded to: `UpgradesIgnored`; that clients have bounds: `BoundedRequests`,
`BoundedAnswer`; and that requests start when the process bears them: `AdmittedRequests`).

uvicorn writes the head and the body of an answer separately. Each write is a system call and may wake the client or
proxy. Sending them together saves a fifth of the CPU time of small answers under load (docs/performance.md). While
turns are long, because large answers are made in them, writes are sent at once.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, ClassVar, Final, cast
from weakref import ref

from gateway.http.admitted_requests import AdmittedRequests
from gateway.http.bounded_answers import Holder
from gateway.http.link import EXTENSION, narrow
from gateway.http.turns import TurnEnd

MAX_BUFFERED: Final = 64 * 1024
"""Bytes above which the buffer is sent at once, so that a stream notices in time that its client is slow."""


class LoopTurns:
    """Whether turns of the event loop are short, as measured by those who wait for their end. Times are in seconds."""

    def __init__(self, longest: float = 0.005, rest: float = 0.1) -> None:
        """After a wait of more than `longest`, turns count as long for `rest`."""
        self._longest, self._rest, self._long_until = longest, rest, 0.0

    def are_short(self, now: float) -> bool:
        """Whether writes may be buffered at this time of `time.perf_counter`."""
        return now >= self._long_until

    def record_wait(self, since: float) -> None:
        """Record a wait that began then, by `time.perf_counter`."""
        now = time.perf_counter()
        if now - since > self._longest:
            self._long_until = now + self._rest


class HttpProtocol(AdmittedRequests):
    """To be given as `http=` in uvicorn's configuration by `gateway.http.server`. It is the Link of its connection."""

    turns: ClassVar = LoopTurns()
    leave: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Wrap the transport of a new connection."""
        self._reserved, self._waits_since, self._taken_before = 0, 0.0, 0
        self._wire = CoalescingTransport(transport, self.turns, self._on_slow)
        super().connection_made(cast(asyncio.Transport, self._wire))
        self._extensions: dict[str, ref[Holder]] = {EXTENSION: ref(self)}

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave nothing that refers back, so that all is freed at once."""
        super().connection_lost(exc)
        self._wire.on_slow = None
        if self.cycle is not None:
            self.cycle.on_response = _nothing  # as uvicorn does at the end of its task, which not each has
        self.pipeline.clear()

    def _make_scope(self) -> None:
        """Offer the link to the application."""
        super()._make_scope()
        self.scope["extensions"] = self._extensions  # type: ignore[typeddict-item]  # one of our own

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over, and leave nothing behind."""
        super().handle_websocket_upgrade()
        self.parser = None  # type: ignore[assignment]  # it refers back to this object, which could not be freed
        self.edge.leave(self)
        self._wire.on_slow = None
        handed_to = self._wire.get_protocol()
        handed_to.edge, handed_to.address = self.edge, self.address

    def shutdown(self) -> None:
        """Close the connection once the request under way is answered, which the application may be told to hasten."""
        super().shutdown()
        if self.leave is not None:
            self.leave()

    def narrow(self) -> None:
        """Keep buffers small from now on."""
        narrow(self.transport)
        self.edge.stay(self)
        self.stays()

    def abort(self) -> None:
        """Cut the connection off."""
        self.transport.abort()

    def write_whole(self, data: bytes) -> None:
        """Send a whole answer when all that has come in this turn of the event loop is read."""
        self._wire.write_at(self.edge.turn_end, data)

    def admit(self, size: int) -> bool:
        """Whether so many bytes more may wait for their clients."""
        return self.edge.admit(size, self.loop.time())

    def reserve(self, size: int) -> None:
        """So many bytes wait in the application's hands until they are sent; fewer, if negative."""
        self._reserved += size
        if size > 0:
            self._on_slow()

    def waiting(self, now: float) -> int:
        """Bytes that wait until the client takes them."""
        size = self._reserved + self._wire.get_write_buffer_size()
        if not size:
            self._waits_since = 0.0
        return size

    def seconds_left(self, now: float) -> float:
        """How long the client will go on to take them, at the rate at which it has taken them so far."""
        rate = (self._wire.taken() - self._taken_before) / max(now - self._waits_since, 0.001)
        return self.waiting(now) / max(rate, 1.0) if self._waits_since else 0.0

    def look(self, now: float) -> None:
        """End the connection if its client takes too long, to send or to take what it is sent."""
        limits = self.edge.limits
        if self._waits_since and self.waiting(now) and now > self._waits_since + limits.send_timeout:
            taken, since = self._wire.taken(), self._waits_since
            if taken - self._taken_before < limits.send_rate * (now - since):
                self.cut("send_timeout")
                return
            # From here anew: what the system takes at first, megabytes for some, earns no hours.
            self._waits_since, self._taken_before = now, taken
        super().look(now)

    def _on_slow(self) -> None:
        if not self._waits_since:
            self._waits_since, self._taken_before = self.loop.time(), self._wire.taken()
            self.edge.slow_down(self)


class CoalescingTransport:
    """A transport that buffers writes until the end of the event loop's turn."""

    __slots__ = (
        "_buffer", "_loop", "_since", "_size", "_transport", "_turns", "_written", "get_write_buffer_size",
        "is_closing", "on_slow",
    )  # fmt: skip

    def __init__(
        self, transport: asyncio.Transport, turns: LoopTurns, on_slow: Callable[[], None] | None = None
    ) -> None:
        """`on_slow` is called when bytes wait until the client takes them."""
        self._transport, self._turns, self._loop = transport, turns, asyncio.get_running_loop()
        self._buffer: list[bytes] = []
        self._size, self._since = 0, 0.0
        self._written = 0
        self.is_closing, self.get_write_buffer_size = transport.is_closing, transport.get_write_buffer_size
        self.on_slow = on_slow

    def __getattr__(self, name: str) -> Any:
        """Other attributes are those of the wrapped transport."""
        return getattr(self._transport, name)

    def taken(self) -> int:
        """Bytes that the system has taken, for the client, so far."""
        return self._written - self.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        """Buffer the data, or send it if turns are long or the buffer is full."""
        if not self._buffer:
            self._since = time.perf_counter()
            if not self._turns.are_short(self._since):
                self._transport.write(data)
                self._note(len(data))
                return
            self._loop.call_soon(self._on_turn_end)
        self._buffer.append(data)
        self._size += len(data)
        if self._size >= MAX_BUFFERED:
            self._flush()

    def write_at(self, end: TurnEnd, data: bytes) -> None:
        """Buffer the data until this end of the turn, although turns are long: a client that sleeps is woken once."""
        if not self._buffer:
            end.add(self._flush)
        self._buffer.append(data)
        self._size += len(data)

    def writelines(self, parts: list[bytes]) -> None:
        """Write each part."""
        for data in parts:
            self.write(data)

    def write_eof(self) -> None:
        """Send the buffer, then close the writing side."""
        self._flush()
        self._transport.write_eof()

    def close(self) -> None:
        """Send the buffer, then close."""
        self._flush()
        self._transport.close()

    def _on_turn_end(self) -> None:
        if self._buffer:
            self._flush()
            self._turns.record_wait(self._since)

    def _flush(self) -> None:
        buffer, size, self._buffer, self._size = self._buffer, self._size, [], 0
        if buffer and not self.is_closing():
            self._transport.writelines(buffer)
            self._note(size)

    def _note(self, size: int) -> None:
        self._written += size
        if self.on_slow is not None and self.get_write_buffer_size():
            self.on_slow()


def _nothing() -> None:
    pass
