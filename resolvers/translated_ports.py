"""The ports as one request's loaders ask them: in the graph's own ids, whatever a system calls its customers.

This is the one place where ids of a system that knows customers, or other systems' records, by something else are
translated, below every loader, so that none can forget it or do it twice: those in the arguments on the way down, those
of the records on the way up. What an argument or attribute is the id of, its name says (`customer_ids`), or its mark in
the port (`RefersTo`).
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors import DOMAINS, Connectors
from connectors.crm.port import Customer
from connectors.errors import ConnectorError, Rejected
from connectors.links import CustomerKey, Links, Reference, references_of
from connectors.ports import marks
from connectors.records import STRANGERS, Known, Owned, Owners, Record, Rows, Unknown, attributes, changed
from resolvers.context import RequestContext
from resolvers.links import CustomerRecordById, CustomersByKey, KeyedCustomer, key_of, owners_of
from resolvers.loader import NO_LINK

Numbers = Mapping[str, Sequence[str] | ConnectorError]
"""Whose the keys are that rows name: customers' numbers. A key that is nobody's, or not the viewer's, is absent."""

Ask = Callable[[Sequence[str]], Awaitable[Mapping[str, Any]]]


def translated(context: RequestContext, connectors: Connectors) -> Connectors:
    """The connectors, with the ports of systems that need it translated; the same ones where none does."""
    ports = {
        domain: _TranslatedPort(context, domain, links, getattr(connectors, domain))
        for domain, links in connectors.links.items()
        if links.customer_key is not None or links.references
    }
    return replace(connectors, **ports) if ports else connectors  # type: ignore[arg-type]  # each is its port, by name


