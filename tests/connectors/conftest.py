"""Four well-behaved systems for every test, over one world."""

from collections.abc import Iterator

import pytest

from sandbox.data.world import World
from tests.systems import Systems, running_systems, well_behaved


@pytest.fixture(scope="session")
def _systems() -> Iterator[Systems]:
    with running_systems(customers=200) as systems:
        yield systems


@pytest.fixture
def systems(_systems: Systems) -> Iterator[Systems]:
    well_behaved(_systems)
    yield _systems
    well_behaved(_systems)


@pytest.fixture
def world(_systems: Systems) -> World:
    """What the systems know."""
    return _systems["crm"].world
