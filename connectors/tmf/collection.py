"""One resource of a TM Forum server: many keys in few calls, lenient decoding, failures limited to their own keys.

The driver must match each row of a `Collection` by its keys and test it against the filters: a server may ignore a
filter and send all rows, and a filter that it does not support is not sent.
"""

from __future__ import annotations  # annotations of nested functions would be evaluated at each call

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlsplit

from connectors.errors import ConnectorError, Garbled, Rejected, TooMuch
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.reading.concurrently import run_concurrently
from connectors.reading.grouping import match_ids
from connectors.reading.obeyed_filters import ObeyedFilters
from connectors.reading.order import Order
from connectors.reading.pages import PageReader, Paging
from connectors.reading.rows import Batch, Identified, RowDecoder, RowPage, Unreadable, distinct_rows
from connectors.reading.totals import Totals
from connectors.reading.warn_once import WarnOnce
from connectors.records import Fields, Window
from connectors.tmf.answers import Answers
from connectors.tmf.askable import Askable
from connectors.tmf.mapping import BoundMapping, WholeRow, partial_row_type
from connectors.tmf.profile import Profile
from connectors.tmf.query import Filters, QueryWriter

R = TypeVar("R")

_MOST_KEPT: Final = 256
"""Most selections of fields whose decoders are cached."""

_CALLS_PER_PAGE: Final = 25
"""Rows asked for one by one whose calls cost about as much as a page of the whole list, which has others' rows, too."""

_SORTED_BY: Final = frozenset({"name", "billDate", "paymentDate", "creationDate"})
"""Attributes by which the drivers ask for an order."""

_SEPARATORS: Final = {"comma": ",", "semicolon": ";"}
"""Where servers split a list of values, also if it came encoded: such an id is asked for by its address."""


