"""`create_app` below another Starlette application, as its docstring tells a host to do it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from connectors.settings import System
from gateway.app import create_app
from gateway.commands.demo_keys import DemoKeys
from gateway.rate_settings import CallerRate, RateSettings
from gateway.settings import GraphQLSettings, ServerSettings, Settings, SystemsSettings
from resolvers.viewer import ViewerKind
from sandbox.server import PromptServer, listening_socket
from tests.stack import DOMAINS, FREE, Stack, serving_with_lifespan


def host_of(gateway: Starlette) -> Starlette:
    """An application with an address of its own, and the gateway below /api."""

    async def own(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("the host's own")

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[Any]:
        async with gateway.router.lifespan_context(gateway) as state:
            yield state

    return Starlette(routes=[Mount("/api", gateway), Route("/own", own)], lifespan=lifespan)


def mounted(stack: Stack, keys: DemoKeys, rates: RateSettings = FREE) -> Starlette:
    """The host of a gateway before the systems of `stack`."""
    systems = {name: System.model_validate({"url": stack.systems[name].url, "timeout": 20.0}) for name in DOMAINS}
    settings = Settings.model_construct(
        systems=SystemsSettings.model_validate(systems),
        graphql=GraphQLSettings(graphiql=True, deadline=30.0),
        server=ServerSettings(public_url="https://portal.example/api", metrics=True),
        rates=rates,
    )
    return host_of(create_app(settings, demo_keys=keys))


async def answers(address: str, keys: DemoKeys) -> dict[str, tuple[int, str]]:
    """What the host and the gateway below it answer."""
    headers = {"Authorization": f"Bearer {keys.token(ViewerKind.CUSTOMER, '1001')}"}
    got = {}
    async with aiohttp.ClientSession() as session:
        for path in ("/own", "/graphql", "/api/healthz", "/api/readyz", "/api/metrics", "/api/nothing"):
            async with session.get(address + path) as answer:
                got[path] = answer.status, await answer.text()
        document = {"query": '{ me { id } bill(id: "BILL-1001-1-05") { documents { url } } }'}
        async with session.post(f"{address}/api/graphql", json=document, headers=headers) as answer:
            got["asked"] = answer.status, await answer.text()
    return got


def holds(got: dict[str, tuple[int, str]]) -> None:
    assert got["/own"] == (200, "the host's own")
    assert got["/graphql"][0] == 404
    assert got["/api/healthz"] == (200, '{"status":"ok"}')
    assert got["/api/readyz"][0] == 200
    assert "gateway_operations_total" in got["/api/metrics"][1]
    assert got["/api/nothing"][0] == 404
    status, asked = got["asked"]
    assert status == 200
    assert '"me":{"id":"' in asked
    assert '"url":"https://portal.example/api/documents/' in asked


async def test_a_host_that_runs_the_gateways_lifespan_has_all_of_it(stack: Stack, tmp_path: Path) -> None:
    """With the server of `gateway serve`."""
    keys = DemoKeys.create(tmp_path / "key.pem")
    async with serving_with_lifespan(mounted(stack, keys)) as address:
        holds(await answers(address, keys))


@asynccontextmanager
async def with_another_server(app: Starlette) -> AsyncIterator[str]:
    """uvicorn with its own protocols, which runs the lifespan itself."""
    listening = listening_socket("127.0.0.1", 0)
    server = PromptServer(uvicorn.Config(app, lifespan="on", log_config=None, http="httptools"))
    running = asyncio.create_task(server.serve([listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.stop()
        await running


async def test_queries_are_answered_under_another_server_too(stack: Stack, tmp_path: Path) -> None:
    keys = DemoKeys.create(tmp_path / "key.pem")
    async with with_another_server(mounted(stack, keys)) as address:
        holds(await answers(address, keys))


async def test_who_spends_too_much_is_told_so_under_another_server_too(stack: Stack, tmp_path: Path) -> None:
    little = RateSettings(anonymous=CallerRate(per_second=0.1, burst=200))
    app = mounted(stack, DemoKeys.create(tmp_path / "key.pem"), little)
    async with with_another_server(app) as address, aiohttp.ClientSession() as session:
        seen = []
        for _ in range(4):
            async with session.get(f"{address}/api/nothing") as answer:
                seen.append(answer.status)
    assert seen == [404, 404, 429, 429]
