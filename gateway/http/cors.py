"""Which pages of other origins may read the gateway's answers (CORS, as in the Fetch standard, section 3.2).

A browser asks before it sends a token or JSON (the preflight): it is answered before anybody is authenticated, and paid
for by its address. Credentials are never allowed, so that a page has the token that it sends, and no other.
"""

import re
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.cors_settings import CorsSettings
from gateway.http.context import TRACE_HEADER
from gateway.http.operations import COST_HEADER, DEADLINE_HEADER, EXPLAIN_HEADER
from gateway.http.request_id import REQUEST_ID

SENT: Final = (
    "Authorization",
    "Content-Type",
    "If-None-Match",
    "Last-Event-ID",
    "Range",
    REQUEST_ID,
    TRACE_HEADER,
    COST_HEADER,
    EXPLAIN_HEADER,
    DEADLINE_HEADER,
    "traceparent",
    "tracestate",
    "Apollo-Require-Preflight",
    "ApolloGraphQL-Client-Name",
    "ApolloGraphQL-Client-Version",
    "X-Apollo-Operation-Name",
    "X-Apollo-Operation-Id",
)
"""Headers that pages may send: those that the gateway reads, and those that clients send by themselves."""

EXPOSED: Final = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Range",
    "ETag",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "WWW-Authenticate",
    REQUEST_ID,
    "traceparent",
)
"""Headers of answers that pages may read beside those that the Fetch standard lets them read."""

METHODS: Final = "GET, HEAD, POST"

_ADDRESSES: Final = frozenset({"/graphql", "/graphql/", "/schema.graphql", "/events"})
_BELOW: Final = "/documents/"

_VARY: Final = (b"vary", b"Origin")

_LONGEST_ORIGIN: Final = 300

Paid = Callable[[Scope], Response | None]
"""Lets a request without a token be paid for: None, or the answer to whoever has spent too much."""


class Cors:
    """Answers preflights, and marks answers to pages of the origins that are allowed."""

    def __init__(self, settings: CorsSettings, paid: Paid) -> None:
        self._is_for_all = "*" in settings.origins
        self._is_allowed = lru_cache(maxsize=256)(re.compile(_pattern(settings.origins)).fullmatch)
        self._paid = paid
        self._preflight = {
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": ", ".join((*SENT, *settings.headers)),
            "Access-Control-Max-Age": str(settings.max_age),
        }
        self._exposed = (b"access-control-expose-headers", ", ".join(EXPOSED).encode())

    def origin(self, scope: Scope) -> bytes | None:
        """The origin of the page that asks; None where nobody but the gateway's own pages is concerned."""
        for name, value in scope["headers"]:
            if name == b"origin":
                return value if _is_shared(scope) else None
        return None

    async def answer(self, origin: bytes, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of a page of this origin."""
        if scope["method"] == "OPTIONS" and any(one == b"access-control-request-method" for one, _ in scope["headers"]):
            allowed = self._allowed(origin)
            response = self._paid(scope) or Response(status_code=204, headers=self._preflight if allowed else None)
            response.raw_headers += allowed or [_VARY]
            await response(scope, receive, send)
            return
        marks = self.marks(origin)

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *marks]}
            await send(message)

        await app(scope, receive, marked)

    def marks(self, origin: bytes) -> list[tuple[bytes, bytes]]:
        """Headers of an answer to a page of this origin."""
        allowed = self._allowed(origin)
        return [*allowed, self._exposed] if allowed else [_VARY]

    def _allowed(self, origin: bytes) -> list[tuple[bytes, bytes]]:
        """The headers that allow a page of this origin to read an answer; none if it may not."""
        if self._is_for_all:
            return [(b"access-control-allow-origin", b"*")]
        if len(origin) > _LONGEST_ORIGIN or not self._is_allowed(origin.decode("latin-1")):
            return []
        return [(b"access-control-allow-origin", origin), _VARY]


def _is_shared(scope: Scope) -> bool:
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    return path in _ADDRESSES or path.startswith(_BELOW)


def _pattern(origins: Collection[str]) -> str:
    """A pattern of all these origins. A star is a part of a host without dots, or a port."""
    return "|".join(
        re.escape(one).replace(r":\*", r"(?::[0-9]{1,5})?").replace(r"\*", "[a-z0-9_-]+")
        for one in origins
        if one != "*"
    )
