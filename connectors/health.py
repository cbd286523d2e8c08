"""What we last saw of each system, and the two log lines about it: one when it is lost, one when it is back."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from connectors.errors import Cancelled, ConnectorError, NotSupported, TooMuch

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
        if self.status is not SystemStatus.DOWN:
            logger.warning("%s is lost: %s", self.system, error.detail)
        self.status = SystemStatus.DOWN
        self.last_error = LastError(error.public, datetime.now(UTC))
        self.last_seen = self.last_error.at
