"""`GET /schema.graphql`: the schema for tools that generate code, and for continuous integration.

Who may read it is who may read the schema by introspection. It says more: what fields cost, need, and may be kept for.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from gateway.auth.access import IntrospectionFor, SignInRequiredError, may_introspect
from gateway.errors import MethodNotAllowedError, RequestError, fault
from gateway.http.caching import validate
from gateway.http.rates import Authenticate, Rates, hold
from gateway.http.request_id import identify

ADDRESS: Final = "/schema.graphql"


class SchemaFile:
    """ASGI application for `Route(ADDRESS, ...)`. The text is made when it is first asked for, in a thread."""

    def __init__(
        self, text: Callable[[], str], introspection_for: IntrospectionFor, authenticate: Authenticate, rates: Rates
    ) -> None:
        self._text, self._introspection_for = text, introspection_for
        self._authenticate = rates.paid(authenticate)
        self._made: asyncio.Task[str] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        request_id = identify(request.headers)
        try:
            response = await self._response(request)
        except RequestError as error:
            response = error.response()
            hold(scope, error)
        except Exception as error:  # noqa: BLE001 - the last one before the client: logged with an id, answered in JSON
            response = fault(error)
        response.raw_headers.append(request_id)
        await response(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowedError(request.method, "GET, HEAD")
        viewer = await self._authenticate(request)
        if not may_introspect(viewer, self._introspection_for):
            if not viewer.is_signed_in and self._introspection_for != "nobody":
                raise SignInRequiredError
            raise RequestError(
                "This caller may not read the schema. Ask the gateway's operator for it.",
                status=403,
                code="INTROSPECTION_DISABLED",
            )
        if self._made is None or (self._made.done() and self._made.exception() is not None):
            self._made = asyncio.get_running_loop().create_task(asyncio.to_thread(self._text))
        text = await asyncio.shield(self._made)
        response = PlainTextResponse(
            text, headers={"Cache-Control": "private, no-cache", "Vary": "Authorization, Origin"}
        )
        validate(response, request)
        return response
