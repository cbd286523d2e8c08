"""Values that records of several domains share. Frozen; what upstream did not say is None."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

import msgspec

from connectors.errors import ConnectorError

R = TypeVar("R")

Fields = frozenset[str]
"""Names of the record's attributes that somebody selected; what identifies and owns a row always comes along."""


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a port gives: base of its records. A struct, because it is made in a sixth of a frozen dataclass's time.

    Records are trees and never hold what holds them, so they are no work for the garbage collector.
    """


def attributes(kind: type[Record]) -> tuple[str, ...]:
    """Names of a kind of record's attributes, those that are worked out aside."""
    return kind.__struct_fields__


def changed(record: R, **changes: Any) -> R:
    """The same record with other values."""
    return msgspec.structs.replace(record, **changes)  # type: ignore[type-var]  # R is a Record here, without a bound


class Known(msgspec.Struct, frozen=True, gc=False):
    """The record belongs to these customers: their numbers, at least one."""

    ids: tuple[str, ...]


class Unnamed(msgspec.Struct, frozen=True, gc=False):
    """The record does not say whose it is: what it hangs under may."""


class Strangers(msgspec.Struct, frozen=True, gc=False):
    """The record names customers of whom none is known here: it is nobody's, whatever it hangs under."""


class Unknown(msgspec.Struct, frozen=True):
    """The record names customers who could not be looked up; `failure` says why."""

    failure: ConnectorError


Owners = Known | Unnamed | Strangers | Unknown
"""Whose a record is. It is matched, never tested for truth."""

UNNAMED: Final = Unnamed()
STRANGERS: Final = Strangers()


def owned_by(*ids: str | None) -> Owners:
    """The customers with these numbers; `UNNAMED` where every number is missing or empty."""
    named = tuple(key for key in ids if key)
    return Known(named) if named else UNNAMED


class Owned(Record, frozen=True, kw_only=True):
    """Base of the records that say themselves which customers they belong to."""

    owners: Owners

    @property
    def customer_ids(self) -> tuple[str, ...]:
        """The numbers of the customers that are known to own the record."""
        return self.owners.ids if isinstance(self.owners, Known) else ()


class Money(msgspec.Struct, frozen=True, gc=False):
    """An amount, exact, in an ISO 4217 currency."""

    amount: Decimal
    currency: str


class Period(msgspec.Struct, frozen=True, gc=False):
    """From and to; either may be open."""

    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file kept by a system. `owner` is the id of the record that it belongs to, `id` is unique within that.

    `source` is what the driver that made the document needs to open it. Nobody else reads it, and nobody shows it.
    """

    id: str
    owner: str
    name: str | None = None
    mime_type: str | None = None
    source: object = field(default=None, repr=False, compare=False)


class Window(msgspec.Struct, frozen=True, gc=False):
    """The part of a list that is wanted: rows `offset` to `offset + limit` of the whole, sorted list."""

    offset: int
    limit: int


class Rows(msgspec.Struct, Generic[R], frozen=True, gc=False):
    """Rows of one list, from `offset` on.

    `total` counts the whole list, None where the system cannot tell. `complete` says that these are all rows: all
    that can be read; where some cannot, `total` is None. `total_doubted`: the system tells a total, which may be of
    everybody's rows, so that it is None here; reading the whole list tells it.
    """

    items: Sequence[R]
    offset: int = 0
    total: int | None = None
    complete: bool = True
    total_doubted: bool = False

    @classmethod
    def of(cls, items: Sequence[R]) -> "Rows[R]":
        """A list of which everything is here."""
        return cls(items, 0, len(items), complete=True)

    def keep(self, wanted: Callable[[R], bool]) -> "Rows[R]":
        """These rows without some; where the list is not complete, or its total not known, it is not known then."""
        kept = [row for row in self.items if wanted(row)]
        if len(kept) == len(self.items):
            return self
        return msgspec.structs.replace(
            self, items=kept, total=len(kept) if self.complete and self.total is not None else None
        )


Found = Mapping[str, R | ConnectorError]
"""What a batch found, by key. A key that nothing was found for is absent; one that failed has its own failure."""