class _TranslatedPort:
    """One port: what its methods are asked and what they give is translated; everything else is its own."""

    def __init__(self, context: RequestContext, domain: str, links: Links, port: Any) -> None:
        self._context, self._domain, self._links, self._port = context, domain, links, port
        self._kind = DOMAINS[domain].port
        self._marks = marks(self._kind)

    def __getattr__(self, name: str) -> Any:
        asked, mark = getattr(self._port, name), self._marks.get(name)
        if mark is None:
            return asked
        parameters = list(inspect.signature(getattr(self._kind, name)).parameters)[1:]

        keys_at = parameters.index(mark.keys) if mark.keys is not None else None
        way = self._way(mark.keys) if mark.keys is not None else None

        async def ask(*given: Any, **more: Any) -> Any:
            arguments = [
                one if at == keys_at else await self._down(name, one)
                for at, (name, one) in enumerate(zip(parameters, given, strict=False))
            ]
            options = {name: await self._down(name, one) for name, one in more.items()}

            async def by_keys(keys: Sequence[str]) -> Mapping[str, Any]:
                asking = [keys if at == keys_at else one for at, one in enumerate(arguments)]
                found: Mapping[str, Any] = await self._up(await asked(*asking, **options))
                return found

            if keys_at is None or way is None:
                return await self._up(await asked(*arguments, **options))
            if isinstance(way, Reference):
                return await self._under_references(way, given[keys_at], by_keys)
            return await self._under_customers(way, given[keys_at], by_keys)

        return ask

    def _way(self, name: str, record: type[Record] | None = None) -> CustomerKey | Reference | None:
        """How the ids are written that a parameter, or a record's attribute, holds; None where they are as they are."""
        entity = references_of(record).get(name) if record is not None else None
        if entity is None:
            entity, _, suffix = name.rpartition("_")
            if suffix not in ("id", "ids"):
                return None
        return self._links.customer_key if entity == "customer" else self._links.references.get(entity)

    async def _under_references(self, way: Reference, keys: Sequence[str], ask: Ask) -> Mapping[str, Any]:
        """What hangs under another system's records."""
        written = {key: way.write(key) for key in keys}
        answers = await ask(list(written.values()))
        return {key: answers[text] for key, text in written.items() if text in answers}

    async def _under_customers(self, key: CustomerKey, customers: Sequence[str], ask: Ask) -> Mapping[str, Any]:
        """What hangs under customers; `NO_LINK` for one whom this system cannot be asked about."""
        found: dict[str, Any] = {}
        known: dict[str, list[str]] = {}
        for number, record in (await CustomerRecordById.of(self._context).load_all(customers)).items():
            if isinstance(record, ConnectorError):
                found[number] = record
            elif record is not None and (value := key_of(record, key)):
                known.setdefault(value, []).append(number)
            else:
                self._context.warn(self._domain, self._nameless(number, key))
                found[number] = NO_LINK
        if known:
            owners, answers = await asyncio.gather(owners_of(self._context, key, known), ask(list(known)))
            for value, numbers in known.items():
                for number in numbers:
                    whose = owners[value]
                    if isinstance(whose, ConnectorError):
                        found[number] = whose
                    elif number not in whose:
                        found[number] = NO_LINK
                    elif value in answers:
                        found[number] = answers[value]
        return found

    @staticmethod
    def _nameless(number: str, key: CustomerKey) -> str:
        return f"customer {number} has no single {key}, by which this system identifies customers"

    async def _down(self, name: str, value: Any) -> Any:
        """An argument as the system writes its ids; a record with those that it holds."""
        if isinstance(value, Record):
            names = [*references_of(type(value)), *({"customer_id", "customer_ids"} & set(attributes(type(value))))]
            changes = {one: await self._written(self._way(one, type(value)), getattr(value, one)) for one in names}
            if isinstance(value, Owned) and isinstance(value.owners, Known):
                changes["owners"] = Known(await self._written(self._links.customer_key, value.owners.ids))
            return changed(value, **changes) if changes else value
        return await self._written(self._way(name), value)

    async def _written(self, way: CustomerKey | Reference | None, value: Any) -> Any:
        if way is None or value is None:
            return value
        texts = [value] if isinstance(value, str) else list(value)
        if isinstance(way, Reference):
            written = [way.write(one) for one in texts]
        else:
            written = [await self._known_as(one, way) for one in texts]
        return written[0] if isinstance(value, str) else tuple(written)

    async def _known_as(self, number: str, key: CustomerKey) -> str:
        """What this system calls a customer. Raises `Rejected` where nobody can tell, or it is not this one's alone."""
        record = (await CustomerRecordById.of(self._context).load_all([number]))[number]
        if isinstance(record, ConnectorError):
            raise record
        value = key_of(record, key) if record is not None else None
        if value is None:
            raise Rejected(self._domain, self._nameless(number, key))
        whose = (await owners_of(self._context, key, {value: [number]}))[value]
        if isinstance(whose, ConnectorError):
            raise whose
        if number not in whose:
            raise Rejected(self._domain, self._nameless(number, key))
        return value

    async def _up(self, found: Any) -> Any:
        """What the system answered, with the graph's ids in its records."""
        key = self._links.customer_key
        named = {value for one in _records(found) if isinstance(one, Owned) for value in one.customer_ids}
        numbers = await _numbers(self._context, key, named) if key and named else {}
        return self._value(found, numbers)

    def _value(self, found: Any, numbers: Numbers) -> Any:
        if isinstance(found, Record):
            return self._record_up(found, numbers)
        if isinstance(found, Rows):
            return changed(found, items=[self._record_up(row, numbers) for row in found.items])
        if isinstance(found, Mapping):
            return {key: self._value(one, numbers) for key, one in found.items()}
        if isinstance(found, list | tuple):
            return [self._value(one, numbers) for one in found]
        return found

    def _record_up(self, one: Any, numbers: Numbers) -> Any:
        changes: dict[str, Any] = {}
        if self._links.customer_key and isinstance(one, Owned):
            changes["owners"] = _translated_owners(one.owners, numbers)
        for attribute, entity in references_of(one.__class__).items():
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
                self._context.warn_staff(self._domain, f"{entity} {text!r} is not written as {right}")
            else:
                ids.append(key)
        return (ids[0] if ids else None) if isinstance(value, str) else tuple(ids)


async def _numbers(context: RequestContext, key: CustomerKey, named: set[str]) -> Numbers:
    """The numbers of the customers that rows name. For a subscriber only its own are looked up: others see nothing."""
    if context.viewer.is_staff:
        looked_up = await CustomersByKey.of(context).load_all([KeyedCustomer(key, value) for value in sorted(named)])
        return {one.value: ids for one, ids in looked_up.items()}
    mine = await CustomerRecordById.of(context).load_all(context.viewer.customer_ids)
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


def _translated_owners(owners: Owners, numbers: Numbers) -> Owners:
    """The customers that a row names, by the graph's numbers; one that names only strangers is nobody's."""
    if not isinstance(owners, Known):
        return owners
    ids: dict[str, None] = {}
    for value in owners.ids:
        found = numbers.get(value, ())
        if isinstance(found, ConnectorError):
            return Unknown(found)
        ids.update(dict.fromkeys(found))
    return Known(tuple(ids)) if ids else STRANGERS
