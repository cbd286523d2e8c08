"""uvicorn's WebSocket protocol (on the library `websockets`), for connections that stay open by the ten thousand."""

import logging
from collections.abc import Callable
from typing import Any, Final
from weakref import ref

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import MAX_LINE_LENGTH, MAX_NUM_HEADERS, Request, Response
from websockets.server import ServerProtocol

from gateway.http.admission import TOO_MUCH_UNFINISHED
from gateway.http.edge import Edge
from gateway.http.link import EXTENSION, narrow
from gateway.http.refusals import TooLargeError, written

_PORTION: Final = 256
"""Bytes that are heeded at a time. A client can send 40 messages in them."""

_FAREWELL: Final = 1.0
"""Seconds in which a client that floods may read that its connection is closed, and why."""

_MOST_PARTS: Final = 1000

_MOST_CONTROL_FRAMES: Final = 20
"""Pings and pongs of the transport that a client may send in a second."""

_log: Final = logging.getLogger("gateway.websocket")
_log.setLevel(
    logging.WARNING
)  # uvicorn would log a line for each connection, with the client's address, and `websockets` another
_log.addFilter(
    lambda record: (
        record.msg
        not in {
            "ASGI callable returned without completing handshake.",
            "Invalid UTF-8 sequence received from client.",
        }
    )
)  # uvicorn says so of each handshake that the application refuses with an answer, and, with a stack, of a wrong text


