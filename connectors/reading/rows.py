"""Rows of lists, placeholders for unreadable rows, and pages and batches of both."""

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar, cast

import msgspec

from connectors.errors import ConnectorError


class Identified(msgspec.Struct, gc=False):
    """Base of all rows: the id, as text or number. Rows have no cycles, so garbage collection is off for them."""

    id: str | int


Row = TypeVar("Row", bound=Identified)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A placeholder for a row that cannot be decoded. `id` is the row's own, None if it cannot be decoded either."""

    id: str | None
    text: bytes


Entry: TypeAlias = Row | Unreadable


class RowPage(msgspec.Struct, Generic[Row], frozen=True, gc=False):
    """Distinct entries of a list, in order.

    `total` is the length of the complete list; None if the server does not tell it or is not trusted. `all_read`: it is
    known that no entry is unreadable, which saves a check.
    """

    entries: Sequence[Entry[Row]]
    total: int | None
    all_read: bool = False

    @property
    def rows(self) -> Sequence[Row]:
        """The readable rows."""
        if self.all_read:
            return cast(Sequence[Row], self.entries)
        return [row for row in self.entries if not isinstance(row, Unreadable)]

    @property
    def unreadable(self) -> Sequence[Unreadable]:
        """The placeholders for unreadable rows."""
        return () if self.all_read else [row for row in self.entries if isinstance(row, Unreadable)]

    @property
    def fingerprint(self) -> Set[str | bytes]:
        """What identifies the page's entries: ids, and for unreadable rows their text."""
        return {row.text if isinstance(row, Unreadable) else str(row.id) for row in self.entries}


class Batch(msgspec.Struct, Generic[Row], frozen=True):
    """The result of a request for `keys`: readable and unreadable rows, or the failure."""

    keys: Sequence[str]
    rows: Sequence[Row]
    failure: ConnectorError | None = None
    unreadable: Sequence[Unreadable] = ()


_IDENTIFIED: Final = msgspec.json.Decoder(Identified)


def decode_leniently(raw: msgspec.Raw, row: msgspec.json.Decoder[Row], warn: Callable[[str], None]) -> Entry[Row]:
    """The decoded row, or a placeholder if it does not have the row's shape; then `warn` is called.

    Raises `msgspec.DecodeError` if it is not JSON.
    """
    try:
        return row.decode(raw)
    except msgspec.ValidationError as error:
        warn(f"has a row that cannot be read: {error}")
    try:
        key = str(_IDENTIFIED.decode(raw).id)
    except msgspec.ValidationError:
        key = None
    return Unreadable(key, bytes(raw))


def distinct_rows(entries: Iterable[Entry[Row]]) -> list[Entry[Row]]:
    """The entries in their order, each once."""
    distinct: dict[str | bytes, Entry[Row]] = {}
    for row in entries:
        distinct.setdefault(row.text if isinstance(row, Unreadable) else str(row.id), row)
    return list(distinct.values())
