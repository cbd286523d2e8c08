"""Values that records of several domains share. Frozen; what upstream did not say is None."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

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


class Unlinked(tuple[str, ...]):
    """The `customer_ids` of a row that names customers of whom none is known: none, so the row is nobody's.

    `failure` says why they could not be looked up; None where nobody is called so. A row that names nobody has an
    ordinary empty tuple: what it hangs under may say whose it is.
    """

    failure: ConnectorError | None = None

    @classmethod
    def because(cls, failure: ConnectorError) -> "Unlinked":
        """No customers, for this reason."""
        found = cls()
        found.failure = failure
        return found


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
    that can be read; where some cannot, `total` is None. `doubted`: the system tells a total, which may be of
    everybody's rows, so that it is None here; reading the whole list tells it.
    """

    items: Sequence[R]
    offset: int = 0
    total: int | None = None
    complete: bool = True
    doubted: bool = False

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
