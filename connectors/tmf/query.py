"""How a question is written for a TM Forum server, by TMF630 and the profile: filters, projection, sorting, length."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from typing import Final
from urllib.parse import quote

from connectors.reading.chunks import Chunks, chunks
from connectors.reading.order import BY_ID, Order
from connectors.records import Fields
from connectors.tmf.mapping import Projection
from connectors.tmf.profile import Profile

_MOST_KEPT: Final = 256
"""Selections whose part of the question is kept."""

Filters = Sequence[tuple[str, Sequence[str]]]
"""Conditions that all must hold; the values of one are alternatives."""


class Writer:
    """Writes questions to one resource as the profile wants them; everything it returns is already encoded."""

    def __init__(self, profile: Profile, path: str, projection: Projection, prefix: str, most_rows: int) -> None:
        """`prefix` is the path in front of the resource's own; `most_rows` bounds the offsets that will be asked."""
        self._profile, self._projection = profile, projection
        paging = f"?&offset={most_rows + profile.page_size}&limit={profile.page_size}"
        self._room = profile.max_url - len(prefix) - len(path)
        self._room_in_list = self._room - len(paging)
        self._rest = lru_cache(_MOST_KEPT)(self._projected_and_sorted)
        """Documents select the same again and again."""
        self._name = lru_cache(_MOST_KEPT)(self._named)

    def question(self, filters: Filters, fields: Fields | None, order: Order | None) -> list[str]:
        """Parts of the query string, without paging.

        What may come in pages is always sorted: without an order nothing says that the pages fit together.
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
        """``fields=...``; empty where everything is wanted, or the server does not know it."""
        wanted = self._projection.fields_value(fields) if self._profile.fields else None
        return f"fields={quote(wanted, safe=',.@')}" if wanted else ""

    def paging(self, offset: int, limit: int) -> list[str]:
        """Parts of the query string that ask for the rows from `offset` on; a page number where the profile says so."""
        match self._profile.paging:
            case "none":
                return []
            case "page":
                return [f"offset={offset // limit}", f"limit={limit}"]
            case "offset":
                return [*([f"offset={offset}"] if offset else []), f"limit={limit}"]

    def chunks(self, name: str, keys: Sequence[str], rest: Sequence[str]) -> Chunks:
        """`keys` in parts that keep within the profile's number of keys and the URL's length in bytes."""
        room = self._room_in_list - sum(len(part) + 1 for part in rest)
        most = 1 if self._profile.id_list == "none" else self._profile.max_keys
        named = len(self._name(name)) + 1
        if len(keys) == 1 and named + len(self._value(keys[0])) <= room:  # at once: so are most questions
            return Chunks([keys], ())
        between = 1 if self._profile.id_list in ("comma", "none") else named + 1
        return chunks(keys, self._value, room, before=named, between=between, most=most)

    def one(self, key: str, fields: Fields | None) -> str | None:
        """What follows the resource's path in a request for one row by id; None where that is too long."""
        projection = self.projection(fields)
        found = f"/{quote(key, safe='')}" + (f"?{projection}" if projection else "")
        return found if len(found) <= self._room else None

    def contains_filter(self, attribute: str, text: str) -> tuple[str, Sequence[str]]:
        """A condition: `attribute` contains `text`, in any case."""
        return f"{attribute}.regex", [f"(?i){re.escape(text)}"]

    def single(self, filters: Filters) -> list[Filters]:
        """The conditions in so many questions that none has alternatives the server would not take for such."""
        if self._profile.id_list != "none":
            return [filters]
        names = [name for name, _ in filters]
        return [
            [(name, [value]) for name, value in zip(names, one, strict=True)] for one in product(*map(_values, filters))
        ]

    def _value(self, value: str) -> str:
        return _escaped(f'"{value}"' if self._profile.quoted and _NUMERIC.fullmatch(value) else value)

    def condition(self, name: str, values: Sequence[str]) -> str:
        """The part of the query string that asks for rows with one of these values."""
        escaped, key = map(self._value, values), self._name(name)
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
"""What some language takes for a number."""


def is_optional(condition: str) -> bool:
    """Whether a condition only narrows what may be read anyway, and can be left out where it cannot be asked.

    So do status and dates. All others say whose rows, or which, are wanted.
    """
    return condition == "status" or condition.endswith((".gt", ".gte", ".lt", ".lte"))


def _values(condition: tuple[str, Sequence[str]]) -> Sequence[str]:
    return condition[1]


_PLAIN: Final = re.compile("[A-Za-z0-9_.~:-]*")


def _escaped(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else quote(value, safe=":")
