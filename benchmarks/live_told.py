"""How soon everybody is told: one outage that concerns all, and many tickets that concern one subscriber each.

    .venv/bin/python -m benchmarks.live_told [--subscribers N] [--tickets N]

One worker of the gateway, WebSockets without compression, subscribers of their own in this process, which also runs the
sandbox: so the times are rather too long than too short. Linux only.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import aiohttp
from rich.console import Console

from benchmarks.live_idle import Clients
from benchmarks.processes import Process, free_ports
from gateway.commands.demo_keys import RULES, DemoKeys
from sandbox.data import shapes
from sandbox.data.world import World
from sandbox.protocol.systems import SYSTEMS
from sandbox.server import SandboxServer

_SECRET: Final = "the-secret-of-the-benchmark"  # noqa: S105  # no secret
_PATIENCE: Final = 120.0

PLAIN: Final = "subscription { outageChanged { event outage { id name state severity } } }"
PERSONAL: Final = (
    "subscription { outageChanged { event outage { id name affectedServices(first: 10) { nodes { id name } } } } }"
)
TICKET: Final = "subscription { ticketChanged { event ticket { id name status updatedAt } } }"


@dataclass
class Setting:
    """A gateway, its systems, and their log."""

    gateway: Process
    systems: Mapping[Any, SandboxServer]
    keys: DemoKeys
    port: int

    def calls(self) -> int:
        """Requests to the systems since the last time."""
        counted = 0
        for server in self.systems.values():
            counted += len(server.requests)
            server.requests.clear()
        return counted


@contextmanager
def running(customers: int) -> Iterator[Setting]:
    """Everything, until the end of the block."""
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder, world = Path(temporary), World(customers=customers)
        systems = {name: stack.enter_context(SandboxServer(name, world=world)) for name in SYSTEMS}
        keys = DemoKeys.create(folder / "key.pem")
        (folder / "jwks.json").write_bytes(keys.jwks())
        (folder / "gateway.toml").write_text(
            "".join(
                f'[systems.{name}]\nurl = "{server.url}"\ntimeout = 30\n[systems.{name}.profile]\npage_size = 1000\n'
                for name, server in systems.items()
            )
            + f'[auth]\nissuer = "{RULES.issuer}"\naudience = "{RULES.audience}"\njwks_file = "jwks.json"\n'
            + f"[server]\nport = {port}\n[graphql]\ndeadline = 60\n[live]\nenabled = true\n"
            + "[live.limits]\nping = 1000\nconnections_per_caller = 20000\n"
            + f'[live.sources.ticketing]\nsecret = "{_SECRET}"\npoll = 0\nevents_per_second = 100000\n'
        )
        command = (sys.executable, "-m", "gateway", "serve", "--config", str(folder / "gateway.toml"))
        gateway = Process("gateway", command, port, folder, {})
        stack.callback(gateway.stop)
        gateway.wait()
        yield Setting(gateway, systems, keys, port)


@asynccontextmanager
async def waiting(
    setting: Setting, document: str, count: int, customers: Sequence[int] = ()
) -> AsyncIterator["asyncio.Future[list[float]]"]:
    """So many subscribers, each with its own connection, and when each of them gets its first message."""
    clients = Clients(setting.port, setting.keys, document, over_sse=False, customers=customers)
    await clients.open(count)
    try:
        yield asyncio.ensure_future(asyncio.gather(*(first_byte(reader) for reader in clients.readers)))
    finally:
        await clients.close()


async def first_byte(reader: asyncio.StreamReader) -> float:
    """When something came."""
    async with asyncio.timeout(_PATIENCE):
        await reader.readexactly(1)
    return time.monotonic()


async def post(session: aiohttp.ClientSession, setting: Setting, name: str, key: str) -> float:
    """Let the ticketing system say that a record changed; returns when it was sent."""
    event = f"{name[0].upper()}{name[1:]}AttributeValueChangeEvent"
    body = {"eventId": f"{name}-{key}-{time.monotonic_ns()}", "eventType": event, "event": {name: {"id": key}}}
    sent = time.monotonic()
    async with session.post(f"http://127.0.0.1:{setting.port}/events/ticketing/{_SECRET}", json=body) as answer:
        answer.raise_for_status()
    return sent


def seconds(times: list[float]) -> str:
    """Half, 99 of 100, and all."""
    hundredths = quantiles(times, n=100)
    return f"half after {hundredths[49]:.3f} s, 99 % after {hundredths[98]:.3f} s, all after {max(times):.3f} s"


async def outage(setting: Setting, name: str, document: str, subscribers: int, console: Console) -> None:
    """One outage that affects a service of everybody."""
    async with waiting(setting, document, subscribers) as told, aiohttp.ClientSession() as session:
        setting.systems["ticketing"].app.rewrite(
            shapes.PROBLEM,
            "SP-1",
            name=f"Everything is down ({name})",
            affectedService=[{"id": f"SVC-{1001 + one}-1"} for one in range(subscribers)],
            affectedResource=[],
        )
        setting.calls()
        cpu = setting.gateway.cpu
        sent = await post(session, setting, "serviceProblem", "SP-1")
        times = [one - sent for one in await told]
        console.print(
            f"outage, {name}: {subscribers:,} subscribers, {seconds(times)};"
            f" {setting.calls()} calls upstream, {(setting.gateway.cpu - cpu) / subscribers * 1e6:.0f} us of CPU each"
        )


async def tickets(setting: Setting, count: int, console: Console) -> None:
    """So many events in a second, each about another subscriber's ticket."""
    customers = await with_tickets(setting, count)
    async with waiting(setting, TICKET, count, customers) as told, aiohttp.ClientSession() as session:
        setting.calls()
        cpu, began = setting.gateway.cpu, time.monotonic()
        posting: list[Any] = []
        for one, customer in enumerate(customers):
            if (early := began + one / count - time.monotonic()) > 0:
                await asyncio.sleep(early)
            posting.append(asyncio.create_task(post(session, setting, "troubleTicket", f"TT-{customer}-1")))
        sent = await asyncio.gather(*posting)
        times = [at - since for at, since in zip(await told, sent, strict=True)]
        console.print(
            f"tickets: {count:,} events in {max(sent) - began:.1f} s, one subscriber each, {seconds(times)};"
            f" {setting.calls()} calls upstream, {(setting.gateway.cpu - cpu) / count * 1e6:.0f} us of CPU each"
        )


async def with_tickets(setting: Setting, count: int) -> list[int]:
    """Customers who have a ticket."""
    found: list[int] = []
    async with aiohttp.ClientSession() as session:
        for page in range(100):
            address = f"{setting.systems['ticketing'].url}{shapes.TICKET}?limit=1000&offset={1000 * page}"
            async with session.get(address) as answer:
                rows = await answer.json()
            found += [int(row["id"].split("-")[1]) for row in rows if row["id"].endswith("-1")]
            if not rows or len(found) >= count:
                break
    return sorted(found)[:count]


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=10_000, help="of one outage (default 10,000)")
    parser.add_argument("--tickets", type=int, default=1_000, help="events in a second (default 1,000)")
    given = parser.parse_args()
    console = Console()
    with running(max(given.subscribers, 3 * given.tickets)) as setting:
        asyncio.run(tickets(setting, given.tickets, console))
        asyncio.run(outage(setting, "no personal field", PLAIN, given.subscribers, console))
        asyncio.run(outage(setting, "with affectedServices", PERSONAL, given.subscribers, console))


if __name__ == "__main__":
    main()
