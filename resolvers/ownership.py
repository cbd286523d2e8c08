"""Whose a record is, by what it says itself."""

from collections.abc import Iterable, Iterator
from typing import Any

from connectors.errors import ConnectorError
from connectors.records import Rows, Unlinked
from resolvers.loader import NoLink


def names_nobody(record: Any) -> bool:
    """Whether the row does not say whose it is: then what it hangs under does. One that names strangers does say."""
    return not record.customer_ids and not isinstance(record.customer_ids, Unlinked)


def customers_of(record: Any) -> tuple[str, ...]:
    """Whose the record is. Raises `ConnectorError` where that could not be looked up."""
    ids: tuple[str, ...] = record.customer_ids
    if ids.__class__ is not tuple and isinstance(ids, Unlinked) and ids.failure is not None:
        raise ids.failure.anew()
    return ids


def records(values: Iterable[Any]) -> Iterator[Any]:
    """The records among what a loader found, those of lists too."""
    for value in values:
        if isinstance(value, Rows):
            yield from value.items
        elif not isinstance(value, (ConnectorError, NoLink)):
            yield value
