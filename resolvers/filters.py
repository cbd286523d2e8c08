"""Filters and orders for rows that were read, for what systems cannot be relied on to filter or sort."""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, date, datetime
from typing import Any, Final, TypeVar

from resolvers.errors import BadInput

R = TypeVar("R")

LONGEST_SEARCH: Final = 500
"""Characters of a text that is searched for, which systems get in an address."""


def searched(text: str | None) -> str | None:
    """The text that a client searches for. Raises `BadInput` for one that is too long for any name or number."""
    if text is not None and len(text) > LONGEST_SEARCH:
        raise BadInput(f"search has {len(text)} characters; the limit is {LONGEST_SEARCH}.")
    return text


def with_zone(moment: datetime) -> datetime:
    """The time with a zone: UTC if the client sent none."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def is_within(moment: datetime | None, since: datetime | None, until: datetime | None) -> bool:
    """Whether a time lies in `[since, until)`. None lies in no span that has an end."""
    if since is None and until is None:
        return True
    if moment is None:
        return False
    return (since is None or moment >= with_zone(since)) and (until is None or moment < with_zone(until))


def is_day_within(day: date | None, since: date | None, until: date | None) -> bool:
    """Whether a day lies in `[since, until)`. None lies in no span that has an end."""
    if since is None and until is None:
        return True
    return day is not None and (since is None or day >= since) and (until is None or day < until)


def is_wanted(value: R, wanted: Collection[R] | None) -> bool:
    """Whether the value is one of `wanted`, where None stands for all values."""
    return wanted is None or value in wanted


def sorted_by_date(rows: Iterable[R], date_of: Callable[[R], date | None], *, newest_first: bool) -> list[R]:
    """Rows sorted by day or point in time, then by id; rows without a date come last."""

    def place(row: Any) -> tuple[bool, float, str]:
        found = date_of(row)
        number = 0.0 if found is None else found.timestamp() if isinstance(found, datetime) else found.toordinal()
        return found is None, -number if newest_first else number, row.id

    return sorted(rows, key=place)
