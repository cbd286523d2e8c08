"""When billing cycles and days begin and end: at midnight in the operator's time zone."""

from calendar import monthrange
from datetime import date, datetime, time, timedelta, tzinfo

from connectors.usage.openwisp.sessions import Period


def cycle_at(now: datetime, day: int, zone: tzinfo) -> Period:
    """The billing cycle that `now` is in. It begins on this day of a month, or the month's last day if that is less."""
    today = now.astimezone(zone).date()
    start = _in_month(today.year, today.month, day)
    if start > today:
        start = _in_month(*_month_before(start), day)
    return Period(_midnight(start, zone), _midnight(_in_month(*_month_after(start), day), zone))


def day_at(now: datetime, zone: tzinfo) -> Period:
    """The day that `now` is in; it has 23 or 25 hours where the clocks change."""
    today = now.astimezone(zone).date()
    return Period(_midnight(today, zone), _midnight(today + timedelta(days=1), zone))


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, zone)


def _in_month(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, monthrange(year, month)[1]))


def _month_before(day: date) -> tuple[int, int]:
    return (day.year, day.month - 1) if day.month > 1 else (day.year - 1, 12)


def _month_after(day: date) -> tuple[int, int]:
    return (day.year, day.month + 1) if day.month < 12 else (day.year + 1, 1)
