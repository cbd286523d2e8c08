"""The whole stack in one process: four sandbox systems in threads, and the gateway on a loopback port."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from starlette.applications import Starlette

from connectors import ConnectedSystem
from connectors.http.policy.policies import Policies
from connectors.settings import System
from gateway.app import create_app
from gateway.auth_settings import AuthSettings
from gateway.cache_settings import CacheSettings
from gateway.commands.demo_keys import DemoKeys
from gateway.cors_settings import CorsSettings
from gateway.documents_settings import DocumentsSettings
from gateway.files_settings import FilesSettings
from gateway.live_settings import LiveSettings
from gateway.portal_settings import PortalSettings
from gateway.rate_settings import CallerRate, RateSettings
from gateway.readiness import Readiness
from gateway.scope_settings import ScopeSettings
from gateway.settings import GraphQLSettings, LogSettings, RedisSettings, ServerSettings, Settings, SystemsSettings
from gateway.telemetry_settings import TelemetrySettings
from gateway.writes_settings import WritesSettings
from resolvers.viewer import ViewerKind
from sandbox.data.world import World
from sandbox.server import SandboxServer
from tests.gateway.serving import serving
from tests.schemas_again import borrowed_schema

_FREE: Final = CallerRate(per_second=0, burst=0)
FREE: Final = RateSettings(anonymous=_FREE, subscriber=_FREE, agent=_FREE, admin=_FREE)
"""Tests ask more in a minute than people do in a day."""

DOMAINS: Final = ("crm", "billing", "inventory", "ticketing")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client gets: status and body, with short ways into the body."""

    status: int
    body: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        """The data of an answer that must have some."""
        assert self.body.get("data") is not None, self.body
        data: dict[str, Any] = self.body["data"]
        return data

    @property
    def errors(self) -> list[dict[str, Any]]:
        """Errors, none when there are none."""
        errors: list[dict[str, Any]] = self.body.get("errors", [])
        return errors

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The trace of upstream calls."""
        calls: list[dict[str, Any]] = self.body["extensions"]["upstream"]
        return calls

    def clean(self) -> dict[str, Any]:
        """The data of an answer that must have no errors."""
        assert not self.errors, self.errors
        return self.data


@dataclass(frozen=True, slots=True)
class Stack:
    """A gateway to ask and the systems behind it, to be misused."""

    address: str
    systems: Mapping[str, SandboxServer]
    keys: DemoKeys
    session: aiohttp.ClientSession
    connected: tuple[ConnectedSystem, ...]
    readiness: Readiness

    def token(self, who: str) -> str:
        """`agent`, `admin`, or customer numbers with commas."""
        if who in ("agent", "admin"):
            return self.keys.token(ViewerKind(who))
        return self.keys.token(ViewerKind.CUSTOMER, *who.split(","))

    def headers(self, who: str | None) -> dict[str, str]:
        """What a client of that kind sends."""
        return {"X-Gateway-Trace": "1"} | ({"Authorization": f"Bearer {self.token(who)}"} if who else {})

    async def ask(self, document: str, who: str | None = "agent", **variables: Any) -> Answer:
        """One operation over HTTP."""
        return await self._ask(document, variables, self.headers(who))

    async def ask_with(self, token: str, document: str, **variables: Any) -> Answer:
        """One operation with a token of another issuer than the demo."""
        return await self._ask(document, variables, {"Authorization": f"Bearer {token}"})

    async def _ask(self, document: str, variables: dict[str, Any], headers: dict[str, str]) -> Answer:
        body = {"query": document, "variables": variables}
        async with self.session.post(f"{self.address}/graphql", json=body, headers=headers) as answer:
            return Answer(answer.status, await answer.json())

    async def metrics(self) -> str:
        """The page `/metrics`. What its look at the systems asks of them is not counted."""
        counted = {name: len(system.requests) for name, system in self.systems.items()}
        async with self.session.get(f"{self.address}/metrics") as answer:
            text = await answer.text()
        await self.readiness.looked()
        for name, system in self.systems.items():
            while len(system.requests) > counted[name]:
                system.requests.pop()
        return text

    def rewrite(self, system: str, resource: str, key: str, **attributes: Any) -> None:
        """Change a row of a system behind its back, also where its API would refuse that."""
        self.systems[system].app.rewrite(resource, key, **attributes)

    def reset(self) -> None:
        """All systems up and well-behaved, nothing counted yet, and nothing that the gateway has learned of them."""
        for one in self.connected:
            http = one.probe.http
            http.policies = Policies(http.name, http.system, http.clock)
        for system in self.systems.values():
            system.switches.reset()
            if not system.is_running:
                system.start()
            system.requests.clear()


@asynccontextmanager
async def stacked(
    folder: Path,
    *,
    customers: int = 60,
    graphql: GraphQLSettings | None = None,
    systems: Mapping[str, Mapping[str, Any]] | None = None,
    server: ServerSettings | None = None,
    writes: WritesSettings | None = None,
    live: LiveSettings | None = None,
    rates: RateSettings | None = None,
    redis: str | None = None,
    without: Collection[str] = (),
    auth: AuthSettings | None = None,
    scopes: ScopeSettings | None = None,
    cache: Mapping[str, Any] | None = None,
    beside: Mapping[str, SandboxServer] | None = None,
    cors: CorsSettings | None = None,
    documents: DocumentsSettings | None = None,
    files: FilesSettings | None = None,
    portal: PortalSettings | None = None,
    telemetry: TelemetrySettings | None = None,
    log: LogSettings | None = None,
) -> AsyncIterator[Stack]:
    """Start everything on free ports. `systems` holds settings per domain beside the address; with it, of one more.

    The settings name no system for the domains in `without`. `redis` is an address. With `auth`, tokens are of its
    issuers, and not of `keys`. `beside`: systems that are there already, for one more gateway before them.
    """
    world = World(customers=customers)
    async with AsyncExitStack() as stack:
        servers = beside or {name: stack.enter_context(SandboxServer(name, world=world)) for name in DOMAINS}
        given = {
            name: System.model_validate(
                {"url": server.url, "timeout": 20.0, "connect_timeout": 20.0, **(systems or {}).get(name, {})}
            )
            for name, server in servers.items()
            if name not in without
        }
        for name in (systems or {}).keys() - servers.keys():
            given[name] = System.model_validate({"timeout": 20.0, "connect_timeout": 20.0, **(systems or {})[name]})
        settings = Settings.model_construct(
            systems=SystemsSettings.model_validate(given),
            auth=auth,
            scopes=scopes or ScopeSettings(),
            files=files or FilesSettings(),
            portal=portal or PortalSettings(),
            graphql=graphql or GraphQLSettings(trace="signed-in with keys", deadline=30.0, introspection="everyone"),
            server=server or ServerSettings(),
            writes=writes or WritesSettings(),
            live=live or LiveSettings(),
            rates=rates or FREE,
            cors=cors or CorsSettings(),
            documents=documents or DocumentsSettings(),
            redis=RedisSettings(url=redis),
            cache=CacheSettings.model_validate(cache or {}),
            telemetry=telemetry or TelemetrySettings(),
            log=log or LogSettings(),
        )
        keys = DemoKeys.create(folder / "demo-key.pem")
        graph = stack.enter_context(borrowed_schema())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("gateway.app.build_schema", lambda: graph)
            app = create_app(settings, demo_keys=None if auth else keys)
        made: dict[str, Any] = {}
        address = await stack.enter_async_context(serving_with_lifespan(app, made))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield Stack(address, servers, keys, session, tuple(made["connectors"].systems), made["readiness"])


@asynccontextmanager
async def serving_with_lifespan(app: Starlette, made: dict[str, Any] | None = None) -> AsyncIterator[str]:
    """Serve an app whose lifespan makes what it needs. `made`: where that is put."""
    async with app.router.lifespan_context(app) as state:
        if made is not None:
            made.update(state or {})

        async def with_state(scope: Any, receive: Any, send: Any) -> None:
            scope["state"] = dict(state or {})
            await app(scope, receive, send)

        async with serving(with_state) as address:
            yield address
