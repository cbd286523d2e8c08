"""What we last saw of each system, and the two log lines about it: one when it is lost, one when it is back."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from connectors.errors import Cancelled, ConnectorError, NotSupported, Rejected, TooMuch

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


class Health:
    """State of one system as its real calls show it; no state is kept anywhere else."""

    def __init__(self, system: str) -> None:
        self.system = system
        self.status = SystemStatus.UNKNOWN
        self.latency_ms: float | None = None
        self.last_error: LastError | None = None
        self.last_seen: datetime | None = None
        self._rejections = 0

    def answered(self, latency_ms: float) -> None:
        """The system gave a usable answer."""
        if self.status is SystemStatus.DOWN:
            logger.warning("%s is back", self.system)
        self.status = SystemStatus.UP
        self.latency_ms = latency_ms
        self.last_seen = datetime.now(UTC)

    def failed(self, error: ConnectorError) -> None:
        """The system gave none. What is our own doing (a cancelled request, a bound) says nothing about it."""
        if isinstance(error, (Cancelled, TooMuch, NotSupported)):
            return
        if isinstance(error, Rejected):
            self._rejected(error)
            return
        if self.status is not SystemStatus.DOWN:
            logger.warning("%s is lost: %s", self.system, error.detail)
        self.status = SystemStatus.DOWN
        self.last_error = LastError(error.public, datetime.now(UTC))
        self.last_seen = self.last_error.at

    def _rejected(self, error: Rejected) -> None:
        """The system is there, and a driver or profile does not fit it. Logged at 1, 2, 4, 8 ... of them."""
        self._rejections += 1
        if self._rejections & (self._rejections - 1) == 0:
            logger.warning("%s, %d so far: %s", type(error).__name__, self._rejections, error)
        self.last_error = LastError(error.public, datetime.now(UTC))
        self.last_seen = self.last_error.at
