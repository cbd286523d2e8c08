"""Icinga 2's API: hosts, services and dependencies by filters. Tested with 2.13.

Values of a filter are in `filter_vars`, never in its text, which is code. There is no paging and no order. A filter
without a hit answers 200; 404 is a filter that is wrong, or a type that the gateway's user may not read.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from connectors.assurance.icinga.options import IcingaOptions
from connectors.assurance.icinga.rows import ObjectRow
from connectors.errors import ConnectorError, Rejected, TooMuch
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.reading.concurrently import run_concurrently
from connectors.reading.rows import Batch, Identified, Row, RowDecoder, RowPage, Unreadable
from connectors.reading.warn_once import WarnOnce

_OVERRIDE: Final = {"X-HTTP-Method-Override": "GET"}
_LONGEST: Final = 255
"""Most characters of a name or number that is asked for."""

_EXACT: Final = 16
"""Digits from which on a number is not exact in Icinga, whose numbers are floats."""

HOST: Final = ("host.problem", "host.state_type", "host.flapping", "host.vars")
"""What is read of a service's host."""


_TYPES: Final = {"hosts": "Host", "services": "Service", "dependencies": "Dependency"}
"""What permissions call the types of objects."""


class _Results(msgspec.Struct):
    results: list[msgspec.Raw]


class _Status(msgspec.Struct):
    icingaapplication: dict[str, Any]


class _Application(msgspec.Struct):
    status: _Status


class _Applications(msgspec.Struct):
    results: list[_Application]


_RESULTS: Final = msgspec.json.Decoder(_Results)
_APPLICATIONS: Final = msgspec.json.Decoder(_Applications)


class Question(msgspec.Struct, frozen=True):
    """Which objects of a type (hosts, services, dependencies), and what of them."""

    kind: str
    filter: str
    values: Mapping[str, Any]
    attributes: Sequence[str]
    joins: Sequence[str] = ()


def is_name(key: str) -> bool:
    """Whether an object or a custom variable can be called so."""
    return 0 < len(key) <= _LONGEST and key.isprintable()


def written(keys: Sequence[str]) -> list[str | int]:
    """Keys as custom variables may have them: a number is another value than its text."""
    numbers = [
        int(key) for key in keys if key.isascii() and key.isdigit() and len(key) < _EXACT and key == str(int(key))
    ]
    return [*keys, *numbers]


class IcingaApi:
    """One Icinga. The system's url ends before /v1."""

    def __init__(self, http: HttpClient, options: IcingaOptions, warn_once: WarnOnce) -> None:
        self._http, self._max_keys = http, options.max_keys
        self._row = RowDecoder(ObjectRow, warn_once, ["name", "joins"])
        self._only = {"hosts": options.host_filter, "services": options.service_filter}

    async def version(self) -> None:
        """Look whether it is an Icinga. Raises `ConnectorError`."""

        def read(answer: Answer) -> None:
            if answer.status == 404 or answer.is_empty or not _APPLICATIONS.decode(answer.body).results:
                raise Rejected(self._http.name, "/v1/status is not there, or the gateway's user may not read it")

        await self._http.send(Request.get("/v1/status/IcingaApplication"), read)

    async def objects(self, question: Question, keys: Sequence[str] = ()) -> RowPage[ObjectRow]:
        """All objects that fit. Raises `ConnectorError`."""
        condition = " && ".join(f"({one})" for one in (self._only.get(question.kind), question.filter) if one)
        body = {"filter": condition, "filter_vars": question.values, "attrs": question.attributes}
        body |= {"joins": question.joins} if question.joins else {}
        request = Request.query(f"/v1/objects/{question.kind}", msgspec.json.encode(body), keys)

        async def read(answer: Answer) -> RowPage[ObjectRow]:
            if answer.status == 404:
                raise Rejected(
                    self._http.name,
                    f"/v1/objects/{question.kind}: 404 for a filter: host_filter or service_filter is wrong, or the"
                    f" gateway's user lacks the permission objects/query/{_TYPES[question.kind]}",
                )
            return RowPage((), 0) if answer.is_empty else await self._page(_RESULTS.decode(answer.body).results)

        return await self._http.send(msgspec.structs.replace(request, headers=_OVERRIDE), read)

    async def in_parts(
        self, keys: Iterable[str], ask: Callable[[Sequence[str]], Awaitable[tuple[list[Row], list[Unreadable]]]]
    ) -> list[Batch[Row]]:
        """The rows for all keys that can be names, in as few questions as there may be. A failure is its part's."""
        asked = [key for key in dict.fromkeys(keys) if is_name(key)]
        try:
            parts = self.parts(asked)
        except TooMuch as failure:
            return [Batch(asked, (), failure)]

        async def one(part: Sequence[str]) -> Batch[Row]:
            try:
                rows, unreadable = await ask(part)
                return Batch(part, rows, None, unreadable)
            except ConnectorError as failure:
                return Batch(part, (), failure)

        return list(await run_concurrently([one(part) for part in parts])) if parts else []

    def parts(self, keys: Iterable[str]) -> list[list[str]]:
        """The keys, as many together as one question may have. Raises `TooMuch`."""
        asked = list(keys)
        parts = [asked[at : at + self._max_keys] for at in range(0, len(asked), self._max_keys)]
        if len(parts) > (most := self._http.system.max_calls):
            raise TooMuch(self._http.name, f"{len(parts)} calls, more than max_calls = {most}")
        return parts

    async def _page(self, raws: Sequence[msgspec.Raw]) -> RowPage[ObjectRow]:
        if len(raws) > (most := self._http.system.max_rows):
            raise TooMuch(self._http.name, f"{len(raws)} objects, more than max_rows = {most}")
        entries = await self._row.each(raws)
        read: list[ObjectRow | Unreadable] = []
        for raw, one in zip(raws, entries, strict=True):
            is_lost = not isinstance(one, Unreadable) and not one.is_readable
            read.append(Unreadable(str(one.id), bytes(raw)) if is_lost and isinstance(one, Identified) else one)
        return RowPage(read, len(read))
