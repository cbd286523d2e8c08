"""When a read is asked a second time beside the first: once it takes longer than 95 % of them do."""

from typing import Final

LAST: Final = 128
"""Answers by which it is known how long they take."""
LEAST: Final = 32
"""Answers before it is known."""
AGAIN: Final = 16
"""Answers after which it is reckoned anew."""


class Usual:
    """How long the last answers of an operation took, in seconds."""

    __slots__ = ("_at", "_seconds", "p95")

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self._at = 0
        self.p95: float | None = None
        """What 95 % of them stayed below; None until there are `LEAST`."""

    def answered(self, seconds: float) -> None:
        """Count an answer."""
        if len(self._seconds) < LAST:
            self._seconds.append(seconds)
        else:
            self._seconds[self._at % LAST] = seconds
        self._at += 1
        if self._at >= LEAST and self._at % AGAIN == 0:
            in_order = sorted(self._seconds)
            self.p95 = in_order[len(in_order) * 95 // 100]
