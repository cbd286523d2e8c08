"""The order of lists that a port promises, and sorting for systems that cannot sort."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Order:
    """An order by one attribute: `attribute` is the record's name for it, `upstream` the system's.

    A minus before `upstream` means descending.
    """

    upstream: str
    attribute: str

    @property
    def descending(self) -> bool:
        """Whether the greatest value comes first."""
        return self.upstream.startswith("-")


BY_ID: Final = Order("id", "id")


def sorted_records(records: Iterable[R], order: Order | None) -> list[R]:
    """Records sorted by `order`, then by id; those without the attribute come last. Unsorted if `order` is None."""
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
    """A sort key that puts TT-9 before TT-10. Numbers are compared by length first; int() refuses very long ones."""
    parts = _DIGITS.split(key)
    return [
        (len(part.lstrip("0")), part.lstrip("0")) if place % 2 else (-1, part) for place, part in enumerate(parts)
    ], key
