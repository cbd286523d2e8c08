"""The ports as one request's loaders ask them: every record that comes out has the graph's ids.

This is the one place where rows of a system that knows customers, or other systems' records, by something else are
translated: below every loader, so that none can forget it, or do it twice.
"""

import inspect
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from connectors import Connectors
from connectors.billing.port import BillCharge
from connectors.crm.port import Customer, Product
from connectors.errors import ConnectorError
from connectors.links import CustomerKey, Entity, Links, Reference
from connectors.records import Record, Rows, Unlinked, attributes, changed
from connectors.ticketing.port import Outage, Ticket
from resolvers.links import (
    CustomerRecordById,
    CustomersByKey,
    KeyedCustomer,
    key_of,
    owners_of,
    warn_staff,
)
from resolvers.loader import each

if TYPE_CHECKING:
    from resolvers.context import RequestContext

REFERRING: Final[Mapping[type[Any], Mapping[str, Entity]]] = {
    Product: {"account_id": "account", "service_ids": "service"},
    BillCharge: {"product_id": "product"},
    Ticket: {"service_ids": "service"},
    Outage: {"service_ids": "service", "resource_ids": "resource"},
}
"""Attributes of records that hold another system's ids, and of what."""


def referred_to(domain: str) -> list[Entity]:
    """Of what a system's records hold ids, sorted: what its `references` may say something about."""
    held = {entity for record, ids in REFERRING.items() if _is_of(domain, record) for entity in ids.values()}
    return sorted(held)


def _is_of(domain: str, record: type[Any]) -> bool:
    return record.__module__ == f"connectors.{domain}.port"


Owners = Mapping[str, Sequence[str] | ConnectorError]
"""Whose the keys are that rows name: customers' numbers. A key that is nobody's, or not the viewer's, is absent."""


def linking(context: "RequestContext", connectors: Connectors) -> Connectors:
    """The connectors, with the ports of systems that need it translated; the same ones where none does."""
    ports = {
        domain: _LinkedPort(context, domain, links, getattr(connectors, domain))
        for domain, links in connectors.links.items()
        if links.customer_key is not None or links.references
    }
    return replace(connectors, **ports) if ports else connectors  # type: ignore[arg-type]  # each is its port, by name


class _LinkedPort:
    """One port; what its questions give is translated, everything else is its own."""

    def __init__(self, context: "RequestContext", domain: str, links: Links, port: Any) -> None:
        self._context, self._domain, self._links, self._port = context, domain, links, port

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._port, name)
        if not callable(asked):
            return asked

        def ask(*arguments: Any, **options: Any) -> Any:
            answer = asked(*arguments, **options)
            return self._translated(answer) if inspect.isawaitable(answer) else answer

        return ask

    async def _translated(self, answer: Awaitable[Any]) -> Any:
        found = await answer
        key = self._links.customer_key
        named = {value for one in _records(found) if _names_customers(one) for value in one.customer_ids}
        owners = await _owners(self._context, key, named) if key and named else {}
        return self._value(found, owners)

    def _value(self, found: Any, owners: Owners) -> Any:
        if isinstance(found, Record):
            return self._record(found, owners)
        if isinstance(found, Rows):
            return changed(found, items=[self._record(row, owners) for row in found.items])
        if isinstance(found, Mapping):
            return {key: self._value(one, owners) for key, one in found.items()}
        if isinstance(found, list | tuple):
            return [self._value(one, owners) for one in found]
        return found

    def _record(self, one: Any, owners: Owners) -> Any:
        changes: dict[str, Any] = {}
        if self._links.customer_key and _names_customers(one):
            changes["customer_ids"] = _named(one.customer_ids, owners)
        for attribute, entity in REFERRING.get(type(one), {}).items():
            if reference := self._links.references.get(entity):
                changes[attribute] = self._read(getattr(one, attribute), reference, entity)
        return changed(one, **changes) if changes else one

    def _read(self, value: Any, reference: Reference, entity: str) -> Any:
        """Ids of the other system; what is not written as the settings say is no id of it."""
        if value is None:
            return None
        texts = (value,) if isinstance(value, str) else value
        ids = []
        for text in texts:
            if (key := reference.read(text)) is None:
                right = f"{reference.write('{id}')!r} (references.{entity})"
                warn_staff(self._context, self._domain, f"{entity} {text!r} is not written as {right}")
            else:
                ids.append(key)
        return (ids[0] if ids else None) if isinstance(value, str) else tuple(ids)


async def _owners(context: "RequestContext", key: CustomerKey, named: set[str]) -> Owners:
    """The numbers of the customers that rows name. For a subscriber only its own are looked up: others see nothing."""
    if context.viewer.is_staff:
        looked_up = await each(CustomersByKey.of(context), [KeyedCustomer(key, value) for value in sorted(named)])
        return {one.value: ids for one, ids in looked_up.items()}
    mine = await each(CustomerRecordById.of(context), context.viewer.customer_ids)
    failure = next((one for one in mine.values() if isinstance(one, ConnectorError)), None)
    own: dict[str, list[str]] = {}
    for number, record in mine.items():
        if isinstance(record, Customer) and (value := key_of(record, key)) in named:
            own.setdefault(value, []).append(number)
    found = await owners_of(context, key, own)
    # What is not the others' may be that customer's whose record could not be read.
    return found if failure is None else {**dict.fromkeys(named, failure), **found}


def _records(found: Any) -> Iterator[Any]:
    """The records in a port's answer: one, a list, or either by key."""
    if isinstance(found, Record):
        yield found
    elif isinstance(found, Rows):
        yield from found.items
    elif isinstance(found, Mapping):
        for one in found.values():
            yield from _records(one)
    elif isinstance(found, list | tuple):
        yield from found


def _names_customers(record: Any) -> bool:
    """Whether the row itself says whose it is; a customer does not, it is its own."""
    return "customer_ids" in attributes(type(record))


def _named(values: tuple[str, ...], owners: Owners) -> tuple[str, ...]:
    """The customers that a row names, by the graph's numbers; one that names only strangers is nobody's."""
    if not values:
        return values
    ids: dict[str, None] = {}
    for value in values:
        found = owners.get(value, ())
        if isinstance(found, ConnectorError):
            return Unlinked.because(found)
        ids.update(dict.fromkeys(found))
    return tuple(ids) if ids else Unlinked()
