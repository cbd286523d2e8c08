"""The owners that a record names."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from connectors.errors import ConnectorError
from connectors.records import Known, Owners, Rows, Strangers, Unknown, Unnamed
from resolvers.loader import NoLink


class HasOwners(Protocol):
    """A record with owners."""

    @property
    def owners(self) -> Owners:
        """The customers that own it, or why they are unknown."""


def names_no_customer(record: HasOwners) -> bool:
    """Whether the record names no customer, so that its parent's owners count."""
    return isinstance(record.owners, Unnamed)


def customers_of(record: HasOwners) -> tuple[str, ...]:
    """The known customers that the record names. Raises `ConnectorError` if they could not be looked up."""
    match record.owners:
        case Known(ids):
            return ids
        case Unknown(failure):
            raise failure.without_traceback()
        case Unnamed() | Strangers():
            return ()


def records(values: Iterable[Any]) -> Iterator[Any]:
    """The records in a loader's values, including those in lists."""
    for value in values:
        if isinstance(value, Rows):
            yield from value.items
        elif not isinstance(value, (ConnectorError, NoLink)):
            yield value
