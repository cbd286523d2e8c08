"""Searches for the dearest document that the gateway accepts: by CPU, longest turn of the event loop, calls, memory.

    .venv/bin/python -m benchmarks.dearest [--steps N] [--seed N] [--keep]

Hill climbing: the dearest documents found so far, by each measure, are changed a little and asked again. Known attacks
stand beside them in `benchmarks/dearest/*.graphql`, where `--keep` writes what it found. Refused documents
count, too: what it costs to refuse them. The gateway runs in this process with its default limits, before a sandbox.
"""

import argparse
import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import graphql
from rich.console import Console
from rich.table import Table

from benchmarks.asked_in_process import InProcess, Spent, in_process
from benchmarks.dearest_documents import Documents, Selection
from gateway.commands.serve import tune_garbage_collector
from schema import build_schema

KEPT: Final = Path(__file__).parent / "dearest"

MEASURES: Final[dict[str, Callable[[Spent], float]]] = {
    "cpu": lambda one: one.cpu,
    "turn": lambda one: one.longest,
    "calls": lambda one: one.calls,
    "memory": lambda one: one.memory,
}

_CLIMBERS: Final = 4
"""Documents at which the search begins anew for each measure."""


@dataclass(frozen=True)
class Found:
    """A document, the tree it was written from (None: kept from before), and what it took."""

    text: str
    tree: Selection | None
    spent: Spent


async def dearest(gateway: InProcess, steps: int, seed: int) -> dict[str, Found]:
    """The dearest document by each measure, after so many steps."""
    random = Random(seed)  # noqa: S311  # a search that can be repeated
    documents = Documents(graphql.build_schema(build_schema().as_str()), random)
    best: dict[str, Found] = {}
    climbing: dict[str, Found] = {}
    for step in range(steps):
        if step % max(1, steps // _CLIMBERS) == 0:
            climbing.clear()
        from_tree = climbing[random.choice(list(MEASURES))].tree if climbing else None
        tree = documents.changed(from_tree) if from_tree is not None and random.random() < 0.9 else documents.new()
        found = Found(documents.text(tree), tree, await measured(gateway, documents.text(tree)))
        for name, measure in MEASURES.items():
            for dearer in (best, climbing):
                if name not in dearer or measure(found.spent) >= measure(dearer[name].spent):
                    dearer[name] = found
    return best


async def measured(gateway: InProcess, text: str) -> Spent:
    """What a document takes at its first use; a turn that seems long is measured again, and the shorter one counts."""
    spent = await gateway.ask(text)
    if spent.longest < 0.02:
        return spent
    again = await gateway.ask(text + " ")  # another text, so that it is prepared and compiled again
    return min(spent, again, key=lambda one: one.longest)


def kept() -> dict[str, str]:
    """The dearest documents found before, and those of known attacks, by name."""
    return {file.stem: file.read_text() for file in sorted(KEPT.glob("*.graphql"))}


def table(found: dict[str, Found]) -> Table:
    """What each document took."""
    shown = Table("document", "CPU ms", "longest turn ms", "calls", "answer KiB", "memory MiB", "refused", "bytes")
    for name, one in found.items():
        spent = one.spent
        shown.add_row(
            name,
            f"{spent.cpu * 1000:.0f}",
            f"{spent.longest * 1000:.1f}",
            str(spent.calls),
            f"{spent.answer / 1024:.0f}",
            f"{spent.memory:.1f}",
            spent.refused or "",
            str(len(one.text)),
        )
    return shown


async def _search(steps: int, seed: int, *, keep: bool) -> None:
    console = Console(width=120)
    async with in_process() as gateway:
        tune_garbage_collector()  # as the gateway serves
        known = {name: Found(text, None, await measured(gateway, text)) for name, text in kept().items()}
        console.print(table(known))
        found = await dearest(gateway, steps, seed)
        console.print(table({f"dearest by {name}": one for name, one in found.items()}))
        for name, one in found.items():
            if keep and one.tree is not None:
                (KEPT / f"found_by_{name}.graphql").write_text(one.text + "\n")


def main() -> None:
    """Read the command line and search."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000, help="how many documents are asked (default 2,000)")
    parser.add_argument("--seed", type=int, default=1, help="another number is another search")
    parser.add_argument("--keep", action="store_true", help="keep what it finds for the next search and the test")
    given = parser.parse_args()
    asyncio.run(_search(given.steps, given.seed, keep=given.keep))


if __name__ == "__main__":
    main()
