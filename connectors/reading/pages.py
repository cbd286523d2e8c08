"""Reads lists page by page, without losing or repeating rows, within the system's limits.

The offset advances by the rows that came (a repeated row counts once), not by those requested, because servers cap
the page size. For the same reason a short page need not be the last. Beyond the limits `TooMuch` is raised.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Literal

import msgspec

from connectors.errors import Garbled, TooMuch
from connectors.reading.concurrently import run_concurrently
from connectors.reading.rows import Row, RowPage, distinct_rows
from connectors.reading.totals import Doubt, Totals
from connectors.records import Window

ReadPage = Callable[[int, int], Awaitable[RowPage[Row]]]
"""Requests a page: offset and limit to rows."""

_MOST_PASSED: Final = 5
"""Most pages in a row that have no rows and link to a next one. Who links on beyond that does so at the end, too."""


@dataclass(frozen=True, slots=True)
class Paging:
    """How a system pages its lists, and the limits for reading one list.

    `style`: the offset counts rows or pages, or there is no paging. `page_size`: rows requested in one call; the system
    may send fewer. `max_rows` and `max_calls` are limits for one list.
    """

    style: Literal["offset", "page", "none"]
    page_size: int
    max_rows: int
    max_calls: int


class PageReader(Generic[Row]):
    """Reads one list; `system` and `where` name it in errors, `totals` are those of all lists of its kind.

    Use a new reader for each list. Raises `TooMuch` beyond the limits, `Garbled` if the pages are inconsistent, and
    what `read` raises.
    """

    def __init__(self, system: str, where: str, paging: Paging, read: ReadPage[Row], totals: Totals) -> None:
        self._system, self._where, self._paging, self._read = system, where, paging, read
        self._totals = totals
        self._calls = self._came = self._repeated = 0
        self._doubtful: tuple[int, Doubt] | None = None
        """Where the page ended that may not be the last, although it says so."""
        self._first: RowPage[Row] | None = None

    async def everything(self, enough: Callable[[Mapping[str, Row]], bool] | None = None) -> RowPage[Row]:
        """All rows, each once; or fewer, once `enough` is true for the rows so far, by id.

        If the first page tells the total, the others are requested concurrently. If fewer rows come than the total
        (the list may have changed in between), or some twice, the list is read once more, page after page.
        """
        first = await self._page(0, self._paging.page_size)
        came = len(first.entries)
        if self._paging.style == "none":
            return self._unpaged(first)
        if enough and enough(_by_id(first)):
            return first
        if first.total is None:
            if not came:
                return await self._after_nothing(first)
            size = came if self._paging.style == "page" else self._paging.page_size
            rest = await self._span(came, None, size, _by_id(first) if enough else {}, enough)
            found = _joined([first, rest], None)
            return await self._again(found) if self._came > len(found.entries) and not enough else found
        parts = [first]
        if came and not _reached(came, first.total):
            size = came
            self._bounded(first.total, self._calls + -(-(first.total - came) // size))
            starts = range(came, first.total, size)
            parts += await run_concurrently([self._span(at, at + size, size, {}) for at in starts])
        found = first if len(parts) == 1 else _joined(parts, first.total)
        if self._doubtful is not None or not self._totals.are_believed:
            return await self._again(found)
        return found if len(found.entries) >= first.total else await self._again(found)

    async def _again(self, before: RowPage[Row]) -> RowPage[Row]:
        """All rows, one page after the other. `before`: what came when they were read the first time."""
        self._came = self._repeated = 0
        page = await self._span(0, None, self._paging.page_size, {})
        found = _joined([page], page.total)
        raw, distinct = self._came + self._repeated, len(found.entries)
        same = found.fingerprint == before.fingerprint
        if distinct < raw and same and raw >= (found.total or 0):
            self._totals.notice_repeated()
            return msgspec.structs.replace(found, total=None if found.total is None else distinct)
        if found.total is None and self._came > distinct and not same:
            raise Garbled(
                self._system,
                f"{self._where} sent some rows on several pages, and other rows when it was asked once more, so that"
                " some may be missing: its order changes from page to page; set page_size so that a list is one page",
            )
        if found.total is not None and distinct < found.total:
            raise Garbled(
                self._system,
                f"{self._where} sent {len(found.entries)} different rows and says that there are {found.total}: if its"
                " total counts more than what was asked for, set total_trusted = false; if its offset counts pages,"
                " paging = 'page'",
            )
        return found

    async def window(self, window: Window) -> RowPage[Row]:
        """The rows of `window`, in several calls if the server caps the page size."""
        if self._paging.style == "none":
            page = self._unpaged(await self._page(0, self._paging.page_size))
            return RowPage(page.entries[window.offset : window.offset + window.limit], len(page.entries), page.all_read)
        stop, size = window.offset + window.limit, self._paging.page_size
        start = window.offset
        if self._paging.style == "page":
            size = min(size, stop)  # a single page, if the window begins early enough
            start -= start % size
        page = await self._span(start, stop, size, {})
        if self._doubtful is not None and self._doubtful[1] is Doubt.FULL:
            page = await self._decided(page, self._doubtful[0], size if self._paging.style == "page" else 1)
        first, last = window.offset - start, stop - start
        if not first and len(page.entries) <= last:
            return page
        return msgspec.structs.replace(page, entries=page.entries[first:last])

    async def _decided(self, page: RowPage[Row], reached: int, limit: int) -> RowPage[Row]:
        """The page, with the total that its rows have if no row follows."""
        more = await self._page(reached, limit)
        return page if more.entries else msgspec.structs.replace(page, total=reached)

    def _unpaged(self, page: RowPage[Row]) -> RowPage[Row]:
        """The page, which must be the whole list."""
        came = len(page.entries) + page.repeated
        if (page.total is not None and came < page.total) or page.has_next or page.is_part:
            says = "that there are more" if page.total is None else f"that there are {page.total}"
            raise Garbled(
                self._system,
                f"{self._where} sent {came} rows and says {says}: if it has paging, set paging = 'offset' (or 'page');"
                " if its total counts more than what was asked for, total_trusted = false",
            )
        return page

    async def _after_nothing(self, first: RowPage[Row]) -> RowPage[Row]:
        """The rest of a list whose first page has no rows."""
        if not (first.has_next and self._totals.links_say_something):
            return first
        page = await self._span(self._paging.page_size, None, self._paging.page_size, {}, passed=1)
        return _joined([page], None)

    async def _span(
        self,
        start: int,
        stop: int | None,
        size: int,
        rows: dict[str, Row],
        enough: Callable[[Mapping[str, Row]], bool] | None = None,
        passed: int = 0,
    ) -> RowPage[Row]:
        """Rows from `start` to `stop` (None: the end), page after page. With `enough`, `rows` collects them by id.

        A page without rows that links to a next one is passed, as some servers hide rows after they have counted them.
        `passed`: how many were, in a row.
        """
        by_page = self._paging.style == "page"
        pages: list[RowPage[Row]] = []
        position, short, total = start, False, None
        while stop is None or position < stop or short:
            limit = size if by_page or stop is None else min(size, stop - position)
            page = await self._page(position, limit)
            came, total = len(page.entries), page.total
            if not came:
                if not page.has_next or not self._totals.links_say_something:
                    break
                passed += 1
                if passed > _MOST_PASSED:
                    self._totals.links_say_something = False
                    break
                position += limit
                continue
            passed = 0
            if short:
                raise Garbled(
                    self._system,
                    f"{self._where} sent fewer rows than the {size} asked for, and more on the next page: set page_size"
                    " to what it sends at most",
                )
            if enough:
                rows.update(_by_id(page))
            pages.append(page)
            if by_page and came < limit:
                # A capped page size shifts all later pages. It can be adopted at the first page only; later the list
                # must end here.
                short = position > 0 and not _reached(position + came, total)
                size = size if position else came
            position += size if by_page else came
            if (_reached(position, total) and not short) or (enough and enough(rows)):
                break
        return _following(pages, total)

    async def _page(self, offset: int, limit: int) -> RowPage[Row]:
        self._calls += 1
        self._bounded(0, self._calls)
        page = await self._read(offset, limit)
        came = len(page.entries)
        if self._doubtful is not None and offset >= self._doubtful[0]:
            self._totals.decide(self._doubtful[1], more_came=came > 0)
            self._doubtful = None
        if came and self._paging.style != "none":
            page, doubt = self._totals.judge(page, offset, limit)
            self._doubtful = self._doubtful if doubt is None else (offset + came, doubt)
        elif self._came and page.total is not None and not (self._totals.are_believed and page.total >= self._came):
            page = msgspec.structs.replace(page, total=None)  # as where the total counts the rows of the page
        if offset and (came > limit or self._repeats(page, limit)):
            raise Garbled(
                self._system,
                f"{self._where} sent the same rows, or more than were asked for, at offset {offset}: if it has no"
                " paging, set paging = 'none'; if its offset counts pages, paging = 'page'",
            )
        if self._first is None and came:
            self._first = page
        self._came += came
        self._repeated += page.repeated
        self._bounded(self._came, self._calls)
        return page

    def _repeats(self, page: RowPage[Row], limit: int) -> bool:
        """Whether a later page has only rows of the first one."""
        if self._first is None or not page.entries:
            return False
        first = self._first.fingerprint
        return page.fingerprint <= first and len(page.entries) >= min(limit, len(first))

    def _bounded(self, rows: int, calls: int) -> None:
        if rows > self._paging.max_rows:
            raise TooMuch(self._system, f"{self._where}: {rows} rows, more than max_rows = {self._paging.max_rows}")
        if calls > self._paging.max_calls:
            raise TooMuch(self._system, f"{self._where}: {calls} calls, more than max_calls = {self._paging.max_calls}")


def _by_id(page: RowPage[Row]) -> dict[str, Row]:
    return {str(row.id): row for row in page.rows}


def _joined(pages: Sequence[RowPage[Row]], total: int | None) -> RowPage[Row]:
    """The rows of several pages, each once."""
    return RowPage(distinct_rows(row for page in pages for row in page.entries), total)


def _following(pages: Sequence[RowPage[Row]], total: int | None) -> RowPage[Row]:
    """The rows of consecutive pages."""
    if len(pages) == 1 and pages[0].total == total:
        return pages[0]
    return RowPage([row for page in pages for row in page.entries], total)


def _reached(position: int, total: int | None) -> bool:
    return total is not None and position >= total