class Collection(Generic[R]):
    """One resource of one TM Forum server, such as troubleTicket, and its conversion to records."""

    def __init__(self, http: HttpClient, profile: Profile, path: str, mapping: BoundMapping[R] | WholeRow[Any]) -> None:
        self._http, self.profile = http, profile.for_resource(path)
        if not self.profile.kept_in.keys().isdisjoint(_SORTED_BY):
            self.profile = self.profile.model_copy(update={"sort": False})  # it would sort by what it does not have
        self._paging = Paging(self.profile.paging, self.profile.page_size, http.system.max_rows, http.system.max_calls)
        self.resource = path.rsplit("/", 1)[-1]
        self.path = profile.path(path)
        prefix = urlsplit(http.system.url).path.rstrip("/")
        self._projection = mapping.projection
        self._write = QueryWriter(self.profile, self.path, mapping.projection, prefix, http.system.max_rows)
        self._row, self._deciding = mapping.row, mapping.deciding
        self.record_factory: Callable[[Fields | None], Callable[[Any], R]] = mapping.record_factory
        """Returns the function that makes records of rows that were requested with these fields."""
        self._explain_unowned, self._explain_ownerless = mapping.explain_unowned, mapping.explain_ownerless
        self._decoder: Callable[[Fields | None, frozenset[str]], RowDecoder[Any]] = lru_cache(_MOST_KEPT)(
            self._made_decoder
        )
        """Cached, because operations repeat their selections."""
        self.warn_once = WarnOnce(http.name, self.path, http.health.notice)
        self._totals = Totals(self.warn_once, may_count_pages=True)
        self.askable = Askable(http.name, self.resource, self.profile, mapping.projection)
        self._answers = Answers(http.name, self.path, self.resource, self.profile, http.system.max_rows)
        self._calls_not_enough = 0
        """In so many calls the whole list could not be read."""
        self.obeyed_filters = ObeyedFilters(http.system.is_personal)

    async def by_ids(self, ids: Sequence[str], fields: Fields | None) -> dict[str, Any]:
        """Rows by id. Ids that the server does not have are absent; rows with other ids are dropped.

        The id of an unreadable row maps to `Garbled`; if such a row has no readable id, so do all ids without a row.
        """
        self.askable.require_existence()
        if self.profile.id_list == "none" or not self.profile.understands("id"):
            return await self._one_by_one(ids, fields)
        separator = _SEPARATORS.get(self.profile.id_list)
        several = [one for one in ids if separator is not None and separator in one]
        if not several:
            return match_ids(await self.by_keys("id", ids, fields=fields), self.unreadable)
        single = [one for one in ids if one not in several]
        return {**(await self.by_ids(single, fields) if single else {}), **await self._one_by_one(several, fields)}

    async def by_keys(
        self,
        parameter: str,
        keys: Sequence[str],
        *,
        fields: Fields | None,
        filters: Filters = (),
        order: Order | None = None,
    ) -> list[Batch[Any]]:
        """All rows for which `parameter` is one of `keys`, in as few calls as the profile and URL length allow.

        If the server does not support the filter: all rows, if `read_everything` is set. Else raises `NotSupported`.
        """
        self.askable.require_filters(parameter, *(name for name, _ in filters))
        filters = self.askable.sent_of(filters)
        if not self.askable.understands(parameter):
            return [await self._of_everybody(parameter, _distinct(keys), filters, fields, order)]
        rest = self._write.question(filters, fields, order)
        chunks, by = self._write.chunks(parameter, _distinct(keys), rest), [parameter, *_names(filters)]

        async def ask(chunk: Sequence[str]) -> Batch[Any]:
            asked = frozenset(chunk)
            # Ids are unique: once all have come, no further row can match.
            enough = asked.issubset if parameter == "id" else None
            reading = self._pages([self._write.condition(parameter, chunk), *rest], chunk, fields, by)
            try:
                page = await reading.everything(enough)
                rows = page.rows
                await self._complete(rows, fields)
            except ConnectorError as failure:
                return Batch(chunk, (), failure)
            return Batch(chunk, rows, unreadable=page.unreadable)

        batches = list(await run_concurrently([ask(chunk) for chunk in chunks.parts]))
        return batches + [Batch([key], (), self._too_long(key)) for key in chunks.too_long]

    async def page(
        self,
        filters: Filters,
        window: Window,
        *,
        fields: Fields | None,
        order: Order | None = None,
        keys: Sequence[str] = (),
    ) -> RowPage[Any]:
        """One window of the complete list of rows that meet the filters, not of each parent's list."""
        self.askable.require_existence()
        question = self._write.question(filters, fields, order)
        page = await self._pages(question, keys, fields, _names(filters)).window(window)
        await self._complete(page.rows, fields)
        return page

    async def drain(self, filters: Filters, *, fields: Fields | None, keys: Sequence[str] = ()) -> RowPage[Any]:
        """All rows that meet the filters, within the system's limits; further rows if optional filters cannot be sent.

        Raises `NotSupported` if a filter that is not optional (see `is_optional`) cannot be sent.
        """
        self.askable.require_filters(*(name for name, _ in filters))
        questions = [
            self._write.question(one, fields, None) for one in self._write.single(self.askable.sent_of(filters))
        ]
        by = _names(filters)
        pages = await run_concurrently([self._pages(one, keys, fields, by).everything() for one in questions])
        page = (
            pages[0] if len(pages) == 1 else RowPage(distinct_rows(row for one in pages for row in one.entries), None)
        )
        await self._complete(page.rows, fields)
        return page

    def contains_filter(self, attribute: str, text: str) -> tuple[str, Sequence[str]]:
        """The filter that `attribute` contains `text`, in any letter case and form of Unicode."""
        return self._write.contains_filter(attribute, text)

    def explain_unowned(self, row: Any, asked: Set[str]) -> bool:
        """Say why a row is under none of these customers, if it names one of them otherwise than the profile says.

        Whether it does.
        """
        return self._explain_unowned(row, asked, self.resource)

    def explain_ownerless(self, rows: Iterable[Any]) -> None:
        """Say that rows which came for customers are nobody's, if none of them says whose it is."""
        self._explain_ownerless(rows, self.resource)

    @property
    def totals_are_believed(self) -> bool:
        """Whether nothing has contradicted the server's totals yet."""
        return self._totals.are_believed

    async def _of_everybody(
        self, parameter: str, keys: Sequence[str], filters: Filters, fields: Fields | None, order: Order | None
    ) -> Batch[Any]:
        question = self._write.question(filters, fields, order)
        try:
            page = await self._pages(question, keys, fields, [parameter, *_names(filters)]).everything()
            rows = page.rows
            await self._complete(rows, fields)
        except ConnectorError as failure:
            return Batch(keys, (), failure)
        return Batch(keys, rows, unreadable=page.unreadable)

    async def _complete(self, rows: Sequence[Any], fields: Fields | None) -> None:
        """Hook for subclasses: add data to the rows that the server keeps in another resource."""

    def _made_decoder(self, fields: Fields | None, by: frozenset[str]) -> RowDecoder[Any]:
        row = partial_row_type(self._row, self._projection.names(fields))
        return RowDecoder(row, self.warn_once, self._deciding | by)

    def _pages(
        self,
        question: Sequence[str],
        keys: Sequence[str],
        fields: Fields | None,
        by: Sequence[str],
        most: int | None = None,
    ) -> PageReader[Any]:
        """A reader of the list, in at most so many calls.

        `by` are the filters. Whether a row meets them cannot be told where their attributes cannot be read.
        """
        decoder = self._decoder(fields, frozenset(one.partition(".")[0] for one in by if one != "status"))

        async def page(answer: Answer) -> RowPage[Any]:
            return await self._answers.page(answer, decoder)

        async def read(offset: int, limit: int) -> RowPage[Any]:
            query = "&".join([*question, *self._write.paging(offset, limit)])
            target = f"{self.path}?{query}" if query else self.path
            return await self._http.send(Request.get(target, keys), page)

        paging = self._paging if most is None else replace(self._paging, max_calls=most)
        return PageReader(self._http.name, self.path, paging, read, self._totals)

    async def _one_by_one(self, ids: Sequence[str], fields: Fields | None) -> dict[str, Any]:
        """For servers that take no lists of ids: one call per id, concurrently within `concurrency`.

        Many ids may cost less by the whole list. More than `max_calls` are `TooMuch`.
        """

        decoder = self._decoder(fields, frozenset())

        def row_of(answer: Answer) -> Any:
            return self._answers.row(answer, decoder)

        async def ask(key: str) -> Any:
            target = self._write.one(key, fields)
            if target is None:
                return self._too_long(key)
            try:
                row = await self._http.send(Request.get(self.path + target, [key]), row_of)
                if isinstance(row, Unreadable):
                    return self.unreadable(key)
                await self._complete([row] if row else [], fields)
            except ConnectorError as failure:
                return failure
            return row

        keys = [key for key in _distinct(ids) if key not in (".", "..")]  # dot segments in a path
        listed = await self._listed(keys, fields)
        single = [key for key in keys if key not in listed]
        if len(single) > (most := self._paging.max_calls):
            too_much = f"{self.path} is asked for one by one, for {len(single)} ids, more than max_calls = {most}"
            return listed | dict.fromkeys(single, TooMuch(self._http.name, too_much))
        rows = await run_concurrently([ask(key) for key in single])
        return listed | {key: row for key, row in zip(single, rows, strict=True) if row is not None and _is(row, key)}

    async def _listed(self, keys: Sequence[str], fields: Fields | None) -> dict[str, Any]:
        """Rows from the whole list, where reading it costs a small part of the calls that asking one by one would."""
        most = min(self._paging.max_calls, len(keys) // _CALLS_PER_PAGE)
        if most <= self._calls_not_enough:
            return {}
        wanted = frozenset(keys)
        reading = self._pages(self._write.question([], fields, None), keys, fields, (), most)
        try:
            rows = [row for row in (await reading.everything(wanted.issubset)).rows if str(row.id) in wanted]
            await self._complete(rows, fields)
        except TooMuch:
            self._calls_not_enough = most
            return {}
        except ConnectorError:
            return {}  # Whether the rows can be had one by one is seen there.
        return {str(row.id): row for row in rows}

    def unreadable(self, key: str) -> Garbled:
        """The failure of a key whose row, or none of whose rows, can be read."""
        return Garbled(self._http.name, f"{self.path}: the row {key[:100]!r} cannot be read")

    def _too_long(self, key: str) -> Rejected:
        return Rejected(
            self._http.name,
            f"{self.path}: a key of {len(key)} characters makes a longer URL than max_url = {self.profile.max_url}",
        )


def _distinct(keys: Sequence[str]) -> list[str]:
    return [key for key in dict.fromkeys(keys) if key]


def _names(filters: Filters) -> list[str]:
    return [name for name, _ in filters]


def _is(row: Identified | ConnectorError, key: str) -> bool:
    return isinstance(row, ConnectorError) or str(row.id) == key
