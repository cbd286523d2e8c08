"""Dates as systems write them: with or without a time zone, as texts or numbers, and with placeholders for no date."""

import re
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Annotated, Final, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from connectors.reading.warn_once import WarnOnce

_MOST_KEPT: Final = 1000

NO_DATE: Final = (1, 1900, 9999)
"""Years that systems write for no date at all: the least, the first and the last that their databases hold."""

_EPOCH: Final = re.compile(r"(-?[0-9]{9,19})(\.[0-9]+)?")
_UNITS: Final = ((10, 1), (14, 10**3), (15, 0), (16, 10**6), (18, 0), (19, 10**9))
"""Most digits of a time since 1970, and how many of its units are a second: with ten it is before 2286.

0: what has fifteen may be milliseconds far ahead or microseconds long ago, and what has 17 or 18 a date in digits.
"""
_FIRST_SECOND: Final = -62135596800
"""The first second of the year 1, which stands for no date."""
_LAST_DAYS: Final = range(253402128000, 253402300800)
"""The seconds of 30 and 31 December 9999, which stand for no date, too. As milliseconds some minutes of 1978."""
_EARLIEST: Final = 10
"""Hour in the evening before, in UTC, at which a day begins in the zone that is the furthest east."""
_USUAL: Final = 19
"""Characters of a date and a time, without fraction and zone."""

_COMPACT: Final = re.compile(r"(?:19|20)[0-9]{12}")
"""A date and time in digits, such as 20260516233855."""
_LEAP: Final = re.compile(r"(:[0-5][0-9]):60")
_MIDNIGHT: Final = re.compile(r"([T ])24(?=:?00(?::?00(?:[.,]0+)?)?(?:Z|[+-]|$))")
"""The end of a day."""


_IN_WORDS: Final = re.compile(r"(?<=[0-9]) ?(?:UTC|GMT)$")
_ZONE_BESIDE: Final = re.compile(r"(Z|[+-][0-9]{2}:?[0-9]{2})\[[A-Z0-9_/+-]+\]$")
"""A zone's name behind the offset that it has then, as Java writes both."""


