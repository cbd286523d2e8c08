"""Between the application and uvicorn's answer to a request: what waits until its client takes it is bounded.

uvicorn writes a body to its connection as a whole, however slowly it is taken.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, Protocol
from weakref import ref

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from gateway.http.admission import TOO_MUCH_WAITS, Admission, OverloadedError
from gateway.http.edge import Edge

SMALL: Final = 4 * 1024
"""Bytes of a body that is sent however much waits: probes, refusals, most errors."""

PART: Final = 256 * 1024
"""Bytes of a body that are written at a time; the next ones when these are taken."""

_NOT_HERE: Final = (b"\n", b"\r", b"\0", b"connection:", b"transfer-encoding:")
"""What no head of `_send_whole` has: wrong characters, and headers by which an answer is sent in another way."""

PLAIN: Final = "gateway.plain"
"""Key in the message that starts an answer: true where the gateway has made all headers, which need no look."""

_PATIENCE: Final = 1.0
"""Seconds that an answer waits for a place among those that wait for their clients."""

_PAUSE: Final = 0.05


class Holder(Protocol):
    """The connection that an answer is sent over."""

    edge: Edge

    def reserve(self, size: int) -> None:
        """So many bytes wait in the application's hands until they are sent; fewer, if negative."""


class BoundedAnswer:
    """The application for one request: it sends a large body in parts, and 503 where too much waits already."""

    __slots__ = ("_app", "_holder", "_start", "_tasks", "admission", "cycle")

    def __init__(
        self,
        app: ASGI3Application,
        cycle: RequestResponseCycle,
        holder: "ref[Holder]",
        tasks: "set[asyncio.Task[None]]",
    ) -> None:
        """`holder` is weak, as the connection holds its answer. The answer's task is one of `tasks` until it ends."""
        self._app, self.cycle, self._holder, self._tasks = app, cycle, holder, tasks
        self._start: dict[str, Any] | None = None
        """The head of the answer, which waits for its body."""
        self.admission: Admission | None = None
        """Where the request counts as under way."""

    def instead(self, app: ASGI3Application) -> "BoundedAnswer":
        """Another application's answer to the same request."""
        return BoundedAnswer(app, self.cycle, self._holder, self._tasks)

    def __call__(self, scope: Any, receive: Any, _send: Any) -> Awaitable[None]:
        """Run the application, as an ASGI application."""
        return self._app(scope, receive, self.send)

    def end(self, task: "asyncio.Task[None]") -> None:
        """The answer's task has ended."""
        self._tasks.discard(task)
        if self.admission is not None:
            self.leave()

    def leave(self) -> None:
        """The request is under way no more."""
        if self.admission is not None:
            self.admission.leave()
            self.admission = None

    async def send(self, message: Any) -> None:
        """Send a message of the application's."""
        if message["type"] == "http.response.start" and not self.cycle.response_started:
            self._start = message
            return
        body = message.get("body", b"")
        size = len(body)
        if size <= SMALL and self._start is not None and not message.get("more_body") and self._send_whole(body):
            return
        if size > SMALL and self.cycle.scope["method"] != "HEAD":
            if not await self._has_room(size):
                await self._refuse()
                return
            if size > PART:
                await self._send_parts(message, body)
                return
        await self._send_start()
        await self.cycle.send(message)

    def send_at_once(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bool:
        """Send a small answer without a task. False: nothing is sent, and the answer needs one."""
        self._start = {"type": "http.response.start", "status": status, "headers": headers}
        if self._send_whole(body):
            return True
        self._start = None
        return False

    def _send_whole(self, body: bytes) -> bool:
        """Send a small answer with one look at its head, as uvicorn's `send` does with many. False: it must be sent so.

        This saves more than all that this module and `bounded_requests` cost a small request.
        """
        start, cycle = self._start, self.cycle
        assert start is not None  # noqa: S101 - the caller has looked
        given: list[tuple[bytes, bytes]] = start.get("headers", [])
        if (
            (b"content-length", b"%d" % len(body)) not in given
            or cycle.access_log
            or cycle.disconnected
            or cycle.flow.write_paused
            or cycle.scope["method"] == "HEAD"
        ):
            return False
        lines = [*map(b": ".join, cycle.default_headers), *map(b": ".join, given)]
        if PLAIN not in start and max(map(b"".join(lines).find, _NOT_HERE)) >= 0:
            return False
        if not cycle.keep_alive:
            lines.append(b"connection: close")
        self._start, cycle.response_started, cycle.waiting_for_100_continue = None, True, False
        cycle.transport.write(STATUS_LINE[start["status"]] + b"\r\n".join([*lines, b"", body]))
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True

    async def _send_start(self) -> None:
        start, self._start = self._start, None
        if start is not None:
            await self.cycle.send(start)  # type: ignore[arg-type]  # it is one

    async def _has_room(self, size: int) -> bool:
        if self._start is None:
            return True  # A part of a stream: each connection holds one at a time.
        loop, holder = asyncio.get_running_loop(), self._holder()
        if holder is None:
            return False
        edge = holder.edge
        until = loop.time() + _PATIENCE
        while not edge.admit(size, loop.time()):
            if self.cycle.disconnected or loop.time() > until:
                return False
            await asyncio.sleep(_PAUSE)
        return True

    async def _send_parts(self, message: Any, body: bytes) -> None:
        size, holder = len(body), self._holder()
        if holder is None:
            return  # The connection is gone.
        holder.reserve(size)
        try:
            await self._send_start()
            for at in range(0, size, PART):
                more = at + PART < size or message.get("more_body", False)
                part = {**message, "body": body[at : at + PART], "more_body": more}
                await self.cycle.send(part)  # type: ignore[arg-type]  # as it came
                if self.cycle.disconnected:
                    return
        finally:
            holder.reserve(-size)

    async def _refuse(self) -> None:
        response = OverloadedError(TOO_MUCH_WAITS).response()
        headers = response.raw_headers
        self._start = {"type": "http.response.start", "status": response.status_code, "headers": headers}
        await self._send_start()
        await self.cycle.send({"type": "http.response.body", "body": bytes(response.body), "more_body": False})
