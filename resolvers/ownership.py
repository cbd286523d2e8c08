"""The owners that a record names."""

from collections.abc import Iterable
from typing import Any, Protocol

from connectors.errors import ConnectorError
from connectors.records import Known, Owners, Rows, Unknown, Unnamed
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
    owners = record.owners
    if isinstance(owners, Known):  # a class pattern of `match` takes several times as long
        return owners.ids
    if isinstance(owners, Unknown):
        raise owners.failure.without_traceback()
    return ()


def records(values: Iterable[Any]) -> list[Any]:
    """The records in a loader's values, including those in lists."""
    found: list[Any] = []
    for value in values:
        if isinstance(value, Rows):
            found += value.items
        elif not isinstance(value, (ConnectorError, NoLink)):
            found.append(value)
    return found
