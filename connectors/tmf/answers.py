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

_OF: Final = re.compile(r"(?!\s*bytes\b).*/\s*([0-9]+)\s*", re.IGNORECASE)
"""A Content-Range header, such as ``items 0-9/119``: how long the list is. Of bytes it says how long the body is."""

_NOTHING: Final = re.compile(rb"\{\s*\}")
_FILLED: Final = re.compile(rb"\[\s*[^\s\]]")
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
        known = _total(answer) if self._profile.total_trusted else None
        rows, all_read = await decoder.rows(body, self._most)
        if len(rows) > self._most:
            raise TooMuch(self._system, f"{self._path}: {len(rows)} rows, more than max_rows = {self._most}")
        trusted = self._profile.total_trusted
        has_next = trusted and any(map(_NEXT.search, answer.lines("Link")))
        distinct = _distinct_rows(rows) if all_read else distinct_rows(rows)
        repeated, is_part = len(rows) - len(distinct), trusted and answer.status == 206
        return RowPage(distinct, known, all_read=all_read, has_next=has_next, repeated=repeated, is_part=is_part)

    def row(self, answer: Answer, decoder: RowDecoder[Any]) -> Any:
        """The row of an answer about one, or its placeholder; None if there is none."""
        if answer.status == 404 or answer.is_empty:
            return None
        return decoder.row(self._places.row_of(answer.body) if self._places else answer.body)

    async def _unwrapped(self, body: bytes) -> bytes:
        """The list as JSON, also if the server wraps it in an object under the resource's name.

        One row stands for a list of it, and an object of nothing for an empty list: so do converters from XML, and
        languages in which both are one. A row may have others of its kind in it (a TMF637 product has its parts in
        `product`), and a wrapping object an id of its own: a row says its `href` or `@type`.
        """
        if body.lstrip()[:1] != b"{":
            return body
        rows = bytes(await member(body, self._resource) or body).strip()
        if await member(body, "id") is not None and not (_FILLED.match(rows) and await _is_wrapping(body)):
            rows = body
        if rows == b"null" or _NOTHING.fullmatch(rows):
            return b"[]"
        if rows[:1] == b"[":
            return rows
        if rows[:1] == b"{" and await member(rows, "id") is not None and not await _is_error(rows):
            return b"[" + rows + b"]"
        raise Garbled(self._system, f"{self._path} answered with an object instead of a list")


async def _is_wrapping(body: bytes) -> bool:
    return await member(body, "href") is None and await member(body, "@type") is None


async def _is_error(body: bytes) -> bool:
    """Whether an object is an Error (TMF630), whose code and reason are mandatory; it may have an id, too."""
    return await member(body, "code") is not None and await member(body, "reason") is not None


def _total(answer: Answer) -> int | None:
    """What the server says that the list has; None where it says nothing, no number, or several."""
    said = {one.strip() for line in answer.lines("X-Total-Count") for one in line.split(",")}
    ranges = [_OF.fullmatch(line) for line in answer.lines("Content-Range")]
    said |= {one[1] for one in ranges if one}
    numbers = {credible(int(one)) if one.isascii() and one.isdigit() and len(one) <= _DIGITS else None for one in said}
    return numbers.pop() if len(numbers) == 1 else None


def _distinct_rows(rows: list[Any]) -> Sequence[Entry[Any]]:
    return rows if len(rows) < 2 or len({row.id for row in rows}) == len(rows) else distinct_rows(rows)