class _Handshakes(ServerProtocol):
    """Refuses handshakes with the headers of all answers."""

    def send_response(self, response: Response) -> None:
        if response.status_code != 101:
            response.headers["X-Content-Type-Options"] = "nosniff"
        super().send_response(response)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """To be given as `ws=` in uvicorn's configuration. It is the Link of its connection."""

    leave: Callable[[], None] | None = None
    edge: Edge | None = None
    """Of the HTTP connection that this one was."""
    address = ""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.logger = self.conn.logger = _log
        self.conn.__class__ = _Handshakes  # uvicorn makes it, and takes no other class
        self._second, self._in_second = 0.0, 0
        self._unread, self._is_reading_on = b"", False
        self._reserved = self._given = self._kept = 0
        self._waits_since, self._taken_before = 0.0, 0

    def handle_connect(self, event: Request) -> None:
        """Offer the link to the application."""
        super().handle_connect(event)
        if not self.handshake_complete:  # else it was no valid handshake, and is refused already
            self.scope["extensions"] = {**(self.scope["extensions"] or {}), EXTENSION: ref(self)}  # type: ignore[dict-item]  # of our own

    def handle_events(self) -> None:
        """Refuse a handshake that the library does not read, as it takes less than HTTP: uvicorn leaves it open."""
        super().handle_events()
        if self.conn.handshake_exc is not None and not self.handshake_initiated and not self.close_sent:
            self.handshake_complete = self.close_sent = True
            what = f"a line of more than {MAX_LINE_LENGTH} bytes, or more than {MAX_NUM_HEADERS} headers"
            error = TooLargeError(f"The handshake of the WebSocket has {what}.", status=431)
            self.transport.write(written(error, [*self.default_headers, (b"connection", b"close")]))
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the connection's place back."""
        super().connection_lost(exc)
        if self.edge is not None:
            self.edge.keep(self, 0)
            self.edge.takes_all(self)
            self.edge.release(self.address)

    def shutdown(self) -> None:
        """Let the application close the connection, if it wants to; else close it now."""
        if self.leave is None or self.close_sent:
            super().shutdown()
        else:
            self.leave()

    def data_received(self, data: bytes) -> None:
        """Heed a portion of what a client sends in each turn of the event loop, and nothing while messages wait for
        the application: the rest stays as it came.
        """
        if self._unread:
            self._unread += data
            self._keep()
            return
        if self.close_sent and len(data) > _PORTION:
            self._end_soon()
            return
        super().data_received(data[:_PORTION])
        if len(data) > _PORTION:
            self._unread = data[_PORTION:]
            self._read_on()
        if self._kept or self._unread or self.conn.reader.buffer or self.frames:
            self._keep()

    def _keep(self) -> None:
        """Tell the edge how many bytes are kept of messages that are not complete, or were not heeded yet."""
        size = len(self._unread) + len(self.conn.reader.buffer) + sum(map(len, self.frames))
        if self.edge is not None and size != self._kept and not self.disconnected:
            self._kept = size
            self.edge.keep(self, size)

    def give_up(self) -> None:
        """Close the connection: too much is kept of what is not complete, and its client began first."""
        self._unread, self._kept = b"", 0
        if self.close_sent:
            self.transport.abort()
        else:
            self.conn.fail(1013, TOO_MUCH_UNFINISHED)
            self.handle_parser_exception()
        self.frames = []

    async def receive(self) -> ASGIReceiveEvent:
        """The next message, or the end of the connection."""
        message = await super().receive()
        self._read_on()
        return message

    async def send(self, message: ASGISendEvent) -> None:
        """Send a message, or close the connection."""
        await super().send(message)
        if self.close_sent and self._unread:
            self._end_soon()

    def _end_soon(self) -> None:
        """Read nothing more from a client that has been sent the end and sends much still; it may read why."""
        self._unread = b""
        self.transport.pause_reading()
        self.loop.call_later(_FAREWELL, self.transport.abort)

    def _read_on(self) -> None:
        """Hold what uvicorn does, which reads on whenever no message waits: there may be a reason to wait, still."""
        if self.transport.is_closing():
            return
        if self._unread or not self.writable.is_set():
            self.transport.pause_reading()
        if self._unread and not self._is_reading_on and not self.read_paused:
            self._is_reading_on = True
            self.loop.call_soon(self._read_unread)

    def _read_unread(self) -> None:
        self._is_reading_on = False
        unread, self._unread = self._unread, b""
        if not self.transport.is_closing():
            self.data_received(unread)
            if not self._unread and not self.read_paused and self.writable.is_set():
                self.transport.resume_reading()

    def handle_cont(self, event: Frame) -> None:
        """Take a part of a message, of which there may be so many: empty ones count nothing in its size."""
        if len(self.frames) < _MOST_PARTS:
            super().handle_cont(event)
        else:
            self.conn.fail(1009, f"a message of more than {_MOST_PARTS} parts")
            self.handle_parser_exception()

    def handle_ping(self) -> None:
        """Answer it."""
        super().handle_ping()
        self._count_control_frame()

    def handle_pong(self, event: Frame) -> None:
        """Ignore it: this side pings by messages."""
        self._count_control_frame()

    def _count_control_frame(self) -> None:
        """Close the connection of a client that floods: these frames never reach the application, which would let them
        wait.
        """
        now = self.loop.time()
        if now > self._second + 1:
            self._second, self._in_second = now, 0
        self._in_second += 1
        if self._in_second > _MOST_CONTROL_FRAMES and not self.close_sent:
            self.conn.fail(1008, f"more than {_MOST_CONTROL_FRAMES} pings in a second")
            self.handle_parser_exception()

    def pause_writing(self) -> None:
        """Read nothing from a client that does not read: it could be owed ever more answers to its pings."""
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read on."""
        super().resume_writing()
        if not self.read_paused and not self._unread:
            self.transport.resume_reading()

    def narrow(self) -> None:
        """Keep buffers small from now on, and nothing of the handshake: its headers alone take 4 kB."""
        narrow(self.transport)
        self.request.headers.clear()  # the library keeps the request itself
        del self.request, self.response

    def hold(self, seconds: float) -> None:
        """Do nothing: a message is heeded when the one before it has been."""

    def abort(self) -> None:
        """Cut the connection off."""
        self.transport.abort()

    def admit(self, size: int) -> bool:
        """Whether so many bytes more may wait for their clients."""
        return self.edge is None or self.edge.admit(size, self.loop.time())

    def reserve(self, size: int) -> None:
        """So many bytes wait in the application's hands until they are sent; fewer, if negative."""
        self._reserved += size
        if size < 0:
            self._given -= size
        elif self.edge is not None and not self._waits_since:
            self._waits_since, self._taken_before = self.loop.time(), self._taken()
            self.edge.slow_down(self)

    def waiting(self, now: float) -> int:
        """Bytes that wait until the client takes them."""
        size = self._reserved + self.transport.get_write_buffer_size()
        if not size:
            self._waits_since = 0.0
        return size

    def seconds_left(self, now: float) -> float:
        """How long the client will go on to take them, at the rate at which it has taken them so far."""
        rate = (self._taken() - self._taken_before) / max(now - self._waits_since, 0.001)
        return self.waiting(now) / max(rate, 1.0) if self._waits_since else 0.0

    def cut(self, why: str) -> None:
        """Cut the connection off."""
        if self.edge is not None:
            self.edge.note(why)
        self.transport.abort()

    def _taken(self) -> int:
        return self._given - self.transport.get_write_buffer_size()


def websocket_options(message_bytes: int) -> dict[str, Any]:
    """Options of `uvicorn.Config` for WebSockets whose messages from clients have at most so many bytes.

    Without compression, which would cost 10 kB or more for each connection, and without uvicorn's pings, which would
    cost it a timer: the endpoint has pings of GraphQL's protocol.
    """
    return {
        "ws": WebSocketProtocol,
        "ws_max_size": message_bytes,
        "ws_per_message_deflate": False,
        "ws_ping_interval": None,
    }
