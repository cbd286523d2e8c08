"""The state of each system, learned from its calls, and two log lines: when it is lost, and when it is back."""

import logging
import time
from collections.abc import Hashable
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
from connectors.http.policy.outcome import may_be_the_records

logger = logging.getLogger("gateway.systems")


class SystemStatus(Enum):
    """Whether a system answers."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LastError:
    """The last failure, in a sentence that a client may read, and its time."""

    message: str
    at: datetime


_FAILURES_TO_BE_LOST: Final = 2
_ANSWERS_TO_BE_BACK: Final = 3
_ANSWERS_TO_BE_STEADY: Final = 10
_MOST_NOTICES: Final = 100
_CALM: Final = 10.0
"""Seconds without a failure after which a single answer means that the system is back."""


class Health:
    """The state of one system, as its real calls show it.

    A system is down after two failures in a row (after one if there was no connection, or no answer ever), and up with
    its next answer. An answer that fails about single records (a 5xx, a 403, one that cannot be read) counts once for
    each question, however often that is asked, and never alone: the records may be at fault. The log waits longer
    before it reports that the system is back: for three answers in a row, or one after ten seconds without a failure.
    If the system fails again before ten answers in a row, that number doubles each time, so that an unstable system
    does not fill the log.
    """

    def __init__(self, system: str, *, personal: bool = False) -> None:
        """`personal`: the system gets each caller's own credentials, so its refusal says nothing about its state."""
        self.system, self._personal = system, personal
        self.status = SystemStatus.UNKNOWN
        self.latency_ms: float | None = None
        self.last_error: LastError | None = None
        self.last_seen: datetime | None = None
        self._notices: dict[str, None] = {}
        self._losses: dict[str, None] = {}
        self._rejections = self._ungiven = 0
        self._failures = self._answers = 0  # in a row
        self._failed_about: set[Hashable] = set()  # in a row
        self._failed_at = 0.0
        self._logged_lost, self._steady, self._needed = False, True, _ANSWERS_TO_BE_BACK

    @property
    def notices(self) -> list[str]:
        """What is odd about the system's answers, a sentence each, in the order in which it was noticed first."""
        return list(self._notices)

    def notice(self, what: str) -> None:
        """Keep what was noticed about the system's answers, once, for `systems` and `gateway check`."""
        if len(self._notices) < _MOST_NOTICES:
            self._notices[what] = None

    @property
    def losses(self) -> list[str]:
        """Those of the notices for which rows are missing in answers."""
        return list(self._losses)

    def lose(self, what: str) -> None:
        """Keep a notice for which rows are missing in answers."""
        self.notice(what)
        if what in self._notices:
            self._losses[what] = None

    def answered(self, latency_ms: float) -> None:
        """Record a usable answer."""
        self.status = SystemStatus.UP
        self.latency_ms = latency_ms
        self.last_seen = datetime.now(UTC)
        self._failures = 0
        self._failed_about.clear()
        self._answers += 1
        if self._logged_lost and (self._answers >= self._needed or time.monotonic() - self._failed_at > _CALM):
            logger.warning("%s is back", self.system)
            self._logged_lost = self._steady = False
        if self._answers >= _ANSWERS_TO_BE_STEADY:
            self._steady = True

    def heard(self, status: SystemStatus, at: datetime, failure: str = "") -> None:
        """Take over what another process has seen of the system, if that is newer. Its own calls decide again then.

        `failure`: the sentence of the failure for which it is down, as in `last_error`.
        """
        if self.last_seen is not None and at <= self.last_seen:
            return
        self.status, self.last_seen = status, at
        if failure:
            self.last_error = LastError(failure, at)
        if status is SystemStatus.UP:
            self._failures = 0
            self._failed_about.clear()

    def failed(self, error: ConnectorError, about: Hashable = None) -> None:
        """Record a failure. One that the gateway caused (cancelled, a limit, no time left, not sent) does not count.

        `about`: the question, where it was about certain records; None for one that any records would answer.
        """
        if not error.was_asked:
            return
        match error:
            case Busy() | Cancelled() | TooMuch() | NotSupported() | TimedOut(cut_short=True):
                return
            case Refused(of_caller=True):
                self._gave_no_token(error)
                return
            case Refused(signing_in=False) if self._personal:
                return
        if isinstance(error, Rejected):
            self._rejected(error)
            return
        self.last_error = LastError(error.public, datetime.now(UTC))
        self._answers = 0
        self._failed_at = time.monotonic()
        of_records = about is not None and may_be_the_records(error)
        if of_records and about in self._failed_about:
            return
        if of_records and len(self._failed_about) < _FAILURES_TO_BE_LOST:
            self._failed_about.add(about)
        self._failures += 1
        if of_records and self._failures < _FAILURES_TO_BE_LOST:
            return  # `last_seen` stays, so that who asks for the state has it looked for by a probe
        self.last_seen = self.last_error.at
        absent = isinstance(error, Unreachable) and error.nothing_sent
        if self.status is SystemStatus.UP and self._failures < _FAILURES_TO_BE_LOST and not absent:
            return
        self.status = SystemStatus.DOWN
        if not self._logged_lost:
            logger.warning("%s is lost: %s", self.system, error.detail)
            self._logged_lost = True
            self._needed = _ANSWERS_TO_BE_BACK if self._steady else 2 * self._needed

    def _gave_no_token(self, error: ConnectorError) -> None:
        """A caller's token was not exchanged: the caller's fault, or the client's settings at the provider, which may
        call both alike (RFC 8693, 2.2.2). The 1st, 2nd, 4th, 8th ... time is logged.
        """
        self._ungiven += 1
        if self._ungiven & (self._ungiven - 1) == 0:
            logger.warning("%s: no token in exchange for a caller's, %d so far: %s", self.system, self._ungiven, error)

    def _rejected(self, error: Rejected) -> None:
        """The system is up, but the driver or profile does not fit it. The 1st, 2nd, 4th, 8th ... time is logged."""
        self._rejections += 1
        if self._rejections & (self._rejections - 1) == 0:
            logger.warning("%s, %d so far: %s", type(error).__name__, self._rejections, error)
        self.last_error = LastError(error.public, datetime.now(UTC))
        self.last_seen = self.last_error.at
