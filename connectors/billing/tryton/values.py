"""Tryton's typed values in JSON: ``{"__class__": "Decimal", "decimal": "49.80"}`` and the same for dates."""

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from connectors.reading.dates import NO_DATE, TimeZone, end_of_day, parsed_date, plain_offset, time_zone
from connectors.reading.warn_once import WarnOnce
from connectors.records import Money

_DIGITS: Final = 34
"""Of the longest amount. One of 1E999999999 would be a gigabyte of zeros where it is shown."""
_PARTS: Final = ("hour", "minute", "second", "microsecond")
_NEVER: Final = (1970, 1, 1)


class Values:
    """Decodes typed values leniently: an invalid value becomes None and is logged."""

    def __init__(self, timezone: TimeZone, warn_once: WarnOnce) -> None:
        self._zone = time_zone(timezone)
        self._warn_once = warn_once

    def decimal(self, value: Any) -> Decimal | None:
        """An exact amount from a typed value, a text or a whole number. A JSON number with a fraction becomes None, and
        one that is longer than any amount.
        """
        found = value.get("decimal") if isinstance(value, dict) else value
        if found is None:
            return None
        if isinstance(found, (str, int)) and not isinstance(found, bool):
            try:
                amount = Decimal(found)
                if amount.is_finite() and max(abs(amount.adjusted()), len(amount.as_tuple().digits)) <= _DIGITS:
                    return amount
            except InvalidOperation:
                pass  # logged below
        self._warn_once(f"the amount {str(value)[:80]!r} cannot be read exactly")
        return None

    def money(self, value: Any, currency: str | None) -> Money | None:
        """An amount of money; None without a valid amount or a currency."""
        amount = self.decimal(value)
        return None if amount is None or not currency else Money(amount, currency)

    def moment(self, value: Any) -> datetime | None:
        """A date (midnight in the company's time zone) or a time (UTC).

        None for no date, and for 1970-01-01 and dates in one of the years `NO_DATE`, which stand for none.
        """
        if value is None:
            return None
        try:
            found = self._date(value)
        except (KeyError, TypeError, ValueError, OverflowError):
            self._warn_once(f"the date {str(value)[:80]!r} cannot be read")
            return None
        if found.year in NO_DATE or (found.year, found.month, found.day) == _NEVER:
            return None
        return plain_offset(found)

    def day(self, value: Any) -> date | None:
        """A date, or the day of a time in the company's time zone. None as in `moment`."""
        found = self.moment(value)
        return found and found.astimezone(self._zone).date()

    def end_of(self, day: date | None) -> datetime | None:
        """The midnight after a day in the company's time zone."""
        return None if day is None else end_of_day(day, self._zone)

    def _date(self, value: Any) -> datetime:
        if isinstance(value, str):
            found = parsed_date(value)
            return found if found.tzinfo else found.replace(tzinfo=self._zone)
        day = datetime(value["year"], value["month"], value["day"], tzinfo=self._zone)
        if "hour" not in value:
            return day
        return day.replace(tzinfo=UTC, **{part: value.get(part, 0) for part in _PARTS})
