"""Whether the process runs, and how the systems behind it are: for orchestrators, without a token, without details."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connectors import Connectors


async def healthz(_request: Request) -> Response:
    """The process answers. Says nothing about systems: restarting the gateway would not help them."""
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def readyz(request: Request) -> Response:
    """Ready once the settings are loaded and the connectors stand. A system that is down shows in the body only:
    taking every gateway out of service because billing is away would lose the other three too."""
    connectors: Connectors = request.state.connectors
    states = {system.name: system.probe.http.health.status.value for system in connectors.systems}
    return JSONResponse({"status": "ready", "systems": states}, headers={"Cache-Control": "no-store"})
