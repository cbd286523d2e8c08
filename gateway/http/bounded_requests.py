"""uvicorn's HTTP protocol with bounds for what a client sends: how much, how fast, and in which shape.

uvicorn keeps whatever comes: a header without end (which httptools copies anew for each part of it), a million headers,
requests that are sent ahead of their answers, and connections on which nothing comes at all.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Final, cast

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl

from gateway.errors import RequestError
from gateway.http.admission import TOO_MUCH_UNFINISHED, OverloadedError
from gateway.http.bounded_heads import PIECE, PROBES, BoundedHeads
from gateway.http.edge import Edge
from gateway.http.refusals import TooSlowError, written
from gateway.http.turns import AT_ONCE

_PROBES: Final = tuple(b"GET " + path for path in sorted(PROBES))

_SMALL: Final = 256
"""The same where more than one head is in them: a hundred small requests would begin in one turn of the event loop."""

_END_OF_HEAD: Final = b"\r\n\r\n"

_FRAMING: Final = 16
"""Bytes of sizes and their extensions for each byte of a body in chunks. The smallest chunks have five."""

IGNORED: Final = 256 * 1024
"""Bytes that are read of a body whose request is answered already, and after a refusal."""

_LINGER: Final = 2.0
"""Seconds for reading a refusal, before the connection is cut off."""

_FIRST_REQUEST: Final = 1.0
"""Seconds that a new connection has for its first request when the process ends: it may be on its way already."""

_HASTE: Final = 1.0
"""Seconds for a body that is not complete when the process ends."""


class _Flow(FlowControl):
    """Reading is not resumed while it is held. The application resumes it with each look for a disconnect."""

    is_held = False

    def resume_reading(self) -> None:
        if self.read_paused and not self.is_held:
            super().resume_reading()


class BoundedRequests(BoundedHeads):
    """Refuses what is too large, too slow or wrong, and reads no request ahead of more answers than a few."""

    flow: _Flow
    longest_body = HIGH_WATER_LIMIT
    """Bytes of a body that is kept until it is complete."""

    def __init__(self, *arguments: Any, edge: Edge, **named: Any) -> None:
        super().__init__(*arguments, limits=edge.limits, **named)
        self.edge = edge
        self.address = ""
        self._made = self._head_since = self.loop.time()
        self._body_since = self._heard_at = self._idle_since = 0.0
        self._has_asked = self._in_head = self._in_body = False
        self._body = self._fed_with_body = self._kept = 0
        self._ahead = b""
        self._lingers_until = 0.0
        self._begun = 0
        """Requests that began since the event loop's turn read from the connection."""
        self._is_held = self._waits = False
        self._refusal: bytes | None = None
        self._error: RequestError | None = None
        self._at_end: Callable[[], None] | None = None
        """Called once, when the request that is read is complete, or longer than `longest_body`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take a place."""
        super().connection_made(transport)
        self.flow = _Flow(transport)
        self.address = self.client[0] if self.client else ""
        self._for_probe = not self.edge.enter(self, len(self.connections))
        if self.edge.closing_since is not None:
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back, and read nothing more of what was held back: a timer may want to."""
        self._is_over, self._waits, self._ahead = True, False, b""
        self.edge.leave(self)
        self.edge.release(self.address)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what has come, a piece at a time, unless requests wait for their answers."""
        if self._is_over:
            self._ignore(len(data))
            return
        if self._ahead:
            self._pause()
            self._ahead += data
            self._keep()
        elif self._may_be_gathered(data) and self.is_gathered:
            self._wait(data)
            self.edge.together.add(self._read_what_waits)
        else:
            self._take(data)

    @property
    def is_gathered(self) -> bool:
        """Whether requests are read together with all others that come within a moment."""
        return False

    def _may_be_gathered(self, data: bytes) -> bool:
        """Whether a request begins with this, other than a probe or the connection's first, which has a time limit."""
        return self._has_asked and not (self._in_head or self._in_body or data.startswith(_PROBES))

    def _take(self, data: bytes) -> None:
        """Read what has come, or hold it back if too much is read in this turn of the event loop."""
        self._heard_at = self.loop.time()
        if not self._head_since and not self._in_body:
            self._head_since = self._heard_at
        self._begun = 0
        size = PIECE if data.count(_END_OF_HEAD, 0, PIECE) < 2 else _SMALL
        if not self.edge.beginnings.take() and not self._is_urgent(data, size):
            self._pause()
            self._wait(data)
            self.edge.beginnings.later(self._read_what_waits)
            return
        if len(data) <= size:
            self._read(data)
            return
        for start in range(0, len(data), size):
            if not self._read(data[start : start + size]):
                return
            if start + size < len(data) and (self.pipeline or self._begun >= AT_ONCE):
                self._pause()
                self._ahead = data[start + size :]
                if not self.pipeline:  # those that began are refused already
                    self._waits = True
                    self.edge.beginnings.later(self._read_what_waits)
                self._keep()
                return

    def _pause(self) -> None:
        """Take nothing more from the client until what is kept is read."""
        self.flow.is_held = True
        self.flow.pause_reading()

    def _wait(self, data: bytes) -> None:
        """Keep what has come until it is read in a turn of the event loop to come."""
        self._ahead, self._waits = data, True
        if len(data) > PIECE:  # less is bounded by the number of connections
            self._keep()

    def _is_urgent(self, data: bytes, size: int) -> bool:
        """Whether this is read although much is read in this turn: a probe alone, or what has no place otherwise."""
        is_probe = self._for_probe or (size == PIECE and data.startswith(_PROBES))
        return is_probe and self.edge.beginnings.take_urgent()

    def _read(self, piece: bytes) -> bool:
        """Parse a piece. False: nothing more is read."""
        if self._in_head or self._in_body:
            self._fed += len(piece)
        super().data_received(piece)
        if self._is_over or self.parser is None:
            return False
        if self._in_head or self._in_body:
            self._check_unfinished()
            self._keep()
        return not self._is_over

    def _keep(self) -> None:
        """Tell the edge how many bytes are kept of what is not complete."""
        size = len(self._ahead)
        if self._in_head:
            size += self._fed + PIECE
        elif self._in_body:
            size += self._fed - self._fed_with_body
            if not self.cycle.response_complete:
                size += len(self.cycle.body)
        if not self._is_over and size != self._kept:
            self._kept = size
            self.edge.keep(self, size)

    def give_up(self) -> None:
        """Refuse what is kept of what the client has sent, and is not complete."""
        unfinished = self.cycle if self._in_body else None
        self.refuse(OverloadedError(TOO_MUCH_UNFINISHED))
        if unfinished is not None:
            unfinished.body.clear()

    def on_message_begin(self) -> None:
        """Count from here. uvicorn begins when the head is complete and right."""
        self.url, self.headers, self.expect_100_continue = b"", [], False
        self._in_head, self._fed = True, 0
        if not self._head_since:
            self._head_since = self._heard_at

    def on_headers_complete(self) -> None:
        """Start the request, if its head is right."""
        if error := self._wrong_head():
            self._error = error
            raise ValueError("a wrong head")  # not `error`: with this frame in its traceback it would be a cycle
        if not self.turned_away():
            before = self.cycle
            self._make_scope()
            super().on_headers_complete()
            if self.cycle is before:  # an upgrade, whose head is read once more
                return
            if self.is_last:
                self.cycle.keep_alive = False
        self._begun += 1
        self._in_head, self._in_body, self._head_since = False, True, 0.0
        self._fed = self._body = self._fed_with_body = 0
        self._body_since = self._heard_at
        if not self._has_asked:
            self._has_asked = True
            self.edge.asks(self)

    def turned_away(self) -> bool:
        """Whether the request whose head was read is answered, so that it does not start, and its body is dropped."""
        return False

    def _make_scope(self) -> None:
        """Begin the request as uvicorn does it with its first byte."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = url, headers, expects
        self.scope["headers"] = headers

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._body += len(body)
        self._fed_with_body = self._fed
        if self.cycle.response_complete:
            return
        super().on_body(body)
        if self._at_end is None:
            return
        if len(self.cycle.body) > self.longest_body:
            self._call_at_end()
        else:
            self.flow.resume_reading()  # uvicorn waits for the application to take some

    def on_message_complete(self) -> None:
        """The next byte is another request's."""
        self._in_body = False
        if self._kept:
            self._keep()
        super().on_message_complete()
        if self._at_end is not None:
            self._call_at_end()

    def _call_at_end(self) -> None:
        at_end, self._at_end = self._at_end, None
        if at_end is not None:
            at_end()

    def on_response_complete(self) -> None:
        """Go on with what came meanwhile. As uvicorn does it, but for its timer: `look` ends an idle connection."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self._idle_since = self.loop.time()
        if self._head_since:
            self._head_since = self._idle_since
        self.flow.resume_reading()
        is_last = not self.pipeline
        if is_last and self._refusal is not None:
            self._send_refusal(self._refusal)
            return
        if not is_last and self.edge.beginnings.take():
            self._start_next()
        elif not is_last:
            self.edge.beginnings.later(self._start_next)
        if self._ahead and (is_last or self._in_body):  # the next one may have begun, and wait for its body
            self.loop.call_soon(self._read_ahead)

    def _start_next(self) -> None:
        if self.transport.is_closing():
            return
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._refusal is not None:  # it was wrong itself
            self._send_refusal(self._refusal)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, or what a bound of this class was raised for."""
        error, self._error = self._error, None
        self.refuse(error or RequestError("This is no HTTP request that the gateway takes.", status=400))

    def refuse(self, error: RequestError) -> None:
        """Answer with the error after what is under way, and read no more."""
        if self._is_over or self.transport.is_closing():
            return
        self._is_over = True
        self.edge.note(f"{error.status}")
        self.edge.keep(self, 0)
        self._ahead = b""
        refusal = written(error, [*self.server_state.default_headers, (b"connection", b"close")])
        current = self.cycle
        if current is None or (current.response_complete and not self._in_body):
            self._send_refusal(refusal)
        elif not self._in_body:
            self._refusal = refusal
        elif self.pipeline:
            self.pipeline.popleft()  # It is the request that is wrong, and the newest.
            self._refusal = refusal
        elif current.response_started or current.response_complete:
            self.cut("body")
        else:
            current.disconnected = True
            current.message_event.set()
            self._send_refusal(refusal)

    def hold(self, seconds: float) -> None:
        """Read nothing more for so long, whatever was sent ahead."""
        if not self._is_held and not self.transport.is_closing():
            self._is_held = self.flow.is_held = True
            self.flow.pause_reading()
            self.loop.call_later(seconds, self._release)

    def _release(self) -> None:
        self._is_held = False
        if self._ahead:
            if self._in_body or (self.cycle.response_complete and not self.pipeline):
                self._read_ahead()
        elif not self.transport.is_closing():
            self.flow.is_held = False
            self.flow.resume_reading()

    def shutdown(self) -> None:
        """Close the connection once what is under way is answered; what has only begun to come is not."""
        if (holder := self.transport.get_protocol()) is not self:  # a WebSocket by now
            cast(Any, holder).shutdown()  # all of uvicorn's protocols have it
            return
        if self._waits and not self._is_held:
            self.edge.together.add(self.shutdown)
            return
        self._ahead = b""
        until = self._made + _FIRST_REQUEST
        if self._has_asked or self._in_head or self.loop.time() >= until:
            super().shutdown()
        else:
            self.loop.call_at(until, self.shutdown)

    @property
    def is_last(self) -> bool:
        """Whether the connection is closed after the answer."""
        return self._for_probe or self.edge.draining

    @property
    def is_answering(self) -> bool:
        """Whether the answer to what was asked last is not complete."""
        return self.cycle is not None and not self.cycle.response_complete

    def silent_for(self, now: float) -> float:
        """Seconds since the connection was made."""
        return now - self._made

    def idle_for(self, now: float) -> float:
        """Seconds since all that it asked was answered and taken; 0 for one that asks, or has asked nothing."""
        is_idle = (
            self.cycle is not None
            and self.cycle.response_complete
            and not (self._in_head or self._in_body or self._head_since or self._ahead or self._is_over)
            and not self.waiting(now)
        )
        return now - self._idle_since if is_idle else 0.0

    def give_way(self) -> None:
        """Close an idle connection."""
        self.transport.close()

    def look(self, now: float) -> None:
        """End the connection if its client takes too long."""
        limits = self._limits
        if self._lingers_until:
            if now > self._lingers_until:
                self.transport.abort()
            return
        is_answered = self.cycle is None or self.cycle.response_complete
        if self._in_body:
            if self.pipeline or (self.flow.read_paused and not is_answered):
                self._body_since = now - min(now - self._body_since, limits.body_timeout / 2)
            elif now > self._body_ends() or self._must_hurry(now):
                self._end_body(is_answered=is_answered)
        elif is_answered and self._head_since and now > self._head_since + limits.header_timeout:
            if self._in_head:
                self.refuse(TooSlowError(f"The headers did not come within {limits.header_timeout:g} seconds."))
            else:
                self.edge.note("header_timeout")
                self.transport.close()
        elif is_answered and not (self._head_since or self._ahead) and now > self._idle_since + limits.keep_alive:
            self.transport.close()

    @abstractmethod
    def write_whole(self, data: bytes) -> None:
        """Send a whole answer when all that has come in this turn of the event loop is read."""

    @abstractmethod
    def waiting(self, now: float) -> int:
        """Bytes that wait until the client takes them."""

    @abstractmethod
    def seconds_left(self, now: float) -> float:
        """How long the client will go on to take them, at the rate at which it has taken them so far."""

    def cut(self, why: str) -> None:
        """Cut the connection off."""
        self.edge.note(why)
        self.transport.abort()

    def _check_unfinished(self) -> None:
        """Refuse a head, the sizes of chunks or trailers that are too large before they are complete."""
        limits = self._limits
        if self._in_head:
            if error := self._too_large_already():
                self.refuse(error)
        elif self._in_body:
            if len(self.headers) > limits.headers:
                self.refuse(self._many_headers())
            elif (
                self._fed - self._body > limits.header_bytes + PIECE + _FRAMING * self._body
                or self._fed - self._fed_with_body > limits.header_bytes + PIECE  # trailers, or one chunk's extensions
            ):
                self.refuse(RequestError("The body's chunks have too much beside their bytes."))
            elif self.cycle.response_complete and self._body > IGNORED:
                self.cut("body")

    def _body_ends(self) -> float:
        return self._body_since + self._limits.body_timeout + self._body / self._limits.body_rate

    def _must_hurry(self, now: float) -> bool:
        since = self.edge.closing_since
        return since is not None and now > since + _HASTE

    def _end_body(self, *, is_answered: bool) -> None:
        if is_answered:
            self.cut("body_timeout")
        else:
            self.refuse(TooSlowError("The body did not come in time."))

    def _read_what_waits(self) -> None:
        if self._waits:  # else it was read when an answer was complete
            self._read_ahead()

    def _read_ahead(self) -> None:
        self._waits = False
        if self._is_held:
            return
        ahead, self._ahead = self._ahead, b""
        if self._kept:
            self._keep()
        self.flow.is_held = False
        if not self.transport.is_closing() and self.parser is not None:
            self.flow.resume_reading()
            if ahead:
                self._take(ahead)

    def _send_refusal(self, refusal: bytes) -> None:
        """Write it, and close once the client has closed or a moment has passed: closing at once would take it back."""
        self._refusal, self._fed, self._is_held = None, 0, False
        self._lingers_until = self.loop.time() + _LINGER
        self.flow.is_held = False
        self.flow.resume_reading()
        self.transport.write(refusal)
        if self.edge.closing_since is None:
            self.transport.write_eof()
        else:
            self.transport.close()

    def _ignore(self, size: int) -> None:
        self._fed += size
        if self._lingers_until and self._fed > IGNORED:
            self.transport.abort()
