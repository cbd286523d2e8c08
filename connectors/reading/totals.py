"""What a list's own total is worth. One that rows, or a link to a next page, contradict is no total.

That is learned from the pages that are read anyway, and kept for the process's lifetime.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from connectors.reading.rows import Row, RowPage

_MOST_ROWS: Final = 2**31 - 1


def credible(total: int) -> int | None:
    """The total; None where no system has so many rows (nor GraphQL's Int such a number)."""
    return total if 0 <= total <= _MOST_ROWS else None


class Totals:
    """The totals of one list, such as all questions to one resource. `warn` is told once that they are wrong."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._believed, self._links_say_something = True, True

    @property
    def are_believed(self) -> bool:
        """Whether nothing has contradicted a total yet."""
        return self._believed

    def judge(self, page: RowPage[Row], reached: int) -> tuple[RowPage[Row], bool]:
        """The page, without its total where that is wrong, and whether it may be: then the next page decides.

        `reached`: rows up to and with those of this page.
        """
        if page.total is None:
            return page, False
        if self._believed and reached > page.total:
            self.contradict(f"{reached} rows came and it says that there are {page.total}")
        is_doubtful = self._believed and self._links_say_something and page.has_next and reached >= page.total
        if self._believed and not is_doubtful:
            return page, False
        return msgspec.structs.replace(page, total=None), is_doubtful

    def decide(self, *, more_came: bool) -> None:
        """Learn what came after a page that linked to a next one, and said that there was none."""
        if more_came:
            self.contradict("more rows came after the page that it says is the last")
        else:
            self._links_say_something = False

    def contradict(self, how: str) -> None:
        """Believe no total of this list any more."""
        if self._believed:
            self._believed = False
            self._warn(
                f"sends a total that is too low ({how}): it is ignored, and lists are read to their end; set"
                " total_trusted = false where the system has that setting"
            )
