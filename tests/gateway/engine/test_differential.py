"""The compiled executor gives graphql-core's answer: generated operations over data that misbehaves, both compared.

`make fuzz` runs 20,000 cases (FUZZ_CASES). What graphql-core leaves to chance is put in order first: errors are
compared by path, and of several below a position that became null, ours must be one, and either one of graphql-core's
or another that makes just that position null.
"""

import asyncio
import os
import sys
from collections import Counter
from random import Random
from typing import Any

import pytest
from graphql import GraphQLError

from gateway.engine import Engine, Prepared
from gateway.engine.careful import Careful
from gateway.engine.plans import Planned
from gateway.engine.run import _nulls
from gateway.limits import Limits
from tests.gateway.engine.operations import Operation, Writer
from tests.gateway.engine.torture import Context, World, build

# graphql-core leaves coroutines of siblings alone when a sibling of theirs makes the parent null.
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

CASES = int(os.environ.get("FUZZ_CASES", "500"))
SCHEMA = build()
LIMITS = Limits(max_depth=100, max_fields=100_000, max_aliases=10_000, max_tokens=100_000, max_root_fields=1000)
OURS = Engine(SCHEMA, limits=LIMITS)
CORE = Engine(build(), limits=LIMITS, compiling=False)

BATCHES: Counter[str] = Counter()
"""How often loaders asked, over all cases without errors. Single cases differ: a level waits for all its keys,
where graphql-core lets an object go ahead whose keys another one has loaded."""

FOUND: list[int] = [4, 16, 21, 63, 72, 265, 374, 891, 6155]
"""Seeds of cases that once differed: types that cannot stand at a place, which error of several is told, and others."""


def case(seed: int) -> tuple[Operation, World]:
    """One operation and the world it is asked of."""
    chance = Random(seed)  # data, not a secret
    skip = frozenset({"slow"} if chance.random() < 0.95 else ())
    badness = chance.choice([0.0, 0.02, 0.1, 0.3])
    depth = chance.randrange(2, 6)
    return Writer(SCHEMA._schema, chance, depth=depth).operation(skip), World(seed, badness)


async def answered(engine: Engine, operation: Operation, world: World) -> tuple[Any, list[GraphQLError], Context]:
    """Data and errors, as the engine gives them."""
    prepared = engine.prepare(operation.document)
    assert isinstance(prepared, Prepared), (operation.document, prepared)
    one = engine.operation(prepared, None)
    assert not isinstance(one, GraphQLError)
    context = Context(world)
    outcome = await engine.execute(prepared, one, operation.variables, context)
    return outcome.data, outcome.errors, context


def ordered(value: Any) -> Any:
    """The same with the order of keys to be seen, and NaN equal to itself."""
    if isinstance(value, dict):
        return [(key, ordered(one)) for key, one in value.items()]
    if isinstance(value, list):
        return [ordered(one) for one in value]
    return (type(value).__name__, repr(value))


def told(error: GraphQLError) -> tuple[Any, ...]:
    """What of an error must be the same."""
    places = [(place.line, place.column) for place in error.locations or ()]
    return (
        tuple(error.path or ()),
        error.message,
        tuple(places),
        "TypeError" if isinstance(error.original_error, TypeError) else type(error.original_error).__name__,
    )


def nulled(data: Any, path: tuple[Any, ...]) -> tuple[Any, ...]:
    """Where along an error's path the answer became null."""
    for size, step in enumerate(path):
        if data is None:
            return path[:size]
        data = data[step]
    return path


def by_position(data: Any, errors: list[GraphQLError]) -> dict[tuple[Any, ...], list[tuple[Any, ...]]]:
    """Errors by the position that they made null."""
    found: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for error in errors:
        found.setdefault(nulled(data, tuple(error.path or ())), []).append(told(error))
    return found


def is_cause(operation: Operation, path: tuple[Any, ...], position: tuple[Any, ...]) -> bool:
    """Whether an error there makes just this position null. Of several that do, graphql-core tells the one that came
    first, and which came first is chance."""
    prepared = OURS.prepare(operation.document)
    assert isinstance(prepared, Prepared)
    one = OURS.operation(prepared, None)
    assert not isinstance(one, GraphQLError)
    made = OURS._plans.of(prepared, one, operation.variables)
    return isinstance(made, Planned) and _nulls(made.compiled.plan, path) == position


async def difference(seed: int) -> str:
    """What is different for this seed; empty where nothing is."""
    operation, world = case(seed)
    ours, our_errors, our_context = await answered(OURS, operation, world)
    cores, core_errors, core_context = await answered(CORE, operation, world)
    if ordered(ours) != ordered(cores):
        return f"data of {seed}: {operation}\nours {ours}\ncore {cores}"
    mine, theirs = by_position(ours, our_errors), by_position(cores, core_errors)
    if mine.keys() != theirs.keys():
        return f"errors of {seed}: {operation}\nours {mine}\ncore {theirs}"
    for position, errors in mine.items():
        if sorted(errors, key=repr) == sorted(theirs[position], key=repr):
            continue
        if len(errors) != 1 or not (errors[0] in theirs[position] or is_cause(operation, errors[0][0], position)):
            return f"errors of {seed} at {position}: {operation}\nours {errors}\ncore {theirs[position]}"
    if not core_errors:  # What became null by an error may have cut graphql-core short.
        BATCHES["ours"] += len(our_context.batches)
        BATCHES["core"] += len(core_context.batches)
    return ""


def planned(seed: int) -> bool:
    """Whether the case is run by a plan."""
    operation, _world = case(seed)
    prepared = OURS.prepare(operation.document)
    assert isinstance(prepared, Prepared)
    one = OURS.operation(prepared, None)
    assert not isinstance(one, GraphQLError)
    return OURS._plans.of(prepared, one, operation.variables) is not None


async def first_difference(seeds: range) -> tuple[int, str]:
    """How many cases were run until one differed, and how; no text where none did."""
    for count, seed in enumerate(seeds, 1):
        if different := await difference(seed):
            return count, different
        if count % 1000 == 0:
            print(f"{count} cases, no difference", flush=True)
    return len(seeds), ""


async def test_no_difference() -> None:
    BATCHES.clear()
    _count, different = await first_difference(range(CASES))
    if different:
        pytest.fail(different, pytrace=False)
    assert 0 < BATCHES["ours"] <= BATCHES["core"]


@pytest.mark.parametrize("seed", FOUND)
async def test_what_once_differed(seed: int) -> None:
    assert not (different := await difference(seed)), different


def test_most_operations_are_planned_and_what_is_not_has_a_resolver_of_its_own() -> None:
    kinds = Counter(planned(seed) for seed in range(300))
    without = [seed for seed in range(300) if not planned(seed)]
    assert kinds[True] >= 280
    assert all("slow" in case(seed)[0].document for seed in without)


async def test_broken_null_propagation_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Careful._any

    def swallowing(self: Careful, kind: Any, *rest: Any) -> Any:
        return whole(self, getattr(kind, "of_type", kind) if str(kind).endswith("!") else kind, *rest)

    monkeypatch.setattr(Careful, "_any", swallowing)
    count, different = await first_difference(range(CASES))
    assert different
    assert count <= 100


if __name__ == "__main__":
    sys.unraisablehook = lambda _one: None  # graphql-core's coroutines again, see pytestmark
    ran, found = asyncio.run(first_difference(range(int(os.environ.get("FUZZ_FROM", "0")), CASES)))
    print(found or f"{ran} cases, no difference")
    raise SystemExit(1 if found else 0)
