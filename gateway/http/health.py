"""Health endpoints for orchestrators. They need no token, and say names and states only."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.http.admission import Admission
from gateway.readiness import Readiness


async def healthz(_request: Request) -> Response:
    """Liveness: the process answers. Systems do not matter, as a restart would not help them."""
    return _live()


async def readyz(request: Request) -> Response:
    """Readiness: 503 once the process will end, and while there are no keys to check tokens with.

    A system or a Redis that is down is shown in the body only: the gateway can still answer for the others, and all
    instances would leave their balancer at once. So is overload. It waits for nothing but missing keys, for 50 ms.
    """
    if request.state.draining:
        return _said({"status": "leaving"}, 503)
    if not await request.state.can_check():
        return _said({"status": "no keys"}, 503)
    return _ready(request.state.admission, request.state.readiness)


def at_once(path: str, state: Mapping[str, Any]) -> Response | None:
    """The same answer without a task, from the lifespan's state; None where something must be waited for.

    Each task is one turn of the event loop more, and under load a probe's time is that of some turns.
    """
    if "readiness" not in state:  # no gateway
        return None
    if path == "/healthz":
        return _live()
    if path == "/readyz" and not state["draining"] and state["has_keys"]():
        return _ready(state["admission"], state["readiness"])
    return None


def ready(admission: Admission, more: dict[str, Any]) -> dict[str, Any]:
    """What a gateway that is ready says."""
    return {"status": "ready", "load": "shedding" if admission.is_shedding else "normal", **more}


def _live() -> Response:
    return _said({"status": "ok"})


def _ready(admission: Admission, readiness: Readiness) -> Response:
    return _said(ready(admission, readiness.names_and_states()))


def _said(body: Mapping[str, Any], status: int = 200) -> Response:
    return JSONResponse(body, status, headers={"Cache-Control": "no-store"})
