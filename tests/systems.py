"""Four sandbox systems in process, and the gateway's own drivers connected to them: what tests above HTTP stand on."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any

import aiohttp

from connectors import Connectors, connect
from connectors.settings import System
from sandbox.data.world import World
from sandbox.protocol.systems import SYSTEMS
from sandbox.server import SandboxServer

Systems = dict[str, SandboxServer]


@contextmanager
def running_systems(customers: int = 200, seed: int = 1) -> Iterator[Systems]:
    """The four systems over one world, each on a free port, by domain; stopped at the end.

    They are slow to make and cheap to share: make them once a session and call `well_behaved` before each test.
    """
    world = World(seed=seed, customers=customers)
    with ExitStack() as running:
        yield {name: running.enter_context(SandboxServer(name, world=world)) for name in SYSTEMS}


def well_behaved(systems: Systems) -> None:
    """Every switch of every system as by default, and nothing recorded."""
    for server in systems.values():
        server.switches.reset()
        server.requests.clear()


@contextmanager
def stopped(server: SandboxServer) -> Iterator[None]:
    """One system away for a while: connections are refused. Its port and data are the same afterwards."""
    server.stop()
    try:
        yield
    finally:
        server.start()


def settings(systems: Systems, **overrides: Mapping[str, Any]) -> dict[str, System]:
    """Settings of the four systems; `overrides` by domain, such as ``crm={"profile": {"paging": "page"}}``.

    Another domain is given a system of its own by an address.
    """
    unknown = {name for name, one in overrides.items() if name not in systems and "url" not in one}
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))}: no such domain; there are {', '.join(systems)}")
    addresses = {name: {"url": server.url} for name, server in systems.items()}
    return {
        name: System.model_validate({"connect_timeout": 10.0, **addresses.get(name, {}), **overrides.get(name, {})})
        for name in {**addresses, **overrides}
    }


@asynccontextmanager
async def connected(systems: Systems, **overrides: Mapping[str, Any]) -> AsyncIterator[Connectors]:
    """The four drivers over one HTTP session like the gateway's; `overrides` as for `settings`."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        yield connect(settings(systems, **overrides), session)


def asked(server: SandboxServer) -> list[str]:
    """What the system was asked since the last `well_behaved`: ``METHOD path?query``, oldest first, as sent."""
    return [
        f"{one['method']} {one['path']}{'?' + one['query'] if one['query'] else ''}" for one in list(server.requests)
    ]
