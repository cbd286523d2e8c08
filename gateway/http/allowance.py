"""How many messages of one client are heeded, and when a client sends so many that it must go."""

from typing import Final

from gateway.live_settings import LiveLimits

BURST: Final = 10
"""Seconds of which a client may send all messages at once, as when it subscribes to all that a page shows."""


class Allowance:
    """What one client may send. Times are by the event loop's clock."""

    __slots__ = ("_at", "_floods_since", "_left")

    def __init__(self, limits: LiveLimits, now: float) -> None:
        self._at, self._floods_since, self._left = now, 0.0, BURST * limits.messages_per_second

    def delay(self, limits: LiveLimits, now: float) -> float | None:
        """Seconds for which the message that has come must wait: 0 unless the client floods.

        None where it has for longer than it may.
        """
        rate = limits.messages_per_second
        self._left = min(BURST * rate, self._left + (now - self._at) * rate) - 1
        self._at = now
        if self._left > BURST * rate / 2:
            self._floods_since = 0.0
        if self._left >= 0:
            return 0.0
        self._floods_since = self._floods_since or now
        return None if now > self._floods_since + limits.flood else -self._left / rate
