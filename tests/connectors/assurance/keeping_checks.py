"""An Icinga of a few lines: hosts, services and dependencies that a test sets, by filters, and a stream of events."""

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp import web

from connectors.assurance.icinga.driver import IcingaAssurance
from connectors.assurance.icinga.options import IcingaOptions
from connectors.http.client import HttpClient
from connectors.settings import System
from tests.connectors.assurance.keeping_alerts import served

BEGAN = 1795999738.5
NEVER = {f"last_state_{word}": 0 for word in ("up", "down", "ok", "critical", "warning", "unknown")}


def checked(state: int, **more: Any) -> dict[str, Any]:
    """Attributes of a host or service that was checked; 0 is UP or OK."""
    at = BEGAN if state else BEGAN - 1000
    times = {"last_state_change": at, "last_hard_state_change": at, "previous_state_change": at - 5}
    counts = {"acknowledgement": 0, "acknowledgement_last_change": 0, "downtime_depth": 0, "flapping": False}
    found = {"state": state, "state_type": 1, "problem": state != 0, "last_check": at} | NEVER | times | counts
    return found | {"vars": {}, "last_check_result": {"output": "no light", "exit_status": 0}} | more


def pending(state: int, **more: Any) -> dict[str, Any]:
    """One that was never checked: not UP or OK, and no problem."""
    return (
        checked(state) | dict.fromkeys(["last_state_change", "last_hard_state_change"], 0) | {"problem": False} | more
    )


class Icinga:
    """`seen` are the types of the objects that were asked for, `bodies` the questions.

    What `followers` give goes to whoever follows the stream. `right` is the only Authorization that is let in, or None
    for any. The user may see what fits `visible`, and nothing `forbidden`: types of objects, and events.
    """

    def __init__(self) -> None:
        self.hosts: dict[str, dict[str, Any]] = {}
        self.services: dict[str, dict[str, Any]] = {}
        self.links: list[tuple[str, str]] = []
        self.hidden = False
        self.forbidden: set[str] = set()
        self.visible = "True"
        self.right: str | None = None
        self.tokens, self.is_html = 0, False
        self.bodies: list[dict[str, Any]] = []
        self.seen: list[str] = []
        self.queues: list[dict[str, Any]] = []
        self.followers: asyncio.Queue[asyncio.Queue[bytes | None]] = asyncio.Queue()
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/token":
            self.tokens += 1
            return web.json_response({"access_token": f"t{self.tokens}", "token_type": "Bearer", "expires_in": 3600})
        if self.right is not None and request.headers.get("Authorization") != self.right:
            if self.is_html or request.headers.get("Accept") != "application/json":
                return web.Response(status=401, text="<h1>Unauthorized</h1>", content_type="text/html")
            return web.json_response({"error": 401, "status": "Unauthorized."}, status=401)
        match request.path.removeprefix("/v1/").split("/"):
            case ["status", "IcingaApplication"]:
                return web.json_response({"results": [{"status": {"icingaapplication": {"app": {}}}}]})
            case ["events"]:
                return await self._stream(request)
            case ["objects", kind]:
                return self._objects(kind, await request.json(), request.headers.get("X-HTTP-Method-Override"))
        return web.Response(status=404)

    def _objects(self, kind: str, body: dict[str, Any], override: str | None) -> web.Response:
        self.seen.append(kind)
        self.bodies.append(body)
        if kind in self.forbidden:
            return web.json_response({"error": 404, "status": "No objects found."}, status=404)
        if override != "GET":
            return web.json_response({"error": 400, "status": "missed adding a header?"}, status=400)
        found: list[dict[str, Any]] = []
        try:
            for name, attrs, scope in self._all(kind):
                is_visible = not self.hidden and _fits(self.visible, {}, {"host": None, "service": None} | scope)
                if is_visible and _fits(body["filter"], body["filter_vars"], scope):
                    joins = {"host": self.hosts[attrs["host_name"]]} if kind == "services" else {}
                    row = {key: attrs[key] for key in body["attrs"] if key in attrs}
                    found.append({"name": name, "attrs": row, "joins": joins, "meta": {}, "type": kind})
        except SyntaxError:
            return web.json_response({"error": 404, "status": "No objects found."}, status=404)
        return web.json_response({"results": found[::-1]})  # in no order

    def _all(self, kind: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        hosts = {name: _scoped(name, attrs) for name, attrs in self.hosts.items()}
        if kind == "hosts":
            return [(name, attrs, {"host": hosts[name]}) for name, attrs in self.hosts.items()]
        if kind == "dependencies":
            rows = [{"parent_host_name": parent, "child_host_name": child} for parent, child in self.links]
            return [(f"{row['child_host_name']}!up", row, {"dependency": SimpleNamespace(**row)}) for row in rows]
        named = {name: {"host_name": name.partition("!")[0], **attrs} for name, attrs in self.services.items()}
        return [
            (name, attrs, {"service": _scoped(name, attrs), "host": hosts[attrs["host_name"]]})
            for name, attrs in named.items()
        ]

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if "events" in self.forbidden:
            return web.json_response({"error": 404, "status": "The requested path could not be found."}, status=404)
        self.queues.append(await request.json())
        lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        response = web.StreamResponse()
        await response.prepare(request)
        self.followers.put_nowait(lines)
        while (line := await lines.get()) is not None:
            await response.write(line)
        return response


def _scoped(name: str, attrs: dict[str, Any]) -> SimpleNamespace:
    given = attrs.get("vars")
    variables = defaultdict(lambda: None, given if isinstance(given, dict) else {})
    return SimpleNamespace(**{**attrs, "vars": variables, "name": name, "__name": name})


def _fits(condition: str, values: dict[str, Any], scope: dict[str, Any]) -> bool:
    """Whether Icinga's expression is true, read as Python's."""
    written = re.sub(r"!(?!=)", " not ", condition.replace("&&", " and ").replace("||", " or "))
    return bool(eval(f"({written})", {"get_time": time.time}, {**values, **scope}))


def event(kind: str, **more: Any) -> bytes:
    return json.dumps({"type": kind, "timestamp": BEGAN} | more).encode() + b"\n"


@asynccontextmanager
async def icinga(**settings: Any) -> AsyncIterator[tuple[Icinga, IcingaAssurance]]:
    """One, and its driver; `options` among the settings are the driver's."""
    server = Icinga()
    async with served(server) as server.url, asking(server, **settings) as driver:
        yield server, driver


@asynccontextmanager
async def asking(server: Icinga, **settings: Any) -> AsyncIterator[IcingaAssurance]:
    """A driver for one that runs."""
    options = IcingaOptions.model_validate(settings.pop("options", {}))
    async with aiohttp.ClientSession() as session:
        system = System.model_validate({"url": server.url, "timeout": 20.0, **settings})
        yield IcingaAssurance(HttpClient("assurance", system, session), options)
