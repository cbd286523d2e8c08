"""GraphQL over HTTP (the specification's current draft) as one ASGI endpoint.

Callers are identified by bearer tokens, never by cookies, so another site's page cannot send requests in a user's name,
and GET is safe for queries. Batches are not supported.
"""

import asyncio
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from graphql import GraphQLError, OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from zstandard import ZstdCompressor

from gateway.engine import Outcome
from gateway.engine.limits import Limits
from gateway.errors import DeadlineExceeded, MethodNotAllowedError, RequestError
from gateway.http.bounded_answers import PLAIN
from gateway.http.caching import Caching
from gateway.http.disconnect import run_until_disconnect
from gateway.http.headers import IndexedRequest
from gateway.http.media_types import (
    EVENTS,
    JSON,
    RESPONSE_JSON,
    Coding,
    accepted_coding,
    accepts_events,
    accepts_html,
    negotiate,
)
from gateway.http.operations import DEADLINE_HEADER, Operations, Ready, answer, seconds_in
from gateway.http.rates import CALLER, REQUEST, Authenticate, Rates, hold
from gateway.http.request import read
from gateway.http.request_id import identify
from gateway.http.sse import EventStreams, one_answer, refused
from gateway.live.service import SubscriptionsOffError

MIN_COMPRESSED: Final = 1024
"""Bytes from which an answer is compressed, if the client accepts a coding."""

COMPRESSED_IN_THREAD: Final = 128 * 1024
"""Bytes from which an answer is compressed in a thread: it would block the event loop for about a millisecond."""

COMPRESSION_LEVEL: Final = 2
"""Of gzip. Level 2 compresses a dashboard of 57 KB to 6.3 KB in 0.22 ms; level 4 to 5.8 KB in 0.37 ms."""

_GZIP: Final = 16 + zlib.MAX_WBITS

ZSTD_LEVEL: Final = 1
"""Of Zstandard (RFC 8878): a dashboard of 55 KB becomes 5.2 KB in 0.1 ms, where gzip makes 6.4 KB of it in 0.24 ms."""


def _gzipped(body: bytes) -> bytes:
    return zlib.compress(body, COMPRESSION_LEVEL, _GZIP)


def _zstandard(body: bytes) -> bytes:
    return ZstdCompressor(level=ZSTD_LEVEL).compress(body)  # a new one: threads cannot share it


_CODINGS: Final[Mapping[Coding, Callable[[bytes], bytes]]] = {"zstd": _zstandard, "gzip": _gzipped}

_VARY: Final = (b"Accept, Authorization", b"Accept, Authorization, Accept-Encoding")
"""The Vary header of a short answer, and of one that may be compressed."""

_CONTENT_TYPES: Final = {one: (b"content-type", f"{one}; charset=utf-8".encode()) for one in (JSON, RESPONSE_JSON)}

_OPERATION: Final = frozenset({"query", "documentId", "extensions"})
"""Parameters of an address that has an operation."""

_DEADLINE: Final = DEADLINE_HEADER.lower().encode()

Page = Callable[[Request], Response]


