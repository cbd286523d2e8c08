"""What callers have spent of what they may spend: by the generic cell rate algorithm (GCRA), in this process.

Of each caller one number is kept: the time at which all is paid for that was spent so far (theoretical arrival time).
Who spends may be ahead of the clock by `burst / per_second` seconds, and no more.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

_SWEPT: Final = 10_000
"""Callers from which those are forgotten who have paid."""

_MOST: Final = 200_000
"""Callers of whom it is known what they spent. Of more the first are forgotten, who may then spend anew."""


class Rate(msgspec.Struct, frozen=True):
    """So much a second on average, and `burst` at once. Both are above zero."""

    per_second: float
    burst: float


class Standing(msgspec.Struct, frozen=True):
    """Where a caller stands: what it may spend now, and the seconds until it may spend all of the burst again."""

    left: float
    reset: float


class SharedSpending(Protocol):
    """What callers spent in all processes."""

    async def spend(self, seconds: Mapping[str, float]) -> Sequence[float]:
        """Add what each was let spend, in seconds of its rate; how many seconds ahead of the clock each is now.

        Raises StoreUnavailable.
        """

    async def close(self) -> None:
        """Give back what is held open."""


class Spending:
    """What callers of one rate spend in this process. `clock` is in seconds and never goes back."""

    __slots__ = ("_clock", "_interval", "_longest", "_most", "_paid_at", "_per_second", "_sweep_at", "rate")

    def __init__(self, rate: Rate, clock: Callable[[], float]) -> None:
        self.rate, self._clock = rate, clock
        self._per_second, self._interval = rate.per_second, 1 / rate.per_second
        self._longest = rate.burst / rate.per_second
        self._most = self._longest + _ROUNDING
        self._paid_at: dict[Hashable, float] = {}
        self._sweep_at = _SWEPT

    def __len__(self) -> int:
        return len(self._paid_at)

    def take(self, caller: Hashable, cost: float) -> float:
        """Let a caller spend: 0, or the seconds after which it may. A cost of more than the burst never is."""
        now, all_paid_at = self._clock(), self._paid_at
        paid_at = all_paid_at.get(caller, now)
        after = (paid_at if paid_at > now else now) + cost * self._interval
        if after > now + self._most:
            return after - now - self._longest
        all_paid_at[caller] = after
        if len(all_paid_at) > self._sweep_at:
            self._sweep(now)
        return 0.0

    def standing(self, caller: Hashable) -> Standing:
        """Where a caller stands now."""
        now = self._clock()
        ahead = self._paid_at.get(caller, now) - now
        if ahead < 0:
            ahead = 0.0
        left = self._longest - ahead
        return Standing(left * self._per_second if left > 0 else 0.0, ahead)

    def learn(self, caller: Hashable, ahead: float) -> None:
        """Know that a caller is so many seconds ahead of the clock, as others saw it."""
        at = self._clock() + ahead
        if at > self._paid_at.get(caller, 0.0):
            self._paid_at[caller] = at

    def _sweep(self, now: float) -> None:
        """Forget who has paid; so seldom that it costs each request nothing much."""
        kept = {caller: at for caller, at in self._paid_at.items() if at > now}
        for caller in [*kept][: max(0, len(kept) - _MOST)]:
            del kept[caller]
        self._paid_at = kept
        self._sweep_at = max(_SWEPT, 2 * len(kept))


_ROUNDING: Final = 1e-9
"""Seconds by which sums of seconds may be wrong."""
