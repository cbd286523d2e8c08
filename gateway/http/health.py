"""Health endpoints for orchestrators. They need no token and reveal no details."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connectors import Connectors


async def healthz(_request: Request) -> Response:
    """Liveness: the process answers. Systems do not matter, as a restart would not help them."""
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def readyz(request: Request) -> Response:
    """Readiness: the settings are loaded and the connectors are set up. 503 once the process will end.

    A system that is down is shown in the body only: the gateway can still answer for the others.
    """
    if request.state.draining:
        return JSONResponse({"status": "leaving"}, 503, headers={"Cache-Control": "no-store"})
    connectors: Connectors = request.state.connectors
    states = {system.name: system.probe.http.health.status.value for system in connectors.systems}
    return JSONResponse({"status": "ready", "systems": states}, headers={"Cache-Control": "no-store"})
