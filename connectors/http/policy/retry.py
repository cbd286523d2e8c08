"""Which failed reads are sent again, and when."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from connectors.errors import ConnectorError, Failed, RateLimited, Unreachable
from connectors.http.request import Request

_PASSING: Final = (502, 503, 504)
"""Statuses that say nothing about the request: the system, or somebody in front of it, cannot at the moment."""


def may_help(failure: ConnectorError, request: Request) -> bool:
    """Whether the same request may be answered a moment later, and can do no harm.

    Only what is `repeatable` is, so no write. Nothing is repeated that was not answered in time: no time is left, and
    more calls are what a slow system needs least. Nor what was refused a connection or a sign-in.
    """
    if not request.repeatable or failure.signing_in or not failure.was_asked:
        return False
    match failure:
        case Unreachable(nothing_sent=False):
            return True
        case Failed(status=status):
            return status in _PASSING and status not in request.ambiguous
        case RateLimited():
            return failure.retry_after is not None
    return False


def pause(number: int, backoff: float, wish: float | None, chance: Callable[[], float]) -> float:
    """Seconds before repetition `number` (from 0): anything up to `backoff`, doubled each time ("full jitter").

    `wish` is the system's `Retry-After`, which is waited for first. `chance` is at random from 0 to 1.
    """
    return (wish or 0.0) + chance() * backoff * 2.0**number


def seconds_until(retry_after: str | None, now: datetime | None = None) -> float | None:
    """What a `Retry-After` header asks for (RFC 9110, section 10.2.3), seconds or a date; None if it is neither."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the latter for a year or an offset of twenty digits
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
