"""How many calls of one operation may be under way at once: as many as its system bears without getting slower.

After Netflix' Gradient2: the mean time of the last answers is compared with what is usual with few calls. While it is
at most `TOLERANCE` times that, the limit grows by its square root, if it is used; beyond, it falls by the ratio, at
most to the half. A call that was not answered, or with "too much", lowers it at once, like a lost packet in TCP: once
for all calls that were under way together.
"""

from math import sqrt
from typing import Final

SAMPLES: Final = 16
"""Answers after which the limit is adapted."""
TOLERANCE: Final = 2.0
"""How much longer than usual answers may take: an operation's calls differ in how much they ask for."""
UNNOTICED: Final = 0.02
"""Seconds below which an answer is never slow: what a network or a busy process makes of nothing."""
LEAST: Final = 2
"""The lowest limit, if the ceiling is not lower: with one call at a time a single hanging one would be all."""
LOWERED: Final = 0.7
"""By which factor a call lowers the limit that was not answered."""

_FORGETS_UP: Final = 0.1
_FORGETS_DOWN: Final = 0.3
"""Share by which the usual time follows the last mean, when that is longer and when it is shorter."""
_LOW: Final = 4.5
"""Up to this limit answers are not slow because of our calls: halving and growing are in balance here."""


class Limit:
    """The limit of one operation, between `least` and the system's fixed ceiling. Times are in seconds."""

    __slots__ = ("_answers", "_ceiling", "_exact", "_is_used", "_least", "_lowered_at", "_seconds", "now", "usual")

    def __init__(self, ceiling: int, least: int = LEAST) -> None:
        self._ceiling, self._least = ceiling, min(least, ceiling)
        self._exact, self.now = float(ceiling), ceiling
        self.usual = 0.0
        """What an answer usually takes; 0 until that is known."""
        self._seconds, self._answers, self._is_used = 0.0, 0, False
        self._lowered_at = float("-inf")

    def answered(self, seconds: float, under_way: int) -> bool:
        """An answer came, while so many calls were under way. True if the limit may have changed."""
        self._seconds += seconds
        self._answers += 1
        if under_way * 2 >= self.now:
            self._is_used = True
        if self._answers < SAMPLES:
            return False
        self._adapt(self._seconds / self._answers)
        self._seconds, self._answers, self._is_used = 0.0, 0, False
        return True

    def not_answered(self, began: float, now: float) -> None:
        """A call that began then was not answered, or only with "too much"."""
        if began > self._lowered_at:
            self._lowered_at = now
            self._set(self._exact * LOWERED)

    def _adapt(self, mean: float) -> None:
        if not self.usual:
            self.usual = mean
        patience = TOLERANCE * max(self.usual, UNNOTICED)
        if mean < self.usual:
            self.usual += (mean - self.usual) * _FORGETS_DOWN
        elif self._exact <= _LOW or not self._is_used:  # or the queue that we make would become what is usual
            self.usual += (mean - self.usual) * _FORGETS_UP
        wanted = self._exact * max(0.5, min(1.0, patience / mean if mean else 1.0)) + sqrt(self._exact)
        if wanted < self._exact or self._is_used:
            self._set((self._exact + wanted) / 2)

    def _set(self, exact: float) -> None:
        self._exact = max(float(self._least), min(float(self._ceiling), exact))
        self.now = int(self._exact)
