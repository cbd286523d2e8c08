"""BottleCRM's REST API: lists, one account with its contacts, and the search. No batch reads, no projection.

What surprises:

- unknown filters, and filters with an empty value, are ignored: callers must check the rows;
- active and inactive accounts come as two lists in one answer, with one limit and offset for both;
- the next offset in the answer is 0 past the end, so only the totals are used for paging;
- accounts are sorted by random ids, so a new row may be on any page: see `Rest.everything`;
- a NUL in a filter is answered with 500 and HTML, an id that is not a UUID with 404 and HTML.
"""

import re
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from connectors.crm.bottlecrm.rows import Account, Contact, Hit
from connectors.errors import Garbled, Rejected, TooMuch
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.reading.concurrently import run_concurrently
from connectors.reading.rows import Entry, Row, RowDecoder, RowPage, Unreadable, distinct_rows
from connectors.reading.totals import credible, read_total
from connectors.reading.warn_once import WarnOnce

T = TypeVar("T")

SEARCH_HITS: Final = 6
"""Most hits of one kind that BottleCRM's search returns; it does not say if there are more."""

_ACCOUNTS: Final = "/api/accounts/"
_CONTACTS: Final = "/api/contacts/"
_SEARCH: Final = "/api/search/"
_UNSPEAKABLE: Final = re.compile("[\x00\ud800-\udfff]")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class _Active(msgspec.Struct):
    open_accounts: list[msgspec.Raw]
    open_accounts_count: Any = None


class _Inactive(msgspec.Struct):
    close_accounts: list[msgspec.Raw]
    close_accounts_count: Any = None


class _Accounts(msgspec.Struct):
    active_accounts: _Active
    closed_accounts: _Inactive


class _Contacts(msgspec.Struct):
    results: list[msgspec.Raw]
    count: Any = None


class _One(msgspec.Struct):
    account_obj: msgspec.Raw


class _Hits(msgspec.Struct):
    results: list[msgspec.Raw]


class _Refusal(msgspec.Struct):
    error: bool = False


@dataclass(frozen=True, slots=True)
class ListPage(Generic[Row]):
    """One page of one or two lists.

    `came` (rows in this page) and `longest` (rows in all) are those of the longer list; `total` counts both lists.
    Neither is `credible` where BottleCRM does not tell it.
    """

    entries: Sequence[Entry[Row]]
    came: int
    longest: int
    total: int


ReadListPage = Callable[[int, int], Coroutine[Any, Any, ListPage[Row]]]
"""Requests a page: offset and limit (for each of the lists) to rows."""


def _count(value: Any) -> int:
    """A number of rows, which may come as a text."""
    total = read_total(value)
    return sys.maxsize if total is None else total


def is_filter_value(text: str) -> bool:
    """Whether a filter can have this value. An empty one would be ignored, one with a NUL answered with 500."""
    return bool(text) and not _UNSPEAKABLE.search(text)


def is_uuid(key: str) -> bool:
    """Whether this is a UUID, as all ids of BottleCRM are."""
    return _UUID.fullmatch(key) is not None


