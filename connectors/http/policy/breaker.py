"""A circuit breaker: an operation that fails too often is left in peace, then tried with a few calls.

It judges the last `window` calls by the share of those that failed and of those that were slow. Open, it lets nothing
through for `open_for` seconds, doubled each time up to `open_longest`. Then `probes` calls are let through: it opens
again once enough of them failed or were slow, and closes when all have come back.
"""

from collections.abc import Callable
from enum import Enum
from typing import Final

from connectors.policy_settings import PolicySettings

LONGEST_WISH: Final = 30.0
"""Seconds of a system's `Retry-After` that are heeded."""

_FAILED: Final = 1
_SLOW: Final = 2


class BreakerState(Enum):
    """Whether an operation's calls are sent."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"


class Breaker:
    """The breaker of one operation. `now` is in seconds, on a clock that never goes back.

    `period` changes with the state; what a call of an earlier period came to says nothing about this one. `calls`,
    `failures` and `slows` are those of this period that the window holds.
    """

    __slots__ = (
        "_at",
        "_not_before",
        "_permits",
        "_reopened",
        "_results",
        "_rules",
        "_spread",
        "_window",
        "calls",
        "failures",
        "period",
        "rests_until",
        "slows",
        "state",
    )

    def __init__(self, rules: PolicySettings, spread: Callable[[], float]) -> None:
        """`spread`: a factor for each rest, so that processes do not all try at the same moment; at most 1."""
        self._rules, self._spread, self._window = rules, spread, rules.window
        self.state, self.period, self.rests_until = BreakerState.CLOSED, 0, 0.0
        self._permits = self._reopened = 0
        self._not_before = 0.0
        self._results = bytearray(rules.window)
        self._at = self.calls = self.failures = self.slows = 0

    def admit(self, now: float) -> bool:
        """Whether a call may be sent now. What it comes to must be told: `record` or `give_back`, with its period."""
        if self.state is BreakerState.CLOSED:
            return True
        if self.state is BreakerState.OPEN and now >= self.rests_until:
            self._turn(BreakerState.HALF_OPEN)
            self._permits = self._rules.probes
        if self.state is BreakerState.OPEN or not self._permits:
            return False
        self._permits -= 1
        return True

    def give_back(self, period: int) -> None:
        """Nothing is known of the system after an admitted call: another one may be a probe instead."""
        if period == self.period and self.state is BreakerState.HALF_OPEN:
            self._permits += 1

    def rest_until(self, moment: float) -> None:
        """The system wishes to be left in peace until then: if it is, now or by the next failures, then so long."""
        self._not_before = max(self._not_before, moment)

    def record(self, period: int, now: float, *, failed: bool, slow: bool) -> None:
        """Count what an admitted call came to. The state may change."""
        if period != self.period:
            return
        calls, at = self.calls, self._at
        if calls == self._window:
            before = self._results[at]
            self.failures -= before & _FAILED
            self.slows -= before >> 1
        else:
            self.calls = calls = calls + 1
        self._results[at] = failed * _FAILED | slow * _SLOW
        self.failures += failed
        self.slows += slow
        self._at = (at + 1) % self._window
        if self.state is BreakerState.HALF_OPEN:
            self._judge_probes(now)
        elif (self.failures or self.slows) and calls >= self._rules.least_calls and self._is_too_much(calls):
            self._open(now)

    def _judge_probes(self, now: float) -> None:
        probes = self._rules.probes
        if self._is_too_much(probes):
            self._reopened += 1
            self._open(now)
        elif self.calls >= probes:
            self._turn(BreakerState.CLOSED)
            self._reopened = 0

    def _is_too_much(self, calls: int) -> bool:
        rules = self._rules
        return self.failures / calls >= rules.failure_rate or self.slows / calls >= rules.slow_rate

    def _open(self, now: float) -> None:
        rules = self._rules
        rest = min(rules.open_longest, rules.open_for * 2 ** min(self._reopened, 30)) * self._spread()
        self.rests_until = max(now + rest, min(self._not_before, now + LONGEST_WISH))
        self._turn(BreakerState.OPEN)

    def _turn(self, state: BreakerState) -> None:
        self.state, self.period = state, self.period + 1
        self._at = self.calls = self.failures = self.slows = 0
