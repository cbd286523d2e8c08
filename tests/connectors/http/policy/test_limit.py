"""The adaptive limit against systems of known capacity, and its bounds under anything."""

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.http.policy.limit import LEAST, SAMPLES, Limit


def served(limit: Limit, capacity: int, calls: int, *, takes: float = 0.1, users: int = 64) -> tuple[float, int]:
    """So many calls of eager users to a system that does `capacity` at once: seconds that it took, longest queue."""
    now, free_at, under_way, most = 0.0, [0.0] * capacity, list[tuple[float, float]](), 0
    for _ in range(calls):
        while len(under_way) >= min(limit.now, users):
            ends, began = heapq.heappop(under_way)
            now = max(now, ends)
            limit.answered(ends - began, len(under_way) + 1)
        begins = max(now, heapq.heappop(free_at))
        heapq.heappush(free_at, begins + takes)
        heapq.heappush(under_way, (begins + takes, now))
        most = max(most, len(under_way) - capacity)
    return now, most


@pytest.mark.parametrize("ceiling", [1, 2, 16, 64])
def test_a_system_that_bears_the_ceiling_gets_it(ceiling: int) -> None:
    limit = Limit(ceiling)
    served(limit, 64, 3000)
    assert limit.now == ceiling


def test_it_falls_to_what_the_system_bears_and_costs_no_throughput() -> None:
    limit = Limit(64)
    served(limit, 64, 1000)
    assert limit.now == 64
    seconds, _ = served(limit, 8, 2000)
    assert 8 <= limit.now <= 40
    assert seconds < 1.1 * 2000 * 0.1 / 8, "the places that the system has were not used"


def test_it_is_back_when_the_system_is() -> None:
    limit = Limit(32)
    served(limit, 32, 500)
    served(limit, 4, 500)
    low = limit.now
    served(limit, 32, 1000)
    assert low < limit.now == 32


def test_a_system_that_is_slower_for_good_is_what_is_usual_then() -> None:
    limit = Limit(16)
    served(limit, 16, 500)
    served(limit, 16, 200, takes=0.5)
    assert limit.now < 16
    served(limit, 16, 20_000, takes=0.5)
    assert limit.now == 16


def test_answers_within_milliseconds_are_never_slow() -> None:
    limit = Limit(16)
    for seconds in [0.001] * 100 + [0.015] * 1000:
        limit.answered(seconds, 16)
    assert limit.now == 16


def test_calls_that_were_not_answered_lower_it_once_for_those_that_were_under_way_together() -> None:
    limit = Limit(16)
    for _ in range(16):
        limit.not_answered(began=1.0, now=4.0)
    assert limit.now == 11
    limit.not_answered(began=4.5, now=7.5)
    assert limit.now == 7


def test_it_does_not_grow_while_it_is_not_used() -> None:
    limit = Limit(16)
    limit.not_answered(began=1.0, now=4.0)
    for _ in range(10 * SAMPLES):
        limit.answered(0.1, 2)
    assert limit.now == 11


@given(
    ceiling=st.integers(1, 100),
    happens=st.lists(
        st.tuples(st.floats(0, 100), st.integers(0, 100), st.booleans()),
        max_size=300,
    ),
)
def test_it_stays_within_its_bounds(ceiling: int, happens: list[tuple[float, int, bool]]) -> None:
    limit = Limit(ceiling)
    for now, (seconds, under_way, answered) in enumerate(happens):
        if answered:
            limit.answered(seconds, under_way)
        else:
            limit.not_answered(float(now), float(now))
        assert min(LEAST, ceiling) <= limit.now <= ceiling
