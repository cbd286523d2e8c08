"""`GET /schema.graphql`: the schema for tools that generate code, and for continuous integration.

Who may read it is who may read the schema by introspection. It says more: what fields cost, need, and may be kept for.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from gateway.auth.access import IntrospectionFor, SignInRequiredError, may_introspect
from gateway.errors import RequestError
from gateway.http.caching import validate
from resolvers.viewer import Viewer

ADDRESS: Final = "/schema.graphql"


class SchemaFile:
    """Answers the schema's text, which is made when it is first asked for, in a thread: for `Readable`."""

    def __init__(self, text: Callable[[], str], introspection_for: IntrospectionFor) -> None:
        self._text, self._introspection_for = text, introspection_for
        self._made: asyncio.Task[str] | None = None

    async def __call__(self, request: Request, viewer: Viewer) -> Response:
        """To who may introspect. Raises SignInRequiredError, and RequestError for who may not."""
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
