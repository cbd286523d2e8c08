"""What a call says about the system that was asked: that it answers, that it broke, or nothing."""

from enum import Enum, auto
from typing import Final

from connectors.errors import (
    Busy,
    ConnectorError,
    Failed,
    Garbled,
    RateLimited,
    Refused,
    TimedOut,
    TooLarge,
    Unreachable,
)
from connectors.http.request import Request

_OVERLOADED: Final = (408, 429, 503)
"""Statuses that a system with too much to do answers (RFC 9110, sections 15.5.9 and 15.6.4; RFC 6585, section 4)."""


class Outcome(Enum):
    """What is known of the system after a call."""

    ANSWERED = auto()
    """It answered, also where it calls the request wrong (4xx)."""
    BROKE = auto()
    """No answer in time, a broken or refused connection, 5xx, 408, 429, or an answer that is unreadable or too big."""
    UNKNOWN = auto()
    """The gateway or its caller ended the call, or the answer may be about a mistake of the request."""


def outcome_of(failure: BaseException, request: Request) -> Outcome:
    """The outcome of a call that raised `failure`."""
    match failure:
        case Busy() | TimedOut(cut_short=True):
            return Outcome.UNKNOWN
        case Failed(status=status) if status in request.ambiguous:
            return Outcome.UNKNOWN
        case Unreachable() | TimedOut() | Failed() | Garbled() | TooLarge() | RateLimited():
            return Outcome.BROKE
        case ConnectorError(status=408):
            return Outcome.BROKE
        case ConnectorError(signing_in=False):
            return Outcome.ANSWERED
    return Outcome.UNKNOWN


def may_be_overload(failure: ConnectorError) -> bool:
    """Whether fewer calls at once may help a system that failed so, or us: one too large costs what a hundred do."""
    return isinstance(failure, TimedOut | Unreachable | TooLarge) or failure.status in _OVERLOADED


def may_be_the_records(failure: ConnectorError) -> bool:
    """Whether an answer about some records may fail for their sake, while the system answers about others."""
    if failure.signing_in:
        return False
    return isinstance(failure, Failed | Garbled | TooLarge) or (
        isinstance(failure, Refused) and not failure.login_wanted
    )
