"""The order that a port promises, made here where the system cannot sort so."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Order:
    """The order that a port promises: `attribute` is the record's, `upstream` what the system calls it.

    A minus before `upstream` puts the greatest first.
    """

    upstream: str
    attribute: str

    @property
    def descending(self) -> bool:
        """Whether the greatest comes first."""
        return self.upstream.startswith("-")


BY_ID: Final = Order("id", "id")


def sorted_records(records: Iterable[R], order: Order | None) -> list[R]:
    """Records sorted by an attribute and then by id; those without the attribute come last."""
    if order is None:
        return list(records)
    found = sorted(records, key=lambda one: _natural(getattr(one, "id")))  # noqa: B009  # every record has one
    if order.attribute == "id":
        return found[::-1] if order.descending else found
    valued: list[tuple[Any, R]] = [
        (value, one) for one in found if (value := getattr(one, order.attribute)) is not None
    ]
    valued.sort(key=lambda pair: pair[0], reverse=order.descending)
    return [one for _, one in valued] + [one for one in found if getattr(one, order.attribute) is None]


_DIGITS: Final = re.compile("([0-9]+)")


def _natural(key: str) -> tuple[list[tuple[int, str]], str]:
    """TT-9 before TT-10: numbers by their length first, since the longest of them are too long to be made an int."""
    parts = _DIGITS.split(key)
    return [
        (len(part.lstrip("0")), part.lstrip("0")) if place % 2 else (-1, part) for place, part in enumerate(parts)
    ], key
