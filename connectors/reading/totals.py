"""What a list's own total is worth. One that rows, or a link to a next page, contradict is no total.

Nor is one that counts the rows of its page, which shows where a page is as long as was asked for.

That is learned from the pages that are read anyway, and kept for the process's lifetime.
"""

import math
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

import msgspec

from connectors.reading.rows import Row, RowPage

_MOST_ROWS: Final = 2**31 - 1


def credible(total: int) -> int | None:
    """The total; None where no system has so many rows (nor GraphQL's Int such a number)."""
    return total if 0 <= total <= _MOST_ROWS else None


def read_total(value: Any) -> int | None:
    """The number of rows that an attribute tells, also as a text; None for what counts nothing."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    is_count = math.isfinite(number) and number.is_integer() and not isinstance(value, bool)
    return credible(int(number)) if is_count else None


class Doubt(Enum):
    """Why the next page must tell whether a total is right, by which no row is missing."""

    LINK = "the server says that more follows"
    FULL = "the page is as long as was asked for, and so long is the list, too"


class Totals:
    """The totals of one list, such as all questions to one resource. `warn` is told once that they are wrong.

    `may_count_pages`: some systems count the rows of the page there, so that each full page is in doubt until a total
    was seen that is more.
    """

    def __init__(self, warn: Callable[[str], None], *, may_count_pages: bool = False) -> None:
        self._warn = warn
        self._believed, self.links_say_something = True, True
        self._may_count_pages = may_count_pages

    @property
    def are_believed(self) -> bool:
        """Whether nothing has contradicted a total yet."""
        return self._believed

    def judge(self, page: RowPage[Row], offset: int, limit: int) -> tuple[RowPage[Row], Doubt | None]:
        """The page, without its total where that is wrong, and whether it may be: then the next page decides.

        `offset`: rows before those of this page, of which `limit` were asked for.
        """
        if page.total is None:
            return page, None
        came = len(page.entries)
        reached = offset + came
        if self._believed and reached > page.total:
            self.contradict(f"{reached} rows came and it says that there are {page.total}")
        self._may_count_pages = self._may_count_pages and page.total <= came
        doubt: Doubt | None = None
        if self._believed and reached >= page.total:
            if self.links_say_something and (page.has_next or (page.is_part and not offset)):
                doubt = Doubt.LINK
            elif came == limit and self._may_count_pages:
                doubt = Doubt.FULL
        if self._believed and doubt is None:
            return page, None
        return msgspec.structs.replace(page, total=None), doubt

    def decide(self, doubt: Doubt, *, more_came: bool) -> None:
        """Learn what came after a page whose total was in doubt."""
        if more_came:
            self.contradict("more rows came after the page that it says is the last")
        elif doubt is Doubt.LINK:
            self.links_say_something = False
        else:
            self._may_count_pages = False

    def notice_repeated(self) -> None:
        """Say that lists have rows twice, which are shown once."""
        self._warn("sends some rows twice: they are shown once, and such a list is read twice to be sure")

    def contradict(self, how: str) -> None:
        """Believe no total of this list any more."""
        if self._believed:
            self._believed = False
            self._warn(
                f"sends a total that is too low ({how}): it is ignored, and lists are read to their end; set"
                " total_trusted = false where the system has that setting"
            )
