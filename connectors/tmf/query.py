"""Writes query strings for a TM Forum server by TMF630 and the profile: filters, fields, sorting, paging, length."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import Final
from urllib.parse import quote

from connectors.reading.chunks import Chunks, chunks
from connectors.reading.order import BY_ID, Order
from connectors.reading.texts import pattern
from connectors.records import Fields
from connectors.tmf.mapping import Projection
from connectors.tmf.places import Places
from connectors.tmf.profile import Profile

_MOST_KEPT: Final = 256
"""Most selections of fields whose part of the query string is cached."""

Filters = Sequence[tuple[str, Sequence[str]]]
"""Filters that rows must meet: names and allowed values."""


class QueryWriter:
    """Writes query strings for one resource as the profile requires. All results are URL-encoded."""

    def __init__(self, profile: Profile, path: str, projection: Projection, prefix: str, most_rows: int) -> None:
        """`prefix` is the path in front of the resource's path; `most_rows` is the largest offset."""
        self._profile, self._projection, self._places = profile, projection, Places(profile.kept_in)
        paging = f"?&offset={most_rows + profile.page_size}&limit={profile.page_size}"
        self._room = profile.max_url - len(prefix) - len(path)
        self._room_in_list = self._room - len(paging)
        self._rest = lru_cache(_MOST_KEPT)(self._projected_and_sorted)
        """Cached, because operations repeat their selections."""
        self._name = lru_cache(_MOST_KEPT)(self._named)

    def question(self, filters: Filters, fields: Fields | None, order: Order | None) -> list[str]:
        """Parts of the query string, without paging.

        Lists that may come in pages are always sorted, because pages of an unsorted list may overlap.
        """
        return [*[self.condition(name, values) for name, values in filters], *self._rest(fields, order)]

    def _projected_and_sorted(self, fields: Fields | None, order: Order | None) -> tuple[str, ...]:
        parts = [projection] if (projection := self.projection(fields)) else []
        if order is None and self._profile.paging != "none":
            order = BY_ID
        if order and self._profile.sort:
            parts.append(f"sort={quote(order.upstream, safe=',.-')}")
        return tuple(parts)

    def projection(self, fields: Fields | None) -> str:
        """``fields=...``; empty if all attributes are requested, or the server does not support it."""
        wanted = self._projection.fields_value(fields) if self._profile.fields else None
        if wanted and self._places:
            wanted = self._places.names(wanted)
        return f"fields={quote(wanted, safe=',.@')}" if wanted else ""

    def paging(self, offset: int, limit: int) -> list[str]:
        """Parts of the query string for the rows from `offset` on; `offset` is a page number if the profile says so."""
        match self._profile.paging:
            case "none":
                return []
            case "page":
                return [f"offset={offset // limit}", f"limit={limit}"]
            case "offset":
                return [*([f"offset={offset}"] if offset else []), f"limit={limit}"]

    def chunks(self, name: str, keys: Sequence[str], rest: Sequence[str]) -> Chunks:
        """`keys` in parts within the profile's `max_keys` and `max_url`."""
        room = self._room_in_list - sum(len(part) + 1 for part in rest)
        most = 1 if self._profile.id_list == "none" else self._profile.max_keys
        named = len(self._name(name)) + 1
        between = 1 if self._profile.id_list in ("comma", "none") else named + 1
        if 0 < len(keys) <= most:
            size = named + sum(map(len, self._values(keys))) + between * (len(keys) - 1)
            if size <= room:  # the usual case
                return Chunks([keys], ())
        return chunks(keys, self._value, room, before=named, between=between, most=most)

    def one(self, key: str, fields: Fields | None) -> str | None:
        """What follows the resource's path in a request for one row by id; None if it is too long."""
        projection = self.projection(fields)
        found = f"/{quote(key, safe='')}" + (f"?{projection}" if projection else "")
        return found if len(found) <= self._room else None

    def contains_filter(self, attribute: str, text: str) -> tuple[str, Sequence[str]]:
        """The filter that `attribute` contains `text`, in any letter case and form of Unicode."""
        return f"{attribute}.regex", [pattern(text)]

    def single(self, filters: Filters) -> list[Filters]:
        """The filters of one or more requests that together find all rows.

        If the server takes no list of values, there is one request for each combination of single values.
        """
        if self._profile.id_list != "none":
            return [filters]
        names = [name for name, _ in filters]
        return [
            [(name, [value]) for name, value in zip(names, one, strict=True)]
            for one in product(*map(_allowed, filters))
        ]

    def _value(self, value: str) -> str:
        return _escaped(f'"{value}"' if self._profile.quoted and _NUMERIC.fullmatch(value) else value)

    def _values(self, values: Sequence[str]) -> Sequence[str]:
        """The values as the query string has them. Most need no change, which one look at all together shows."""
        if not self._profile.quoted and _PLAIN.fullmatch("".join(values)):
            return values
        return [self._value(value) for value in values]

    def condition(self, name: str, values: Sequence[str]) -> str:
        """The filter as a part of the query string."""
        escaped, key = self._values(values), self._name(name)
        match self._profile.id_list:
            case "repeat":
                return "&".join(f"{key}={value}" for value in escaped)
            case "semicolon":
                return ";".join(f"{key}={value}" for value in escaped)
            case "comma" | "none":
                return f"{key}={','.join(escaped)}"

    def _named(self, name: str) -> str:
        attribute, dot, operator = name.rpartition(".regex")
        known = self._profile.parameter(attribute) + dot + operator if dot else self._profile.parameter(name)
        return quote(known, safe=".@")


_NUMERIC: Final = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+|0[xob][0-9a-f]+|infinity)(?:e[+-]?[0-9]+)?\s*", re.I)
"""Values that some servers' languages parse as numbers."""


def is_optional(condition: str) -> bool:
    """Whether a filter may be left out if the server does not support it: status and dates only reduce the rows.

    All other filters name keys or owners.
    """
    return condition == "status" or condition.endswith((".gt", ".gte", ".lt", ".lte"))


def _allowed(condition: tuple[str, Sequence[str]]) -> Sequence[str]:
    return condition[1]


_PLAIN: Final = re.compile("[A-Za-z0-9_.~:-]*")


def _escaped(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else quote(value, safe=":")