class Rest:
    """The REST API for one organisation. `max_url` and `page_size` are those of `BottleCrmOptions`."""

    def __init__(self, http: HttpClient, max_url: int, page_size: int) -> None:
        self.http, self.page_size = http, page_size
        self._room = max_url - len(urlsplit(http.system.url).path.rstrip("/"))
        self.warn_once = WarnOnce(http.name, notice=http.health.notice)
        self._account = RowDecoder(Account, self._warned(_ACCOUNTS), ["custom_fields"])
        self._hit = RowDecoder(Hit, self._warned(_SEARCH), ["type"])
        self._contact = RowDecoder(Contact, self._warned(_CONTACTS), ["account", "linked_accounts"])

    def accounts(self, filters: Mapping[str, str], keys: Sequence[str]) -> ReadListPage[Account]:
        """Active and inactive accounts without their contacts. An answer has 9 kB, plus 1 kB per account."""

        async def read(offset: int, limit: int) -> ListPage[Account]:
            target = self._target(_ACCOUNTS, {**filters, "limit": str(limit), "offset": str(offset)})
            return await self.http.send(Request.get(target, keys), self._accounts_of)

        return read

    def contacts(self, filters: Mapping[str, str], keys: Sequence[str]) -> ReadListPage[Contact]:
        """Contacts. Each is in the answer twice, and decoded once."""

        async def read(offset: int, limit: int) -> ListPage[Contact]:
            target = self._target(_CONTACTS, {**filters, "limit": str(limit), "offset": str(offset)})
            return await self.http.send(Request.get(target, keys), self._contacts_of)

        return read

    async def account(self, key: str) -> Account | None:
        """One account with its contacts, by UUID; None if it does not exist or the token may not see it."""

        def read(answer: Answer) -> Account | None:
            if answer.status == 404:
                self._absent(answer, _ACCOUNTS)
                return None
            if answer.is_empty:
                return None
            one = self._account.row(self._decoded(answer, _ACCOUNTS, _One).account_obj)
            if isinstance(one, Unreadable):
                raise Garbled(self.http.name, f"{_ACCOUNTS}: the account cannot be read")
            return one

        found = await self.http.send(Request.get(f"{_ACCOUNTS}{quote(key, safe='')}/", [key]), read)
        return found if found and str(found.id).casefold() == key.casefold() else None

    async def search(self, text: str) -> Sequence[Hit]:
        """Hits of the search, at most `SEARCH_HITS` of each kind."""
        request = Request.get(self._target(_SEARCH, {"q": text}), [text])

        async def read(answer: Answer) -> Sequence[Hit]:
            if answer.is_empty:
                return ()
            entries = await self._hit.each(self._decoded(answer, _SEARCH, _Hits).results)
            if any(isinstance(one, Unreadable) for one in entries):
                raise Garbled(self.http.name, f"{_SEARCH}: a hit cannot be read, which may be anybody")
            return [one for one in entries if not isinstance(one, Unreadable)]

        return await self.http.send(request, read)

    async def everything(self, read: ReadListPage[Row], first: ListPage[Row] | None = None) -> RowPage[Row]:
        """All rows, each once: the first page tells the total, the other pages are requested concurrently.

        If fewer distinct rows come than the total, because the list has changed, it is read once more. Rows that a page
        has twice are counted twice, so that none is missing for them. Raises `TooMuch` beyond the system's limits,
        `Garbled` if rows are missing again.
        """
        for _ in range(2):
            parts = await self._parts(read, first)
            longest = max(part.longest for part in parts)
            if sum(part.came for part in parts) > longest or credible(longest) is None:
                return await self._to_the_end(read, parts[0])
            entries = distinct_rows(entry for part in parts for entry in part.entries)
            total = max(part.total for part in parts)
            page = RowPage(entries, len(entries))
            if len(entries) >= total:
                return page
            on_one_page = sum(len(distinct_rows(part.entries)) for part in parts) == len(entries)
            if on_one_page and sum(len(part.entries) for part in parts) >= total:
                self.warn_once("sends some rows twice: they are shown once")
                return page
            first = None
        raise Garbled(self.http.name, f"sent {len(entries)} different rows twice and says that there are {total}")

    async def _to_the_end(self, read: ReadListPage[Row], first: ListPage[Row]) -> RowPage[Row]:
        """All rows of a list whose total is contradicted by the rows that came."""
        self.warn_once("sends a total that is too low, none, or one that no system has: it is ignored")
        parts = [first]
        while parts[-1].came:
            at = sum(part.came for part in parts)
            self._bounded(at, len(parts) + 1)
            parts.append(await read(at, first.came))
        return RowPage(distinct_rows(entry for part in parts for entry in part.entries), None)

    def _bounded(self, rows: int, calls: int) -> None:
        system = self.http.system
        if rows > system.max_rows:
            raise TooMuch(self.http.name, f"{rows} rows, more than max_rows = {system.max_rows}")
        if calls > system.max_calls:
            raise TooMuch(self.http.name, f"{calls} calls, more than max_calls = {system.max_calls}")

    async def _parts(self, read: ReadListPage[Row], first: ListPage[Row] | None) -> list[ListPage[Row]]:
        first = first or await read(0, self.page_size)
        if first.came >= first.longest or credible(first.longest) is None:
            return [first]
        if not first.came:
            raise Garbled(self.http.name, f"sent no row and says that there are {first.total}")
        # Steps of the rows that came, because a server may send fewer than requested.
        starts = range(first.came, first.longest, first.came)
        self._bounded(first.total, 1 + len(starts))
        return [first, *await run_concurrently([read(at, first.came) for at in starts])]

    def _target(self, path: str, query: Mapping[str, str]) -> str:
        target = f"{path}?" + "&".join(f"{quote(name, safe='')}={quote(text, safe='')}" for name, text in query.items())
        if len(target) > self._room:
            raise Rejected(
                self.http.name, f"{path}: a question of {len(target)} bytes, its URL would be longer than max_url"
            )
        return target

    async def _accounts_of(self, answer: Answer) -> ListPage[Account]:
        if answer.is_empty:
            return ListPage((), 0, 0, 0)
        page = self._decoded(answer, _ACCOUNTS, _Accounts)
        active, inactive = page.active_accounts, page.closed_accounts
        return ListPage(
            await self._account.each((*active.open_accounts, *inactive.close_accounts)),
            max(len(active.open_accounts), len(inactive.close_accounts)),
            max(_count(active.open_accounts_count), _count(inactive.close_accounts_count)),
            _count(active.open_accounts_count) + _count(inactive.close_accounts_count),
        )

    async def _contacts_of(self, answer: Answer) -> ListPage[Contact]:
        if answer.is_empty:
            return ListPage((), 0, 0, 0)
        page = self._decoded(answer, _CONTACTS, _Contacts)
        entries = await self._contact.each(page.results)
        return ListPage(entries, len(entries), _count(page.count), _count(page.count))

    def _decoded(self, answer: Answer, path: str, shape: type[T]) -> T:
        """The decoded body. Raises `Rejected` for a refusal, which BottleCRM may send with status 200."""
        if answer.status == 404:
            raise Rejected(self.http.name, f"{path} does not exist there: the system's url is without /api")
        try:
            return msgspec.json.decode(answer.body, type=shape)
        except msgspec.ValidationError:
            if msgspec.json.decode(answer.body, type=_Refusal).error:
                raise Rejected(self.http.name, f"{path} answered {answer.status} and a refusal") from None
            raise

    def _absent(self, answer: Answer, path: str) -> None:
        """Raise `Rejected` for a 404 in HTML: the path does not exist. A 404 in JSON means that the row does not."""
        if not answer.body.lstrip().startswith(b"{"):
            raise Rejected(self.http.name, f"{path} does not exist there: the system's url is without /api")

    def _warned(self, path: str) -> Callable[[str], None]:
        return lambda what: self.warn_once(f"{path} {what}")
