"""Connections to systems: those that answer without ever answering end, and what is dear to read is read in turns."""

import asyncio
import functools
import sys
from collections import deque
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import BadHttpMessage, HttpProcessingError
from aiohttp.streams import StreamReader

MOST_INTERIM: Final = 16
"""Interim answers (100 to 199, RFC 9110 section 15.2) before an answer. Systems send none, or one."""

MOST_FRAMING: Final = 16 * 1024
"""Bytes around bodies that are read in one turn of the event loop, of all connections, before a piece more: heads, and
sizes and extensions of chunks. A chunk of one byte has five of them, and costs as much to read as one of 8 KiB."""

_PIECE: Final = 8 * 1024
"""Bytes that are read at once where they may be other than a body's."""

_FEW: Final = 2 * 1024
"""Bytes that are read at once whatever they are: most answers have no more, and pay nothing for the others."""

_UNREAD_CHUNKS: Final = 1024
"""Chunks of a body that wait for its reader, before no more are read."""


class Connector(aiohttp.TCPConnector):
    """One pool of connections for all systems, without a limit: each system has a concurrency limit of its own."""

    def __init__(self, **options: Any) -> None:
        super().__init__(limit=0, ttl_dns_cache=30, **options)
        turn = _Turn(self._loop)
        self._factory = functools.partial(_Connection, self._loop, turn)  # type: ignore[assignment]  # a kind of ResponseHandler


class _Turn:
    """What may still be read in this turn of the event loop, and the connections that wait for the next one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting = deque[_Connection]()
        self._ends = False
        self.left = MOST_FRAMING

    def spend(self, framing: int) -> None:
        """So many bytes around bodies were read."""
        self.left -= framing
        self._next_soon()

    def wait(self, connection: "_Connection") -> None:
        """Have it read on as soon as all that waited before it have read once."""
        self._waiting.append(connection)
        self._next_soon()

    def _next_soon(self) -> None:
        if not self._ends:
            self._ends = True
            self._loop.call_soon(self._begin)

    def _begin(self) -> None:
        self._ends, self.left = False, MOST_FRAMING
        while self._waiting and self.left > 0:
            self._waiting.popleft().read_on(is_next=True)
        if self._waiting:
            self._next_soon()


class _Connection(ResponseHandler):
    """Reads answers. By itself aiohttp reads all at once that has come: chunks, interim answers, answers to nothing."""

    def __init__(self, loop: asyncio.AbstractEventLoop, turn: _Turn) -> None:
        super().__init__(loop)
        self._turn = turn
        self._interim, self._has_answer = 0, False
        self._body: StreamReader | None = None
        self._to_come = 0
        self._held = b""
        self._is_waiting = self._is_ended = False

    def set_response_params(self, **given: Any) -> None:
        """A request is sent: its answer comes next."""
        self._interim, self._has_answer, self._body, self._to_come = 0, False, None, 0
        super().set_response_params(**given)

    @property
    def should_close(self) -> bool:
        """Whether the connection is of no use for another request."""
        return bool(self._held) or super().should_close

    def data_received(self, data: bytes) -> None:
        """A body without chunks as it comes; what may be anything else in pieces, in turn with other connections."""
        if len(data) <= self._to_come:
            self._to_come -= len(data)
            super().data_received(data)
        elif data and (self._held or len(data) > _FEW):
            self._held += data
            self.read_on()
        else:
            super().data_received(data)

    def read_on(self, *, is_next: bool = False) -> None:
        """Read what has come, as far as this turn allows. `is_next`: it waited for that."""
        if self._is_waiting and not is_next:
            return
        self._is_waiting = False
        data, at, self._held = self._held, 0, b""
        while at < len(data) and not self._is_over and not self._reading_paused:
            if self._to_come:
                piece = data[at : at + self._to_come]
                self._to_come -= len(piece)
                super().data_received(piece)
            elif self._turn.left > 0:
                piece = data[at : at + _PIECE]
                carried = self._carried
                super().data_received(piece)
                self._turn.spend(len(piece) - (self._carried - carried))
            else:
                self._wait()
                break
            at += len(piece)
        if self._is_over:
            return
        self._held = data[at:]
        if self._held:
            self._pause_reading_for_buffer()
        elif self._buffer_paused:
            self._resume_reading_for_buffer()

    def resume_reading(self, resume_parser: bool = True) -> None:
        """The body's reader has taken most of what it was given; aiohttp says so with each chunk that it takes."""
        if self._reading_paused:
            super().resume_reading(resume_parser)
            if self._held:
                self._wait()  # this may be within the parser, which cannot be called from there

    def set_exception(self, exc: BaseException, exc_cause: Any = None) -> None:
        """The connection is of no use. aiohttp tells it to who waits for the head only, not to who reads the body."""
        super().set_exception(exc, exc if exc_cause is None else exc_cause)
        if isinstance(exc, HttpProcessingError) and self._body is not None and not self._body.is_eof():
            broken = aiohttp.ClientPayloadError(exc.message)
            broken.__cause__ = exc
            self._body.set_exception(broken, exc)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection has ended. TLS says so also while no more is wanted: what came before counts."""
        held, self._held = self._held, b""
        if self._body is not None and not self._is_over:
            self._body._high_water_chunks = self._body._low_water_chunks = sys.maxsize
            if self._reading_paused and not self._body.is_eof():
                super().resume_reading()
            if held:
                super().data_received(held)
        super().connection_lost(exc)
        self._body = None  # it refers back to this object, which could not be freed

    def feed_data(self, data: Any, size: int = 0) -> None:
        """One answer's head and its body's stream. An interim answer too many, or a second answer, ends it all."""
        message, body = data
        if self._has_answer:
            self._end()
        elif 100 <= message.code < 200 and message.code != 101:
            self._interim += 1
            if self._interim == MOST_INTERIM + 1:
                self._end()
                self.set_exception(BadHttpMessage(f"more than {MOST_INTERIM} interim answers"))
            elif self._interim <= MOST_INTERIM:
                super().feed_data(data, size)
        elif self._interim <= MOST_INTERIM:
            self._has_answer = True
            if not body.is_eof():
                self._body = body
                if message.chunked:
                    # aiohttp's own bound is 32,768, which take 15 ms to read: several slow readers may go on at once.
                    body._high_water_chunks, body._low_water_chunks = _UNREAD_CHUNKS, _UNREAD_CHUNKS // 2
                else:
                    length = message.headers.get("Content-Length", "")
                    self._to_come = int(length) - self._carried if length.isdecimal() else sys.maxsize
            super().feed_data(data, size)

    @property
    def _carried(self) -> int:
        """Bytes of the answer's body that were read."""
        return 0 if self._body is None else self._body.total_raw_bytes

    @property
    def _is_over(self) -> bool:
        """Whether the gateway has ended it: nothing that came is read any more."""
        return self.transport is None or self._is_ended or self._exception is not None

    def _wait(self) -> None:
        if not self._is_waiting:
            self._is_waiting = True
            self._turn.wait(self)

    def _end(self) -> None:
        self._should_close = self._is_ended = True
        if self.transport is not None:
            self.transport.close()
