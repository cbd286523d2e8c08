"""uvicorn's answer to a request, except that what waits until its client takes it is bounded.

uvicorn writes a body to its connection as a whole, however slowly it is taken.
"""

import asyncio
import re
from typing import Any, Final, Protocol
from weakref import ref

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from gateway.http.admission import Admission, OverloadedError
from gateway.http.edge import Edge

SMALL: Final = 4 * 1024
"""Bytes of a body that is sent however much waits: probes, refusals, most errors."""

PART: Final = 64 * 1024
"""Bytes of a body that are written at a time; the next ones when these are taken."""

_OF_CONNECTION: Final = re.compile(rb"\n(?:connection|transfer-encoding):")

_PATIENCE: Final = 1.0
"""Seconds that an answer waits for a place among those that wait for their clients."""

_PAUSE: Final = 0.05


class Holder(Protocol):
    """The connection that an answer is sent over."""

    edge: Edge

    def reserve(self, size: int) -> None:
        """So many bytes wait in the application's hands until they are sent; fewer, if negative."""


class BoundedCycle(RequestResponseCycle):
    """Sends a large body in parts, and 503 instead of it where too much waits already."""

    holder: "ref[Holder]"
    """Weak, as the connection holds its answer."""

    start: dict[str, Any] | None = None
    """The head of the answer, which waits for its body."""

    admission: Admission | None = None
    """Where the request counts as under way."""

    def leave(self, _task: object = None) -> None:
        """The request is under way no more."""
        if self.admission is not None:
            self.admission.leave()
            self.admission = None

    async def send(self, message: Any) -> None:
        """Send a message of the application's."""
        if message["type"] == "http.response.start" and not self.response_started:
            self.start = message
            return
        body = message.get("body", b"")
        size = len(body)
        if size <= SMALL and self.start is not None and not message.get("more_body") and self._send_whole(body):
            return
        if size > SMALL and self.scope["method"] != "HEAD":
            if not await self._has_room(size):
                await self._refuse()
                return
            if size > PART:
                await self._send_parts(message, body)
                return
        await self._send_start()
        await super().send(message)

    def send_at_once(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bool:
        """Send a small answer without a task. False: nothing is sent, and the answer needs one."""
        self.start = {"type": "http.response.start", "status": status, "headers": headers}
        if self._send_whole(body):
            return True
        self.start = None
        return False

    def _send_whole(self, body: bytes) -> bool:
        """Send a small answer with one look at its head, as uvicorn's `send` does with many. False: it must be sent so.

        This saves more than all that this module and `bounded_requests` cost a small request.
        """
        assert self.start is not None  # noqa: S101 - the caller has looked
        given: list[tuple[bytes, bytes]] = self.start.get("headers", [])
        if (
            (b"content-length", b"%d" % len(body)) not in given
            or not self.keep_alive
            or self.access_log
            or self.disconnected
            or self.flow.write_paused
            or self.scope["method"] == "HEAD"
        ):
            return False
        headers = [*self.default_headers, *given]
        head = b"\r\n".join([STATUS_LINE[self.start["status"]][:-2], *map(b": ".join, headers), b"\r\n"])
        ends = len(headers) + 2
        if not head.count(b"\n") == head.count(b"\r") == ends or b"\0" in head or _OF_CONNECTION.search(head):
            return False
        self.start, self.response_started, self.waiting_for_100_continue = None, True, False
        self.transport.write(head + body)
        self.response_complete = True
        self.message_event.set()
        self.on_response()
        return True

    async def _send_start(self) -> None:
        start, self.start = self.start, None
        if start is not None:
            await super().send(start)  # type: ignore[arg-type]  # it is one

    async def _has_room(self, size: int) -> bool:
        if self.start is None:
            return True  # A part of a stream: each connection holds one at a time.
        loop, holder = asyncio.get_running_loop(), self.holder()
        if holder is None:
            return False
        edge = holder.edge
        until = loop.time() + _PATIENCE
        while not edge.admit(size, loop.time()):
            if self.disconnected or loop.time() > until:
                return False
            await asyncio.sleep(_PAUSE)
        return True

    async def _send_parts(self, message: Any, body: bytes) -> None:
        size, holder = len(body), self.holder()
        if holder is None:
            return  # The connection is gone.
        holder.reserve(size)
        try:
            await self._send_start()
            for at in range(0, size, PART):
                more = at + PART < size or message.get("more_body", False)
                part = {**message, "body": body[at : at + PART], "more_body": more}
                await super().send(part)  # type: ignore[arg-type]  # as it came
                if self.disconnected:
                    return
        finally:
            holder.reserve(-size)

    async def _refuse(self) -> None:
        response = OverloadedError("Too many answers wait for their clients. Try again in a moment.").response()
        headers = response.raw_headers
        self.start = {"type": "http.response.start", "status": response.status_code, "headers": headers}
        await self._send_start()
        await super().send({"type": "http.response.body", "body": bytes(response.body), "more_body": False})
