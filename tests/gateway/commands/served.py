"""`gateway serve` in processes of its own over four systems, for tests that are clients of it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.commands.demo_keys import RULES, DemoKeys
from sandbox.data.world import World
from sandbox.protocol.systems import SYSTEMS
from sandbox.server import SandboxServer
from tests.gateway.commands.forked import Forked, forked
from tests.gateway.commands.running import PATIENCE, environment, free_ports


@dataclass
class Served:
    """A gateway that is served. `said` are the lines of its log so far."""

    address: str
    process: Forked
    keys: DemoKeys
    said: list[str] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with each line."""

    async def until_said(self, text: str, times: int = 1) -> None:
        """Wait until so many lines of the log have this in them."""
        async with asyncio.timeout(PATIENCE):
            while sum(text in line for line in self.said) < times:
                self.heard.clear()
                await self.heard.wait()


@asynccontextmanager
async def served(
    folder: Path,
    workers: int = 1,
    *,
    server: str = "",
    open_files: int | None = None,
    customers: int = 4,
    instead: Mapping[str, str] | None = None,
    unix_socket: Path | None = None,
) -> AsyncIterator[Served]:
    """The gateway, once all its workers listen. `server` are lines of TOML for `[server]` and what follows it.

    `instead` has lines of TOML for systems that are others than the sandbox's.

    The system lets it have so many open files at first, and as many after that.
    """
    world = World(customers=customers)
    running = {system: SandboxServer(system, world=world).start() for system in SYSTEMS}
    tables = {name: f'url = "{one.url}"' for name, one in running.items()} | dict(instead or {})
    keys, port = DemoKeys.create(folder / "issuer.pem"), free_ports(1)
    (folder / "jwks.json").write_bytes(keys.jwks())
    config = folder / "gateway.toml"
    config.write_text(
        "".join(f"[systems.{name}]\n{lines}\n" for name, lines in tables.items())
        + f'[auth]\nissuer = "{RULES.issuer}"\naudience = "{RULES.audience}"\njwks_file = "jwks.json"\n'
        + f"[server]\nport = {port}\nworkers = {workers}\n{server}\n",
        encoding="utf-8",
    )
    process = await forked("serve", "--config", str(config), environment=environment(folder), open_files=open_files)
    gateway = Served(f"http://127.0.0.1:{port}", process, keys)
    is_up = asyncio.Event()
    reading = asyncio.create_task(_read(gateway, process.stderr, workers, is_up))
    try:
        async with asyncio.timeout(PATIENCE):
            await is_up.wait()
            while process.returncode is None and not await _is_heard(unix_socket or port):
                pass  # It says that it has started, and listens a moment later.
        assert process.returncode is None, gateway.said
        yield gateway
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        await reading
        for one in running.values():
            one.stop()


async def _is_heard(place: int | Path) -> bool:
    try:
        if isinstance(place, Path):
            _, writer = await asyncio.open_unix_connection(place)
        else:
            _, writer = await asyncio.open_connection("127.0.0.1", place)
    except (ConnectionRefusedError, FileNotFoundError):
        return False
    writer.transport.abort()
    return True


async def _read(gateway: Served, log: asyncio.StreamReader, workers: int, is_up: asyncio.Event) -> None:
    while line := (await log.readline()).decode():
        gateway.said.append(line)
        gateway.heard.set()
        said = "".join(gateway.said) if not is_up.is_set() else ""
        # One process says where it listens after its start, several before it.
        if said.count("Application startup complete.") == workers and "listening on" in said:
            is_up.set()
    is_up.set()
