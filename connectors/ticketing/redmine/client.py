"""Lists of Redmine's issues: filters with named operators, split by what a session can hold, in pages of 100 rows.

Redmine ignores a filter that it does not know, and answers with every issue; without any it leaves out closed ones. In
its short form (`cf_1=A|B`) a value may begin with an operator. So filters are sent in the long form, always with one,
and rows are checked. Lists are those of one project: without a login that may see it they are 401, where the list of
all projects would be 200 with no rows.

Redmine keeps the filters of each list in a session, and that in a cookie, also for callers that have none: where it
takes more than 4,096 bytes the answer is 500. Some 1,950 bytes of values fit.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from connectors.errors import Rejected
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.reading.chunks import Chunks, chunks
from connectors.reading.pages import PageReader, Paging
from connectors.reading.rows import RowDecoder, RowPage, distinct_rows
from connectors.reading.totals import Totals, read_total
from connectors.reading.warn_once import WarnOnce
from connectors.records import Window
from connectors.ticketing.redmine.options import RedmineOptions
from connectors.ticketing.redmine.rows import IssueRow

PAGE: Final = 100
"""Rows of one page. Redmine cuts a larger limit to this."""
STEADY: Final = "id"
"""An order in which new issues shift no pages; Redmine's own is the reverse."""
NEWEST: Final = "created_on:desc,id:desc"
LAST_CHANGED: Final = "updated_on:desc,id:desc"

_ROOM: Final = 1600
"""Bytes of the values that are asked for at once: the session holds the statuses, too."""
_EACH: Final = 8
"""Bytes that a value takes there besides its text."""
_LARGEST_ID: Final = 2**31 - 1
_ID: Final = re.compile(r"[1-9][0-9]{0,9}")
_UNSPEAKABLE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class _Page(msgspec.Struct):
    # Required: an apology in JSON has none.
    issues: list[msgspec.Raw]
    total_count: Any = None


def ids_among(keys: Iterable[str]) -> list[str]:
    """The distinct keys that can be ids of Redmine: it picks all digits out of any other text."""
    return [key for key in dict.fromkeys(keys) if _ID.fullmatch(key) and int(key) <= _LARGEST_ID]


def values_among(keys: Iterable[str]) -> list[str]:
    """The distinct keys that a custom field can hold. A NUL fails the whole question with 500, a blank with 422."""
    return [key for key in dict.fromkeys(keys) if key.strip() and not _UNSPEAKABLE.search(key)]


def condition(field: str, operator: str, values: Iterable[str]) -> str:
    """A filter in the long form, with no value read as anything else."""
    parts = [f"f%5B%5D={field}", f"op%5B{field}%5D={quote(operator, safe='')}"]
    return "&".join([*parts, *(f"v%5B{field}%5D%5B%5D={quote(value, safe=',')}" for value in values)])


EVERY_STATUS: Final = condition("status_id", "*", [""])


class IssueList:
    """The issues of the project. Unreadable rows become placeholders."""

    def __init__(self, http: HttpClient, options: RedmineOptions) -> None:
        self._http = http
        self.path = f"/projects/{options.project}/issues.json"
        self._page = msgspec.json.Decoder(_Page)
        self._paging = Paging("offset", PAGE, http.system.max_rows, http.system.max_calls)
        self.warn_once = WarnOnce(http.name, self.path, http.health.notice)
        self._row = RowDecoder(IssueRow, self.warn_once, ["custom_fields", "is_private"])
        self._totals = Totals(self.warn_once)

    def chunks(self, keys: Sequence[str]) -> Chunks:
        """`keys` in parts that fit into one question each."""
        return chunks(keys, lambda key: range(len(key.encode()) + _EACH), _ROOM, most=PAGE)

    def too_long(self, key: str) -> Rejected:
        """The failure for a key that fits into no question."""
        return Rejected(
            self._http.name, f"{self.path}: a key of {len(key)} characters, for which a session has no room"
        )

    async def everything(self, question: str, keys: Sequence[str]) -> RowPage[IssueRow]:
        """All rows in the order of their ids, each once, with one call per page."""
        return await self._pages(question, STEADY, keys).everything()

    async def window(self, question: str, sort: str, keys: Sequence[str], window: Window) -> RowPage[IssueRow]:
        """The rows of a window, with the total."""
        return await self._pages(question, sort, keys).window(window)

    def _pages(self, question: str, sort: str, keys: Sequence[str]) -> PageReader[IssueRow]:
        async def read(offset: int, limit: int) -> RowPage[IssueRow]:
            target = f"{self.path}?{question}&sort={sort}&offset={offset}&limit={limit}"
            return await self._http.send(Request.get(target, keys), self._page_of)

        return PageReader(self._http.name, self.path, self._paging, read, self._totals)

    async def _page_of(self, answer: Answer) -> RowPage[IssueRow]:
        if answer.status == 404:
            raise Rejected(
                self._http.name,
                f"{self.path} does not exist there: set the option project to the project's identifier, and the url to"
                " the address of Redmine's own pages",
            )
        if answer.is_empty:
            return RowPage((), 0)
        page = self._page.decode(answer.body)
        rows = distinct_rows(await self._row.each(page.issues))
        return RowPage(rows, read_total(page.total_count), repeated=len(page.issues) - len(rows))
