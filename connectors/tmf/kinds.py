"""Kinds of values that occur in many TM Forum resources."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from connectors.tmf.mapping import Kind
from connectors.tmf.shapes import Money, Ref, RelatedParty, TimePeriod, array_of, id_of, ids

text: Final = Kind(str | None)
date: Final = Kind(str | None, lambda reader: reader.date)
"""A point in time."""
day: Final = Kind(str | None, lambda reader: reader.day)
"""A day in the system's time zone, which TM Forum writes as a point in time."""
day_end: Final = Kind(str | None, lambda reader: reader.day_end)
"""When such a day ends."""
money: Final = Kind(Money | None, lambda reader: reader.money)
period: Final = Kind(TimePeriod | None, lambda reader: reader.period)
reference: Final = Kind(Ref | None, lambda _reader: id_of)
"""The id that a reference holds."""
references: Final = Kind(array_of(Ref), lambda _reader: ids)
"""The ids that several references hold."""
owners: Final = Kind(array_of(RelatedParty), lambda reader: reader.owners)
"""The customers among related parties, by the profile's roles and types."""


def _as_text(value: Any) -> str | None:
    return None if value is None else str(value)


numbered_text: Final = Kind(str | int | None, lambda _reader: _as_text)
"""Text that some servers send as a number."""


def enum_word(table: Mapping[str, Enum], unknown: Enum) -> Kind:
    """An enum member by its word in a table (see `enum_table`), or by a word that the profile translates to it."""
    return Kind(str | None, lambda reader: reader.enum_decoder(table, unknown).__getitem__)
