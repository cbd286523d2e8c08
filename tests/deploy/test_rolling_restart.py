"""Two gateways behind each sample, restarted one after the other under load: no request fails.

Short forms: `tests/gateway/commands/test_serve_ending.py` (nobody is lost at SIGTERM), `test_proxies_serve.py`.
"""

import asyncio
import signal
import sys
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from gateway.commands.demo_keys import RULES
from tests.deploy.files import ROOT
from tests.deploy.test_proxies_serve import HAPROXY, Portal, behind_haproxy, behind_nginx, certificates
from tests.gateway.commands.running import PATIENCE, environment
from tests.nginx import NGINX, free_ports
from tests.stack import Stack

CLIENTS = 8
PROXIES = {"nginx": (NGINX, behind_nginx), "haproxy": (HAPROXY, behind_haproxy)}


@dataclass
class Instance:
    """One `gateway serve` on a port of its own, which can be started again."""

    config: Path
    port: int
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Once it is ready."""
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", "serve", "--config", self.config),
            stderr=asyncio.subprocess.DEVNULL,
            cwd=ROOT,
            env={**environment(self.config.parent), "GATEWAY_SERVER__PORT": str(self.port)},
        )
        async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientConnectorError:
                    assert self.process.returncode is None
                    await asyncio.sleep(0.05)  # nobody tells when it listens

    async def stop(self) -> None:
        """As who restarts it does."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            await self.process.wait()


@dataclass
class Load:
    """Clients that ask without a pause, and what they got."""

    portal: Portal
    headers: dict[str, str]
    got: Counter[str]
    more: asyncio.Event

    async def client(self) -> None:
        while True:
            try:
                async with self.portal.session.post(
                    f"{self.portal.address}/graphql", json={"query": "{ me { id } }"}, headers=self.headers
                ) as answer:
                    self.got[f"{answer.status} {(await answer.text())[:60]}"] += 1
            except aiohttp.ClientError as error:
                self.got[repr(error)] += 1
            self.more.set()

    async def answered(self, times: int) -> None:
        """Wait for so many more answers."""
        wanted = self.got.total() + times
        async with asyncio.timeout(PATIENCE):
            while self.got.total() < wanted:
                self.more.clear()
                await self.more.wait()


@pytest.mark.long
@pytest.mark.parametrize("proxy", PROXIES)
async def test_no_request_fails_while_both_gateways_are_restarted(proxy: str, stack: Stack, tmp_path: Path) -> None:
    program, behind = PROXIES[proxy]
    if program is None:
        pytest.skip(f"no {proxy} on the PATH: install the package {proxy}")
    certificates(tmp_path)
    (tmp_path / "jwks.json").write_bytes(stack.keys.jwks())
    config = tmp_path / "gateway.toml"
    config.write_text(
        "".join(f'[systems.{name}]\nurl = "{one.url}"\ntimeout = 20.0\n' for name, one in stack.systems.items())
        + f'[auth]\nissuer = "{RULES.issuer}"\naudience = "{RULES.audience}"\njwks_file = "jwks.json"\n'
        + '[server]\ntrusted_proxies = ["127.0.0.1"]\n[rates]\nsubscriber = { per_second = 0, burst = 0 }\n'
    )
    instances = [Instance(config, port) for port in free_ports(2)]
    async with AsyncExitStack() as ending:
        for one in instances:
            await one.start()
            ending.push_async_callback(one.stop)
        addresses = [f"127.0.0.1:{one.port}" for one in instances]
        portal = await ending.enter_async_context(behind(addresses, tmp_path))
        load = Load(portal, stack.headers("1001"), Counter(), asyncio.Event())
        clients = [asyncio.create_task(load.client()) for _ in range(CLIENTS)]
        try:
            await load.answered(100)
            for one in (*instances, *instances):
                await one.stop()
                await one.start()
                await load.answered(100)
        finally:
            for client in clients:
                client.cancel()
            await asyncio.wait(clients)
    errors = tmp_path / "errors"
    said = errors.read_text() if errors.exists() else ""  # nginx says why
    print(f"{proxy}: {dict(load.got)}", said)
    assert [one for one in load.got if not one.startswith('200 {"data":{"me":{"id":"Customer:1001"}}')] == []
