"""How TM Forum servers are asked, by TMF630: filters, lists of keys, projection, sorting and paging.

One `Collection` is one resource of one system. It asks for many keys in as few calls as the profile allows, drains
pages within bounds (more than the bound is `TooMuch`, never a silent cut), and leaves it to the driver to read the
keys back from each row: a server that ignores a filter answers with everybody's rows.
"""

import asyncio
import logging
import re
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from connectors.errors import ConnectorError, Garbled, Rejected, TooMuch
from connectors.http import Answer, HttpClient
from connectors.profile import Profile
from connectors.records import Fields, Window

logger = logging.getLogger("gateway.connectors")

Filters = Sequence[tuple[str, Sequence[str]]]
"""Conditions that all must hold; the values of one are alternatives."""


class Identified(msgspec.Struct):
    """What every row has. TMF ids are strings; some servers send numbers."""

    id: str | int


Row = TypeVar("Row", bound=Identified)
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Batch(Generic[Row]):
    """Rows that were asked for with `keys`, or why there are none."""

    keys: Sequence[str]
    rows: Sequence[Row]
    failure: ConnectorError | None = None


@dataclass(frozen=True, slots=True)
class RowPage(Generic[Row]):
    """One page; `total` is None where the server does not tell, or its word is not trusted."""

    rows: list[Row]
    total: int | None
    unreadable: int = 0


class Projection:
    """Which upstream attributes a record's attributes are made of."""

    def __init__(self, always: Iterable[str], table: Mapping[str, Sequence[str]]) -> None:
        self._always, self._table = frozenset(always), table

    def of(self, fields: Fields | None) -> str | None:
        """The value for `fields=`: sorted, so that the same selection is the same URL; None means everything."""
        if fields is None:
            return None
        wanted = set(self._always)
        for name in fields:
            wanted.update(self._table.get(name, ()))
        return ",".join(sorted(wanted))


