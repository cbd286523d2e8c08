"""The clients that portals use follow a ticket of the gateway, and are back after their connection was cut.

`docs/live/follow.ts`, which portal developers are given, is what follows in most of them.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.live_settings import LiveSettings
from gateway.settings import WritesSettings
from resolvers.viewer import ViewerKind
from tests.gateway.http.test_graphql_http_audit import UNREACHABLE
from tests.gateway.serving import serving
from tests.stack import Stack, stacked
from web.build import node_paths

FOLDER = Path(__file__).parent / "live_clients"
FOLLOW = Path(__file__).parents[3] / "docs/live/follow.ts"

CLIENTS = [
    "graphql-ws",
    "graphql-sse",
    "Apollo over WebSocket",
    "Apollo over SSE",
    "urql over WebSocket",
    "urql over SSE",
    "urql by itself",
]


RENEWING = {"graphql-ws": 1, "graphql-sse": 2}
"""How often each connects while its token ends: a WebSocket takes a fresh one, a stream begins anew with it."""


async def run(*command: str | Path, cwd: Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the wheel's node."""
    process = await asyncio.create_subprocess_exec(
        node_paths()[0], *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode or 0, out.decode(), err.decode()


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A folder with the clients, installed from the lock file; skips where no package registry can be reached."""
    if not (FOLDER / "node_modules" / "graphql-ws").is_dir():
        code, out, err = await run(node_paths()[1], "ci", "--ignore-scripts", cwd=FOLDER)
        if code and any(sign in err for sign in UNREACHABLE):
            pytest.skip("npm cannot reach a package registry to install the clients (graphql-ws and others)")
        assert code == 0, out + err
    (tmp_path / "node_modules").symlink_to(FOLDER / "node_modules")
    for file in (FOLLOW, FOLDER / "clients.mjs"):
        shutil.copy(file, tmp_path)
    return tmp_path


@pytest_asyncio.fixture(scope="module")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    writes = WritesSettings(enabled=True, in_process=True)
    settings = LiveSettings(enabled=True)
    async with stacked(tmp_path_factory.mktemp("live"), customers=2, writes=writes, live=settings) as running:
        yield running


async def test_each_client_is_told_and_reads_again_after_it_was_cut_off(live: Stack, folder: Path) -> None:
    async def short(_: Request) -> Response:
        return PlainTextResponse(live.keys.token(ViewerKind.CUSTOMER, "1001", lifetime=3))

    async with serving(Starlette(routes=[Route("/token", short)])) as tokens:
        code, out, err = await run("clients.mjs", json.dumps(given(live, f"{tokens}/token")), cwd=folder)
    assert (code, err) == (0, ""), err
    expected = {name: story(f"{name}: ") for name in CLIENTS}
    for client, connected in RENEWING.items():
        name = f"{client} with a fresh token"
        expected[name] = {"connected": connected, "last": {"event": "CHANGED", "notes": [f"{name}: last"]}}
    assert json.loads(out) == expected


def given(live: Stack, short: str) -> dict[str, Any]:
    """What the program needs to know."""
    return {
        "endpoint": f"{live.address}/graphql",
        "token": live.token("1001"),
        "short": short,
        "ticket": "Ticket:TT-1001-1",
        "clients": CLIENTS,
        "renewing": [*RENEWING],
    }


def story(of: str) -> dict[str, Any]:
    """What a client sees of its notes."""
    return {
        "atFirst": [],
        "first": {"event": "CHANGED", "notes": [f"{of}first"]},
        "readAgain": [f"{of}first", f"{of}while it was away"],
        "last": {"event": "CHANGED", "notes": [f"{of}first", f"{of}while it was away", f"{of}last"]},
    }
