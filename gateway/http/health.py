"""Health endpoints for orchestrators. They need no token, and say names and states only."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.http.admission import Admission
from gateway.readiness import Readiness


async def healthz(_request: Request) -> Response:
    """Liveness: the process answers. Systems do not matter, as a restart would not help them."""
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def readyz(request: Request) -> Response:
    """Readiness: 503 once the process will end, and while there are no keys to check tokens with.

    A system or a Redis that is down is shown in the body only: the gateway can still answer for the others, and all
    instances would leave their balancer at once. So is overload. It waits for nothing but missing keys, for 50 ms.
    """
    if request.state.draining:
        return JSONResponse({"status": "leaving"}, 503, headers={"Cache-Control": "no-store"})
    if not await request.state.can_check():
        return JSONResponse({"status": "no keys"}, 503, headers={"Cache-Control": "no-store"})
    readiness: Readiness = request.state.readiness
    body = ready(request.state.admission, readiness.names_and_states())
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


def ready(admission: Admission, more: dict[str, Any]) -> dict[str, Any]:
    """What a gateway that is ready says."""
    return {"status": "ready", "load": "shedding" if admission.is_shedding else "normal", **more}
