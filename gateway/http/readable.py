"""What callers read at an address of its own, beside the graph: who asks is known, and every failure is an answer."""

from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.errors import MethodNotAllowedError, RequestError, fault
from gateway.http.headers import IndexedRequest
from gateway.http.rates import Authenticate, Rates, hold
from gateway.http.request_id import identify
from resolvers.viewer import Viewer


class Answer(Protocol):
    """Says what a caller reads."""

    async def __call__(self, request: Request, viewer: Viewer) -> Response:
        """The response to one GET request. Raises RequestError."""


class Readable:
    """ASGI application for GET requests, which count for their callers' rates."""

    def __init__(self, answer: Answer, authenticate: Authenticate, rates: Rates) -> None:
        self._answer, self._authenticate = answer, rates.paid(authenticate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = IndexedRequest(scope, receive)
        request_id = identify(request.headers)
        try:
            if request.method not in ("GET", "HEAD"):
                raise MethodNotAllowedError(request.method, "GET, HEAD")
            response = await self._answer(request, await self._authenticate(request))
        except RequestError as error:
            response = error.response()
            hold(scope, error)
        except Exception as error:  # noqa: BLE001 - the last one before the client: logged with an id, answered in JSON
            response = fault(error)
        response.raw_headers.append(request_id)
        await response(scope, receive, send)
