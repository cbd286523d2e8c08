"""How soon everybody is told: one outage that concerns all, and many tickets that concern one subscriber each.

    .venv/bin/python -m benchmarks.live_told [--subscribers N] [--tickets N]

One worker of the gateway, WebSockets without compression, over systems that cost next to nothing
(`benchmarks.live_systems`). Linux only.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Final

import aiohttp
from rich.console import Console

from benchmarks.live_idle import Clients
from benchmarks.processes import Process, free_ports
from gateway.commands.demo_keys import RULES, DemoKeys
from sandbox.protocol.systems import SYSTEMS

_SECRET: Final = "the-secret-of-the-benchmark"  # noqa: S105  # no secret
_PATIENCE: Final = 120.0

PLAIN: Final = "subscription { outageChanged { event outage { id name state severity } } }"
PERSONAL: Final = (
    "subscription { outageChanged { event outage { id name affectedServices(first: 10) { nodes { id name } } } } }"
)
TICKET: Final = "subscription { ticketChanged { event ticket { id name status updatedAt } } }"


@dataclass
class Setting:
    """A gateway and the systems behind it."""

    gateway: Process
    systems: Process
    keys: DemoKeys

    @property
    def port(self) -> int:
        """The gateway's."""
        return self.gateway.port

    async def calls(self, session: aiohttp.ClientSession) -> int:
        """Requests to the systems since the last time."""
        async with session.get(f"http://127.0.0.1:{self.systems.port}/calls") as answer:
            return int(await answer.text())


@contextmanager
def running(customers: int) -> Iterator[Setting]:
    """Everything, until the end of the block. The outage concerns so many customers."""
    port, upstream = free_ports(2)
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        command: tuple[str, ...] = (sys.executable, "-m", "benchmarks.live_systems")
        systems = Process("systems", command, upstream, folder, {"BENCH_CUSTOMERS": str(customers)})
        stack.callback(systems.stop)
        keys = DemoKeys.create(folder / "key.pem")
        (folder / "jwks.json").write_bytes(keys.jwks())
        (folder / "gateway.toml").write_text(
            "".join(f'[systems.{name}]\nurl = "http://127.0.0.1:{upstream}"\ntimeout = 30\n' for name in SYSTEMS)
            + f'[auth]\nissuer = "{RULES.issuer}"\naudience = "{RULES.audience}"\njwks_file = "jwks.json"\n'
            + f"[server]\nport = {port}\ntrusted_proxies = ['127.0.0.1']\n"
            + "[graphql]\ndeadline = 60\n[live]\nenabled = true\n"
            + "[live.limits]\nping = 1000\nconnections_per_caller = 20000\n"
            + "".join(
                f'[live.sources.{name}]\nsecret = "{_SECRET}"\npoll = 0\nevents_per_second = 100000\n'
                for name in SYSTEMS
            )
        )
        command = (sys.executable, "-m", "gateway", "serve", "--config", str(folder / "gateway.toml"))
        gateway = Process("gateway", command, port, folder, {})
        stack.callback(gateway.stop)
        systems.wait()
        gateway.wait()
        yield Setting(gateway, systems, keys)


@asynccontextmanager
async def waiting(
    setting: Setting, document: str, count: int, customers: Iterable[int] = ()
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
        await setting.calls(session)
        cpu = setting.gateway.cpu
        sent = await post(session, setting, "serviceProblem", "SP-1")
        times = [one - sent for one in await told]
        console.print(
            f"outage, {name}: {subscribers:,} subscribers, {seconds(times)};"
            f" {await setting.calls(session)} calls upstream,"
            f" {(setting.gateway.cpu - cpu) / subscribers * 1e6:.0f} us of CPU each"
        )


async def tickets(setting: Setting, count: int, console: Console) -> None:
    """So many events in a second, each about another subscriber's ticket."""
    async with waiting(setting, TICKET, count) as told, aiohttp.ClientSession() as session:
        await setting.calls(session)
        cpu, began = setting.gateway.cpu, time.monotonic()
        posting: list[asyncio.Task[float]] = []
        for one in range(count):
            if (early := began + one / count - time.monotonic()) > 0:
                await asyncio.sleep(early)
            posting.append(asyncio.create_task(post(session, setting, "troubleTicket", f"TT-{1001 + one}-1")))
        sent = await asyncio.gather(*posting)
        times = [at - since for at, since in zip(await told, sent, strict=True)]
        console.print(
            f"tickets: {count:,} events in {max(sent) - began:.1f} s, one subscriber each, {seconds(times)};"
            f" {await setting.calls(session)} calls upstream,"
            f" {(setting.gateway.cpu - cpu) / count * 1e6:.0f} us of CPU each"
        )


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=10_000, help="of one outage (default 10,000)")
    parser.add_argument("--tickets", type=int, default=1_000, help="events in a second (default 1,000)")
    given = parser.parse_args()
    console = Console()
    with running(given.subscribers) as setting:
        asyncio.run(tickets(setting, given.tickets, console))
        asyncio.run(outage(setting, "no personal field", PLAIN, given.subscribers, console))
        asyncio.run(outage(setting, "with affectedServices", PERSONAL, given.subscribers, console))


if __name__ == "__main__":
    main()
