"""The four sandbox systems in a process of their own, made sick and counted over its standard input.

    python -m tests.chaos.systems CUSTOMERS

prints their addresses, then answers each line (JSON) with one.
"""

import asyncio
import json
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from typing import Any, Protocol

import aiohttp

from sandbox.data.world import World
from sandbox.protocol.systems import SYSTEMS
from sandbox.server import SandboxServer
from tests.gateway.commands.running import ROOT


class Behind(Protocol):
    """Systems, by name: where they are, and how many requests each has had."""

    urls: Mapping[str, str]

    async def counts(self) -> dict[str, int]:
        """Requests that each system has had since the start."""


class Systems:
    """What is behind the gateway: it can be made sick, and says how many requests it has had."""

    def __init__(self, process: asyncio.subprocess.Process, urls: Mapping[str, str]) -> None:
        self._process, self.urls = process, urls
        self._turn = asyncio.Lock()

    async def switch(self, system: str, **switches: Any) -> None:
        """Turn these switches, and all others back."""
        await self._say({"system": system, "switches": switches})

    async def counts(self) -> dict[str, int]:
        """Requests that each system has had since the start."""
        return dict(await self._say({}))

    async def _say(self, command: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        async with self._turn:
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
            return json.loads(await self._process.stdout.readline())


async def rows(systems: Behind, session: aiohttp.ClientSession, system: str, resource: str) -> list[dict[str, Any]]:
    """All rows of a resource, as the system has them."""
    found: list[dict[str, Any]] = []
    while True:
        url = f"{systems.urls[system]}{resource}?offset={len(found)}&limit=2000"
        async with session.get(url) as answer:
            page = await answer.json()
        found.extend(page)
        if len(page) < 2000:
            return found


@asynccontextmanager
async def running_systems(customers: int) -> AsyncIterator[Systems]:
    """Start them, and end them."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, str(customers)),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield Systems(process, json.loads(await process.stdout.readline()))
    finally:
        process.kill()
        await process.wait()


class _Counted(deque[dict[str, Any]]):
    total = 0

    def append(self, one: dict[str, Any]) -> None:
        self.total += 1
        super().append(one)


def _main(customers: int) -> None:
    world = World(customers=customers)
    with ExitStack() as stack:
        servers = {name: stack.enter_context(SandboxServer(name, world=world)) for name in SYSTEMS}
        counted = {name: _Counted(maxlen=1) for name in servers}
        for name, server in servers.items():
            server.app.requests = counted[name]
        print(json.dumps({name: server.url for name, server in servers.items()}), flush=True)
        for line in sys.stdin:
            command = json.loads(line)
            if command:
                switches = servers[command["system"]].switches
                switches.reset()
                switches.merge(command["switches"])
            print(json.dumps({name: one.total for name, one in counted.items()}), flush=True)


if __name__ == "__main__":
    _main(int(sys.argv[1]))
