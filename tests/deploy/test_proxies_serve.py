"""The samples for nginx and HAProxy in front of a gateway: what clients get through them, and what they do not."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.certificates import authority
from tests.deploy.files import DEPLOY, installed
from tests.nginx import free_ports, needs_nginx, nginx
from tests.stack import Stack

HAPROXY = installed("haproxy")
GONE = "localhost:9"  # nobody listens on the discard port
TWO = re.compile(r"10\.0\.0\.1[12]:8000")


@dataclass(frozen=True)
class Portal:
    """The address that clients have, and who trusts its certificate."""

    address: str
    session: aiohttp.ClientSession


@asynccontextmanager
async def trusting(folder: Path, address: str) -> AsyncIterator[Portal]:
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        yield Portal(address, session)


def certificates(folder: Path) -> None:
    issuer = authority("tests")
    issuer.signs("portal", ["127.0.0.1"]).write(folder, "portal")
    (folder / "ca.pem").write_bytes(issuer.pem)
    (folder / "both.pem").write_bytes((folder / "portal.pem").read_bytes() + (folder / "portal.key").read_bytes())


def before(sample: str, gateways: Sequence[str]) -> str:
    """The sample in front of these two gateways (host and port)."""
    addresses = iter(gateways)
    return TWO.sub(lambda _: next(addresses), (DEPLOY / sample).read_text(encoding="utf-8"))


def one_of_two(stack: Stack) -> list[str]:
    """Two gateways, of which the first is away."""
    return [GONE, urlsplit(stack.address).netloc]


@asynccontextmanager
async def behind_nginx(gateways: Sequence[str], folder: Path) -> AsyncIterator[Portal]:
    (port,) = free_ports(1)
    text = before("nginx/gateway.conf", gateways).replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
    text = text.replace("/etc/nginx/portal", f"{folder}/portal").replace("/var/log/nginx", str(folder))
    async with nginx(folder, text), trusting(folder, f"https://127.0.0.1:{port}/api") as portal:
        yield portal


@asynccontextmanager
async def behind_haproxy(gateways: Sequence[str], folder: Path) -> AsyncIterator[Portal]:
    (port,) = free_ports(1)
    text = before("haproxy/haproxy.cfg", gateways).replace("bind :443 ", f"bind 127.0.0.1:{port} ")
    (folder / "haproxy.cfg").write_text(text.replace("/etc/haproxy/portal.pem", f"{folder}/both.pem"))
    assert HAPROXY is not None
    with (folder / "log").open("w") as log:
        running = await asyncio.create_subprocess_exec(HAPROXY, "-f", folder / "haproxy.cfg", stdout=log, stderr=log)
    try:
        async with trusting(folder, f"https://127.0.0.1:{port}") as portal:
            async with asyncio.timeout(60):
                while not await is_served(portal):
                    assert running.returncode is None, (folder / "log").read_text()
                    await asyncio.sleep(0.05)  # nobody tells when its first checks are done
            yield portal
    finally:
        if running.returncode is None:
            running.terminate()
        await running.wait()


async def is_served(portal: Portal) -> bool:
    """Whether it listens, and has seen that one gateway is away and the other ready."""
    try:
        async with portal.session.get(f"{portal.address}/nothing") as answer:
            return answer.status == 404
    except aiohttp.ClientConnectorError:
        return False


async def holds(portal: Portal, stack: Stack) -> None:
    document = {"query": "{ me { id } }"}
    for _ in range(4):  # also those whose turn it was at the gateway that is away
        async with portal.session.post(
            f"{portal.address}/graphql", json=document, headers=stack.headers("1001")
        ) as answer:
            assert answer.status == 200, await answer.text()
            assert (await answer.json())["data"] == {"me": {"id": "Customer:1001"}}
            assert len(answer.headers["X-Request-Id"]) > 8
    for path in ("healthz", "readyz", "metrics"):
        async with portal.session.get(f"{portal.address}/{path}") as answer:
            assert answer.status == 404
            assert "status" not in await answer.text()


@needs_nginx
async def test_nginx_leads_to_the_gateway_that_is_there(stack: Stack, tmp_path: Path) -> None:
    certificates(tmp_path)
    async with behind_nginx(one_of_two(stack), tmp_path) as portal:
        await holds(portal, stack)
    logged = (tmp_path / "gateway.log").read_text()
    assert '"POST /api/graphql" 200 ' in logged


@pytest.mark.skipif(HAPROXY is None, reason="no haproxy on the PATH: install the package haproxy")
async def test_haproxy_leads_to_the_gateway_that_is_there(stack: Stack, tmp_path: Path) -> None:
    certificates(tmp_path)
    async with behind_haproxy(one_of_two(stack), tmp_path) as portal:
        await holds(portal, stack)
    assert "POST /graphql 200 " in (tmp_path / "log").read_text()
