"""Whether rows are in the order that a port promises. Systems may compare texts in different ways."""

import unicodedata
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final

from connectors.reading.order import Order, sorted_records


def first_out_of_order(rows: Sequence[Any], order: str) -> str:
    """A description of the first row that is out of order; empty if there is none.

    Ids may be compared as text or by the numbers in them (TT-9 before TT-10); names by code point, or ignoring case,
    accents, spaces and punctuation. Rows without the attribute come last; rows with equal values may be in any order.
    """
    attribute, descending = order.lstrip("-"), order.startswith("-")
    values = [getattr(row, attribute) for row in rows]
    present = [value for value in values if value is not None]
    if None in values[: len(present)]:
        at = values.index(None)
        return f"row {at} ({rows[at].id!r:.60}) has no {attribute} and comes before rows that have; right is last"
    if attribute == "id":
        natural = [row.id for row in sorted_records(rows, Order("id", "id"))]
        if present in (natural, sorted(present)):
            return ""
        return f"ids come as {present[:8]}; right is ascending"
    sort_keys: Sequence[Callable[[Any], Any]] = _TEXT if attribute == "name" else (lambda value: value,)
    wrong = [_first_wrong(present, sort_key, descending) for sort_key in sort_keys]
    if None in wrong:
        return ""
    at = max(one for one in wrong if one is not None)
    shown = f"{present[at]!s:.40} before {present[at + 1]!s:.40}"
    right = "newest first" if descending else "ascending"
    return f"{attribute} comes as {shown} (rows {at} and {at + 1}); right is {right}"


def _plain(text: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one)).casefold()


_TEXT: Final[tuple[Callable[[str], Any], ...]] = (
    lambda text: text,
    str.casefold,
    _plain,
    lambda text: "".join(one for one in _plain(text) if one.isalnum()),
)
"""Sort keys for names, as databases' collations: they may ignore case, accents, spaces and punctuation."""


def _first_wrong(values: Sequence[Any], key: Callable[[Any], Any], descending: bool) -> int | None:
    for at, (one, other) in enumerate(pairwise(map(key, values))):
        if one < other if descending else one > other:
            return at
    return None
