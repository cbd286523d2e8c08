"""GraphQL over HTTP (the specification's current draft) as one ASGI endpoint.

Callers are identified by bearer tokens, never by cookies, so another site's page cannot send requests in a user's name,
and GET is safe for queries. GraphQL over WebSocket and batches are not supported.
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, Protocol

import orjson
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.auth.access import IntrospectionFor, check_access, check_public, check_validation_public
from gateway.engine import Engine, Explanation, Outcome, Prepared
from gateway.engine.declared import Context
from gateway.engine.limits import Limits
from gateway.errors import DeadlineExceeded, MethodNotAllowedError, RequestError, present
from gateway.http.disconnect import DeadlinePassed, run_until_disconnect
from gateway.http.headers import IndexedRequest
from gateway.http.media_types import JSON, RESPONSE_JSON, accepts_gzip, accepts_html, negotiate
from gateway.http.persisted_queries import PersistedQueries
from gateway.http.request import read
from gateway.http.request_id import identify
from resolvers.viewer import Viewer


class RequestContext(Context, Protocol):
    """The part of a resolver context (`info.context`) that the endpoint uses."""

    async def close(self) -> None:
        """End every upstream call that still runs. Called once, also after a failure."""

    def extensions(self) -> dict[str, Any]:
        """The answer's `extensions`, empty if there are none. Called once, after the operation."""


GRACE: Final = 1.0
"""Seconds after the deadline in which an answer can still be made of what the systems returned."""

MIN_COMPRESSED: Final = 1024
"""Bytes from which an answer is compressed, if the client accepts gzip."""

COMPRESSED_IN_THREAD: Final = 128 * 1024
"""Bytes from which an answer is compressed in a thread: it would block the event loop for about a millisecond."""

COMPRESSION_LEVEL: Final = 2
"""Of zlib. Level 2 compresses a dashboard of 57 KB to 6.3 KB in 0.22 ms; level 4 to 5.8 KB in 0.37 ms."""

_GZIP: Final = 16 + zlib.MAX_WBITS

EXPLAIN_HEADER: Final = "X-Gateway-Explain"

_VARY: Final = (b"Accept, Authorization", b"Accept, Authorization, Accept-Encoding")
"""The Vary header of a short answer, and of one that may be compressed."""

_CONTENT_TYPES: Final = {one: (b"content-type", f"{one}; charset=utf-8".encode()) for one in (JSON, RESPONSE_JSON)}

Authenticate = Callable[[Request], Awaitable[Viewer]]
MakeContext = Callable[[Request, Viewer, Prepared, OperationDefinitionNode], RequestContext]
Page = Callable[[Request], Response]


