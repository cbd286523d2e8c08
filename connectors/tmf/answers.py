"""Reads the answers of one resource of a TM Forum server: lists and their totals, and single rows."""

import re
from collections.abc import Sequence
from typing import Any, Final

from connectors.errors import Garbled, Rejected, TooMuch
from connectors.http.request import Answer
from connectors.reading.rows import Entry, RowDecoder, RowPage, distinct_rows
from connectors.reading.split import member
from connectors.reading.totals import credible
from connectors.tmf.places import Places
from connectors.tmf.profile import Profile

_NEXT: Final = re.compile(r""";\s*rel\s*=\s*(?:"[^"]*\bnext\b|'[^']*\bnext\b|next\b)""", re.IGNORECASE)
"""In a Link header (RFC 8288): a link to the next page."""

_DIGITS: Final = 18
"""Most digits of a total. A longer number counts nothing."""


class Answers:
    """Decodes answers of one resource. `profile` is the resource's own."""

    def __init__(self, system: str, path: str, resource: str, profile: Profile, most: int) -> None:
        """Of a list with more than `most` rows the rest is not read."""
        self._system, self._path, self._resource, self._profile = system, path, resource, profile
        self._places, self._most = Places(profile.kept_in), most

    async def page(self, answer: Answer, decoder: RowDecoder[Any]) -> RowPage[Any]:
        """The rows of a list's answer. Raises `Rejected`, `Garbled` or `msgspec.DecodeError`."""
        if answer.status == 404:
            if not self._profile.empty_is_404:
                raise Rejected(
                    self._system,
                    f"{self._path} does not exist there: check the address and the path, and the profile's version",
                )
            return RowPage((), 0)
        body = b"[]" if answer.is_empty else await self._unwrapped(answer.body)
        if self._places:
            body = await self._places.list_of(body, self._most)
        total = answer.headers.get("X-Total-Count", "") if self._profile.total_trusted else ""
        known = credible(int(total)) if total.isascii() and total.isdigit() and len(total) <= _DIGITS else None
        rows, all_read = await decoder.rows(body, self._most)
        if len(rows) > self._most:
            raise TooMuch(self._system, f"{self._path}: {len(rows)} rows, more than max_rows = {self._most}")
        link = answer.headers.get("Link") if known is not None else None
        has_next = link is not None and bool(_NEXT.search(link))
        distinct = _distinct_rows(rows) if all_read else distinct_rows(rows)
        return RowPage(distinct, known, all_read=all_read, has_next=has_next)

    def row(self, answer: Answer, decoder: RowDecoder[Any]) -> Any:
        """The row of an answer about one, or its placeholder; None if there is none."""
        if answer.status == 404 or answer.is_empty:
            return None
        return decoder.row(self._places.row_of(answer.body) if self._places else answer.body)

    async def _unwrapped(self, body: bytes) -> bytes:
        """The list as JSON, also if the server wraps it in an object under the resource's name."""
        if body.lstrip()[:1] != b"{":
            return body
        wrapped = await member(body, self._resource)
        if wrapped is None:
            raise Garbled(self._system, f"{self._path} answered with an object instead of a list")
        rows = bytes(wrapped)
        return b"[]" if rows == b"null" else rows


def _distinct_rows(rows: list[Any]) -> Sequence[Entry[Any]]:
    return rows if len(rows) < 2 or len({row.id for row in rows}) == len(rows) else distinct_rows(rows)
