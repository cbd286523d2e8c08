"""Subscriptions as streams of events: graphql-sse's protocol, in its "distinct connections mode".

A stream has two kinds of events, `next` with an answer, and `complete`. Comments keep it alive between them.
"""

import math
import random
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from gateway.auth.tokens import bearer_token
from gateway.errors import RequestError, present
from gateway.http.link import Link, link_of
from gateway.http.media_types import EVENTS
from gateway.http.operations import Ready
from gateway.http.outgoing import Outgoing
from gateway.live.counters import Ending
from gateway.live.service import Live
from gateway.live.subscription import Subscriber, Subscription

COMPLETE: Final = b"event: complete\ndata:\n\n"
"""With a line of data, although it is empty: a browser's EventSource drops an event that has none."""

_COMMENT: Final = b":\n\n"

_HEADERS: Final = {"Cache-Control": "no-store", "Vary": "Accept, Authorization", "X-Accel-Buffering": "no"}
"""The last one tells nginx, and proxies that follow it, to pass each event on at once."""

_RETRY: Final = (1.0, 5.0)
"""Seconds, from and to, after which clients are asked to reconnect when the process ends."""


class _Events(Response):
    media_type = EVENTS


def one_answer(body: Mapping[str, Any], status: int = 200) -> Response:
    """A stream of one answer."""
    return _Events(_next(orjson.dumps(body)) + COMPLETE, status, _HEADERS)


def refused(error: RequestError) -> Response:
    """The refusal as a stream of one answer.

    What is wrong with the document or the parameters has the status 200, because a browser tells a page nothing of a
    stream with another one; a caller who is not known, or a gateway that cannot answer, has its own status.
    """
    response = one_answer({"errors": [error.presented()]}, 200 if error.status == 400 else error.status)
    response.headers.update(error.headers)
    return response


class EventStreams:
    """Answers subscriptions by streams."""

    def __init__(self, live: Live) -> None:
        self._live = live

    async def follow(self, request: Request, ready: Ready, variables: Mapping[str, Any]) -> Response:
        """A stream of what the subscription tells, or of the errors for which it can never succeed.

        Raises RequestError: 401 for a token that has ended, 429 and 503 for too many connections, and
        SubscriptionsOffError. The response must be sent, as it counts as a connection already.
        """
        live = self._live
        live.check_on()
        token = bearer_token(request.headers.getlist("authorization"))
        signed_in = await live.sign_in(token)
        live.enter(signed_in.viewer)
        return _EventStream(live, live.subscriber(signed_in, token), ready, variables, live.ends_at(signed_in))


class _EventStream(Response):
    """The stream of one subscription."""

    media_type = EVENTS

    def __init__(
        self, live: Live, subscriber: Subscriber, ready: Ready, variables: Mapping[str, Any], ends: float
    ) -> None:
        self.status_code, self.background = 200, None
        self.init_headers(_HEADERS)
        self.body = b""  # set after the headers, which would have its length
        self._live, self._ends, self._leaves = live, ends, math.inf
        self._why: Ending = "client"
        self._subscription = Subscription(subscriber, ready.prepared, ready.operation, variables, self._wake)
        self._out: Outgoing
        self._link: Link
        self.due = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream until its client disconnects, or it ends."""
        live, self._link, self._out = self._live, link_of(scope), Outgoing(send)
        try:
            if errors := live.add(self._subscription):
                await one_answer({"errors": [present(error) for error in errors]})(scope, receive, send)
                return
            live.counters.started("sse")
            try:
                await self._stream(receive)
            finally:
                live.remove(self._subscription)
                live.counters.ended("sse", self._why)
        finally:
            live.connections.leave_of(self._subscription.subscriber.viewer)
            live.connections.leave()

    async def _stream(self, receive: Receive) -> None:
        self._out.put({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        self._out.put(_part(_COMMENT))  # Some proxies send the head only with the first part of the body.
        self._link.narrow()
        self._link.leave = self._leave
        self._live.sweeper.watch(self, self._out.sent_at)
        try:
            while (await receive())["type"] != "http.disconnect":  # also once the last part is sent
                pass
        finally:
            self._link.leave = None
            self._live.sweeper.forget(self)
            self._out.stop()

    def look(self, now: float) -> float:
        """Keep the stream alive, or end it."""
        out, limits = self._out, self._live.limits
        if out.waits_since and now >= out.waits_since + limits.send:
            self._why = "not reading"
            self._link.abort()
            return math.inf
        ping_at = out.sent_at + limits.ping
        if now >= self._ends:
            self._end("token", COMPLETE)
        elif now >= self._leaves:
            retry = random.uniform(*_RETRY)  # noqa: S311 - no secret
            self._end("restart", b"retry: %d\n\n" % (1000 * retry) + COMPLETE)
        elif now >= ping_at:
            ping_at = now + limits.ping
            if not out.waits_since:
                out.put(_part(_COMMENT))
        if self._why != "client":
            return now + limits.send
        return min(self._ends, self._leaves, ping_at, now + limits.send)

    def _end(self, why: Ending, last: bytes) -> None:
        self._why = why
        self._out.put_last(_part(last, is_last=True))

    def _leave(self) -> None:
        self._leaves = self._live.leaves_at()
        self._live.sweeper.watch(self, self._leaves)

    def _wake(self) -> None:
        self._out.put(self._take)

    def _take(self) -> Iterable[Message]:
        messages = self._subscription.take()
        self._live.counters.sent("sse", len(messages))
        return [_part(_next(message)) for message in messages]


def _part(body: bytes, *, is_last: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": not is_last}


def _next(message: bytes) -> bytes:
    return b"event: next\ndata: " + message + b"\n\n"
