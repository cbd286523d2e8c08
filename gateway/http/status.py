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

from gateway.auth.access import SignInRequiredError, StaffOnlyError
from resolvers.viewer import Viewer

PAGE: Final = "/status"
COUNTS: Final = "/status/counts"

_WORKER: Final = "gateway_worker_resident_memory_bytes"
"""A sample of this name stands for a worker."""


class Counts(Protocol):
    """What is counted."""

    def samples(self) -> Iterable[Sample]:
        """All of it, of all workers."""


class StatusCounts:
    """Answers what is counted: for `Readable`, at `Route(COUNTS, ...)`."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    async def __call__(self, request: Request, viewer: Viewer) -> Response:
        """To agents and admins. Raises SignInRequiredError and StaffOnlyError."""
        if not viewer.is_signed_in:
            raise SignInRequiredError
        if not viewer.is_staff:
            raise StaffOnlyError("The gateway's state is")
        samples = [(one.name, one.labels, one.value) for one in self._counts.samples()]
        workers = sum(name == _WORKER for name, _, _ in samples)
        body = orjson.dumps({"at": time.time(), "workers": workers, "samples": samples})
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


async def to_page(_request: Request) -> Response:
    """`GET /status`: where the page is, beside the portal."""
    return RedirectResponse("portal/status", 307, headers={"Cache-Control": "no-store"})
