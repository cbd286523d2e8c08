"""What shared loads save: PortalHome at 64 users at once, with sharing and without, over systems that take 20 ms.

    .venv/bin/python -m benchmarks.sharing [--users N] [--requests N] [--rounds N] [--after N]

Two gateways, alike but for `share`, are asked by the same client over the same systems, in turns. Calls are counted by
the systems. `alone` is one request at a time; `many` are different customers at once, `same` is one customer at once.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import aiohttp
from rich.console import Console
from rich.table import Table

from acceptance.calls import ROOT
from acceptance.running import Running, serving
from gateway.commands.demo_settings import settings
from gateway.commands.demo_systems import SandboxProcess
from gateway.settings import Settings
from sandbox.protocol.systems import SYSTEMS

LATENCY_MS: Final = 20
_PORT: Final = 18300
_FIRST_CUSTOMER: Final = 1001


class Measured:
    """Times, CPU and upstream calls of one way of asking."""

    def __init__(self) -> None:
        self.ms: list[float] = []
        self.cpu_ms = 0.0
        self.calls = 0

    def row(self) -> tuple[str, str, str, str]:
        """Calls per request, p50, p99, and CPU per request, the asking client's included."""
        ordered = sorted(self.ms)
        worst = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
        each = self.calls / len(ordered)
        return f"{each:.2f}", f"{statistics.median(ordered):.0f}", f"{worst:.0f}", f"{self.cpu_ms / len(ordered):.1f}"


class Systems:
    """The sandbox's systems, which count what they are asked."""

    def __init__(self, session: aiohttp.ClientSession, addresses: Sequence[str]) -> None:
        self._session, self._addresses = session, addresses

    async def counted(self) -> int:
        """Requests so far."""
        total = 0
        for address in self._addresses:
            async with self._session.get(f"{address}/_sandbox/requests") as answer:
                total += len(await answer.json())
        return total

    async def forget(self) -> None:
        """Count from nothing."""
        for address in self._addresses:
            async with self._session.delete(f"{address}/_sandbox/requests") as answer:
                answer.raise_for_status()


async def round_of(
    gateway: Running, systems: Systems, document: str, who: Sequence[str], users: int, into: Measured
) -> None:
    """Ask once for each of `who`, `users` at a time."""
    tokens = {one: gateway.token(one) for one in set(who)}
    left = list(reversed(who))
    body = {"query": document}

    async def user() -> None:
        while left:
            headers = {"Authorization": f"Bearer {tokens[left.pop()]}"}
            began = time.perf_counter()
            async with gateway.session.post(gateway.address, json=body, headers=headers) as answer:
                given: dict[str, Any] = await answer.json()
            into.ms.append((time.perf_counter() - began) * 1000)
            if given.get("errors"):
                raise RuntimeError(f"the gateway answered with errors: {given['errors'][:1]}")

    await systems.forget()
    used = time.process_time()
    await asyncio.gather(*(user() for _ in range(users)))
    into.cpu_ms += (time.process_time() - used) * 1000
    into.calls += await systems.counted()


def sharing(given: Settings, port: int, **values: object) -> Settings:
    """The same settings on another port, with these for every system."""
    systems = {name: one.model_copy(update=values) for name, one in given.systems.by_domain.items()}
    server = given.server.model_copy(update={"port": port})
    return given.model_copy(update={"systems": given.systems.model_copy(update=systems), "server": server})


async def measure(users: int, requests: int, rounds: int, after: int, console: Console) -> None:
    """Ask in turns and print the table."""
    document = (ROOT / "web/src/operations/PortalHome.graphql").read_text()
    customers = [str(_FIRST_CUSTOMER + at) for at in range(max(users * 4, 256))]
    many = [customers[at % len(customers)] for at in range(requests)]
    ways = {"alone": (many[:20], 1), "many": (many, users), "same": ([customers[0]] * requests, users)}
    found = {(share, way): Measured() for share in (False, True) for way in ways}
    async with AsyncExitStack() as stack:
        processes = [
            SandboxProcess(name, _PORT + 1 + at, ("--customers", str(len(customers))))
            for at, name in enumerate(SYSTEMS)
        ]
        for process in processes:
            stack.push_async_callback(process.stop)
        await asyncio.gather(*(process.start() for process in processes))
        base = settings(_PORT, _PORT + 1)
        gateways = {}
        for share, port in ((False, _PORT), (True, _PORT + 9)):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            changed = sharing(base, port, share=share, share_after=after)
            gateways[share] = await stack.enter_async_context(serving(changed, folder, port))
        await gateways[True].switch(latencyMs=LATENCY_MS)
        systems = Systems(gateways[True].session, list(gateways[True].systems.values()))
        for gateway in gateways.values():
            await round_of(gateway, systems, document, many[:20], 4, Measured())
        for number in range(rounds):
            console.print(f"round {number + 1} of {rounds}")
            for way, (who, at_once) in ways.items():
                for share, gateway in gateways.items():
                    await round_of(gateway, systems, document, who, at_once, found[share, way])
    table = Table(
        "asked", "shared", "calls per request", "p50 ms", "p99 ms", "CPU ms",
        title=f"PortalHome, {users} users, {LATENCY_MS} ms upstream, share_after = {after}",
    )  # fmt: skip
    for way in ways:
        for share in (False, True):
            table.add_row(way, "yes" if share else "no", *found[share, way].row())
    console.print(table)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=64, help="requests at once")
    parser.add_argument("--requests", type=int, default=512, help="requests of a round")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way is asked, in turns")
    parser.add_argument("--after", type=int, default=2, help="share_after of the gateway that shares")
    given = parser.parse_args()
    asyncio.run(measure(given.users, given.requests, given.rounds, given.after, Console()))


if __name__ == "__main__":
    main()
