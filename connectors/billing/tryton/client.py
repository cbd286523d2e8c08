"""Tryton's REST API (series 8): filters as domains, many keys in one call, answers page by page.

A domain is JSON in URL-safe base64 (`d`), so no key is ever interpolated into a query language. `f` names the fields,
with dots through relations; `s`, `p` and `o` are size, offset and order. What surprises:

- without `s` all rows come, and without `o` their order is not stable: both are always sent;
- there is no total, but pages are full: a short page is the last one (the header `Range` would give a total,
  but costs a second query, and past the end an answer 416);
- an invalid request is answered with 500 and a page of HTML (see `Rest.read`).
"""

import base64
import re
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import msgspec

from connectors.billing.tryton.options import TrytonOptions
from connectors.errors import ConnectorError, Failed, Garbled, Rejected, TooMuch
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.reading.chunks import Chunks, chunks
from connectors.reading.concurrently import run_concurrently
from connectors.reading.order import BY_ID, Order
from connectors.reading.pages import PageReader, Paging
from connectors.reading.rows import Batch, Entry, Row, RowDecoder, RowPage, distinct_rows
from connectors.reading.texts import forms
from connectors.reading.totals import Totals
from connectors.reading.warn_once import WarnOnce
from connectors.records import Fields, Window

T = TypeVar("T")

Domain = list[Any]
"""Tryton's filter: a list of ``[field, operator, value]``, all of which must hold."""

_LARGEST_ID: Final = 2**31 - 1
_ROWS: Final = msgspec.json.Decoder(list[msgspec.Raw])


class Projection:
    """The fields (`f`) that a record's attributes are made of."""

    def __init__(self, always: Iterable[str], table: Mapping[str, Sequence[str]]) -> None:
        self._always, self._table = frozenset(always), table

    def of(self, fields: Fields | None) -> list[str]:
        """The fields to request, sorted, so that equal selections make equal URLs; all of them if `fields` is None."""
        wanted = set(self._always)
        for name in self._table if fields is None else fields:
            wanted.update(self._table.get(name, ()))
        return sorted(wanted)


@dataclass(frozen=True, slots=True)
class KeyField:
    """A field to filter by many keys; `numeric` keys are Tryton's own ids."""

    field: str
    numeric: bool = False

    def values(self, keys: Iterable[str]) -> dict[str, str | int]:
        """Keys that can exist, with the values to send. A key that cannot exist would fail the whole batch with 500."""
        possible = _is_id if self.numeric else _is_text
        return {key: int(key) if self.numeric else key for key in keys if possible(key)}


BY_ROW_ID: Final = KeyField("id", numeric=True)


class Rest:
    """One database's REST API."""

    def __init__(self, http: HttpClient, options: TrytonOptions) -> None:
        self.http, self.options = http, options
        self.paging = Paging("offset", options.page_size, http.system.max_rows, http.system.max_calls)
        self.warn_once = WarnOnce(http.name, notice=http.health.notice)

    async def probe(self) -> None:
        """Read one row of a model that every installation has."""
        await self.http.send(Request.get(f"{self.path('party.party')}?f=id&s=1"), self.rows_of)

    def path(self, model: str) -> str:
        """The path of a model."""
        return f"/{self.options.database}/rest/model/{model}"

    async def read(self, target: str, keys: Sequence[str], decode: Callable[[Answer], Coroutine[Any, Any, T]]) -> T:
        """Send a GET request. Raises `ConnectorError`.

        Tryton also answers an unknown model or field with 500, for example if a module is missing. Another request
        (`probe`) finds out whether a 500 is such a mistake (`Rejected`) or a failure of the system (`Failed`).
        """
        try:
            return await self.http.send(Request.get(target, keys, ambiguous={500}), decode)
        except Failed as failure:
            if failure.status != 500:
                raise
            try:
                await self.probe()
            except ConnectorError:
                self.http.health.failed(failure)  # certain only now that the other request failed too
                raise failure from None
            raise Rejected(
                self.http.name,
                f"{failure.detail} but answers other requests: it lacks a model or field; check its"
                " series (8.2) and modules (account_invoice, account_payment)",
            ) from failure

    def rows_of(self, answer: Answer) -> list[msgspec.Raw]:
        """The rows of an answer. Raises `Rejected` if the path does not exist."""
        if answer.status == 404:
            raise Rejected(
                self.http.name,
                f"no REST API under /{self.options.database}: check the address, options.database and the series (8.2)",
            )
        return [] if answer.is_empty else _ROWS.decode(answer.body)