class GraphQLEndpoint:
    """ASGI application for `Route("/graphql", ...)`: reads, checks, executes and answers one operation per request.

    `authenticate` may raise RequestError (401, 503). `page` answers a browser that asks for HTML without a query.
    `deadline` is in seconds; an operation that runs for `GRACE` longer is cancelled.
    """

    def __init__(
        self,
        engine: Engine,
        authenticate: Authenticate,
        context: MakeContext,
        persisted: PersistedQueries,
        limits: Limits,
        page: Page | None = None,
        *,
        introspection_for: IntrospectionFor = "staff",
        deadline: float = 8.0,
    ) -> None:
        self._engine, self._authenticate, self._context = engine, authenticate, context
        self._persisted, self._limits, self._page = persisted, limits, page
        self._introspection_for, self._deadline = introspection_for, deadline

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request. A client that disconnects cancels its operation."""
        request = IndexedRequest(scope, receive)
        request_id = identify(request.headers)
        media_type = negotiate(request.headers.get("accept"))
        try:
            response = await self._respond(request, media_type, receive)
        except RequestError as error:
            response = error.response(media_type or JSON)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - the last one before the client: logged with an id, answered in JSON
            fault = GraphQLError("", original_error=error)
            response = _response(media_type or JSON, Outcome(None, [fault], executed=False))
        if response is not None:
            response.raw_headers.append(request_id)
            is_compressible = len(response.body) >= MIN_COMPRESSED
            if not isinstance(response, _JsonResponse):
                response.headers["Vary"] = _VARY[is_compressible].decode()
            if is_compressible and accepts_gzip(request.headers.get("accept-encoding", "")):
                await _compress(response)
            await response(scope, receive, send)

    async def _respond(self, request: Request, media_type: str | None, receive: Receive) -> Response | None:
        method = request.method
        if method not in ("GET", "POST"):
            raise MethodNotAllowedError(method, "GET, POST")
        has_operation = method == "POST" or "query" in request.query_params or "extensions" in request.query_params
        if self._page and not has_operation and accepts_html(request.headers.get("accept")):
            return self._page(request)
        if media_type is None:
            message = f"The Accept header allows neither {RESPONSE_JSON} nor {JSON}. Allow one of them."
            raise RequestError(message, status=406, code="NOT_ACCEPTABLE")
        viewer = await self._authenticate(request)
        parameters = await read(request, self._limits.max_body_bytes)
        source = await self._persisted.source(parameters)
        prepared = self._engine.prepare(source, None if viewer.is_signed_in else self._check_public)
        if not isinstance(prepared, Prepared):
            if not viewer.is_signed_in:
                check_validation_public(prepared, self._introspection_for)
            return _response(media_type, Outcome(None, prepared, executed=False))
        operation = self._engine.operation(prepared, parameters.operation_name)
        if isinstance(operation, GraphQLError):
            return _response(media_type, Outcome(None, [operation], executed=False))
        _check_method(request, operation)
        check_access(prepared, operation, viewer, self._introspection_for)
        if viewer.is_signed_in:  # Others could fill the store and evict its documents.
            await self._persisted.keep(parameters)

        context = self._context(request, viewer, prepared, operation)
        outcome: Outcome | None
        try:
            started = self._engine.start(prepared, operation, parameters.variables, context)
            if isinstance(started, Outcome):
                outcome = started
            else:
                outcome = await run_until_disconnect(started, receive, self._deadline + GRACE)
        except DeadlinePassed:
            outcome = Outcome(None, [GraphQLError("", original_error=DeadlineExceeded())], executed=False)
        finally:
            await context.close()
        if outcome is None:
            return None
        extensions = context.extensions()
        if viewer.is_staff and request.headers.get(EXPLAIN_HEADER) == "1":
            extensions |= _explained(self._engine.explain(prepared, operation, parameters.variables))
        return _response(media_type, outcome, extensions)

    def _check_public(self, document: DocumentNode) -> None:
        check_public(self._engine.core_schema, document, self._introspection_for)


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
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})


async def _compress(response: Response) -> None:
    """Compress the response with gzip; a large one in a thread."""
    compress = partial(zlib.compress, response.body, COMPRESSION_LEVEL, _GZIP)
    response.body = await asyncio.to_thread(compress) if len(response.body) >= COMPRESSED_IN_THREAD else compress()
    response.headers["Content-Length"] = str(len(response.body))
    response.headers["Content-Encoding"] = "gzip"


def _explained(explanation: Explanation | list[GraphQLError]) -> dict[str, Any]:
    """The plan as an extension; empty for variables that do not fit, which are errors anyway."""
    return {"explain": explanation.document()} if isinstance(explanation, Explanation) else {}


def _check_method(request: Request, operation: OperationDefinitionNode) -> None:
    if operation.operation is OperationType.SUBSCRIPTION:
        raise RequestError("Subscriptions are not supported at this address. Send a query.")
    if request.method == "GET" and operation.operation is not OperationType.QUERY:
        message = "A mutation must be sent with POST. GET is for queries only."
        raise RequestError(message, status=405, code="METHOD_NOT_ALLOWED", headers={"Allow": "POST"})


def _response(media_type: str, outcome: Outcome, extensions: dict[str, Any] | None = None) -> Response:
    """The outcome as a response, with errors before data, as the GraphQL specification recommends."""
    body: dict[str, Any] = {}
    if outcome.errors:
        body["errors"] = [present(error) for error in outcome.errors]
    if outcome.executed:
        body["data"] = outcome.data
    if extensions:
        body["extensions"] = extensions
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
