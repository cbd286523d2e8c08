"""Where OpsDashboard(first: 50) spends its time, over a sandbox of 10,000 customers.

    .venv/bin/python -m benchmarks.dashboard [--customers N] [--first N] [--times N] [--profile]

Upstream is the time in which at least one call was under way; the gateway is the rest. CPU is this process's (the
gateway and the asking client), the systems being processes of their own.
"""

import argparse
import asyncio
import cProfile
import pstats
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from acceptance.calls import ROOT
from acceptance.running import running


def waiting(calls: Sequence[Mapping[str, Any]]) -> float:
    """Milliseconds in which at least one call was under way."""
    total, until = 0.0, 0.0
    for call in sorted(calls, key=lambda one: float(one["startMs"])):
        start, end = call["startMs"], call["startMs"] + call["durationMs"]
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def leaves(value: Any) -> int:
    """Values in an answer that are neither lists nor objects."""
    if isinstance(value, Mapping):
        return sum(map(leaves, value.values()))
    if isinstance(value, list):
        return sum(map(leaves, value))
    return 1


async def measure(customers: int, first: int, times: int, profile: bool) -> None:
    """Ask so many times, and print medians."""
    document = (ROOT / "web/src/operations/OpsDashboard.graphql").read_text()
    walls: list[float] = []
    upstream: list[float] = []
    cpu: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder), customers=customers) as gateway:
            for _ in range(3):
                answer = await gateway.ask(document, {"first": first}, "agent")
            print(f"{customers:,} customers, first: {first}: {leaves(answer['data']):,} leaves")
            for call in answer["extensions"]["upstream"]:
                print(
                    f"  {call['system']:<10} {call['loader']:<26} at {call['startMs']:6.1f} ms, took"
                    f" {call['durationMs']:6.1f} ms, {len(call['keys']):3} keys, {call['bytes']:7,} bytes"
                )
            profiler = cProfile.Profile()
            for _ in range(times):
                if profile:
                    profiler.enable()
                began, used = time.perf_counter(), time.process_time()
                answer = await gateway.ask(document, {"first": first}, "agent")
                walls.append((time.perf_counter() - began) * 1000)
                cpu.append((time.process_time() - used) * 1000)
                upstream.append(waiting(answer["extensions"]["upstream"]))
                profiler.disable()
    wall, wait = statistics.median(walls), statistics.median(upstream)
    print(f"median of {times}: {wall:.1f} ms in all, {wait:.1f} ms with calls under way, {wall - wait:.1f} ms without")
    print(f"CPU {statistics.median(cpu):.1f} ms")
    if profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=10_000, help="size of the sandbox")
    parser.add_argument("--first", type=int, default=50, help="customers on the dashboard")
    parser.add_argument("--times", type=int, default=20, help="how often to ask")
    parser.add_argument("--profile", action="store_true", help="print where the CPU time goes (slower)")
    given = parser.parse_args()
    asyncio.run(measure(given.customers, given.first, given.times, given.profile))


if __name__ == "__main__":
    main()
