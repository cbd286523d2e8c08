"""Systems that cost next to nothing, for measuring subscriptions: rows are made of the ids that are asked for.

A ticket `TT-<customer>-1` and a service `SVC-<customer>-1` are that customer's. The outage `SP-1` affects the first
service of as many customers as the variable `BENCH_CUSTOMERS` says. Each answer about tickets and outages is newer than
the one before. `GET /calls` tells how many questions there were, and forgets them.
"""

import os
from itertools import count
from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_FIRST = 1001
_changes = count(1)


def _party(customer: str) -> list[dict[str, str]]:
    return [{"id": customer, "role": "customer", "@referredType": "Customer"}]


def _service(key: str) -> dict[str, Any]:
    return {"id": key, "name": f"Broadband {key}", "state": "active", "relatedParty": _party(key.split("-")[1])}


def _ticket(key: str) -> dict[str, Any]:
    number = next(_changes)
    updated = f"2026-11-22T12:{number // 60 % 60:02}:{number % 60:02}.{number % 1000:03}Z"
    return {
        "id": key,
        "name": f"Number {number}",
        "status": "inProgress",
        "creationDate": "2026-11-20T12:00:00Z",
        "lastUpdate": updated,
        "relatedParty": _party(key.split("-")[1]),
    }


def _outage(key: str, customers: int) -> dict[str, Any]:
    affected = [{"id": f"SVC-{_FIRST + one}-1"} for one in range(customers)]
    return {"id": key, "name": f"Down {next(_changes)}", "status": "inProgress", "affectedService": affected}


class Systems:
    """The application."""

    def __init__(self, customers: int) -> None:
        self.calls = 0
        self._outages: dict[str, bytes] = {}
        self._customers = customers

    async def answer(self, request: Request) -> Response:
        """A list of the rows whose ids are asked for."""
        self.calls += 1
        keys = [key for key in request.query_params.get("id", "").split(",") if key]
        match request.path_params["resource"]:
            case "serviceProblem":
                rows = [_outage(key, self._customers) for key in keys]
            case "troubleTicket":
                rows = [_ticket(key) for key in keys]
            case _:
                rows = [_service(key) for key in keys]
        return Response(orjson.dumps(rows), 200, {"x-total-count": str(len(rows))}, "application/json")

    async def told(self, _request: Request) -> Response:
        """How many questions there were."""
        told, self.calls = self.calls, 0
        return Response(str(told))


def main() -> None:
    """Serve on the port of the variable `BENCH_PORT`."""
    systems = Systems(int(os.environ["BENCH_CUSTOMERS"]))
    app = Starlette(
        routes=[
            Route("/calls", systems.told),
            Route("/tmf-api/{api}/v4/{resource}", systems.answer),
        ]
    )
    uvicorn.run(app, port=int(os.environ["BENCH_PORT"]), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
