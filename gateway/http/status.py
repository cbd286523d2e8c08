"""`GET /status/counts`: what the gateway has counted, for the page `/status` that agents and admins look at.

A JSON object: `at` (seconds since 1970), `workers` (how many the counts are of) and `samples`, each a list of a name as
Prometheus has it, its labels, and its value. The page looks again and again, and shows what fell between two looks.
"""

import time
from collections.abc import Iterable
from typing import Final, Protocol

import orjson
from prometheus_client.samples import Sample
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from gateway.auth.access import SignInRequiredError
from gateway.errors import MethodNotAllowedError, RequestError, fault
from gateway.http.rates import Authenticate, Rates, hold
from gateway.http.request_id import identify

PAGE: Final = "/status"
COUNTS: Final = "/status/counts"

_WORKER: Final = "gateway_worker_resident_memory_bytes"
"""A sample of this name stands for a worker."""


class StaffOnlyError(RequestError):
    """A subscriber asks for what agents and admins may see."""

    status = 403
    code = "FORBIDDEN"

    def __init__(self) -> None:
        super().__init__("The gateway's state is shown to agents and admins only. Use a token of one.")


class Counts(Protocol):
    """What is counted."""

    def samples(self) -> Iterable[Sample]:
        """All of it, of all workers."""


class StatusCounts:
    """ASGI application for `Route(COUNTS, ...)`."""

    def __init__(self, counts: Counts, authenticate: Authenticate, rates: Rates) -> None:
        self._counts, self._authenticate = counts, rates.paid(authenticate)

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
        if not viewer.is_signed_in:
            raise SignInRequiredError
        if not viewer.is_staff:
            raise StaffOnlyError
        samples = [(one.name, one.labels, one.value) for one in self._counts.samples()]
        workers = sum(name == _WORKER for name, _, _ in samples)
        body = orjson.dumps({"at": time.time(), "workers": workers, "samples": samples})
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


async def to_page(_request: Request) -> Response:
    """`GET /status`: where the page is, beside the portal."""
    return RedirectResponse("portal/status", 307, headers={"Cache-Control": "no-store"})
