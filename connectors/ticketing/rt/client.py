"""Asking Request Tracker's REST 2 for lists: TicketSQL and JSON conditions, parts of a URL's length, pages of 100.

What RT 5 does with a question that it does not like is the reason for most of this: an unknown field, a number that
its database cannot hold and a wrong order all give 200 and an empty list.
"""

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from connectors.errors import Rejected
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.reading.pages import Entry, Identified, Reading, RowPage, Unreadable, each_once
from connectors.records import Window
from connectors.tmf.profile import Profile

logger = logging.getLogger("gateway.connectors")

REST2: Final = "/REST/2.0"
PAGE: Final = 100
"""Rows of one page; RT cuts a greater wish to this without a word."""

Row = TypeVar("Row", bound=Identified)

_LARGEST_ID: Final = 2**31 - 1
_ID: Final = re.compile(r"[1-9][0-9]{0,9}")
_UNSPEAKABLE: Final = re.compile(r"[\\\x00-\x1f\x7f\ud800-\udfff]|^CF\.", re.IGNORECASE)
_ROW_ID: Final = msgspec.json.Decoder(Identified)
_MOST_TOLD: Final = 1000


class _Page(msgspec.Struct):
    items: list[msgspec.Raw]
    total: int | float | None = None


def ids_among(keys: Iterable[str]) -> list[str]:
    """The keys that can be ids of RT, each once. One that its database cannot hold would empty the whole answer."""
    return [key for key in dict.fromkeys(keys) if _ID.fullmatch(key) and int(key) <= _LARGEST_ID]


def speakable(value: str) -> bool:
    """Whether RT's query language can say this value.

    It cannot say a backslash or a control character, and takes ``'CF.{X}'`` for the field X, quoted or not: a query
    that compares a field with itself matches every ticket.
    """
    return not _UNSPEAKABLE.search(value)


def equals(field: str, value: str) -> str:
    """A condition of TicketSQL. The value must be `speakable`; a quote in it is escaped."""
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
    the records that they refer to, as in ``{"Queue": "Name"}``.
    """

    def __init__(self, http: HttpClient, name: str, row: type[Row]) -> None:
        self._http, self.path = http, f"{REST2}/{name}"
        self._row = msgspec.json.Decoder(row)
        self._page = msgspec.json.Decoder(_Page)
        self._room = http.system.profile.max_url - len(urlsplit(http.system.url).path.rstrip("/")) - len(self.path)
        # Pages by number, of the size that RT allows, whatever the profile says of TM Forum's.
        self._system = http.system.model_copy(update={"profile": Profile(paging="page", page_size=PAGE)})
        self._told: set[str] = set()

    def parts(
        self, keys: Sequence[str], question: str, written: Callable[[str], str], most: int | None = None
    ) -> list[list[str]]:
        """`keys` in parts that fit into one URL each.

        `question` is the one without keys, `written` says what a key adds to its query. A key that fits into none is
        a part of its own, and asking with it is `Rejected`.
        """
        parts: list[list[str]] = []
        used, room = 0, self._room - len(question)
        for key in keys:
            size = len(_encoded(written(key)))
            if parts and used + size <= room and (most is None or len(parts[-1]) < most):
                parts[-1].append(key)
                used += size
            else:
                parts.append([key])
                used = size
        return parts

    def question(
        self, query: str, fields: Mapping[str, str | None], orders: Sequence[tuple[str, str]] = (("id", "ASC"),)
    ) -> str:
        """The query string without paging. Always sorted: RT has no order of its own, and its pages would overlap."""
        parts = [f"?query={_encoded(query)}", f"fields={','.join(sorted(fields))}"]
        parts += [f"fields%5B{name}%5D={inner}" for name, inner in sorted(fields.items()) if inner]
        parts += [f"orderby={name}&order={direction}" for name, direction in orders]
        # The largest page number that is ever asked for has as many digits as the bound on rows.
        return "&".join([*parts, f"per_page={PAGE}&page={self._http.system.max_rows}"])

    async def everything(self, question: str, keys: Sequence[str]) -> RowPage[Row]:
        """All rows, by as many calls as there are pages, each once."""
        return await self._reading(question, keys).everything()

    async def window(self, question: str, keys: Sequence[str], window: Window) -> RowPage[Row]:
        """The rows of a window, and how many there are in all."""
        return await self._reading(question, keys).window(window)

    def _reading(self, question: str, keys: Sequence[str]) -> Reading[Row]:
        if len(question) > self._room:
            raise Rejected(self._http.name, f"{self.path}: a question of {len(question)} bytes, longer than max_url")
        unpaged = question.rpartition("&per_page=")[0]

        async def read(offset: int, limit: int) -> RowPage[Row]:
            target = f"{self.path}{unpaged}&per_page={limit}&page={offset // limit + 1}"
            return await self._http.send(Request.get(target, keys), self._page_of)

        return Reading(self._http.name, self.path, self._system, read)

    def _page_of(self, answer: Answer) -> RowPage[Row]:
        if answer.status == 404:
            raise Rejected(self._http.name, f"{self.path} does not exist there: the address is that of RT's own pages")
        page = self._page.decode(answer.body)
        rows = each_once(map(self._entry, page.items))
        # None for the collections that RT filters by rights after counting.
        return RowPage(rows, None if page.total is None else int(page.total))

    def _entry(self, raw: msgspec.Raw) -> Entry[Row]:
        try:
            return self._row.decode(raw)
        except msgspec.ValidationError as error:
            self.tell(f"has a row that cannot be read: {error}")
        try:
            key = str(_ROW_ID.decode(raw).id)
        except msgspec.ValidationError:
            key = None
        return Unreadable(key, bytes(raw))

    def date(self, text: str | None) -> datetime | None:
        """A date, with its zone: UTC, which REST 2 always writes. RT says 1970-01-01 where there is none."""
        if not text:
            return None
        try:
            parsed = datetime.fromisoformat(text)
        except ValueError:
            self.tell(f"has the date {text!r}, which cannot be read")
            return None
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)) if parsed.year > 1970 else None

    def tell(self, what: str) -> None:
        """Log, once, something about the system that its operator should know."""
        if what not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(what)
            logger.warning("%s: %s %s", self._http.name, self.path, what)


def _quoted(value: str) -> str:
    escaped = value.replace("'", "\\'")
    return f"'{escaped}'"


def _encoded(text: str) -> str:
    return quote(text, safe="=,.:()'!").replace("%20", "+")
