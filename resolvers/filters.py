"""Choosing and sorting rows that are at hand: what a system cannot be asked for faithfully is decided here."""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

R = TypeVar("R")


def with_zone(moment: datetime) -> datetime:
    """The moment with a zone: what clients send without one is UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def is_within(moment: datetime | None, since: datetime | None, until: datetime | None) -> bool:
    """Whether a row's date lies in the span; one without a date lies in no span that has an end."""
    if since is None and until is None:
        return True
    if moment is None:
        return False
    return (since is None or moment >= with_zone(since)) and (until is None or moment < with_zone(until))


def is_wanted(value: R, wanted: Collection[R] | None) -> bool:
    """Whether a word is one of those asked for; nothing asked for means all."""
    return wanted is None or value in wanted


def sorted_by_date(rows: Iterable[R], date_of: Callable[[R], datetime | None], *, newest_first: bool) -> list[R]:
    """Rows by a date, those without one last, by id where dates are the same."""

    def place(row: Any) -> tuple[bool, float, str]:
        moment = date_of(row)
        seconds = moment.timestamp() if moment else 0.0
        return moment is None, -seconds if newest_first else seconds, row.id

    return sorted(rows, key=place)
