"""Nautobot's GraphQL API (versions 2 and 3): many keys, several lists and selected fields in one call.

Its REST API is not used: Nautobot's web server drops requests with URLs above some 2,000 characters (45 ids), related
objects come as ids only or whole and five times as large, one unknown tenant fails a whole batch, and of several values
for a custom field only the last counts. What surprises in GraphQL, and what is done about it:

- a filter with an empty list matches all rows: without keys nothing is sent;
- a value that a filter refuses (an id that is not a UUID, a NUL) gives 200 with ``errors`` and fails the whole list:
  such keys are not sent, because they cannot exist;
- ``field__ie`` takes many values and ignores letter case, a custom field's ``field`` takes one: rows are checked;
- a token without permission for a type of object gets 200 and an empty list. Only REST answers 403, and is called once
  for each list that has been empty so far;
- there are no totals and no sorting: all rows up to `max_rows` are read and sorted here;
- each server process builds its schema at its first request, in some 5 seconds: set `timeout` above that.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar
from uuid import UUID

import msgspec

from connectors.errors import ConnectorError, Failed, Garbled, Rejected, TooMuch
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.reading.concurrently import run_concurrently
from connectors.reading.rows import Row, RowDecoder, Unreadable
from connectors.records import Found

PATH: Final = "/api/graphql/"
"""Appended to the system's url, which ends before /api."""

_REST: Final = {
    "circuits": "/api/circuits/circuits/",
    "tenants": "/api/tenancy/tenants/",
    "devices": "/api/dcim/devices/",
    "interfaces": "/api/dcim/interfaces/",
    "ip_addresses": "/api/ipam/ip-addresses/",
    "locations": "/api/dcim/locations/",
}
_LONGEST_KEY: Final = 255
"""Most characters of a key: Nautobot's names, serial numbers and custom fields in filters are no longer."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

R = TypeVar("R")


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


Known = TypeVar("Known", bound=_HasId)


class _Problem(msgspec.Struct):
    message: Any = None
    path: list[str | int] | None = None


class _Response(msgspec.Struct):
    data: dict[str, list[msgspec.Raw] | None] | None = None
    errors: list[_Problem] | None = None


class _Keys(msgspec.Struct):
    """The attributes that may identify an unreadable row."""

    id: Any = None
    number: Any = None


@dataclass(frozen=True, slots=True)
class DecodedRows(Generic[Row]):
    """The readable rows of one list, and placeholders for the unreadable ones."""

    rows: Sequence[Row]
    unreadable: Sequence[Unreadable]


Lists = Mapping[str, Sequence[msgspec.Raw]]
"""Undecoded rows by the name (or alias) of their list."""


class NautobotGraphql:
    """One Nautobot's GraphQL endpoint."""

    def __init__(self, http: HttpClient, max_keys: int) -> None:
        self._http, self._max_keys = http, max_keys
        self._permitted: set[str] = set()
        self._decoder = msgspec.json.Decoder(_Response)
        self.limit = http.system.max_rows + 1
        """The limit of every list in a query: one above `max_rows`, which shows that there are too many rows."""

    def key_parts(self, keys: Iterable[str]) -> Sequence[Sequence[str]]:
        """The distinct keys that a filter accepts, split into calls. Raises `TooMuch` for more than max_calls."""
        asked = [key for key in dict.fromkeys(keys) if is_filter_value(key)]
        parts = [asked[at : at + self._max_keys] for at in range(0, len(asked), self._max_keys)]
        if len(parts) > (most := self._http.system.max_calls):
            raise TooMuch(self._http.name, f"{PATH}: {len(parts)} calls, more than max_calls = {most}")
        return parts

    async def ask(self, lists: Mapping[str, str], keys: Sequence[str]) -> Lists:
        """Query the lists (see `listing`), whose filters refer to the keys as ``$keys``.

        Raises `Rejected` if Nautobot refuses the query, `Failed` if it could not answer one of the lists, `Refused`
        without permission for an empty list, `TooMuch` beyond max_rows, and as `HttpClient.send` does.
        """
        if not keys:
            raise ValueError("a filter with an empty list would match everything")
        return await self._post("query($keys:[String])", lists, {"keys": keys}, keys)

    async def everything(self, lists: Mapping[str, str]) -> Lists:
        """Query the lists without keys. Raises as `ask` does."""
        return await self._post("", lists, {}, ())

    async def _post(
        self, head: str, lists: Mapping[str, str], variables: Mapping[str, Any], keys: Sequence[str]
    ) -> Lists:
        body = msgspec.json.encode({"query": f"{head}{{{' '.join(lists.values())}}}", "variables": variables})
        answered = await self._http.send(Request.query(PATH, body, keys), lambda answer: self._lists(answer, lists))
        self._permitted.update(name for name, rows in answered.items() if rows)
        await run_concurrently(
            [self.require_permission(name) for name in lists if name in _REST and name not in self._permitted]
        )
        return answered

    async def require_permission(self, name: str) -> None:
        """Raise `Refused` without permission for this list. A permission is cached until `recheck_permissions`."""
        if name not in self._permitted:
            await self._http.send(Request.get(f"{_REST[name]}?limit=1&exclude_m2m=true"), lambda _answer: None)
            self._permitted.add(name)

    def recheck_permissions(self) -> None:
        """Look up permissions again for lists that are empty."""
        self._permitted.clear()

    def _lists(self, answer: Answer, asked: Iterable[str]) -> Lists:
        if answer.status == 404:
            raise Rejected(
                self._http.name,
                f"{PATH} does not exist there: the address must end before /api, and GraphQL must be enabled",
            )
        if answer.is_empty:
            return dict.fromkeys(asked, ())
        response = self._decoder.decode(answer.body)
        if response.errors:
            raise self._refusal(response.errors)
        lists: dict[str, Sequence[msgspec.Raw]] = {}
        for name in asked:
            rows = (response.data or {}).get(name)
            if rows is None:
                raise Garbled(self._http.name, f"{PATH} answered with neither {name} nor errors")
            self.check_row_limit(name, len(rows))
            lists[name] = rows
        return lists

    def check_row_limit(self, name: str, rows: int) -> None:
        """Raise `TooMuch` if a list has more rows than max_rows."""
        if rows >= self.limit:
            raise TooMuch(self._http.name, f"{PATH} {name}: more than max_rows = {self._http.system.max_rows} rows")

    def listing(
        self, name: str, condition: str, selected: str, limit: int | None = None, alias: str | None = None
    ) -> dict[str, str]:
        """One list of a query, by name or alias. `condition` is a filter such as ``id:$keys``, empty for all rows."""
        field = f"{alias}:{name}" if alias else name
        return {alias or name: f"{field}({condition} limit:{limit or self.limit}){{{selected}}}"}

    async def ask_in_parts(
        self, keys: Sequence[str], part: Callable[[Sequence[str]], Awaitable[Found[R]]]
    ) -> dict[str, R | ConnectorError]:
        """The results of `part` for all parts of the keys. A failed part fails its own keys only."""

        async def ask(some: Sequence[str]) -> Found[R]:
            try:
                return await part(some)
            except ConnectorError as failure:
                return dict.fromkeys(some, failure)

        try:
            parts = self.key_parts(keys)
        except ConnectorError as failure:
            return dict.fromkeys(keys, failure)
        found: dict[str, R | ConnectorError] = {}
        for each in await run_concurrently([ask(some) for some in parts]):
            found.update(each)
        return found

    def match_keys(
        self, keys: Sequence[str], records: Iterable[Known], unreadable: Sequence[Unreadable]
    ) -> dict[str, Known | ConnectorError]:
        """Records by requested key. A key with an unreadable row, or with several rows, maps to `Garbled`."""
        hidden, unread = any(one.id is None for one in unreadable), {one.id for one in unreadable}
        found: dict[str, Known | ConnectorError] = {
            key: Garbled(self._http.name, f"the row {key!r} cannot be read") for key in keys if hidden or key in unread
        }
        seen: set[str] = set()
        for one in records:
            if one.id in seen:
                found[one.id] = Garbled(self._http.name, f"several rows have the key {one.id!r}: it must be unique")
            elif one.id in keys and one.id not in unread:
                found[one.id] = one
                seen.add(one.id)
        return found

    def _refusal(self, problems: Sequence[_Problem]) -> Rejected | Failed:
        """The failure for errors of a query, without their messages, which may repeat personal data."""
        first = problems[0]
        where = ".".join(map(str, first.path or ())) or "the question"
        # Refused values are a printed dictionary: {'id': ['Enter a valid UUID.']}. Without a path nothing was executed.
        if first.path is None or str(first.message).startswith("{"):
            return Rejected(self._http.name, f"{PATH} answered 200 and refuses {where}")
        return Failed(self._http.name, f"{PATH} answered 200 and failed at {where}, {len(problems)} errors")


