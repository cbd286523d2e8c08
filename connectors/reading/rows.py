"""What lists are made of: rows, what stands for those that cannot be read, pages and batches of them."""

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar, cast

import msgspec

from connectors.errors import ConnectorError


class Identified(msgspec.Struct, gc=False):
    """What every row has: its id, as text or as a number. Rows are trees, and no work for the garbage collector."""

    id: str | int


Row = TypeVar("Row", bound=Identified)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands in the place of a row that cannot be read. `id` is the row's own, None where not even that can be read."""

    id: str | None
    text: bytes


Entry: TypeAlias = Row | Unreadable


class RowPage(msgspec.Struct, Generic[Row], frozen=True, gc=False):
    """Rows in their places, each once.

    `total` counts the whole list: None where the server does not tell, or its word is not trusted. `all_read` says
    that it is known that no entry is unreadable, so that nobody need look.
    """

    entries: Sequence[Entry[Row]]
    total: int | None
    all_read: bool = False

    @property
    def rows(self) -> Sequence[Row]:
        """The rows that can be read."""
        if self.all_read:
            return cast(Sequence[Row], self.entries)
        return [row for row in self.entries if not isinstance(row, Unreadable)]

    @property
    def unreadable(self) -> Sequence[Unreadable]:
        """What stands for the others."""
        return () if self.all_read else [row for row in self.entries if isinstance(row, Unreadable)]

    @property
    def fingerprint(self) -> Set[str | bytes]:
        """What tells this page from another one: ids, and the text of what cannot be read."""
        return {row.text if isinstance(row, Unreadable) else str(row.id) for row in self.entries}


class Batch(msgspec.Struct, Generic[Row], frozen=True):
    """Rows that were asked for with `keys`, those among them that could not be read, or why there are none."""

    keys: Sequence[str]
    rows: Sequence[Row]
    failure: ConnectorError | None = None
    unreadable: Sequence[Unreadable] = ()


_IDENTIFIED: Final = msgspec.json.Decoder(Identified)


def decode_leniently(raw: msgspec.Raw, row: msgspec.json.Decoder[Row], warn: Callable[[str], None]) -> Entry[Row]:
    """The row, or what stands for one that cannot be read, which `warn` is told.

    Raises `msgspec.DecodeError` for what is no JSON.
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
    """The entries in their order, without those that came before."""
    distinct: dict[str | bytes, Entry[Row]] = {}
    for row in entries:
        distinct.setdefault(row.text if isinstance(row, Unreadable) else str(row.id), row)
    return list(distinct.values())
