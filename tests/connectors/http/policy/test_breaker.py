"""The circuit breaker beside fluxgate's, and its probes beside a plain count."""

import math
from types import SimpleNamespace

import fluxgate
import pytest
from fluxgate.errors import CallNotPermittedError
from fluxgate.permits import All
from fluxgate.retries import Backoff
from fluxgate.trackers import TypeOf
from fluxgate.trippers import Closed, FailureRate, HalfOpened, MinRequests, SlowRate
from fluxgate.windows import CountWindow
from hypothesis import assume, given
from hypothesis import strategies as st

from connectors.http.policy.breaker import LONGEST_WISH, Breaker, BreakerState
from connectors.policy_settings import PolicySettings

SLOW = 1.0
RATES = st.sampled_from([0.05, 0.1, 0.25, 1 / 3, 0.5, 0.7, 1.0])
FATES = st.sampled_from(["well", "slow", "failed", "the caller's"])


def whole() -> float:
    return 1.0


class Clock:
    """A clock that is put forward by hand, also in the place of fluxgate's."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    perf_counter = time


class CallersFault(Exception):
    """What does not count."""


@given(
    rules=st.builds(
        PolicySettings,
        window=st.integers(5, 30),
        least_calls=st.integers(1, 5),
        failure_rate=RATES,
        slow_rate=RATES,
        open_for=st.just(1.0),
        open_longest=st.sampled_from([1.0, 3.0, 8.0]),
        probes=st.just(1),
    ),
    steps=st.lists(st.tuples(FATES, st.sampled_from([0.0, 0.0, 0.0, 0.4, 1.0, 2.5])), max_size=120),
)
def test_it_sends_and_refuses_the_same_calls_as_fluxgate(rules: PolicySettings, steps: list[tuple[str, float]]) -> None:
    """With one probe, which is not slow: fluxgate keeps trying after a slow one, and takes the first good for well."""
    clock, ours = Clock(), Breaker(rules, whole)
    with pytest.MonkeyPatch.context() as patch:
        for module in ("circuitbreaker", "retries"):
            patch.setattr(f"fluxgate.{module}.time", SimpleNamespace(time=clock.time, perf_counter=clock.time))
        theirs = fluxgate.CircuitBreaker(
            window=CountWindow(rules.window),
            tracker=TypeOf(ConnectionError),
            tripper=(Closed() & MinRequests(rules.least_calls) | HalfOpened())
            & (FailureRate(rules.failure_rate) | SlowRate(rules.slow_rate, threshold=SLOW)),
            retry=Backoff(rules.open_for, 2.0, max(rules.open_longest, rules.open_for)),
            permit=All(),
        )
        for fate, pause in steps:
            clock.now += pause
            before = ours.state
            admitted = ours.admit(clock.now)
            if ours.state is BreakerState.HALF_OPEN and fate == "slow":
                fate = "well"
            assert admitted == _sent(theirs, clock, fate), (before, fate)
            if admitted:
                if fate == "the caller's":
                    ours.give_back(ours.period)
                else:
                    ours.record(ours.period, clock.now, failed=fate == "failed", slow=fate == "slow")
            assert ours.state.name.lower() == theirs.info().state
            assert (ours.calls, ours.failures) == (
                theirs.info().metrics.total_count,
                theirs.info().metrics.failure_count,
            )


def _sent(breaker: fluxgate.CircuitBreaker, clock: Clock, fate: str) -> bool:
    def call() -> None:
        match fate:
            case "failed":
                raise ConnectionError
            case "slow":
                clock.now += SLOW
            case "the caller's":
                raise CallersFault

    try:
        breaker.call(call)
    except CallNotPermittedError:
        return False
    except (ConnectionError, CallersFault):
        return True
    return True


def opened(rules: PolicySettings, at: float = 0.0) -> Breaker:
    breaker = Breaker(rules, whole)
    for _ in range(rules.least_calls):
        assert breaker.admit(at)
        breaker.record(breaker.period, at, failed=True, slow=False)
    assert breaker.state is BreakerState.OPEN
    return breaker


@given(
    probes=st.integers(1, 20),
    failure_rate=RATES,
    asked=st.integers(0, 60),
    fates=st.lists(FATES, max_size=60),
)
def test_exactly_so_many_probes_are_sent(probes: int, failure_rate: float, asked: int, fates: list[str]) -> None:
    """Whatever is asked at once, and whichever of them say nothing about the system."""
    rules = PolicySettings(probes=probes, failure_rate=failure_rate, slow_rate=1.0)
    breaker, came, sent = opened(rules), iter(fates), 0
    now, failures, slows, known = rules.open_for, 0, 0, 0
    for _ in range(10):
        under_way = sum(breaker.admit(now) for _ in range(asked))
        assert under_way == min(asked, probes - known)
        period = breaker.period
        for _ in range(under_way):
            if (fate := next(came, "well")) == "the caller's":
                breaker.give_back(period)
                continue
            sent += 1
            breaker.record(period, now, failed=fate == "failed", slow=fate == "slow")
            known, failures, slows = known + 1, failures + (fate == "failed"), slows + (fate == "slow")
            if failures / probes >= failure_rate or slows >= probes:
                assert breaker.state is BreakerState.OPEN
                assert breaker.rests_until == now + 2 * rules.open_for
                assert not breaker.admit(now)
                return
            if known == probes:
                assert breaker.state is BreakerState.CLOSED
                return
            assert breaker.state is BreakerState.HALF_OPEN if asked else BreakerState.OPEN
        assume(asked > 0)


def test_it_rests_twice_as_long_each_time_and_at_first_again_once_it_was_well() -> None:
    rules = PolicySettings(open_for=1.0, open_longest=5.0, probes=1)
    breaker, now, rests = opened(rules), 0.0, []
    for failed in (True, True, True, True, False):
        rests.append(breaker.rests_until - now)
        now = breaker.rests_until
        assert not breaker.admit(math.nextafter(now, 0))
        assert breaker.admit(now)
        breaker.record(breaker.period, now, failed=failed, slow=False)
    assert rests == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert breaker.state is BreakerState.CLOSED
    for _ in range(rules.least_calls):
        breaker.record(breaker.period, now, failed=True, slow=False)
    assert breaker.rests_until == now + 1.0


def test_it_rests_as_long_as_the_system_wishes_but_not_for_ever() -> None:
    for wish, rest in ((0.5, 1.0), (7.0, 7.0), (86400.0, LONGEST_WISH)):
        breaker = Breaker(PolicySettings(), whole)
        breaker.rest_until(wish)
        for _ in range(20):
            breaker.record(breaker.period, 0.0, failed=True, slow=False)
        assert breaker.rests_until == rest


def test_what_was_sent_before_it_opened_says_nothing_about_the_probes() -> None:
    rules = PolicySettings(probes=2)
    breaker = Breaker(rules, whole)
    early = breaker.period
    for _ in range(20):
        breaker.record(early, 0.0, failed=True, slow=False)
    assert breaker.admit(1.0)
    breaker.record(early, 1.0, failed=True, slow=False)
    breaker.give_back(early)
    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.admit(1.0)
    assert not breaker.admit(1.0)


def test_no_state_without_enough_calls() -> None:
    breaker = Breaker(PolicySettings(window=50, least_calls=20), whole)
    for _ in range(19):
        breaker.record(0, 0.0, failed=True, slow=True)
    assert breaker.state is BreakerState.CLOSED
