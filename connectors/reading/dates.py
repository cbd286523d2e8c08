"""Dates as systems write them: with or without a time zone, and with placeholders for no date."""

from datetime import UTC, datetime, tzinfo
from typing import Annotated, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from connectors.reading.warn_once import WarnOnce


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


class Dates:
    """Decodes one system's dates. `timezone` applies to dates without one.

    `epoch_is_none`: the system writes 1970-01-01 for no date.
    """

    def __init__(self, timezone: TimeZone, warn_once: WarnOnce, *, epoch_is_none: bool = False) -> None:
        self._zone, self._warn_once = time_zone(timezone), warn_once
        self._last_year_of_none = 1970 if epoch_is_none else 0

    def read(self, text: str | None) -> datetime | None:
        """Decode an ISO 8601 date. None for no text, an open end (9999-...) or an invalid date, which is logged."""
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