class Model(Generic[Row]):
    """The rows of one model, such as account.invoice, that meet `conditions`."""

    def __init__(
        self,
        rest: Rest,
        name: str,
        row: type[Row],
        projection: Projection,
        conditions: Domain,
        is_wanted: Callable[[Row], bool],
        deciding: Iterable[str] = (),
    ) -> None:
        """`is_wanted` checks that a row meets the conditions; `deciding` are the fields that say so and whose it is."""
        self._rest, self._projection = rest, projection
        self._conditions, self.is_wanted = conditions, is_wanted
        self._path = rest.path(name)
        self._warn_once = warn_once = WarnOnce(rest.http.name, self._path, rest.http.health.notice)
        self._row = RowDecoder(row, warn_once, deciding)
        self._totals = Totals(warn_once)

    async def by_keys(
        self, key_field: KeyField, keys: Sequence[str], fields: Fields | None, order: Order
    ) -> list[Batch[Row]]:
        """All rows of `keys`, in as few calls as the URL's length allows. A failed call fails its own keys only."""
        values = key_field.values(keys)
        found, allowed = self._chunks(key_field, values, fields, order), self._rest.paging.max_calls

        async def ask(part: Sequence[str]) -> Batch[Row]:
            pages = self._pages(self._domain(key_field, map(values.__getitem__, part)), fields, order, part)
            try:
                page = await pages.everything(set(part).issubset if key_field.field == "id" else None)
            except ConnectorError as failure:
                return Batch(part, (), failure)
            rows = list(filter(self.is_wanted, page.rows))
            if len(rows) < len(page.rows):
                self._warn_once("sends rows that are not what was asked for, or do not say it: they are left out")
            return Batch(part, rows, unreadable=page.unreadable)

        batches = list(await run_concurrently([ask(part) for part in found.parts[:allowed]]))
        calls = len(found.parts)
        refused = TooMuch(self._rest.http.name, f"{self._path}: {calls} calls, more than max_calls = {allowed}")
        batches += [Batch(part, (), refused) for part in found.parts[allowed:]]
        return batches + [Batch([key], (), self._too_long()) for key in found.too_long]

    async def window(
        self, key_field: KeyField, key: str, window: Window, fields: Fields | None, order: Order
    ) -> RowPage[Row]:
        """One window of one key's complete, sorted list. The key must be valid. Raises `ConnectorError`."""
        domain = self._domain(key_field, key_field.values([key]).values())
        return await self._pages(domain, fields, order, [key]).window(window)

    async def with_text(self, field: str, text: str, fields: Fields | None, order: Order) -> RowPage[Row]:
        """All rows whose `field` is this text in any letter case; the caller checks each. Raises `ConnectorError`."""
        if not _is_text(text):
            return RowPage((), 0)
        alike = [[field, "ilike", _literally(form)] for form in forms(text)]
        domain = [["OR", *alike] if len(alike) > 1 else alike[0], *self._conditions]
        page = await self._pages(domain, fields, order, [text]).everything()
        return RowPage([*self._wanted_of(page), *page.unreadable], page.total)

    async def everything(self) -> list[Row]:
        """All rows. Raises `ConnectorError`."""
        return await self.meeting([])

    async def meeting(self, more: Domain) -> list[Row]:
        """All rows that meet these conditions, too. Raises `ConnectorError`."""
        return self._wanted_of(await self._pages([*more, *self._conditions], None, BY_ID, []).everything())

    async def last(self, order: Order) -> list[Row]:
        """The first row in this order, in a list. Raises `ConnectorError`."""
        return self._wanted_of(await self._pages(self._conditions, None, order, []).window(Window(0, 1)))

    def _wanted_of(self, page: RowPage[Row]) -> list[Row]:
        """The page's rows that meet the conditions. Raises `Garbled` where rows came and none can be read."""
        if page.unreadable and not page.rows:
            raise Garbled(self._rest.http.name, f"{self._path}: none of the {len(page.unreadable)} rows can be read")
        return list(filter(self.is_wanted, page.rows))

    def _domain(self, key_field: KeyField, values: Iterable[str | int]) -> Domain:
        return [[key_field.field, "in", list(values)], *self._conditions]

    def _pages(self, domain: Domain, fields: Fields | None, order: Order, keys: Sequence[str]) -> PageReader[Row]:
        question = f"{self._path}?d={_base64(domain)}&{self._projected(fields, order)}"
        too_long = len(question) > self._room + len(self._path)

        async def read(offset: int, limit: int) -> RowPage[Row]:
            if too_long:
                raise self._too_long()
            target = f"{question}&s={limit}" + (f"&p={offset}" if offset else "")
            came = await self._rest.read(target, keys, self._entries)
            entries = distinct_rows(came)
            ended = len(came) < limit and (came or not offset)
            return RowPage(entries, offset + len(entries) if ended else None, repeated=len(came) - len(entries))

        return PageReader(self._rest.http.name, self._path, self._rest.paging, read, self._totals)

    def _projected(self, fields: Fields | None, order: Order) -> str:
        direction = "DESC NULLS LAST" if order.descending else "ASC"
        by = [[order.upstream.lstrip("-"), direction]]
        if order != BY_ID:
            by.append(["id", "ASC"])
        return "&".join(f"f={name}" for name in self._projection.of(fields)) + f"&o={_base64(by)}"

    @property
    def _room(self) -> int:
        """Bytes left in the URL for the query, without paging."""
        options, most = self._rest.options, self._rest.paging.max_rows
        prefix = re.sub(r"^https?://[^/]*", "", self._rest.http.system.url).rstrip("/")
        paging = f"&s={options.page_size}&p={most + options.page_size}"
        return options.max_url - len(prefix) - len(self._path) - len(paging)

    def _chunks(
        self, key_field: KeyField, values: Mapping[str, str | int], fields: Fields | None, order: Order
    ) -> Chunks:
        # Four characters of base64 encode three bytes of the domain.
        room = (self._room - len(f"?d=&{self._projected(fields, order)}")) // 4 * 3
        room -= len(msgspec.json.encode(self._domain(key_field, [])))
        return chunks(list(values), lambda key: msgspec.json.encode(values[key]), room, between=len(","))

    def _too_long(self) -> Rejected:
        return Rejected(
            self._rest.http.name,
            f"{self._path}: a key makes a longer URL than max_url = {self._rest.options.max_url}",
        )

    async def _entries(self, answer: Answer) -> list[Entry[Row]]:
        return await self._row.each(self._rest.rows_of(answer))


def _base64(value: Any) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(value)).decode()


def _is_id(key: str) -> bool:
    """Whether the key is an id as Tryton writes it: a PostgreSQL integer without leading zeros."""
    return key.isascii() and key.isdigit() and key[0] != "0" and len(key) <= 10 and int(key) <= _LARGEST_ID


def _is_text(key: str) -> bool:
    """Whether the key is a text that PostgreSQL can hold: no NUL, no lone surrogates."""
    return bool(key) and "\0" not in key and not any("\ud800" <= letter <= "\udfff" for letter in key)


def _literally(text: str) -> str:
    """The text as an `ilike` pattern that matches only this text."""
    return re.sub(r"([\\%_])", r"\\\1", text)
