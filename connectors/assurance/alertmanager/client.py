"""Alertmanager's API v2: lists of alerts by their labels, single silences, and when it was started.

There is no paging, no order, no read by fingerprint, and nothing of alerts that have ended.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlsplit

import msgspec

from connectors.assurance.alertmanager.options import AlertmanagerOptions
from connectors.assurance.alertmanager.rows import AlertRow, Silence
from connectors.errors import ConnectorError, Garbled, Rejected, TooMuch
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.reading.chunks import Chunks, chunks
from connectors.reading.dates import parsed_date
from connectors.reading.rows import RowDecoder, RowPage, distinct_rows
from connectors.reading.warn_once import WarnOnce

_API: Final = "/api/v2"
_SPECIAL: Final = re.compile(r"([\\.+*?()|\[\]{}^$])")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class _Version(msgspec.Struct):
    version: str


class _Status(msgspec.Struct):
    version: _Version = msgspec.field(name="versionInfo")
    uptime: str


_STATUS: Final = msgspec.json.Decoder(_Status)
_SILENCE: Final = msgspec.json.Decoder(Silence)


def is_value(key: str) -> bool:
    """Whether a label can have this value. An empty one would match all alerts without the label."""
    return bool(key) and not _CONTROL.search(key)


def one_of(label: str, values: Sequence[str]) -> str:
    """A part of a query: the label has one of these values; "" stands for alerts without it.

    Several parts must all hold, so that values of one label have to be in one part.
    """
    return matches(label, "|".join(map(_literal, values)))


def matches(label: str, expression: str) -> str:
    """A part of a query: the label's whole value matches the regular expression (RE2)."""
    quoted = expression.replace("\\", "\\\\").replace('"', '\\"')
    return "filter=" + quote(f'{label}=~"{quoted}"', safe="=~")


def _literal(value: str) -> str:
    return _SPECIAL.sub(r"\\\1", value)


class AlertmanagerApi:
    """One Alertmanager. `rule` are the parts of a query that hold for all outages."""

    def __init__(self, http: HttpClient, options: AlertmanagerOptions, warn_once: WarnOnce) -> None:
        self._http, self._max_url, self._warn_once = http, options.max_url, warn_once
        self._rows = RowDecoder(AlertRow, warn_once, ["labels", "fingerprint"])
        rule = [one_of(options.severity_label, list(options.severities))]
        rule += [matches(label, expression) for label, expression in options.labels.items()]
        self._target = f"{_API}/alerts?{'&'.join(rule)}"
        self._room = options.max_url - len(urlsplit(http.system.url).path.rstrip("/")) - len(self._target)

    def chunks(self, keys: Sequence[str], written: Callable[[str], str]) -> Chunks:
        """The keys in parts that fit into one URL each. `written`: the longest form in which one adds to a query."""
        return chunks(keys, written, self._room, between=len("%7C"))

    def too_long(self, key: str) -> Rejected:
        """The failure for a key that no URL takes."""
        return Rejected(self._http.name, f"a key of {len(key)} characters makes a longer URL than {self._max_url}")

    async def alerts(self, parts: Sequence[str], keys: Sequence[str] = ()) -> RowPage[AlertRow]:
        """The alerts that may be outages, for which these parts hold. Raises `ConnectorError`."""
        request = Request.get("&".join([self._target, *parts]), keys)
        return await self._http.send(request, self._page)

    async def silences(self, ids: Sequence[str]) -> Mapping[str, Silence]:
        """Silences by id, a call for each. One that cannot be read is left out. Raises `ConnectorError`."""
        found = await self._http.for_each(ids, self._silence)
        for one in found:
            if isinstance(one, Garbled):
                self._warn_once("has a silence that cannot be read: when it begins and ends is not known")
            elif isinstance(one, ConnectorError):
                raise one
        return {key: one for key, one in zip(ids, found, strict=True) if one and not isinstance(one, ConnectorError)}

    async def started_at(self) -> datetime:
        """When it was started: nothing that it does not know from then on has ended. Raises `ConnectorError`."""

        def read(answer: Answer) -> datetime:
            if answer.status == 404 or answer.is_empty:
                raise Garbled(self._http.name, f"{_API}/status is not there: is it an Alertmanager of 0.16 or later?")
            at = parsed_date(_STATUS.decode(answer.body).uptime)
            if at.tzinfo is None:
                raise ValueError("uptime is a time without a zone")
            return at

        return await self._http.send(Request.get(f"{_API}/status"), read)

    async def _silence(self, key: str) -> Silence | None:
        def read(answer: Answer) -> Silence | None:
            return None if answer.status == 404 or answer.is_empty else _SILENCE.decode(answer.body)

        return await self._http.send(Request.get(f"{_API}/silence/{quote(key, safe='')}"), read)

    async def _page(self, answer: Answer) -> RowPage[AlertRow]:
        if answer.status == 404:
            raise Rejected(self._http.name, f"{_API}/alerts does not exist: the url is that of Alertmanager's pages")
        if answer.is_empty:
            return RowPage((), 0)
        most = self._http.system.max_rows
        entries, all_read = await self._rows.rows(answer.body, most)
        if len(entries) > most:
            raise TooMuch(self._http.name, f"{_API}/alerts: more than max_rows = {most} alerts are outages")
        return RowPage(distinct_rows(entries), len(entries), all_read)
