"""Health endpoints for orchestrators. They need no token and reveal no details."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connectors import Connectors
from gateway.http.admission import Admission


async def healthz(_request: Request) -> Response:
    """Liveness: the process answers. Systems do not matter, as a restart would not help them."""
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def readyz(request: Request) -> Response:
    """Readiness: 503 once the process will end, and while there are no keys to check tokens with.

    A system that is down is shown in the body only: the gateway can still answer for the others. So is overload, of
    which all instances would leave their balancer at once.
    """
    if request.state.draining:
        return JSONResponse({"status": "leaving"}, 503, headers={"Cache-Control": "no-store"})
    if not await request.state.can_check():
        return JSONResponse({"status": "no keys"}, 503, headers={"Cache-Control": "no-store"})
    connectors: Connectors = request.state.connectors
    states = {system.name: system.probe.http.health.status.value for system in connectors.systems}
    admission: Admission = request.state.admission
    load = "shedding" if admission.is_shedding else "normal"
    return JSONResponse({"status": "ready", "load": load, "systems": states}, headers={"Cache-Control": "no-store"})