class GraphQLEndpoint:
    """ASGI application for `Route("/graphql", ...)`: reads, checks, executes and answers one operation per request.

    `authenticate` may raise RequestError (401, 503). `page` answers a browser that asks for HTML without a query.
    `streams` answers subscriptions.
    """

    def __init__(
        self,
        operations: Operations,
        authenticate: Authenticate,
        limits: Limits,
        page: Page | None = None,
        streams: EventStreams | None = None,
        rates: Rates | None = None,
        caching: Caching | None = None,
    ) -> None:
        """Without `caching` no answer may be kept."""
        self._operations, self._limits, self._caching = operations, limits, caching
        self._authenticate = authenticate if rates is None else rates.paid(authenticate)
        self._page, self._streams, self._rates = page, streams, rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request. A client that disconnects cancels its operation."""
        request = IndexedRequest(scope, receive)
        headers = request.headers
        request_id = identify(headers)
        accept = headers.listed("accept")
        media_type = negotiate(accept) or (EVENTS if accepts_events(accept) else None)
        try:
            response = await self.respond(request, media_type, receive)
        except RequestError as error:
            response = refused(error) if media_type == EVENTS else error.response(media_type or JSON)
            hold(scope, error)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - the last one before the client: logged with an id, answered in JSON
            fault = GraphQLError("", original_error=error)
            response = _response(media_type or JSON, Outcome(None, [fault], executed=False))
        if response is not None:
            response.raw_headers.append(request_id)
            if self._rates is not None and CALLER in scope:
                response.raw_headers += self._rates.headers(scope[CALLER])
            is_compressible = len(response.body) >= MIN_COMPRESSED and response.media_type != EVENTS
            if not isinstance(response, _JsonResponse):
                response.headers["Vary"] = _VARY[is_compressible].decode()
            if is_compressible and (coding := accepted_coding(headers.listed("accept-encoding"))):
                await _compress(response, coding)
            await response(scope, receive, send)

    async def respond(self, request: IndexedRequest, media_type: str | None, receive: Receive) -> Response | None:
        """The response to one request; None if its client has gone. Raises RequestError and ClientDisconnect."""
        method = request.method
        if method not in ("GET", "POST"):
            raise MethodNotAllowedError(method, "GET, POST")
        if (
            method == "GET"
            and self._page is not None
            and _OPERATION.isdisjoint(request.query_params)
            and accepts_html(request.headers.listed("accept"))
        ):
            if self._rates is not None:
                self._rates.spend(self._rates.stranger(request.scope), REQUEST)
            return self._page(request)
        if media_type is None:
            message = f"The Accept header allows neither {RESPONSE_JSON} nor {JSON}. Allow one of them."
            raise RequestError(message, status=406, code="NOT_ACCEPTABLE")
        viewer = await self._authenticate(request)
        parameters = await read(request, self._limits.max_body_bytes)
        ready = await self._operations.ready(parameters, viewer, request.scope.get(CALLER))
        if isinstance(ready, list):
            return _response(media_type, Outcome(None, ready, executed=False))
        if ready.kind is not OperationType.QUERY:
            if ready.kind is OperationType.SUBSCRIPTION:
                return await self._follow(request, ready, parameters.variables)
            if method == "GET":
                message = "A mutation must be sent with POST. GET is for queries and subscriptions only."
                raise RequestError(message, status=405, code="METHOD_NOT_ALLOWED", headers={"Allow": "POST"})
        within = seconds_in(request.headers[DEADLINE_HEADER]) if _DEADLINE in request.headers.names else None
        ran = await self._operations.run(
            ready,
            parameters.variables,
            request.headers,
            viewer,
            lambda work, seconds: run_until_disconnect(work, receive, seconds),
            within,
        )
        if ran is None:
            return None
        response = _response(media_type, *ran)
        if method == "GET" and parameters.query is None and self._caching is not None:
            outcome, extensions = ran
            is_whole = outcome.executed and not outcome.errors and not extensions and media_type != EVENTS
            if is_whole and (age := self._caching.age(ready.prepared, ready.operation)):
                self._caching.mark(response, request, age)
        return response

    async def _follow(self, request: IndexedRequest, ready: Ready, variables: Mapping[str, Any]) -> Response:
        if not accepts_events(request.headers.listed("accept")):
            message = (
                f"A subscription is answered by a stream of events. Send it with 'Accept: {EVENTS}',"
                " or over a WebSocket (graphql-transport-ws) to this address."
            )
            raise RequestError(message, status=406, code="NOT_ACCEPTABLE")
        try:
            if self._streams is None:
                raise SubscriptionsOffError
            return await self._streams.follow(request, ready, variables)
        except RequestError as error:
            return refused(error)


class _JsonResponse(Response):
    """A JSON response with its headers encoded directly, which Starlette would build and search for each answer."""

    def __init__(self, body: bytes, status: int, media_type: str) -> None:
        self.body, self.status_code, self.background = body, status, None
        self.raw_headers = [
            (b"content-length", b"%d" % len(body)),
            _CONTENT_TYPES[media_type],
            (b"cache-control", b"no-store"),
            (b"vary", _VARY[len(body) >= MIN_COMPRESSED]),
        ]

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the response."""
        headers = self.raw_headers
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers, PLAIN: True})
        await send({"type": "http.response.body", "body": self.body})


async def _compress(response: Response, coding: Coding) -> None:
    """Compress the response; a large one in a thread."""
    body = bytes(response.body)
    if len(body) >= COMPRESSED_IN_THREAD:
        response.body = await asyncio.to_thread(_CODINGS[coding], body)
    else:
        response.body = _CODINGS[coding](body)
    response.headers["Content-Length"] = str(len(response.body))
    response.headers["Content-Encoding"] = coding


def _response(media_type: str, outcome: Outcome, extensions: dict[str, Any] | None = None) -> Response:
    """The outcome as a response, with errors before data, as the GraphQL specification recommends."""
    body = answer(outcome, extensions)
    if media_type == EVENTS:
        return one_answer(body)
    return _JsonResponse(orjson.dumps(body), _status(media_type, outcome, body), media_type)


def _status(media_type: str, outcome: Outcome, body: dict[str, Any]) -> int:
    if outcome.executed:
        return 200
    codes = {error["extensions"]["code"] for error in body["errors"]}
    if "INTERNAL" in codes:
        return 500
    if media_type != RESPONSE_JSON:  # In this type any other status may come from a proxy, so clients read none of it.
        return 200
    return 504 if DeadlineExceeded.code in codes else 400