async def decoded(raws: Sequence[msgspec.Raw], row: RowDecoder[Row]) -> DecodedRows[Row]:
    """The decoded rows; one that came twice is one.

    Placeholders for unreadable rows have the service number or id, if that is readable.
    """
    rows: list[Row] = []
    unreadable: list[Unreadable] = []
    for one in await row.each({bytes(raw): raw for raw in raws}.values()):
        if isinstance(one, Unreadable):
            unreadable.append(Unreadable(_key_of(one.text), one.text))
        else:
            rows.append(one)
    return DecodedRows(rows, unreadable)


def _key_of(raw: bytes) -> str | None:
    try:
        keys = msgspec.json.decode(raw, type=_Keys)
    except (msgspec.ValidationError, UnicodeDecodeError):
        return None
    key = keys.id if keys.number is None else keys.number
    return str(key) if isinstance(key, (str, int)) and "\ufffd" not in str(key) else None


def is_filter_value(key: str) -> bool:
    """Whether a filter accepts this text. No name in Nautobot is a text that filters do not accept."""
    return 0 < len(key) <= _LONGEST_KEY and not _CONTROL.search(key)


def uuids(keys: Iterable[str]) -> list[str]:
    """The keys that are ids as Nautobot writes them. A key that is not a UUID would fail the whole batch."""
    return [key for key in keys if _UUID.fullmatch(key) and str(UUID(key)) == key]
