"""Dates as systems write them: with or without a time zone, and with placeholders for no date."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Annotated, Final, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from connectors.reading.warn_once import WarnOnce

_MOST_KEPT: Final = 1000


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


class Dates:
    """Decodes one system's dates. `timezone` applies to dates without one, and says which day a point in time is on.

    None: UTC for dates without a zone; those with one are on the day that they are written with. `epoch_is_none`: the
    system writes 1970-01-01 for no date.
    """

    def __init__(self, timezone: TimeZone | None, warn_once: WarnOnce, *, epoch_is_none: bool = False) -> None:
        self._zone, self._warn_once = time_zone(timezone or "UTC"), warn_once
        self._moves_days = timezone is not None
        self._last_year_of_none = 1970 if epoch_is_none else 1
        # Bills of one run have the same dates, so that most are found.
        self._day_and_end = lru_cache(_MOST_KEPT)(self._read_day)

    def read(self, text: str | None) -> datetime | None:
        """Decode an ISO 8601 date. None for no text, an open end (year 1, 9999) or an invalid date, which is logged."""
        if not text:
            return None
        try:
            parsed = datetime.fromisoformat(text.strip())
        except ValueError:
            self._warn_once(f"the date {text!r} cannot be read")
            return None
        if parsed.year >= 9999 or parsed.year <= self._last_year_of_none:
            return None
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=self._zone)

    def day(self, text: str | None) -> date | None:
        """Decode what is a day, such as a due date: in the system's time zone, where it is written with a time."""
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
            local = moment.astimezone(self._zone) if self._moves_days else moment
            return local.date(), end_of_day(local.date(), local.tzinfo or UTC)
        except OverflowError:  # the first or last day that there is
            self._warn_once(f"the date {text!r} cannot be read")
            return None
