"""Rows of lists, placeholders for unreadable rows, and pages and batches of both."""

import sys
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Final, Generic, TypeAlias, TypeVar, cast

import msgspec

from connectors.errors import ConnectorError
from connectors.reading.lenient import LenientReader
from connectors.reading.repair import REPLACED
from connectors.reading.split import values
from connectors.reading.turns import Turns


class Identified(msgspec.Struct, gc=False):
    """Base of all rows: the id, as text or number. Rows have no cycles, so garbage collection is off for them.

    An empty id identifies nothing: such a row cannot be read, and two of them are not the same row.
    """

    id: Annotated[str, msgspec.Meta(min_length=1)] | int


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
    known that no entry is unreadable, which saves a check. `has_next`: the server says that another page follows.
    `repeated`: rows that came a second time, and are not among the entries. `is_part`: the server says that this is not
    the whole list.
    """

    entries: Sequence[Entry[Row]]
    total: int | None
    all_read: bool = False
    has_next: bool = False
    repeated: int = 0
    is_part: bool = False

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
_LOOKED_AT: Final = 32
"""Rows after which the clock is looked at."""
_LARGEST_ODD: Final = 256 * 1024
"""Bytes of a row that is read leniently, attribute by attribute. A longer one must be as the standard says."""
_AT_ONCE: Final = 256 * 1024
"""Bytes of a list that are decoded in one turn: some milliseconds."""
LARGEST: Final = 8 * 1024 * 1024
"""Bytes of a row that is read at all: more would take too long a turn."""


def every_field(row: type[Identified]) -> list[str]:
    """All attributes of a row, for what may be written by: nothing of it may be left out."""
    return [one.encode_name for one in msgspec.structs.fields(row)]


class RowDecoder(Generic[Row]):
    """Decodes rows of one type: at once where they are as they should be, else one by one and leniently.

    `deciding` are the attributes, by their upstream names, that say whose a row is: where one of them, or the id,
    cannot be read, the row is lost. What is lost or left out is told to `warn`, without values.
    """

    def __init__(self, row: type[Row], warn: Callable[[str], None], deciding: Iterable[str] = ()) -> None:
        self._row, self._warn, self._deciding = row, warn, frozenset(deciding)
        self._one = msgspec.json.Decoder(row)
        self._many: Any = msgspec.json.Decoder(list[row])  # type: ignore[valid-type]  # a type made at run time

    @cached_property
    def _lenient(self) -> LenientReader:
        return LenientReader(self._row, self._deciding, self._warn)

    def deciding_also(self, names: Set[str]) -> "RowDecoder[Row]":
        """A decoder for which these attributes say, too, whose a row is."""
        return self if names <= self._deciding else type(self)(self._row, self._warn, self._deciding | names)

    async def rows(self, body: bytes, most: int = sys.maxsize) -> tuple[list[Entry[Row]], bool]:
        """The rows of a JSON list, and whether it is known that all could be read.

        Of a long list with more than `most` rows only some are read, and more than that. Raises `msgspec.DecodeError`
        if it is no list.
        """
        if len(body) <= _AT_ONCE and body.find(REPLACED) < 0:  # `in` would take it for a number at first, and fail
            try:
                return self._many.decode(body), True
            except (msgspec.ValidationError, UnicodeDecodeError):
                pass  # one by one
        entries: list[Entry[Row]] = []
        async for some in values(body):
            entries += await self.each(some)
            if len(entries) > most:
                break
        return entries, False

    async def each(self, raws: Iterable[msgspec.Raw]) -> list[Entry[Row]]:
        """Each row of a list, or its placeholder. Many take several turns."""
        turns, entries = Turns(), []
        for number, raw in enumerate(raws):
            entries.append(self.row(raw))
            if number % _LOOKED_AT == 0 and turns.is_over:
                await turns.next()
        return entries

    def row(self, raw: msgspec.Raw | bytes) -> Entry[Row]:
        """One row, or its placeholder. Raises `msgspec.DecodeError` if it is not JSON."""
        content = bytes(raw)
        if len(content) > LARGEST:
            self._warn(f"has a row of more than {LARGEST} bytes, which is not read")
            return Unreadable(None, content[:1024])
        if content.find(REPLACED) < 0:
            try:
                return self._one.decode(content)
            except (msgspec.ValidationError, UnicodeDecodeError):
                pass  # leniently
        found: Row | None = self._lenient.read(content) if len(content) <= _LARGEST_ODD else None
        if found is not None:
            return found
        self._warn("has a row that cannot be read: what identifies it or its owner is not in a form that is known")
        return Unreadable(_id_of(content), content)


def _id_of(raw: bytes) -> str | None:
    try:
        key = str(_IDENTIFIED.decode(raw).id)
    except (msgspec.ValidationError, UnicodeDecodeError):
        return None
    return None if "\ufffd" in key else key


def distinct_rows(entries: Iterable[Entry[Row]]) -> list[Entry[Row]]:
    """The entries in their order, each once."""
    distinct: dict[str | bytes, Entry[Row]] = {}
    for row in entries:
        distinct.setdefault(row.text if isinstance(row, Unreadable) else str(row.id), row)
    return list(distinct.values())
