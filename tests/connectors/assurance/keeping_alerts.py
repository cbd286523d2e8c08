"""An Alertmanager of a few lines: what a test sets is filtered, dropped and told as the product does it."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from aiohttp import web

from connectors.assurance.alertmanager.driver import AlertmanagerAssurance
from connectors.assurance.alertmanager.options import AlertmanagerOptions
from connectors.http.client import HttpClient
from connectors.settings import System

SECRET = "a-secret-of-20-chars"
BEGAN = "2026-11-29T01:17:00.998Z"
_MATCHER = re.compile(r'([A-Za-z_]\w*)=~"(.*)"')


def service_down(service: str, **more: Any) -> dict[str, Any]:
    labels = {"alertname": "ServiceDown", "service": service, "device": "olt-1", "site": "S1", "severity": "critical"}
    return alert(labels | more.pop("labels", {}), **more)


def alert(labels: dict[str, str], **more: Any) -> dict[str, Any]:
    """An alert as `GET /alerts` writes it: while it fires its end is in the future."""
    later = (datetime.now(UTC) + timedelta(minutes=4)).isoformat().replace("+00:00", "Z")
    fingerprint = f"{hash(tuple(sorted(labels.items()))) & 0xFFFFFFFFFFFFFFFF:016x}"
    status = {"state": "active", "silencedBy": [], "inhibitedBy": []}
    row = {"labels": labels, "annotations": {}, "startsAt": BEGAN, "endsAt": later, "updatedAt": later}
    return row | {"fingerprint": fingerprint, "receivers": [{"name": "gateway"}], "status": status} | more


def silenced(row: dict[str, Any], *by: str) -> dict[str, Any]:
    return row | {"status": {"state": "suppressed", "silencedBy": list(by), "inhibitedBy": []}}


class Alertmanager:
    """`seen` are the requests' decoded paths and filters."""

    def __init__(self) -> None:
        self.alerts: list[Any] = []
        self.silences: dict[str, Any] = {}
        self.started = datetime(2026, 11, 1, tzinfo=UTC)
        self.seen: list[str] = []
        self.refusal: tuple[int, str] | None = None
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.refusal is not None:
            status, text = self.refusal
            kind = "text/plain" if status == 401 else "application/json"
            return web.Response(status=status, text=text, content_type=kind)
        filters = request.query.getall("filter", [])
        self.seen.append(" ".join([request.path, *filters]))
        match request.path.removeprefix("/api/v2/").split("/"):
            case ["status"]:
                return web.json_response({"uptime": self.started.isoformat(), "versionInfo": {"version": "0.25.0"}})
            case ["silence", key]:
                return web.json_response(self.silences[key]) if key in self.silences else web.Response(status=404)
            case ["alerts"]:
                parsed = [found.groups() for one in filters if (found := _MATCHER.fullmatch(one))]
                if len(parsed) < len(filters):
                    return web.json_response(f"bad matcher format: {filters}", status=400)
                return web.json_response([one for one in self.alerts if _fits(one, parsed)])
        return web.json_response({"code": 404, "message": f"path {request.path} was not found"}, status=404)

    def hook(self, *alerts: dict[str, Any], ended: str | None = None, status: str = "firing") -> bytes:
        """What it posts of alerts that fire, or have `ended`; `status` is that of the whole group."""
        told = [
            {name: one[name] for name in ("labels", "annotations", "startsAt", "fingerprint")}
            | {"status": "resolved" if ended else "firing", "endsAt": ended or "0001-01-01T00:00:00Z"}
            for one in alerts
        ]
        return json.dumps({"version": "4", "status": status, "groupKey": "{}", "alerts": told}).encode()


def _fits(row: Any, matchers: list[tuple[str, ...]]) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("labels"), dict):
        return True
    unquoted = [(name, value.replace('\\"', '"').replace("\\\\", "\\")) for name, value in matchers]
    return all(re.fullmatch(value, row["labels"].get(name, "")) for name, value in unquoted)


@asynccontextmanager
async def served(system: Any) -> AsyncIterator[str]:
    """The address of a system with a coroutine `handle`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", system.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def alertmanager(**settings: Any) -> AsyncIterator[tuple[Alertmanager, AlertmanagerAssurance]]:
    """One, and its driver; `options` among the settings are the driver's."""
    server = Alertmanager()
    async with served(server) as server.url, process(server, **settings) as driver:
        yield server, driver


@asynccontextmanager
async def process(server: Alertmanager, **settings: Any) -> AsyncIterator[AlertmanagerAssurance]:
    """A driver for one that runs, in another process of the gateway."""
    options = AlertmanagerOptions.model_validate(settings.pop("options", {}))
    async with aiohttp.ClientSession() as session:
        system = System.model_validate({"url": server.url, "timeout": 20.0, **settings})
        yield AlertmanagerAssurance(HttpClient("assurance", system, session), options)
