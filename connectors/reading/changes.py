"""What changed since a time, read newest first, from systems that may ignore the filter or the order asked for."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from connectors.errors import TooMuch
from connectors.reading.warn_once import WarnOnce
from connectors.records import Changed, Window

LAST: Final = 20
"""Rows that are read to find the last change."""

PAGE: Final = 200
"""Rows of a page. A poll finds a few."""


_AHEAD: Final = timedelta(days=1)
"""By which a system's clock may be ahead of ours."""

_MOMENT: Final = timedelta(seconds=1)
"""Some systems compare whole seconds."""


class ChangesPage:
    """One window of a list: what could be read of it, and how many rows came in all, readable or not."""

    __slots__ = ("came", "changes")

    def __init__(self, changes: Sequence[Changed], came: int) -> None:
        self.changes, self.came = changes, came


class TooManyChanges(Exception):
    """More rows came than the system's limit allows, and none of them was old enough to end the reading."""


async def newest_first(
    read: Callable[[Window], Awaitable[ChangesPage]],
    since: datetime,
    warn_once: WarnOnce,
    *,
    asked: str,
    sorts: bool,
    most: int,
) -> list[Changed]:
    """Rows that changed at `since` or later.

    `read` asks for windows of what changed since then, newest first where the system `sorts`. `asked` names the filter
    in a warning; "" where none is sent. A system that sends older rows all the same is read until it comes to one, if
    its rows are in order, and whole otherwise. Raises `TooManyChanges` beyond `most` rows, and as `read` does.
    """
    found: list[Changed] = []
    offset, in_order = 0, sorts
    while True:
        page = await read(Window(offset, PAGE))
        in_order = in_order and _in_order([*found[-1:], *page.changes])
        found += page.changes
        offset += page.came
        is_past = any(one.changed_at < since for one in page.changes)
        if is_past and asked:
            warn_once(f"ignores the filter {asked} and sends older rows too: what changed is found by reading more")
        if page.came < PAGE or (is_past and in_order):
            return [one for one in found if one.changed_at >= since]
        if sorts and not in_order:
            warn_once("does not sort by the time of the last change: what changed is found by reading everything")
        if offset >= most:
            raise TooManyChanges


async def last_of_all(
    ask: Callable[[datetime], Awaitable[Sequence[Changed]]], steps: Sequence[timedelta]
) -> Sequence[Changed]:
    """A few changes, with the last one, from a system that can only be asked what changed since a time.

    `steps`: how far back it is looked for, the nearest first. Where too much changed since then, it is asked for less
    and less of it. Raises `TooMuch` where even within a moment more changed than may be read, and as `ask` does.
    """
    now = datetime.now(UTC)
    empty = now + _AHEAD
    for step in steps:
        try:
            if found := await ask(now - step):
                return found
        except TooMuch as failure:
            return await _narrowed(ask, now - step, empty, failure)
        empty = now - step
    return []


async def _narrowed(
    ask: Callable[[datetime], Awaitable[Sequence[Changed]]], begin: datetime, empty: datetime, failure: TooMuch
) -> Sequence[Changed]:
    """The last of what changed since `begin`, which is too much. Nothing changed since `empty`."""
    while empty - begin > _MOMENT:
        middle = begin + (empty - begin) / 2
        try:
            if found := await ask(middle):
                return found
        except TooMuch as too_much:
            begin, failure = middle, too_much
        else:
            empty = middle
    raise failure


def _in_order(changes: Sequence[Changed]) -> bool:
    return all(one.changed_at >= next_one.changed_at for one, next_one in pairwise(changes))
