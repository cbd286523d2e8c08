"""Sessions of RADIUS accounting, and sums of them.

openwisp-radius keeps one row for each session, with its totals so far: each interim update replaces them, also by less,
and one that comes after the stop opens the session again. Octets are whole numbers of any size: FreeRADIUS has joined
the 32 bits of a counter and its gigawords. Input is what the customer sent, output what the customer received.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from connectors.reading.dates import Dates
from connectors.reading.rows import Identified

_LARGEST: Final = 2**63 - 1
_EXACT: Final = 2**53
"""From here on a float is not the number that was written."""


class SessionRow(Identified):
    """A session in a list. All of these are in each row; what is not counted yet is null."""

    id: str | int = msgspec.field(name="unique_id")
    username: str = msgspec.field()
    start_time: Any = msgspec.field()
    stop_time: Any = msgspec.field()
    session_time: Any = msgspec.field()
    input_octets: Any = msgspec.field()
    output_octets: Any = msgspec.field()
    groupname: str | None = None


class Session(msgspec.Struct, frozen=True, gc=False):
    """What a session counts. `end`: until when it was counted, which may be long before its stop."""

    start: datetime
    end: datetime
    octets: int


class Period(msgspec.Struct, frozen=True, gc=False):
    """From `start` up to, but not including, `end`."""

    start: datetime
    end: datetime

    def touches(self, session: Session) -> bool:
        """Whether a session counts here: it was counted after the start. So does openwisp-radius say it.

        A session whose device died stays open for ever, and was counted until its last update only.
        """
        return session.end > self.start and session.start < self.end


def whole(value: object) -> int | None:
    """A count: a whole number, also as text or as 12.0; 0 for null. None if it is none, or no count."""
    if value is None:
        return 0
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        value = int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST:
        return None
    return value


class Sessions:
    """Reads rows of sessions."""

    def __init__(self, dates: Dates) -> None:
        self._dates = dates

    def has_ended_by(self, row: SessionRow, moment: datetime) -> bool:
        """Whether a session was stopped then, as the filter `stop_time` understands it."""
        stop = self._moment(row.stop_time)
        return stop is not None and stop <= moment

    def session(self, row: SessionRow) -> Session | None:
        """The row's session; None where anything of it cannot be read."""
        start, stop = self._moment(row.start_time), self._moment(row.stop_time)
        has_stopped = row.stop_time not in (None, "", 0, "0") and not _is_zero(row.stop_time)
        seconds, sent, received = whole(row.session_time), whole(row.input_octets), whole(row.output_octets)
        if start is None or (stop is None and has_stopped):
            return None
        if seconds is None or sent is None or received is None:
            return None
        try:
            end = start + timedelta(seconds=seconds)
        except OverflowError:
            return None
        return Session(start, end, sent + received)

    def newest_plan(self, rows: Iterable[SessionRow]) -> str | None:
        """The group of the user's last session that names one."""
        named = [(self._moment(row.start_time), row.groupname) for row in rows if row.groupname]
        return max(((at, name) for at, name in named if at), default=(None, None))[1]

    def _moment(self, value: object) -> datetime | None:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        moment = self._dates.read(str(value)) if is_number or isinstance(value, str) else None
        return moment.astimezone(UTC) if moment else None


def _is_zero(value: object) -> bool:
    """Whether it is how MySQL, which FreeRADIUS may write to, says that there is no date."""
    return isinstance(value, str) and value.startswith("0000-00-00")


def octets_in(sessions: Iterable[Session], period: Period, straddling: Literal["whole", "by_time"]) -> int:
    """Octets of the sessions that count in a period."""
    total = 0
    for one in sessions:
        if not period.touches(one):
            continue
        if straddling == "by_time" and one.start < period.start:
            share = Decimal((one.end - period.start) // timedelta(microseconds=1))
            total += int(one.octets * share / ((one.end - one.start) // timedelta(microseconds=1)))
        else:
            total += one.octets
    return total


def seconds_in(sessions: Iterable[Session], period: Period) -> int:
    """Seconds that the sessions lasted within a period: of one that began before, only those since its start."""
    spans = [one.end - max(one.start, period.start) for one in sessions if period.touches(one)]
    return sum(spans, timedelta()) // timedelta(seconds=1)
