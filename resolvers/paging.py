"""Relay connections over `Rows`: cursors, windows and pages.

A cursor holds a row's position and its id. If all rows were read, the id is used, so that new rows do not shift pages;
if only a window was read, the position is used.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from connectors.records import Rows, Window
from resolvers.errors import BadInput

DEFAULT_PAGE: Final = 20
MAX_PAGE: Final = 1000
_DIGITS: Final = 9
_LARGEST_INT: Final = 2**31 - 1


class PageInfo(msgspec.Struct, frozen=True, gc=False):
    """Relay's PageInfo."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


class PageEdge(msgspec.Struct, frozen=True, gc=False):
    """Relay's edge: a row with its cursor."""

    cursor: str
    node: Any


class Page(msgspec.Struct, frozen=True, gc=False):
    """A page of a list. `offset` is the position of its first row in the whole list."""

    nodes: Sequence[Any]
    offset: int
    has_next: bool
    total_count: int | None

    @property
    def edges(self) -> list[PageEdge]:
        """The rows with their cursors."""
        return [PageEdge(_cursor(self.offset + place, node.id), node) for place, node in enumerate(self.nodes)]

    @property
    def page_info(self) -> PageInfo:
        """Position of the page in the whole list."""
        if not self.nodes:
            return PageInfo(self.has_next, self.offset > 0, None, None)
        first, last = self.nodes[0], self.nodes[-1]
        end = self.offset + len(self.nodes) - 1
        return PageInfo(self.has_next, self.offset > 0, _cursor(self.offset, first.id), _cursor(end, last.id))


def window(
    first: int | None = None, after: str | None = None, last: int | None = None, before: str | None = None
) -> Window | None:
    """The window to read for these arguments: one row more than the page, to know whether more follow.

    None for a page from the end, which needs the whole list. Raises `BadInput`.
    """
    wanted = _checked(first, last)
    if last is not None or before is not None:
        return None
    return Window(_place(after, "after")[0] + 1 if after else 0, wanted + 1)


def page_of_rows(
    rows: Rows[Any] | None,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Page:
    """The page of `rows` for Relay's arguments. Raises `BadInput`."""
    if rows is None:
        rows = Rows.of(())
    wanted = _checked(first, last)
    start, end = rows.offset, rows.offset + len(rows.items)
    if after:
        start = max(start, _after(rows, after))
    if before:
        end = min(end, _before(rows, before))
    start = min(start, end)
    if last is None:
        stop = min(end, start + wanted)
    else:
        stop, start = end, max(start, end - wanted)
    items = rows.items[start - rows.offset : stop - rows.offset]
    known = len(rows.items) + rows.offset
    return Page(items, start, stop < max(known, rows.total or 0), _countable(rows.total))


def first_page(first: int | None = None) -> Callable[[Rows[Any] | None], Page]:
    """`page_of_rows` for `first` only, prepared once for many lists. Raises `BadInput`."""
    wanted = _checked(first, None)

    def page_of(rows: Rows[Any] | None) -> Page:
        if rows is None:
            return Page((), 0, has_next=False, total_count=0)
        items = rows.items
        known = rows.offset + len(items)
        has_next = len(items) > wanted or (rows.total or 0) > known
        return Page(items[:wanted] if len(items) > wanted else items, rows.offset, has_next, _countable(rows.total))

    return page_of


def forward_page(rows: Rows[Any] | None, first: int | None = None, after: str | None = None) -> Page:
    """The page of a list that can be paged forward only. Raises `BadInput`."""
    return page_of_rows(rows, first, after)


def page_of_records(
    found: Sequence[Any],
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Page:
    """The page of a complete list of records. Raises `BadInput`."""
    return page_of_rows(Rows.of(found), first, after, last, before)


def _countable(total: int | None) -> int | None:
    """The total; None where no system has so many rows, and GraphQL's Int holds no such number."""
    return total if total is None or total <= _LARGEST_INT else None


def _checked(first: int | None, last: int | None) -> int:
    if first is not None and last is not None:
        raise BadInput("Give either first or last, not both.")
    name, wanted = ("last", last) if last is not None else ("first", DEFAULT_PAGE if first is None else first)
    if not 0 <= (wanted or 0) <= MAX_PAGE:
        raise BadInput(f"{name} is {wanted}. It must be from 0 to {MAX_PAGE}.")
    return wanted or 0


def _cursor(place: int, key: str) -> str:
    return base64.urlsafe_b64encode(f"{place}:{key}".encode()).decode().rstrip("=")


def _place(cursor: str, argument: str) -> tuple[int, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        place, _, key = base64.urlsafe_b64decode(padded.encode("ascii")).decode().partition(":")
        if place.isdecimal() and len(place) <= _DIGITS:
            return int(place), key
    except (ValueError, binascii.Error) as error:
        raise _no_cursor(argument) from error
    raise _no_cursor(argument)


def _no_cursor(argument: str) -> BadInput:
    return BadInput(f"{argument} is not a cursor of this gateway. Take one from pageInfo or edges.")


def _after(rows: Rows[Any], cursor: str) -> int:
    return _position(rows, *_place(cursor, "after")) + 1


def _before(rows: Rows[Any], cursor: str) -> int:
    return _position(rows, *_place(cursor, "before"))


def _position(rows: Rows[Any], place: int, key: str) -> int:
    if rows.complete:
        return next((at for at, row in enumerate(rows.items, rows.offset) if row.id == key), place)
    return place
