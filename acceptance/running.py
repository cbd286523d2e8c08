"""The whole stack for a measurement: four sandbox systems as processes, and the gateway served on loopback."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn

from gateway.app import create_app
from gateway.commands.demo_keys import DemoKeys
from gateway.commands.demo_settings import HOST, settings
from gateway.commands.demo_systems import SandboxProcess
from gateway.commands.listening import listen
from gateway.http.context import TRACE_HEADER
from gateway.http.server import server_options
from gateway.settings import Settings
from resolvers.viewer import ViewerKind
from sandbox.protocol.systems import SYSTEMS


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway to ask, and the addresses of the systems behind it."""

    session: aiohttp.ClientSession
    address: str
    systems: Mapping[str, str]
    keys: DemoKeys

    def token(self, who: str) -> str:
        """`agent`, `admin`, or a customer number."""
        if who in ("agent", "admin"):
            return self.keys.token(ViewerKind(who))
        return self.keys.token(ViewerKind.CUSTOMER, who)

    async def ask(self, document: str, variables: Mapping[str, Any], who: str) -> dict[str, Any]:
        """One request, with the trace of its upstream calls."""
        headers = {"Authorization": f"Bearer {self.token(who)}", TRACE_HEADER: "1"}
        body = {"query": document, "variables": dict(variables)}
        async with self.session.post(self.address, json=body, headers=headers) as answer:
            given: dict[str, Any] = await answer.json()
            return given

    async def switch(self, **switches: Any) -> None:
        """Turn the sandbox's switches on all systems, for example `latencyMs=25`."""
        for address in self.systems.values():
            async with self.session.put(f"{address}/_sandbox/switches", json=switches) as answer:
                answer.raise_for_status()


@asynccontextmanager
async def running(folder: Path, *, customers: int = 1000, first_port: int = 18100) -> AsyncIterator[Running]:
    """Start four sandbox systems and a gateway over them, and end all of it. `folder` takes the demo's key."""
    async with AsyncExitStack() as stack:
        arguments = ("--customers", str(customers))
        processes = [SandboxProcess(name, first_port + 1 + at, arguments) for at, name in enumerate(SYSTEMS)]
        for process in processes:
            stack.push_async_callback(process.stop)
        await asyncio.gather(*(process.start() for process in processes))
        demo = settings(first_port, first_port + 1)
        traced = demo.model_copy(update={"graphql": demo.graphql.model_copy(update={"trace": "signed-in with keys"})})
        yield await stack.enter_async_context(serving(traced, folder, first_port))


@asynccontextmanager
async def serving(given: Settings, folder: Path, port: int = 18100) -> AsyncIterator[Running]:
    """Serve the gateway on loopback with these settings, and a demo's keys in place of the settings' own."""
    keys = DemoKeys.create(folder / "demo-key.pem")
    app = create_app(given, demo_keys=keys)
    config = uvicorn.Config(
        app,
        **server_options(given.server, given.live.limits.message_bytes),
        lifespan="on",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve([listen(HOST, port)]))
    try:
        async with aiohttp.ClientSession() as session:
            address = f"http://{HOST}:{port}"
            await _answering(session, f"{address}/healthz", running)
            systems = {name: system.url for name, system in given.systems.by_domain.items()}
            yield Running(session, f"{address}/graphql", systems, keys)
    finally:
        server.should_exit = True
        await running


async def _answering(session: aiohttp.ClientSession, address: str, serving: "asyncio.Task[None]") -> None:
    """The socket listens already: the first request is answered as soon as the gateway is up."""
    async with asyncio.timeout(20), session.get(address) as answer:
        answer.raise_for_status()
    if serving.done():
        serving.result()
