"""Systems of their own for each test, which changes them."""

from collections.abc import Iterator

import pytest

from tests.systems import Systems, running_systems


@pytest.fixture
def systems() -> Iterator[Systems]:
    """Well-behaved at first."""
    with running_systems(customers=20) as systems:
        yield systems
