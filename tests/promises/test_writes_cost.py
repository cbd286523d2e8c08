"""What a mutation costs upstream: calls, steps, and what a repeat with the same key costs."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from acceptance.calls import LEAST_OF_WRITES, ROOT, Cost, with_key
from gateway.settings import WritesSettings
from tests.conftest import contract
from tests.promises.test_contract import EXAMPLES, MUTATIONS
from tests.stack import Stack, stacked


@pytest_asyncio.fixture(scope="module")
async def writing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A stack of the module's own, as it is written to."""
    writes = WritesSettings(enabled=True, in_process=True)
    async with stacked(tmp_path_factory.mktemp("writing"), customers=20, writes=writes) as running:
        yield running


def documented() -> dict[str, tuple[int, ...]]:
    """The table of docs/performance.md: calls, least, steps, least, calls of a repeat."""
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    _, header, rows = page.partition("| mutation | calls | least | steps | least | again |\n")
    assert header
    found = re.findall(r"^\| (\w+) \|" + r" (\d+) \|" * 5 + "$", rows.partition("\n\n")[0], re.MULTILINE)
    return {name: tuple(map(int, counts)) for name, *counts in found}


def test_every_mutation_is_in_the_table_with_the_least_that_is_possible() -> None:
    table = documented()

    assert table.keys() == set(MUTATIONS) == LEAST_OF_WRITES.keys()
    assert {name: (least, fewest) for name, (_, least, _, fewest, _) in table.items()} == {
        name: (calls, in_steps) for name, (calls, in_steps, _) in LEAST_OF_WRITES.items()
    }


@pytest.mark.parametrize("name", MUTATIONS)
async def test_calls_and_steps_are_those_of_the_table(writing: Stack, name: str) -> None:
    """Each mutation is sent once: a ticket that is closed already costs less."""
    who, variables = EXAMPLES[name]["token"].removeprefix("subscriber "), with_key(EXAMPLES[name])
    writing.reset()
    for system in writing.systems.values():
        system.switches.latency_ms = 60  # calls of one step overlap, calls of two steps do not
    first = await writing.ask(contract(name), who, **variables)
    arrived = sum(len(system.requests) for system in writing.systems.values())
    again = await writing.ask(contract(name), who, **variables)

    assert again.clean() == first.clean()
    calls, _, in_steps, _, repeated = documented()[name]
    cost = Cost.of(first.calls)
    assert (cost.calls, cost.steps) == (calls, in_steps), [(call["method"], call["path"]) for call in first.calls]
    assert arrived == calls
    assert len(again.calls) == repeated, [(call["method"], call["path"]) for call in again.calls]
    loaded = [call["path"] for call in first.calls if call["loader"]]
    assert [path for path in loaded if "fields=" not in path] == [], "before a write only what it looks at is read"
