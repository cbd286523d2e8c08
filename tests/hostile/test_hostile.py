"""A short form of each attack: nobody else notices, and nothing of it is kept. `make hostile` runs them as a whole."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.hostile.measuring import Attack, Target, attacked, attacks, measure

SCALE = 0.05

SETTINGS = "[server.limits]\nconnections = 250\nheader_timeout = 1.0\nbody_timeout = 1.0\nsend_timeout = 1.0\n"
"""So that what takes its time is over soon, and that there are more attackers than places."""


@pytest_asyncio.fixture(scope="module")
async def target(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    async with attacked(tmp_path_factory.mktemp("hostile"), SCALE, SETTINGS) as running:
        yield running


LONG = {
    "cheap requests",
    "clients that do not read",
    "dearest documents",
    "ids of others",
    "large answers",
    "many documents",
    "nothing at the bottom",
    "twice the load",
}
"""Attacks on what a room's own tests hold already, or whose short form says little on a busy machine."""


def _marked(attack: Attack) -> Any:
    return pytest.param(attack, id=attack.name, marks=[pytest.mark.long] if attack.name in LONG else [])


@pytest.mark.parametrize("attack", [*map(_marked, attacks())])
async def test_an_innocent_caller_does_not_notice(target: Target, attack: Attack) -> None:
    measured = await measure(target, attack)
    print(f"{attack.name}: {measured.effect}; p99 {1000 * measured.p99:.0f} ms")
    assert not measured.failures
    assert len(measured.times) > 1
    assert measured.after < measured.before + 100, "MiB"