def time_zone(name: str) -> tzinfo:
    """The zone with this IANA name. Raises ValueError. UTC needs no time zone database."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # unknown; a path outside the database; a folder in it
        raise ValueError(f"there is no time zone named {name!r}; right is one like 'Europe/Prague'") from error


def _is_known(name: str) -> str:
    time_zone(name)
    return name


TimeZone: TypeAlias = Annotated[str, AfterValidator(_is_known)]
"""A setting: the IANA name of a time zone."""


def end_of_day(day: date, zone: tzinfo) -> datetime:
    """The midnight after this day in the time zone. Raises OverflowError after the last day that there is."""
    return datetime.combine(day + timedelta(days=1), time.min, zone)


def plain_offset(moment: datetime) -> datetime:
    """The same moment with an offset of whole minutes, as ISO 8601 has them; old local times have seconds, too."""
    if moment.tzinfo is UTC:
        return moment
    offset = moment.utcoffset()
    return moment.astimezone(UTC) if offset is not None and offset.total_seconds() % 60 else moment


def parsed_date(text: str) -> datetime:
    """The moment that an ISO 8601 date names, or a number of seconds since 1970, or of their smaller units.

    Without a zone where the text has none. A leap second is the second after it, and T24:00 the next day's T00:00.
    Raises ValueError or OverflowError.
    """
    if len(text) >= _USUAL and text[4] == "-" and text[10] == "T":  # as most are: read in C
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass  # as below
    text = text.strip()
    if (epoch := _EPOCH.fullmatch(text)) and not _COMPACT.fullmatch(text):
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=_microseconds(epoch[1]))
    if _COMPACT.fullmatch(text):
        return datetime.strptime(text, "%Y%m%d%H%M%S")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        written = _IN_WORDS.sub("Z", _ZONE_BESIDE.sub(r"\1", text.upper()))
    later = timedelta()
    if _LEAP.search(written):
        written, later = _LEAP.sub(r"\1:59", written), timedelta(seconds=1)
    elif _MIDNIGHT.search(written):
        written, later = _MIDNIGHT.sub(r"\g<1>00", written), timedelta(days=1)
    return datetime.fromisoformat(written) + later


def _microseconds(digits: str) -> int:
    """Of a number of seconds since 1970, or of their smaller units. Raises ValueError where it may be either."""
    number, count = int(digits), len(digits.lstrip("-"))
    if number == _FIRST_SECOND or number in _LAST_DAYS:
        return number * 10**6
    if number // 1000 in _LAST_DAYS:
        return number * 1000
    unit = next(unit for most, unit in _UNITS if count <= most)
    if not unit:
        raise ValueError(f"{digits} may be of several units")
    return number * 10**6 // unit


class Dates:
    """Decodes one system's dates. `timezone` applies to dates without one, and says which day a point in time is on.

    None: UTC for dates without a zone; those with one are on the day that they are written with. `epoch_is_none`: the
    system writes 1970-01-01 for no date. `no_date` are years of dates that mean none.
    """

    def __init__(
        self,
        timezone: TimeZone | None,
        warn_once: WarnOnce,
        *,
        epoch_is_none: bool = False,
        no_date: Collection[int] = NO_DATE,
    ) -> None:
        self._zone, self._warn_once = time_zone(timezone or "UTC"), warn_once
        self._moves_days = timezone is not None
        self._last_year_of_none = 1970 if epoch_is_none else 0
        self._no_date = frozenset(no_date)
        # Bills of one run have the same dates, so that most are found.
        self._day_and_end = lru_cache(_MOST_KEPT)(self._read_day)

    def read(self, text: str | None) -> datetime | None:
        """Decode a date as `parsed_date` does. None for no text, for no date (`no_date`), or for an invalid one.

        An invalid one is logged.
        """
        if not text or text == "0":
            return None
        try:
            parsed = parsed_date(text)
            return None if self._is_none(parsed) else self._zoned(parsed)
        except (ValueError, OverflowError):
            if not text.startswith("0000-00-00"):
                self._warn_once(f"the date {text!r} cannot be read")
            return None

    def _is_none(self, parsed: datetime) -> bool:
        if parsed.year in self._no_date or parsed.year <= self._last_year_of_none:
            return True
        # What was midnight on the first of January elsewhere is written as the evening before, with an offset.
        is_eve = parsed.tzinfo is not None and (parsed.month, parsed.day) == (12, 31)
        return is_eve and parsed.year + 1 in self._no_date and parsed.hour >= _EARLIEST

    def _zoned(self, parsed: datetime) -> datetime:
        return plain_offset(parsed if parsed.tzinfo else parsed.replace(tzinfo=self._zone))

    def day(self, text: str | None) -> date | None:
        """Decode what is a day, such as a due date: in the system's time zone, where it is written with a time.

        The end of a day (T24:00) belongs to it.
        """
        found = self._day_and_end(text) if text else None
        return found[0] if found else None

    def day_end(self, text: str | None) -> datetime | None:
        """The midnight after what `day` decodes, in the time zone that decided which day it is."""
        found = self._day_and_end(text) if text else None
        return found[1] if found else None

    def _read_day(self, text: str) -> tuple[date, datetime] | None:
        moment = self.read(text)
        if moment is None:
            return None
        try:
            if _MIDNIGHT.search(text.strip().upper()):
                moment -= timedelta(microseconds=1)
            local = moment.astimezone(self._zone) if self._moves_days else moment
            return local.date(), end_of_day(local.date(), local.tzinfo or UTC)
        except OverflowError:  # the first or last day that there is
            self._warn_once(f"the date {text!r} cannot be read")
            return None
