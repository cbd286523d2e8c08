"""`GET /events`: what the gateway hears of the systems, as a stream, for people who ask whether it hears anything.

It is a stream of server-sent events: `hint` (a `connectors.events.hints.Hint`, and `lag`: seconds since `at` when it
was heard), `refused` (`domain`, `outcome`, `at`: an event that this process did not take), and `end` (`message`: why
the stream ends). Comments keep it alive between them. It holds ids only, no business data.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from connectors.events.hints import Hint
from gateway.auth.access import SignInRequiredError, StaffOnlyError
from gateway.errors import MethodNotAllowedError, RequestError
from gateway.http.disconnect import run_until_disconnect
from gateway.http.link import link_of
from gateway.http.rates import Authenticate, Rates, hold

logger = logging.getLogger("gateway.events")

MOST_WATCHERS: Final = 10
"""Streams of one process at a time. Each costs a copy of every hint."""

PING: Final = 15.0
"""Seconds between two looks at whether the token is still good; a comment is sent then, unless there is an event."""

MOST_WAITING: Final = 1000
"""Events that wait for one watcher; of more, the oldest go."""

_SEND: Final = 30.0
"""Seconds in which a watcher must read what is sent."""

_COMMENT: Final = b":\n\n"

_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"vary", b"Authorization"),
    (b"x-accel-buffering", b"no"),
]


class NothingHeardError(RequestError):
    """The settings have `[live]` off, so nothing is heard of the systems."""

    status = 404
    code = "NOT_SUPPORTED"

    def __init__(self) -> None:
        super().__init__("This gateway hears no events: set live.enabled = true in its settings.")


class TooManyWatchersError(RequestError):
    """So many watch already that there may be no other."""

    status = 429
    code = "LIMIT_EXCEEDED"

    def __init__(self) -> None:
        super().__init__(
            f"{MOST_WATCHERS} watch this process already, as many as may. End one.", headers={"Retry-After": "5"}
        )


class WatchEndpoint:
    """ASGI application for `Route("/events", ...)`.

    `watch` gives every hint from now on, each time it is called; None where nothing is heard.
    """

    def __init__(
        self,
        authenticate: Authenticate,
        watch: Callable[[], AsyncIterator[Hint]] | None,
        rates: Rates,
        *,
        ping: float = PING,
    ) -> None:
        self._authenticate, self._watch, self._rates, self._ping = authenticate, watch, rates, ping
        self._watching: set[_Watcher] = set()

    def refused(self, domain: str, outcome: str) -> None:
        """Tell all who watch that an event of this system was not taken. It must be told by whoever refuses it."""
        for one in self._watching:
            one.put("refused", {"domain": domain, "outcome": outcome, "at": time.time()})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the client disconnects, its token ends, or the process does."""
        request = Request(scope, receive)
        try:
            watch = await self._checked(request, self._rates.paid(self._authenticate))
            if len(self._watching) >= MOST_WATCHERS:
                raise TooManyWatchersError
        except RequestError as error:
            hold(scope, error)
            await error.response()(scope, receive, send)
            return
        watcher, link = _Watcher(), link_of(scope)
        link.leave = lambda: watcher.end("The gateway ends. Watch again in a moment.")
        self._watching.add(watcher)
        try:
            await run_until_disconnect(self._stream(watcher, watch, request, send), receive)
        finally:
            self._watching.discard(watcher)
            link.leave = None

    async def _checked(self, request: Request, authenticate: Authenticate) -> Callable[[], AsyncIterator[Hint]]:
        if request.method != "GET":
            raise MethodNotAllowedError(request.method, "GET")
        viewer = await authenticate(request)
        if not viewer.is_signed_in:
            raise SignInRequiredError
        if not viewer.is_staff:
            raise StaffOnlyError("Events are")
        if self._watch is None:
            raise NothingHeardError
        return self._watch

    async def _stream(
        self, watcher: "_Watcher", watch: Callable[[], AsyncIterator[Hint]], request: Request, send: Send
    ) -> None:
        loop = asyncio.get_running_loop()
        following = asyncio.create_task(watcher.follow(watch()))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await _send(send, _COMMENT)  # Some proxies send the head only with the first part of the body.
            due = loop.time() + self._ping
            while not watcher.ends:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(due):
                        await watcher.wake.wait()
                part = watcher.take()
                if loop.time() >= due:
                    part, due = part or _COMMENT, loop.time() + self._ping
                    watcher.ends = watcher.ends or await self._why_no_more(request)
                await _send(send, part)
            await _send(send, _event("end", {"message": watcher.ends}), more=False)
        except TimeoutError:
            return  # The watcher does not read.
        finally:
            following.cancel()

    async def _why_no_more(self, request: Request) -> str:
        """Why the caller may watch no longer; empty while it may."""
        try:
            await self._checked(request, self._authenticate)
        except RequestError as error:
            return str(error)
        return ""


class _Watcher:
    """What waits for one stream."""

    def __init__(self) -> None:
        self.waiting: deque[bytes] = deque(maxlen=MOST_WAITING)
        self.wake = asyncio.Event()
        self.ends = ""

    async def follow(self, hints: AsyncIterator[Hint]) -> None:
        """Let each hint wait, as long as there are any."""
        try:
            async for hint in hints:
                told = {name: getattr(hint, name) for name in hint.__struct_fields__}
                self.put("hint", told | {"lag": round(time.time() - hint.at, 3)})
            self.end("Nothing more is heard.")
        except Exception:
            logger.exception("hints cannot be followed")
            self.end("The gateway cannot follow the events any more; its log says why.")

    def put(self, kind: str, data: dict[str, Any]) -> None:
        """Let an event wait."""
        self.waiting.append(_event(kind, data))
        self.wake.set()

    def end(self, why: str) -> None:
        """End the stream after what waits."""
        self.ends = why
        self.wake.set()

    def take(self) -> bytes:
        """What waits; nothing waits then."""
        self.wake.clear()
        taken = b"".join(self.waiting)
        self.waiting.clear()
        return taken


def _event(kind: str, data: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), orjson.dumps(data))


async def _send(send: Send, part: bytes, *, more: bool = True) -> None:
    """Raises TimeoutError where the watcher does not read."""
    async with asyncio.timeout(_SEND):
        await send({"type": "http.response.body", "body": part, "more_body": more})
