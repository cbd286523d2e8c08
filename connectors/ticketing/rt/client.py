"""Lists of Request Tracker's REST 2 API: TicketSQL and JSON filters, split by URL length, in pages of 100 rows.

RT 5 answers many invalid requests with 200 and an empty list: those with an unknown field, a number that its database
cannot hold, or an invalid order. Therefore keys are checked before they are sent.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Generic
from urllib.parse import quote, urlsplit

import msgspec

from connectors.errors import Rejected
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.reading.chunks import Chunks, chunks
from connectors.reading.pages import PageReader, Paging
from connectors.reading.rows import Row, RowDecoder, RowPage, distinct_rows
from connectors.reading.totals import Totals, read_total
from connectors.reading.warn_once import WarnOnce
from connectors.records import Window

REST2: Final = "/REST/2.0"
PAGE: Final = 100
"""Rows of one page. RT silently reduces a larger page size to this."""

_LARGEST_ID: Final = 2**31 - 1
_ID: Final = re.compile(r"[1-9][0-9]{0,9}")
_UNSPEAKABLE: Final = re.compile(r"[\\\x00-\x1f\x7f\ud800-\udfff]|^CF\.", re.IGNORECASE)


class _Page(msgspec.Struct):
    items: list[msgspec.Raw]
    total: Any = None
    """None for the collections that RT filters by rights after counting."""
    next_page: Any = None


def ids_among(keys: Iterable[str]) -> list[str]:
    """The distinct keys that can be ids of RT. One that its database cannot hold would make the whole answer empty."""
    return [key for key in dict.fromkeys(keys) if _ID.fullmatch(key) and int(key) <= _LARGEST_ID]


def is_filter_value(value: str) -> bool:
    """Whether RT's query language can express this value.

    It cannot express backslashes and control characters, and takes ``'CF.{X}'`` for the field X even if quoted: a query
    that compares a field with itself matches every ticket.
    """
    return not _UNSPEAKABLE.search(value)


def equals(field: str, value: str) -> str:
    """A TicketSQL condition. The value must satisfy `is_filter_value`; quotes in it are escaped."""
    return f"{field}={_quoted(value)}"


def is_one_of(field: str, values: Iterable[str]) -> str:
    """A TicketSQL condition, in parentheses: the field has one of these values."""
    return f"({' OR '.join(equals(field, value) for value in values)})"


def is_none_of(field: str, values: Iterable[str]) -> str:
    """A TicketSQL condition: the field has none of these values."""
    return " AND ".join(f"{field}!={_quoted(value)}" for value in values)


def custom_field(name: str) -> str:
    """TicketSQL's name for a custom field of any queue."""
    return f"CF.{{{name}}}"


def json_query(*conditions: Mapping[str, Any]) -> str:
    """Conditions for the collections that take JSON (attachments, transactions, custom fields).

    RT silently ignores conditions on unknown fields there, so the caller must check the rows.
    """
    return json.dumps(conditions, separators=(",", ":"))


class RtList(Generic[Row]):
    """One collection of RT, such as tickets. Unreadable rows become placeholders.

    `fields` maps the fields to request besides id to the fields of the records that they refer to, if any, as in
    ``{"Queue": "Name"}``. `max_url` is that of `RtOptions`.
    """

    def __init__(self, http: HttpClient, name: str, row: type[Row], max_url: int, deciding: Iterable[str] = ()) -> None:
        """`deciding` are the fields that say whose a row is."""
        self._http, self.path = http, f"{REST2}/{name}"
        self._page = msgspec.json.Decoder(_Page)
        self._max_url = max_url
        self._room = max_url - len(urlsplit(http.system.url).path.rstrip("/")) - len(self.path)
        self._paging = Paging("page", PAGE, http.system.max_rows, http.system.max_calls)
        self.warn_once = WarnOnce(http.name, self.path, http.health.notice)
        self._row, self._totals = RowDecoder(row, self.warn_once, deciding), Totals(self.warn_once)

    def chunks(
        self, keys: Sequence[str], question: str, written: Callable[[str], str], joined: str, most: int = sys.maxsize
    ) -> Chunks:
        """`keys` in parts that fit into one URL each, with at most `most` keys.

        `question` is the query string without keys, `written` formats a key, `joined` stands between two keys.
        """
        room = self._room - len(question)
        return chunks(keys, lambda key: _encoded(written(key)), room, between=len(_encoded(joined)), most=most)

    def too_long(self, key: str) -> Rejected:
        """The failure for a key that is too long for a URL."""
        detail = f"a key of {len(key)} characters makes a longer URL than max_url = {self._max_url}"
        return Rejected(self._http.name, f"{self.path}: {detail}")

    def question(
        self, query: str, fields: Mapping[str, str | None], orders: Sequence[tuple[str, str]] = (("id", "ASC"),)
    ) -> str:
        """The query string without paging. It always sorts, because unsorted pages of RT may overlap."""
        parts = [f"?query={_encoded(query)}", f"fields={','.join(sorted(fields))}"]
        parts += [f"fields%5B{name}%5D={inner}" for name, inner in sorted(fields.items()) if inner]
        parts += [f"orderby={name}&order={direction}" for name, direction in orders]
        # Reserves room for the longest page number.
        return "&".join([*parts, f"per_page={PAGE}&page={self._paging.max_rows}"])

    async def everything(self, question: str, keys: Sequence[str]) -> RowPage[Row]:
        """All rows, each once, with one call per page."""
        return await self._pages(question, keys).everything()

    async def window(self, question: str, keys: Sequence[str], window: Window) -> RowPage[Row]:
        """The rows of a window, with the total."""
        return await self._pages(question, keys).window(window)

    def _pages(self, question: str, keys: Sequence[str]) -> PageReader[Row]:
        if len(question) > self._room:
            raise Rejected(self._http.name, f"{self.path}: a question of {len(question)} bytes, longer than max_url")
        unpaged = question.rpartition("&per_page=")[0]

        async def read(offset: int, limit: int) -> RowPage[Row]:
            target = f"{self.path}{unpaged}&per_page={limit}&page={offset // limit + 1}"
            return await self._http.send(Request.get(target, keys), self._page_of)

        return PageReader(self._http.name, self.path, self._paging, read, self._totals)

    async def _page_of(self, answer: Answer) -> RowPage[Row]:
        if answer.status == 404:
            raise Rejected(self._http.name, f"{self.path} does not exist there: the address is that of RT's own pages")
        if answer.is_empty:
            return RowPage((), 0)
        page = self._page.decode(answer.body)
        rows = distinct_rows(await self._row.each(page.items))
        return RowPage(
            rows, read_total(page.total), has_next=bool(page.next_page), repeated=len(page.items) - len(rows)
        )


def _quoted(value: str) -> str:
    escaped = value.replace("'", "\\'")
    return f"'{escaped}'"


def _encoded(text: str) -> str:
    return quote(text, safe="=,.:()'!").replace("%20", "+")
