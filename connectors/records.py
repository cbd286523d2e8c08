"""Values that records of several domains share. They are immutable; a value that the system did not send is None."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

import msgspec

from connectors.errors import ConnectorError

R = TypeVar("R")

Fields = frozenset[str]
"""Names of the record's attributes to read. Those that identify the row and its owner are always read."""


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of the records that ports return. A struct is made in a sixth of the time of a frozen dataclass.

    Records never contain cycles, so garbage collection is off for them.
    """


def attributes(kind: type[Record]) -> tuple[str, ...]:
    """Names of a record class's attributes, without its properties."""
    return kind.__struct_fields__


def changed(record: R, **changes: Any) -> R:
    """A copy of the record with these attributes changed."""
    return msgspec.structs.replace(record, **changes)  # type: ignore[type-var]  # R is a Record here, without a bound


class Known(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The record belongs to these customers. `ids` has at least one customer number.

    `kinds` says what the record calls them (individual, organization, or nothing that tells), in the order of `ids`;
    none where ids are numbers of customers and not of their parties.
    """

    ids: tuple[str, ...]
    kinds: tuple[str, ...] = ()


class Unnamed(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The record names no customer. The record that it belongs to may name one."""


class Strangers(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The record names only customers that are unknown here: it belongs to nobody, whatever its parent record says."""


class Unknown(msgspec.Struct, frozen=True, tag=True):
    """The record names customers that could not be looked up; `failure` is the reason."""

    failure: ConnectorError


Owners = Known | Unnamed | Strangers | Unknown
"""The owners of a record. Use `match`; all four values are true."""

UNNAMED: Final = Unnamed()
STRANGERS: Final = Strangers()


def owned_by(*ids: str | None) -> Owners:
    """The owners with these customer numbers; `UNNAMED` if all numbers are missing or empty."""
    named = tuple(key for key in ids if key)
    return Known(named) if named else UNNAMED


class Owned(Record, frozen=True, kw_only=True):
    """Base of the records that name their owners."""

    owners: Owners

    @property
    def customer_ids(self) -> tuple[str, ...]:
        """The numbers of the customers that own the record; empty if no owner is known."""
        return self.owners.ids if isinstance(self.owners, Known) else ()


class Money(msgspec.Struct, frozen=True, gc=False):
    """An amount, exact, in an ISO 4217 currency."""

    amount: Decimal
    currency: str


class Period(msgspec.Struct, frozen=True, gc=False):
    """A period of days, from the first to the last as the system gives them. None means no start, or no end."""

    start: date | None
    end: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file kept by a system. `owner` is the id of the record that it belongs to; `id` is unique within that record.

    `size` is in bytes. `source` is private to the driver that made the document, which needs it to open the file.
    """

    id: str
    owner: str
    name: str | None = None
    mime_type: str | None = None
    size: int | None = None
    source: object = field(default=None, repr=False, compare=False)


class Window(msgspec.Struct, frozen=True, gc=False):
    """The rows from `offset` up to, but not including, `offset + limit` of the complete, sorted list."""

    offset: int
    limit: int


class Rows(msgspec.Struct, Generic[R], frozen=True, gc=False):
    """Rows of one list, from `offset` on.

    `total` is the length of the complete list, None if unknown. `complete`: these are all rows that can be read; if
    some cannot, `total` is None. `total_doubted`: `total` is None because the system's own total may count rows
    of other customers; whoever needs it reads the complete list. `unread`: how many rows could not be read, each of
    which may belong to this list. `unread_of`: the system that sent these, where it is not the list's own. `stale`: the
    seconds since it was read, where it was kept for longer than it counts as current, and its system is down; 0 if not.
    """

    items: Sequence[R]
    offset: int = 0
    total: int | None = None
    complete: bool = True
    total_doubted: bool = False
    unread: int = 0
    unread_of: str = ""
    stale: float = 0.0

    @classmethod
    def of(cls, items: Sequence[R]) -> "Rows[R]":
        """A complete list."""
        return cls(items, 0, len(items), complete=True)

    def keep(self, wanted: Callable[[R], bool]) -> "Rows[R]":
        """The rows for which `wanted` is true. If any is dropped, `total` is known only for a complete list."""
        kept = [row for row in self.items if wanted(row)]
        if len(kept) == len(self.items):
            return self
        return msgspec.structs.replace(
            self, items=kept, total=len(kept) if self.complete and self.total is not None else None
        )


class Changed(Record, frozen=True, kw_only=True):
    """A record that changed, and when, by the system's own clock. `created_at`: None where the system does not say."""

    id: str
    changed_at: datetime
    created_at: datetime | None = None


Found = Mapping[str, R | ConnectorError]
"""The result of a batch, by key. A key without a result is absent; a key that failed maps to its failure."""
