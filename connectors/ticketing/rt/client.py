"""Asking Request Tracker's REST 2 for lists: TicketSQL and JSON conditions, parts of a URL's length, pages of 100.

What RT 5 does with a question that it does not like is the reason for most of this: an unknown field, a number that
its database cannot hold and a wrong order all give 200 and an empty list.
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
from connectors.reading.rows import Row, RowPage, decode_leniently, distinct_rows
from connectors.reading.warn_once import WarnOnce
from connectors.records import Window

REST2: Final = "/REST/2.0"
PAGE: Final = 100
"""Rows of one page; RT cuts a greater wish to this without a word."""

_LARGEST_ID: Final = 2**31 - 1
_ID: Final = re.compile(r"[1-9][0-9]{0,9}")
_UNSPEAKABLE: Final = re.compile(r"[\\\x00-\x1f\x7f\ud800-\udfff]|^CF\.", re.IGNORECASE)


class _Page(msgspec.Struct):
    items: list[msgspec.Raw]
    total: int | float | None = None


def ids_among(keys: Iterable[str]) -> list[str]:
    """The keys that can be ids of RT, each once. One that its database cannot hold would empty the whole answer."""
    return [key for key in dict.fromkeys(keys) if _ID.fullmatch(key) and int(key) <= _LARGEST_ID]


def is_filter_value(value: str) -> bool:
    """Whether RT's query language can say this value.

    It cannot say a backslash or a control character, and takes ``'CF.{X}'`` for the field X, quoted or not: a query
    that compares a field with itself matches every ticket.
    """
    return not _UNSPEAKABLE.search(value)


def equals(field: str, value: str) -> str:
    """A condition of TicketSQL. The value must be `is_filter_value`; a quote in it is escaped."""
    return f"{field}={_quoted(value)}"


def is_one_of(field: str, values: Iterable[str]) -> str:
    """A condition of TicketSQL, in brackets: the field has one of these values."""
    return f"({' OR '.join(equals(field, value) for value in values)})"


def is_none_of(field: str, values: Iterable[str]) -> str:
    """A condition of TicketSQL: the field has none of these values."""
    return " AND ".join(f"{field}!={_quoted(value)}" for value in values)


def custom_field(name: str) -> str:
    """How TicketSQL names a custom field, of whatever queue."""
    return f"CF.{{{name}}}"


def json_query(*conditions: Mapping[str, Any]) -> str:
    """Conditions for the collections that take JSON (attachments, transactions, custom fields).

    One on an unknown field is silently ignored there: whoever asks must check the rows.
    """
    return json.dumps(conditions, separators=(",", ":"))


class RtList(Generic[Row]):
    """One collection of RT, such as tickets; rows that cannot be read cost only themselves.

    `fields` are the names that RT is asked for besides id (without any, it sends nothing else), with the fields of
    the records that they refer to, as in ``{"Queue": "Name"}``. `max_url` as in `RtOptions`.
    """

    def __init__(self, http: HttpClient, name: str, row: type[Row], max_url: int) -> None:
        self._http, self.path = http, f"{REST2}/{name}"
        self._row = msgspec.json.Decoder(row)
        self._page = msgspec.json.Decoder(_Page)
        self._max_url = max_url
        self._room = max_url - len(urlsplit(http.system.url).path.rstrip("/")) - len(self.path)
        self._paging = Paging("page", PAGE, http.system.max_rows, http.system.max_calls)
        self.warn_once = WarnOnce(http.name, self.path)

    def chunks(
        self, keys: Sequence[str], question: str, written: Callable[[str], str], joined: str, most: int = sys.maxsize
    ) -> Chunks:
        """`keys` in parts that fit into one URL each, and into `most`.

        `question` is the one without keys, `written` a key as it stands in the query, `joined` what stands between two.
        """
        room = self._room - len(question)
        return chunks(keys, lambda key: _encoded(written(key)), room, between=len(_encoded(joined)), most=most)

    def too_long(self, key: str) -> Rejected:
        """The failure of a key that fits into no URL."""
        detail = f"a key of {len(key)} characters makes a longer URL than max_url = {self._max_url}"
        return Rejected(self._http.name, f"{self.path}: {detail}")

    def question(
        self, query: str, fields: Mapping[str, str | None], orders: Sequence[tuple[str, str]] = (("id", "ASC"),)
    ) -> str:
        """The query string without paging. Always sorted: RT has no order of its own, and its pages would overlap."""
        parts = [f"?query={_encoded(query)}", f"fields={','.join(sorted(fields))}"]
        parts += [f"fields%5B{name}%5D={inner}" for name, inner in sorted(fields.items()) if inner]
        parts += [f"orderby={name}&order={direction}" for name, direction in orders]
        # The largest page number that is ever asked for has as many digits as the bound on rows.
        return "&".join([*parts, f"per_page={PAGE}&page={self._paging.max_rows}"])

    async def everything(self, question: str, keys: Sequence[str]) -> RowPage[Row]:
        """All rows, by as many calls as there are pages, each once."""
        return await self._pages(question, keys).everything()

    async def window(self, question: str, keys: Sequence[str], window: Window) -> RowPage[Row]:
        """The rows of a window, and how many there are in all."""
        return await self._pages(question, keys).window(window)

    def _pages(self, question: str, keys: Sequence[str]) -> PageReader[Row]:
        if len(question) > self._room:
            raise Rejected(self._http.name, f"{self.path}: a question of {len(question)} bytes, longer than max_url")
        unpaged = question.rpartition("&per_page=")[0]

        async def read(offset: int, limit: int) -> RowPage[Row]:
            target = f"{self.path}{unpaged}&per_page={limit}&page={offset // limit + 1}"
            return await self._http.send(Request.get(target, keys), self._page_of)

        return PageReader(self._http.name, self.path, self._paging, read)

    def _page_of(self, answer: Answer) -> RowPage[Row]:
        if answer.status == 404:
            raise Rejected(self._http.name, f"{self.path} does not exist there: the address is that of RT's own pages")
        page = self._page.decode(answer.body)
        rows = distinct_rows(decode_leniently(raw, self._row, self.warn_once) for raw in page.items)
        # None for the collections that RT filters by rights after counting.
        return RowPage(rows, None if page.total is None else int(page.total))


def _quoted(value: str) -> str:
    escaped = value.replace("'", "\\'")
    return f"'{escaped}'"


def _encoded(text: str) -> str:
    return quote(text, safe="=,.:()'!").replace("%20", "+")
