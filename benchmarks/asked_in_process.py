"""A gateway in this process, asked without a socket, so that its event loop does the gateway's work only."""

import asyncio
import resource
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from starlette.applications import Starlette

from benchmarks.turns import Turns, watched
from connectors.settings import System
from gateway.app import create_app
from gateway.commands.demo_keys import DemoKeys
from gateway.live_settings import LiveSettings
from gateway.rate_settings import CallerRate, RateSettings
from gateway.settings import GraphQLSettings, ServerSettings, Settings, SystemsSettings
from gateway.writes_settings import WritesSettings
from resolvers.viewer import ViewerKind
from sandbox.data.world import World
from sandbox.protocol.systems import SYSTEMS
from sandbox.server import SandboxServer

_PATIENCE: Final = 20.0
"""Seconds that a system may take: the sandbox shares this process's time."""

_UNLIMITED: Final = CallerRate(per_second=0, burst=0)


@dataclass(frozen=True, slots=True)
class Spent:
    """What one request took: CPU seconds, seconds of the longest turn, calls to systems, bytes, MiB of more memory."""

    cpu: float
    longest: float
    calls: int
    answer: int
    memory: float
    refused: str | None
    """The code of the first error, if there is no data."""


@dataclass(frozen=True, slots=True)
class InProcess:
    """The gateway, the systems behind it, and a customer's ids to ask for."""

    app: Starlette
    state: Mapping[str, Any]
    servers: Collection[SandboxServer]
    token: str
    turns: Turns
    variables: Mapping[str, Any]

    async def ask(self, query: str, hang_up: float | None = None) -> Spent:
        """Ask one document with those of the variables that it names; hang up after so many seconds."""
        given = {name: value for name, value in self.variables.items() if f"${name}:" in query}
        body = orjson.dumps({"query": query, "variables": given})
        await asyncio.sleep(0)  # what the turn did before is over
        self.turns.longest = self.turns.total = 0.0
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        asked = sum(len(one.requests) for one in self.servers)
        answer = await self._sent(body, hang_up)
        await asyncio.sleep(0)
        longest, total = self.turns.longest, self.turns.total
        document = orjson.loads(answer) if answer else {}
        return Spent(
            total,
            longest,
            sum(len(one.requests) for one in self.servers) - asked,
            len(answer),
            (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
            document["errors"][0]["extensions"]["code"] if "errors" in document and not document.get("data") else None,
        )

    async def _sent(self, body: bytes, hang_up: float | None) -> bytes:
        gone = asyncio.Event()
        incoming = [{"type": "http.request", "body": body, "more_body": False}]
        outgoing: list[dict[str, Any]] = []

        async def receive() -> Any:
            if incoming:
                return incoming.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            outgoing.append(message)

        scope = {
            "type": "http",
            "http_version": "1.1",
            "scheme": "http",
            "method": "POST",
            "path": "/graphql",
            "query_string": b"",
            "headers": [
                (b"authorization", f"Bearer {self.token}".encode()),
                (b"content-type", b"application/json"),
                (b"accept", b"application/json"),
            ],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 1),
            "state": dict(self.state),
        }
        if hang_up is not None:
            asyncio.get_running_loop().call_later(hang_up, gone.set)
        await self.app(scope, receive, send)
        return b"".join(message.get("body", b"") for message in outgoing)


@asynccontextmanager
async def in_process(customers: int = 200) -> AsyncIterator[InProcess]:
    """A gateway with the default limits for one document, in front of a sandbox with so many customers."""
    world = World(customers=customers)
    async with AsyncExitStack() as stack:
        servers = {name: stack.enter_context(SandboxServer(name, world=world)) for name in SYSTEMS}
        settings = Settings.model_construct(
            systems=SystemsSettings.model_validate(
                {
                    name: System(url=one.url, timeout=_PATIENCE, connect_timeout=_PATIENCE)
                    for name, one in servers.items()
                }
            ),
            graphql=GraphQLSettings(introspection="everyone"),
            server=ServerSettings(),
            writes=WritesSettings(),
            live=LiveSettings(),
            rates=RateSettings(subscriber=_UNLIMITED, agent=_UNLIMITED),  # thousands are asked, one after another
        )
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        keys = DemoKeys.create(Path(folder) / "key.pem")
        app = create_app(settings, demo_keys=keys)
        state = await stack.enter_async_context(app.router.lifespan_context(app))
        turns = stack.enter_context(watched(asyncio.get_running_loop()))
        numbers = [f"Customer:{1001 + number % customers}" for number in range(1000)]
        variables = {
            "ids": numbers,
            "same": ["Customer:1001"] * 1000,
            "wrong": [f"None:{number}" for number in range(1000)],
            "id": "Customer:1001",
        }
        token = keys.token(ViewerKind.AGENT)
        yield InProcess(app, dict(state or {}), servers.values(), token, turns, variables)
