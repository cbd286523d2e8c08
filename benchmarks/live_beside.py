"""What a message costs, and how late it is, beside a WebSocket by hand that only forwards what is posted to it.

    .venv/bin/python -m benchmarks.live_beside [--subscribers N] [--events N] [--rounds N]

Both in one run, in turns. The subscribers are one customer's, so the gateway reads a ticket and makes its message once
for each event; the forwarder reads, checks and makes nothing. Linux only.
"""

import argparse
import asyncio
import itertools
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median, quantiles

import aiohttp
from rich.console import Console

from benchmarks.live_idle import Clients
from benchmarks.live_told import TICKET, Setting, post, running
from benchmarks.processes import Process, free_ports

_THING = "TT-1001-1"
_PAUSE = 0.01
_PATIENCE = 60.0
_MESSAGE = (
    '{"id":"1","type":"next","payload":{"data":{"ticketChanged":{"event":"CHANGED","ticket":{"id":"Ticket:TT-1001-1",'
    '"name":"Number 00000","status":"IN_PROGRESS","updatedAt":"2026-11-22T12:00:00+00:00"}}}}}'
)

Say = Callable[[int], Awaitable[float]]
"""Lets the server hear of one more event; returns when that was sent."""


class Heard:
    """What comes over all connections: how many messages, and when each connection got its last."""

    def __init__(self, readers: list[asyncio.StreamReader]) -> None:
        self.count = 0
        self._wanted, self._reached = 0, asyncio.Event()
        self._tasks = [asyncio.create_task(self._listen(one)) for one in readers]

    async def reaches(self, count: int) -> float:
        """When so many messages have come."""
        self._wanted = count
        self._reached.clear()
        if self.count < count:
            async with asyncio.timeout(_PATIENCE):
                await self._reached.wait()
        return time.monotonic()

    def stop(self) -> None:
        """Listen no more."""
        for task in self._tasks:
            task.cancel()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            _, length = await reader.readexactly(2)
            if length == 126:
                length = int.from_bytes(await reader.readexactly(2), "big")
            await reader.readexactly(length)
            self.count += 1
            if self.count >= self._wanted:
                self._reached.set()


async def measured(server: Process, heard: Heard, subscribers: int, events: int, say: Say) -> tuple[float, list[float]]:
    """Seconds of the server's CPU for each message, and those from each event until all have its message."""
    lags: list[float] = []
    cpu, had = server.cpu, heard.count
    for number in range(events):
        sent = await say(number)
        lags.append(await heard.reaches(had + (number + 1) * subscribers) - sent)
        await asyncio.sleep(_PAUSE)
    return (server.cpu - cpu) / (events * subscribers), lags


async def compare(
    setting: Setting, forwarder: Process, subscribers: int, events: int, rounds: int, console: Console
) -> None:
    """Print both, and the ratios."""
    everybodys = itertools.repeat(1001)
    ours = Clients(setting.port, setting.keys, TICKET, over_sse=False, customers=everybodys)
    theirs = Clients(forwarder.port, setting.keys, TICKET, over_sse=False, customers=everybodys)
    costs: dict[str, list[float]] = {"gateway": [], "forwarder": []}
    lags: dict[str, list[float]] = {"gateway": [], "forwarder": []}
    async with aiohttp.ClientSession() as session:

        async def change(_number: int) -> float:
            return await post(session, setting, "troubleTicket", _THING)

        async def forward(number: int) -> float:
            sent = time.monotonic()
            async with session.post(f"http://127.0.0.1:{forwarder.port}/event", data=_MESSAGE) as answer:
                answer.raise_for_status()
            return sent

        await ours.open(subscribers)
        await theirs.open(subscribers)
        heard = {"gateway": Heard(ours.readers), "forwarder": Heard(theirs.readers)}
        for _ in range(rounds):
            for name, server, say in (("gateway", setting.gateway, change), ("forwarder", forwarder, forward)):
                cost, lag = await measured(server, heard[name], subscribers, events, say)
                costs[name].append(cost)
                lags[name] += lag
        for one in heard.values():
            one.stop()
        await ours.close()
        await theirs.close()
    for name in costs:
        hundredths = quantiles(lags[name], n=100)
        console.print(
            f"{name}: {median(costs[name]) * 1e6:.1f} us of CPU for each message; all {subscribers} told after"
            f" {hundredths[49] * 1000:.1f} ms (half of the events), {hundredths[98] * 1000:.1f} ms (99 of 100)"
        )
    ratios = [one / other for one, other in zip(costs["gateway"], costs["forwarder"], strict=True)]
    console.print(f"CPU: {median(ratios):.2f} times the forwarder's ({min(ratios):.2f} to {max(ratios):.2f})")


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=100, help="of one ticket (default 100)")
    parser.add_argument("--events", type=int, default=100, help="in a round (default 100)")
    parser.add_argument("--rounds", type=int, default=5, help="of each (default 5)")
    given = parser.parse_args()
    (port,) = free_ports(1)
    with running(20) as setting, tempfile.TemporaryDirectory() as folder:
        forwarder = Process("forwarder", (sys.executable, "-m", "benchmarks.forwarder"), port, Path(folder), {})
        try:
            forwarder.wait()
            asyncio.run(compare(setting, forwarder, given.subscribers, given.events, given.rounds, Console()))
        finally:
            forwarder.stop()


if __name__ == "__main__":
    main()
