"""What we last saw of each system, and the two log lines about it: one when it is lost, one when it is back."""

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from connectors.errors import (
    Busy,
    Cancelled,
    ConnectorError,
    NotSupported,
    Refused,
    Rejected,
    TimedOut,
    TooMuch,
    Unreachable,
)

logger = logging.getLogger("gateway.systems")


class SystemStatus(Enum):
    """Whether a system answers."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LastError:
    """The last failure: what it was, in words fit for a client, and when."""

    message: str
    at: datetime


_FAILURES_TO_BE_LOST: Final = 2
_ANSWERS_TO_BE_BACK: Final = 3
_ANSWERS_TO_BE_STEADY: Final = 10
_CALM: Final = 10.0
"""Seconds without a failure after which one answer says enough."""


class Health:
    """State of one system as its real calls show it; no state is kept anywhere else.

    One failure of many is no loss: a system is down with the second in a row (at once where there is no connection,
    or where nothing better was ever seen), and up with the next answer. The log waits longer before it says that the
    system is back: for the third answer in a row, or the first after a calm. Of one that goes on coming and going it
    wants twice as many each time, until ten in a row have come: the log stays short.
    """

    def __init__(self, system: str, *, personal: bool = False) -> None:
        """`personal`: the system sees each caller's own credentials, so that refusing them says nothing of it."""
        self.system, self._personal = system, personal
        self.status = SystemStatus.UNKNOWN
        self.latency_ms: float | None = None
        self.last_error: LastError | None = None
        self.last_seen: datetime | None = None
        self._rejections = 0
        self._failures = self._answers = 0  # in a row
        self._failed_at = 0.0
        self._said_lost, self._steady, self._needed = False, True, _ANSWERS_TO_BE_BACK

    def answered(self, latency_ms: float) -> None:
        """The system gave a usable answer."""
        self.status = SystemStatus.UP
        self.latency_ms = latency_ms
        self.last_seen = datetime.now(UTC)
        self._failures = 0
        self._answers += 1
        if self._said_lost and (self._answers >= self._needed or time.monotonic() - self._failed_at > _CALM):
            logger.warning("%s is back", self.system)
            self._said_lost = self._steady = False
        if self._answers >= _ANSWERS_TO_BE_STEADY:
            self._steady = True

    def failed(self, error: ConnectorError) -> None:
        """The system gave none. What is our own doing (a cancelled request, a bound, no time) says nothing about it."""
        match error:
            case Busy() | Cancelled() | TooMuch() | NotSupported() | TimedOut(cut_short=True):
                return
            case Refused() if self._personal:
                return
        if isinstance(error, Rejected):
            self._rejected(error)
            return
        self.last_error = LastError(error.public, datetime.now(UTC))
        self.last_seen = self.last_error.at
        self._answers = 0
        self._failures += 1
        self._failed_at = time.monotonic()
        absent = isinstance(error, Unreachable) and error.nothing_sent
        if self.status is SystemStatus.UP and self._failures < _FAILURES_TO_BE_LOST and not absent:
            return
        self.status = SystemStatus.DOWN
        if not self._said_lost:
            logger.warning("%s is lost: %s", self.system, error.detail)
            self._said_lost = True
            self._needed = _ANSWERS_TO_BE_BACK if self._steady else 2 * self._needed

    def _rejected(self, error: Rejected) -> None:
        """The system is there, and a driver or profile does not fit it. Logged at 1, 2, 4, 8 ... of them."""
        self._rejections += 1
        if self._rejections & (self._rejections - 1) == 0:
            logger.warning("%s, %d so far: %s", type(error).__name__, self._rejections, error)
        self.last_error = LastError(error.public, datetime.now(UTC))
        self.last_seen = self.last_error.at
