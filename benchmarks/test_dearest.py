"""No kept document, the dearest that were found and known attacks, holds up the event loop for long."""

from collections.abc import AsyncIterator
from typing import Final

import pytest

from benchmarks.asked_in_process import InProcess, in_process
from benchmarks.dearest import kept
from gateway.commands.serve import tune_garbage_collector

LONGEST: Final = 0.15
"""CPU seconds of a turn. The aim is 0.05 (docs/limits.md): a machine that others use counts up to four times that."""


@pytest.fixture(scope="module")
async def gateway() -> AsyncIterator[InProcess]:
    async with in_process(customers=60) as made:
        tune_garbage_collector()  # as the gateway serves: else the collector looks at all that tests have made
        yield made


@pytest.mark.parametrize("name", [*kept()])
async def test_no_turn_is_long(gateway: InProcess, name: str) -> None:
    spent = await gateway.ask(kept()[name])
    if spent.longest > LONGEST:  # of two the shorter, as in the search: the collector may have come by
        spent = min(spent, await gateway.ask(kept()[name] + " "), key=lambda one: one.longest)
    assert spent.longest <= LONGEST, spent


async def test_a_hang_up_costs_milliseconds(gateway: InProcess) -> None:
    """At 8b1ca22 the worker stopped for 105 seconds."""
    spent = await gateway.ask(kept()["same_id_and_bills"] + "  ", hang_up=0.01)
    assert spent.answer == 0
    assert spent.longest <= LONGEST, spent
