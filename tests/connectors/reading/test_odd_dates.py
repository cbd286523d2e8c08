"""Dates of other styles are the same moments; dates that mean none are none, and make no bill overdue."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from connectors.billing.tryton.values import Values
from connectors.reading.dates import Dates
from connectors.reading.warn_once import WarnOnce

MOMENT = datetime(2026, 5, 16, 23, 38, 55, tzinfo=UTC)
READ: list[tuple[str, datetime]] = [
    ("2026-05-16T23:38:55Z", MOMENT),
    ("2026-05-16t23:38:55z", MOMENT),
    ("2026-05-16t23:38:55.5z", MOMENT + timedelta(milliseconds=500)),
    ("2026-05-17T01:38:55+02:00", MOMENT),
    ("20260516233855", MOMENT),
    ("1778974735", MOMENT),
    ("1778974735000", MOMENT),
    ("1778974735250", MOMENT + timedelta(milliseconds=250)),
    ("1778974735250000", MOMENT + timedelta(milliseconds=250)),
    ("1778974735250000000", MOMENT + timedelta(milliseconds=250)),
    ("2026-05-17T01:38:55+02:00[Europe/Prague]", MOMENT),
    ("2026-05-16T23:38:55Z[UTC]", MOMENT),
    ("2026-05-16 23:38:55 UTC", MOMENT),
    ("2026-05-16T23:38:55.000 gmt", MOMENT),
    ("2026-05-16T23:38:55,5Z", MOMENT + timedelta(milliseconds=500)),
    ("2026-W20-6T23:38:55Z", MOMENT),
    ("1712010312000", datetime(2024, 4, 1, 22, 25, 12, tzinfo=UTC)),  # also a date in digits, of 1712
    ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
    ("2016-12-31T23:59:60.25Z", datetime(2017, 1, 1, 0, 0, 0, 250000, tzinfo=UTC)),
    ("2026-05-31T24:00:00Z", datetime(2026, 6, 1, tzinfo=UTC)),
    ("2026-12-31 24:00", datetime(2027, 1, 1, tzinfo=UTC)),
    ("2026-05-31T24:00:00.000+02:00", datetime(2026, 5, 31, 22, tzinfo=UTC)),
]
NONE = [
    "",
    "0",
    "0000-00-00 00:00:00",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "-62135596800",
    "-62135596800000",
    "1900-01-01",
    "1899-12-31T23:00:00Z",
    "9999-12-31T23:59:59.999Z",
    "9999-12-31T23:59:59-12:00",
    "253402300799",
    "253402214400",
    "253402300799999",
]
UNREAD = [
    "soon",
    "5",
    "12345678901234567",
    "20260516233855123",
    "928974735250000",  # microseconds of 1999, or milliseconds of a year that there is not
    "177897473525000",
    "9" * 400,
    "2026-13-01T00:00:00z",
    "2026-05-16T25:00:00Z",
    "2026-05-16T23:38:55+24:00",
    "2026-05-16T24:00:01Z",
    "-0044-03-15T00:00:00Z",
    "16.05.2026",
    "2026-02-30",
]


def dates(zone: str | None = None, **more: Any) -> Dates:
    return Dates(zone, WarnOnce("billing"), **more)


@pytest.mark.parametrize(("text", "wanted"), READ)
def test_every_style_is_the_same_moment(text: str, wanted: datetime) -> None:
    assert dates().read(text) == wanted


@pytest.mark.parametrize("zone", [None, "Europe/Prague", "America/New_York", "Asia/Colombo"])
@pytest.mark.parametrize("text", NONE)
def test_no_date_is_none_and_nothing_ends_with_it(
    text: str, zone: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    one = dates(zone)
    assert (one.read(text), one.day(text), one.day_end(text)) == (None, None, None)
    assert caplog.text == ""


def test_which_years_mean_none_is_a_setting() -> None:
    assert dates(no_date=(1753,)).read("1753-01-01") is None
    assert dates(no_date=(1753,)).read("1900-01-01") == datetime(1900, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", UNREAD)
def test_what_is_no_date_is_told(text: str, caplog: pytest.LogCaptureFixture) -> None:
    assert dates().read(text) is None
    assert f"the date {text!r} cannot be read" in caplog.text


@pytest.mark.parametrize("zone", [None, "Europe/Prague"])
def test_the_end_of_a_day_belongs_to_it(zone: str | None) -> None:
    assert dates(zone).day("2026-05-31T24:00:00") == date(2026, 5, 31)
    end = dates(zone).day_end("2026-05-31T24:00:00")
    assert end is not None
    assert end.date() == date(2026, 6, 1)


@pytest.mark.parametrize("text", ["1880-05-16 12:00:00", "2026-05-16T12:00:00+03:41:12"])
def test_no_offset_has_seconds(text: str) -> None:
    found = dates("Asia/Colombo").read(text)
    assert found is not None
    offset = found.utcoffset()
    assert offset is not None
    assert offset.total_seconds() % 60 == 0


@pytest.mark.parametrize(
    "value",
    [
        {"__class__": "date", "year": 1, "month": 1, "day": 1},
        {"__class__": "date", "year": 1900, "month": 1, "day": 1},
        {"__class__": "date", "year": 9999, "month": 12, "day": 31},
        {"__class__": "datetime", "year": 1970, "month": 1, "day": 1, "hour": 0},
        "9999-12-31",
    ],
)
def test_the_same_of_trytons_typed_dates(value: Any) -> None:
    values = Values("Europe/Prague", WarnOnce("billing"))
    assert (values.moment(value), values.day(value), values.end_of(values.day(value))) == (None, None, None)