class Collection(Generic[Row]):
    """One resource of one TM Forum server, such as /tmf-api/troubleTicket/v4/troubleTicket."""

    def __init__(self, http: HttpClient, profile: Profile, path: str, row: type[Row], projection: Projection) -> None:
        self._http, self.profile = http, profile
        resource = path.rsplit("/", 1)[-1]
        self.path = profile.paths.get(resource, path)
        self._resource = resource
        self._row = row
        self._list = msgspec.json.Decoder(list[row])  # type: ignore[valid-type]  # a type made at run time
        self._rows = msgspec.json.Decoder(list[msgspec.Raw])
        self._one = msgspec.json.Decoder(row)
        self._projection = projection

    async def by_ids(self, ids: Sequence[str], fields: Fields | None) -> dict[str, Row | ConnectorError]:
        """Rows by their ids. What the server does not have is absent; what it sent unasked is dropped."""
        if self.profile.id_list == "none":
            return await self._one_by_one(ids, fields)
        found: dict[str, Row | ConnectorError] = {}
        for batch in await self.by_keys("id", ids, fields=fields):
            asked = set(batch.keys)
            found.update({str(row.id): row for row in batch.rows if str(row.id) in asked})
            if batch.failure:
                found.update(dict.fromkeys(batch.keys, batch.failure))
        return found

    async def by_keys(
        self,
        parameter: str,
        keys: Sequence[str],
        *,
        fields: Fields | None,
        filters: Filters = (),
        sort: str | None = None,
    ) -> list[Batch[Row]]:
        """All rows for which `parameter` is one of `keys`, in as few calls as the profile and URL length allow."""
        chunks = self._chunks(self.profile.parameter(parameter), keys, self._query(filters, fields, sort))

        async def ask(chunk: Sequence[str]) -> Batch[Row]:
            try:
                return Batch(chunk, await self._drain([(parameter, chunk), *filters], fields, sort, chunk))
            except ConnectorError as failure:
                return Batch(chunk, (), failure)

        return list(await _together([ask(chunk) for chunk in chunks]))

    async def page(
        self, filters: Filters, window: Window, *, fields: Fields | None, sort: str | None, keys: Sequence[str] = ()
    ) -> RowPage[Row]:
        """One window of the whole answer: limit, sort and paging belong to it, not to each parent.

        A server whose total is not to be trusted is asked for one row more, which then says whether more follow.
        Servers cap pages: the window is filled by as many calls as that takes.
        """
        if self.profile.paging == "none":
            rows = await self._drain(filters, fields, sort, keys)
            return RowPage(rows[window.offset : window.offset + window.limit], len(rows))
        rows, total = [], None
        while len(rows) < window.limit:
            part = await self._read(filters, fields, sort, window.offset + len(rows), window.limit - len(rows), keys)
            rows += part.rows
            total = part.total
            if not part.rows or (total is not None and window.offset + len(rows) >= total):
                break
        return RowPage(rows[: window.limit], total)

    async def drain(self, filters: Filters, *, fields: Fields | None, keys: Sequence[str] = ()) -> list[Row]:
        """All rows that meet the conditions, within the system's bounds."""
        return await self._drain(filters, fields, None, keys)

    async def _drain(self, filters: Filters, fields: Fields | None, sort: str | None, keys: Sequence[str]) -> list[Row]:
        """All pages of one question, without duplicates.

        The offset moves by what came, not by what was asked (servers cap); a short page does not mean the last one.
        Where the total is trusted the remaining pages are asked for at once.
        """
        size = self.profile.page_size
        first = await self._read(filters, fields, sort, 0, size, keys)
        came = len(first.rows) + first.unreadable
        rows = {str(row.id): row for row in first.rows}
        if self.profile.paging == "none" or not came or (first.total is not None and came >= first.total):
            return list(rows.values())
        if first.total is not None:
            self._bounded(first.total, -(-first.total // came))
            rest = await _together(
                [self._read(filters, fields, sort, offset, came, keys) for offset in range(came, first.total, came)]
            )
            for page in rest:
                rows.update({str(row.id): row for row in page.rows})
            return list(rows.values())
        calls = 1
        while True:
            page = await self._read(filters, fields, sort, came, size, keys)
            calls += 1
            if not page.rows and not page.unreadable:
                return list(rows.values())
            new = {str(row.id): row for row in page.rows if str(row.id) not in rows}
            if not new and page.rows:
                raise Garbled(
                    self._http.name,
                    f"{self.path} sent the same rows for offset 0 and {came}: if it has no paging, say so in the"
                    " profile (paging = 'none')",
                )
            rows.update(new)
            came += len(page.rows) + page.unreadable
            self._bounded(came, calls)

    def _bounded(self, rows: int, calls: int) -> None:
        system = self._http.system
        if rows > system.max_rows:
            raise TooMuch(self._http.name, f"{self.path}: {rows} rows, more than max_rows = {system.max_rows}")
        if calls > system.max_calls:
            raise TooMuch(self._http.name, f"{self.path}: {calls} calls, more than max_calls = {system.max_calls}")

    async def _read(
        self, filters: Filters, fields: Fields | None, sort: str | None, offset: int, limit: int, keys: Sequence[str]
    ) -> RowPage[Row]:
        query = self._query(filters, fields, sort)
        if self.profile.paging == "offset":
            query += [f"offset={offset}"] if offset else []
            query += [f"limit={limit}"]
        elif self.profile.paging == "page":
            query += [f"offset={offset // limit}", f"limit={limit}"]
        target = self.path + ("?" + "&".join(query) if query else "")
        return await self._http.get(target, keys, self._page_of)

    def _page_of(self, answer: Answer) -> RowPage[Row]:
        if answer.status == 404:
            if not self.profile.empty_is_404:
                raise Rejected(self._http.name, f"{self.path} does not exist there: check the address and the path")
            return RowPage([], 0)
        body = self._unwrapped(answer.body)
        total = answer.headers.get("X-Total-Count", "") if self.profile.total_trusted else ""
        known = int(total) if total.isdigit() else None
        try:
            return RowPage(self._list.decode(body), known)
        except msgspec.ValidationError:
            rows = [row for raw in self._rows.decode(body) if (row := self._lenient(raw)) is not None]
            return RowPage(rows, known, unreadable=len(self._rows.decode(body)) - len(rows))

    def _unwrapped(self, body: bytes) -> bytes:
        """The list itself, where a server puts it into an object under the resource's name (FACTS.md, section 7)."""
        if body.lstrip()[:1] != b"{":
            return body
        wrapped = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        if self._resource not in wrapped:
            raise Garbled(self._http.name, f"{self.path} answered with an object instead of a list")
        return bytes(wrapped[self._resource])

    def _lenient(self, raw: msgspec.Raw) -> Row | None:
        try:
            return self._one.decode(raw)
        except msgspec.ValidationError as error:
            logger.warning("%s: a row of %s cannot be read: %s", self._http.name, self.path, error)
            return None

    async def _one_by_one(self, ids: Sequence[str], fields: Fields | None) -> dict[str, Row | ConnectorError]:
        """For servers that take no lists of ids: as many calls as ids, side by side within the bulkhead."""
        projection = self._projection.of(fields) if self.profile.fields else None
        query = f"?fields={quote(projection, safe=',.@')}" if projection else ""

        async def ask(key: str) -> Row | ConnectorError | None:
            try:
                return await self._http.get(f"{self.path}/{quote(key, safe='')}{query}", [key], self._row_of)
            except ConnectorError as failure:
                return failure

        rows = await _together([ask(key) for key in ids])
        return {key: row for key, row in zip(ids, rows, strict=True) if row is not None and _is(row, key)}

    def _row_of(self, answer: Answer) -> Row | None:
        return None if answer.status == 404 else self._one.decode(answer.body)

    def _query(self, filters: Filters, fields: Fields | None, sort: str | None) -> list[str]:
        parts = [self._condition(self.profile.parameter(name), values) for name, values in filters]
        if self.profile.fields and (projection := self._projection.of(fields)):
            parts.append(f"fields={quote(projection, safe=',.@')}")
        if sort and self.profile.sort:
            parts.append(f"sort={quote(sort, safe=',.-')}")
        return parts

    def _condition(self, name: str, values: Sequence[str]) -> str:
        escaped = [quote(value, safe=":") for value in values]
        key = quote(name, safe=".@")
        match self.profile.id_list:
            case "repeat":
                return "&".join(f"{key}={value}" for value in escaped)
            case "semicolon":
                return ";".join(f"{key}={value}" for value in escaped)
            case _:
                return f"{key}={','.join(escaped)}"

    def _chunks(self, name: str, keys: Sequence[str], rest: Sequence[str]) -> list[Sequence[str]]:
        """Keys in parts that keep within the profile's number of keys and the URL's length in bytes."""
        most = 1 if self.profile.id_list == "none" else self.profile.max_keys
        room = (
            self.profile.max_url
            - len(self.path)
            - sum(len(part) + 1 for part in rest)
            - len("&offset=00000&limit=00000?")
        )
        chunks: list[list[str]] = []
        for key in keys:
            if chunks and len(chunks[-1]) < most and len(self._condition(name, [*chunks[-1], key])) <= room:
                chunks[-1].append(key)
            else:
                chunks.append([key])
        return list(chunks)

    def containing(self, attribute: str, text: str) -> tuple[str, Sequence[str]]:
        """A condition: `attribute` contains `text`, in any case; equals it where the server knows no regex."""
        if not self.profile.regex:
            return attribute, [text]
        return f"{attribute}.regex", [f"(?i){re.escape(text)}"]


def _is(row: Identified | ConnectorError, key: str) -> bool:
    return isinstance(row, ConnectorError) or str(row.id) == key


async def _together(calls: Sequence[Coroutine[Any, Any, K]]) -> Sequence[K]:
    """Run side by side; the first failure ends the others and is the one that is raised."""
    if len(calls) == 1:
        return [await calls[0]]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call) for call in calls]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
