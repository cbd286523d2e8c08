"""The compiled executor gives graphql-core's answer: generated operations over data that misbehaves, both compared.

Over the schema made to torture executors, and over the product's own. `make fuzz` runs 20,000 cases of each
(FUZZ_CASES), FUZZ_FROM says at which it begins.
"""

import asyncio
import gc
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

import pytest

from gateway.engine.failures import Completion
from tests.gateway.engine import product, torture, writes
from tests.gateway.engine.comparing import Answer, Context, Pair
from tests.gateway.engine.operations import Operation

# graphql-core leaves coroutines of siblings alone when a sibling of theirs makes the parent null.
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

CASES = int(os.environ.get("FUZZ_CASES", "300"))


class Case(Protocol):
    """Makes a case out of a number."""

    def __call__(self, seed: int, *, other: bool = False) -> tuple[Operation, Context]:
        """An operation and who asks it; `other`: the same, asked by somebody else of something else."""
        ...


@dataclass
class Family:
    """Cases over one schema. `calls` are what loaders or ports were asked, in cases without errors that `count`."""

    name: str
    pair: Pair
    case: Case
    count: Callable[[Answer], bool]
    calls: Counter[str] = field(default_factory=Counter)

    async def difference(self, seed: int) -> str:
        """What is different for this seed; empty where nothing is."""
        operation, context = self.case(seed)
        again, others = self.case(seed, other=True)
        again.variables = _varied(again.variables, Random(seed))  # data, not a secret
        try:
            different = await self.pair.difference(operation, context, self._count)
            if not different:  # by the plan that is kept
                different = await self.pair.difference(again, others, lambda _ours, _core: None)
        except Exception as error:  # an executor that raises is a difference, too
            error.add_note(f"{self.name} {seed}: {operation}")
            raise
        return different and f"{self.name} {seed}: {different}"

    def _count(self, ours: Answer, core: Answer) -> None:
        # What became null by an error may have cut graphql-core short.
        if not core.errors and self.count(core):
            self.calls["ours"] += len(ours.context.calls)
            self.calls["core"] += len(core.context.calls)

    async def first_difference(self, seeds: Iterable[int]) -> tuple[int, str]:
        """How many cases were run until one differed, and how; no text where none did."""
        begun, count = time.monotonic(), 0
        for count, seed in enumerate(seeds, 1):
            if different := await self.difference(seed):
                return count, different
            if count % 1000 == 0:
                calls = f"{self.calls['ours']} calls, {self.calls['core']} by graphql-core"
                print(
                    f"{self.name}: {count} cases, no difference ({calls}, {time.monotonic() - begun:.0f} s)", flush=True
                )
        return count, ""


def _varied(value: Any, chance: Random) -> Any:
    """Another value that fits where this does."""
    if isinstance(value, dict):
        return {name: _varied(one, chance) for name, one in value.items()}
    if isinstance(value, list):
        return [_varied(one, chance) for one in value]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + chance.choice((-1, 1, 2))
    return str((int(value) + 1) % 9) if isinstance(value, str) and value.isdecimal() else value


TORTURE = Family("torture", torture.PAIR, torture.case, lambda _answer: True)
# What hangs on a key that a client names is asked for before it is known whether that is there, and the viewer's.
PRODUCT = Family("product", product.PAIR, product.case, product.is_whole)
WRITES = Family("writes", writes.PAIR, writes.case, lambda _answer: True)
FAMILIES = [TORTURE, PRODUCT, WRITES]

FOUND = [4, 16, 21, 63, 72, 265, 374, 891, 6155]
"""Seeds of the torture's cases that once differed."""


@pytest.mark.parametrize("family", FAMILIES, ids=lambda one: one.name)
async def test_no_difference(family: Family) -> None:
    family.calls.clear()
    _count, different = await family.first_difference(range(CASES))
    gc.collect()  # what graphql-core left alone is warned of here, and not in somebody else's test
    if different:
        pytest.fail(different, pytrace=False)
    assert 0 < family.calls["ours"] <= family.calls["core"]


@pytest.mark.parametrize("seed", FOUND)
async def test_what_once_differed(seed: int) -> None:
    assert not (different := await TORTURE.difference(seed)), different


@pytest.mark.parametrize(
    ("family", "resolved"),
    [(TORTURE, {"slow"}), (PRODUCT, product.NOT_PLANNED), (WRITES, set())],
    ids=lambda one: one.name if isinstance(one, Family) else "",
)
def test_most_operations_are_planned_and_what_is_not_has_a_resolver_of_its_own(
    family: Family, resolved: frozenset[str]
) -> None:
    operations = [family.case(seed)[0] for seed in range(300)]
    without = [one for one in operations if not family.pair.planned(one)]
    assert 1 <= len(without) <= 30
    assert all(any(name in one.document for name in resolved) or decided_by_null(one) for one in without)


def decided_by_null(operation: Operation) -> bool:
    """Whether @skip or @include is given a null."""
    nulls = [name for name, value in operation.variables.items() if value is None]
    return any(f"(if: ${name})" in operation.document for name in nulls)


async def test_broken_null_propagation_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Completion._complete

    def swallowing(self: Completion, kind: Any, *rest: Any) -> Any:
        return whole(self, getattr(kind, "of_type", kind) if str(kind).endswith("!") else kind, *rest)

    monkeypatch.setattr(Completion, "_complete", swallowing)
    count, different = await TORTURE.first_difference(range(CASES))
    assert different
    assert count <= 100


async def fuzz(first: int) -> str:
    """All families, the first difference of which is told."""
    for family in FAMILIES:
        count, different = await family.first_difference(range(first, CASES))
        if different:
            return different
        print(f"{family.name}: {count} cases, no difference", flush=True)
    return ""


if __name__ == "__main__":
    sys.unraisablehook = lambda _one: None  # graphql-core's coroutines again, see pytestmark
    found = asyncio.run(fuzz(int(os.environ.get("FUZZ_FROM", "0"))))
    print(found)
    raise SystemExit(1 if found else 0)
