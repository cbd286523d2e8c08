"""What callers have spent of what they may spend: by the generic cell rate algorithm (GCRA), in this process.

Of each caller one number is kept: the time at which all is paid for that was spent so far (theoretical arrival time).
Who spends may be ahead of the clock by `burst / per_second` seconds, and no more.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

_SWEPT: Final = 10_000
"""Callers from which those are forgotten who have paid."""

_MOST: Final = 200_000
"""Callers of whom it is known what they spent. Of more the first are forgotten, who may then spend anew."""


class Rate(msgspec.Struct, frozen=True):
    """So much a second on average, and `burst` at once. Both are above zero."""

    per_second: float
    burst: float


class Taken(NamedTuple):
    """Whether a cost was let through: `wait` is 0, or the seconds after which it would be."""

    wait: float
    left: float
    """What may be spent now."""
    reset: float
    """Seconds until all of the burst may be spent again."""


class SharedSpending(Protocol):
    """What callers spent in all processes."""

    async def spend(self, seconds: Mapping[str, float]) -> Sequence[float]:
        """Add what each was let spend, in seconds of its rate; how many seconds ahead of the clock each is now.

        Raises StoreUnavailable.
        """

    async def close(self) -> None:
        """Give back what is held open."""


class Spending:
    """What callers spend in this process. `clock` is in seconds and never goes back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._paid_at: dict[Hashable, float] = {}
        self._sweep_at = _SWEPT

    def __len__(self) -> int:
        return len(self._paid_at)

    def take(self, caller: Hashable, rate: Rate, cost: float) -> Taken:
        """Let a caller spend, or not. A cost of more than the burst is never let through."""
        now = self._clock()
        paid_at = max(self._paid_at.get(caller, now), now)
        longest = rate.burst / rate.per_second
        after = paid_at + cost / rate.per_second
        wait = after - now - longest
        if wait > _ROUNDING:
            return Taken(wait, (longest - (paid_at - now)) * rate.per_second, paid_at - now)
        if cost:
            self._paid_at[caller] = after
            if len(self._paid_at) > self._sweep_at:
                self._sweep(now)
        return Taken(0.0, max(0.0, (longest - (after - now)) * rate.per_second), after - now)

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
