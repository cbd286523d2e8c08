"""Whose a record is, by what it says itself."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from connectors.errors import ConnectorError
from connectors.records import Known, Owners, Rows, Strangers, Unknown, Unnamed
from resolvers.loader import NoLink


class HasOwners(Protocol):
    """A record that says whose it is."""

    @property
    def owners(self) -> Owners:
        """Its customers, or why they are not known."""


def names_no_customer(record: HasOwners) -> bool:
    """Whether the record does not say whose it is: then what it hangs under does."""
    return isinstance(record.owners, Unnamed)


def customers_of(record: HasOwners) -> tuple[str, ...]:
    """The customers that the record names and that are known. Raises `ConnectorError` where that cannot be told."""
    match record.owners:
        case Known(ids):
            return ids
        case Unknown(failure):
            raise failure.anew()
        case Unnamed() | Strangers():
            return ()


def records(values: Iterable[Any]) -> Iterator[Any]:
    """The records among what a loader found, those of lists too."""
    for value in values:
        if isinstance(value, Rows):
            yield from value.items
        elif not isinstance(value, (ConnectorError, NoLink)):
            yield value
