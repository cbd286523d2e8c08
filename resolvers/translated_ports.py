"""The ports as loaders call them: ids of other systems' records are translated in arguments and in answers.

A system may identify customers, or records of other systems, by something else than the graph does (`customer_key`,
`references` in the settings). Its ids are translated here, below every loader, and nowhere else. Which record an
argument or attribute refers to follows from its name (`customer_ids`) or from `RefersTo` in the port.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any, Final, Protocol, get_args, get_type_hints

from connectors import DOMAINS, Connectors
from connectors.crm.port import Customer
from connectors.errors import ConnectorError, Rejected
from connectors.links import CustomerKey, Links, Reference, references_of
from connectors.ports import marks
from connectors.reading.turns import turn
from connectors.records import STRANGERS, Known, Owned, Owners, Record, Rows, Unknown, attributes, changed
from resolvers.context import RequestContext
from resolvers.links import CustomerRecordById, CustomersByKey, Holders, KeyedCustomer, customers_with, key_value
from resolvers.loader import NO_LINK

_ROWS_AT_ONCE: Final = 1000
"""Rows of a list that are translated in one turn of the event loop."""

_LISTS_AT_ONCE: Final = 100
"""Lists, or records, that are translated in one turn, as far as they are short."""

Numbers = Mapping[str, Holders | ConnectorError]
"""Customers by the key that records name. Keys that no customer has, or none of the viewer's, are absent."""


def _answering_with_owners(port: type[Any]) -> set[str]:
    """The methods of the port that answer with records that name their owners."""
    hints = {name: get_type_hints(getattr(port, name))["return"] for name in marks(port)}
    return {name for name, hint in hints.items() if any(issubclass(one, Owned) for one in _classes(hint))}


def _classes(hint: Any) -> Iterator[type[Any]]:
    if isinstance(hint, type):
        yield hint
    for one in get_args(hint):
        yield from _classes(one)


_OWNING: Final = {domain: _answering_with_owners(row.port) for domain, row in DOMAINS.items()}
"""By domain, the methods that answer with records that name their owners."""


class Call(Protocol):
    """Asks the port for keys."""

    def __call__(self, keys: Sequence[str], whole: bool = False, /) -> Awaitable[Mapping[str, Any]]:
        """The answers by key. `whole`: complete lists in place of one page."""


def translated(context: RequestContext, connectors: Connectors) -> Connectors:
    """The connectors, with translating ports for the systems whose settings need it; unchanged if none does."""
    if not connectors.translating:
        return connectors
    ports = {
        domain: _TranslatedPort(context, domain, connectors.served_by[domain], links, getattr(connectors, domain))
        for domain, links in connectors.translating.items()
    }
    return replace(connectors, **ports)  # type: ignore[arg-type]  # each is its port, by name


class _TranslatedPort:
    """A port whose methods translate the ids in their arguments and answers. Other attributes are the port's own."""

    def __init__(self, context: RequestContext, domain: str, system: str, links: Links, port: Any) -> None:
        self._context, self._domain, self._system, self._links, self._port = context, domain, system, links, port
        self._kind = DOMAINS[domain].port
        self._marks = marks(self._kind)

    def __getattr__(self, name: str) -> Any:
        method, mark = getattr(self._port, name), self._marks.get(name)
        if mark is None:
            return method
        parameters = list(inspect.signature(getattr(self._kind, name)).parameters)[1:]

        keys_at = parameters.index(mark.keys) if mark.keys is not None else None
        translation = self._translation(mark.keys) if mark.keys is not None else None

        async def call(*given: Any, **keyword_arguments: Any) -> Any:
            arguments = [
                one if at == keys_at else await self._translate_argument(name, one)
                for at, (name, one) in enumerate(zip(parameters, given, strict=False))
            ]
            options = {name: await self._translate_argument(name, one) for name, one in keyword_arguments.items()}

            async def by_keys(keys: Sequence[str], whole: bool = False, /) -> Mapping[str, Any]:
                call_arguments = [
                    keys if at == keys_at else None if whole and parameters[at] == "window" else one
                    for at, one in enumerate(arguments)
                ]
                found: Mapping[str, Any] = await self._translate_answer(name, await method(*call_arguments, **options))
                return found

            if keys_at is None or translation is None:
                return await self._translate_answer(name, await method(*arguments, **options))
            if isinstance(translation, Reference):
                return await self._by_references(translation, given[keys_at], by_keys)
            return await self._by_customers(translation, given[keys_at], by_keys)

        return call

    def _translation(self, name: str, record: type[Record] | None = None) -> CustomerKey | Reference | None:
        """How to translate the ids in a parameter or a record's attribute; None if they need no translation."""
        entity = references_of(record).get(name) if record is not None else None
        if entity is None:
            entity, _, suffix = name.rpartition("_")
            if suffix not in ("id", "ids"):
                return None
        return self._links.customer_key if entity == "customer" else self._links.references.get(entity)

    async def _by_references(self, translation: Reference, keys: Sequence[str], call: Call) -> Mapping[str, Any]:
        """Call a method whose keys are ids of another system's records."""
        written = {key: translation.write(key) for key in keys}
        answers = await call(list(written.values()))
        return {key: answers[text] for key, text in written.items() if text in answers}

    async def _by_customers(self, key: CustomerKey, customers: Sequence[str], call: Call) -> Mapping[str, Any]:
        """Call a method whose keys are customers; `NO_LINK` for a customer whom this system cannot identify."""
        found: dict[str, Any] = {}
        known: dict[str, list[str]] = {}
        for number, record in (await CustomerRecordById.of(self._context).load_all(customers)).items():
            if isinstance(record, ConnectorError):
                found[number] = record
            elif record is not None and (value := key_value(record, key)):
                known.setdefault(value, []).append(number)
            else:
                self._context.warn(self._system, self._no_key(number, key))
                found[number] = NO_LINK
        if known:
            owners, answers = await asyncio.gather(customers_with(self._context, key, known), call(list(known)))
            for value, numbers in known.items():
                for number in numbers:
                    owners_of_key = owners[value]
                    if isinstance(owners_of_key, ConnectorError):
                        found[number] = owners_of_key
                    elif number not in owners_of_key.ids:
                        found[number] = NO_LINK
                    elif value in answers:
                        found[number] = await self._of_customer(number, value, answers[value], call)
        return found

    @staticmethod
    async def _of_customer(number: str, value: str, answer: Any, call: Call) -> Any:
        """The rows of the customer, among those that name its key: some may mean a company, and it is a person."""
        if not isinstance(answer, Rows):
            return answer
        kept = answer.keep(lambda row: _may_be_of(row, number))
        if kept is answer or answer.complete:
            return kept
        whole = (await call([value], True)).get(value, Rows.of(()))  # a page of what is left has other rows
        return whole.keep(lambda row: _may_be_of(row, number)) if isinstance(whole, Rows) else whole

    @staticmethod
    def _no_key(number: str, key: CustomerKey) -> str:
        return f"customer {number} has no single {key}, by which this system identifies customers"

    async def _translate_argument(self, name: str, value: Any) -> Any:
        """An argument with its ids as the system writes them; a record is translated attribute by attribute."""
        if isinstance(value, Record):
            names = [*references_of(type(value)), *({"customer_id", "customer_ids"} & set(attributes(type(value))))]
            changes = {
                one: await self._written_ids(self._translation(one, type(value)), getattr(value, one)) for one in names
            }
            if isinstance(value, Owned) and isinstance(value.owners, Known):
                changes["owners"] = Known(await self._written_ids(self._links.customer_key, value.owners.ids))
            return changed(value, **changes) if changes else value
        return await self._written_ids(self._translation(name), value)

    async def _written_ids(self, translation: CustomerKey | Reference | None, value: Any) -> Any:
        if translation is None or value is None:
            return value
        ids_given = [value] if isinstance(value, str) else list(value)
        if isinstance(translation, Reference):
            written = [translation.write(one) for one in ids_given]
        else:
            written = [await self._key_of_customer(one, translation) for one in ids_given]
        return written[0] if isinstance(value, str) else tuple(written)

    async def _key_of_customer(self, number: str, key: CustomerKey) -> str:
        """This system's key of a customer. Raises `Rejected` if it is unknown or not unique."""
        record = (await CustomerRecordById.of(self._context).load_all([number]))[number]
        if isinstance(record, ConnectorError):
            raise record
        value = key_value(record, key) if record is not None else None
        if value is None:
            raise Rejected(self._system, self._no_key(number, key))
        owners_of_key = (await customers_with(self._context, key, {value: [number]}))[value]
        if isinstance(owners_of_key, ConnectorError):
            raise owners_of_key
        if number not in owners_of_key.ids:
            raise Rejected(self._system, self._no_key(number, key))
        return value

    async def _translate_answer(self, name: str, found: Any) -> Any:
        """What the method answered, with the graph's ids in its records.

        For a subscriber the own key is looked up whatever was found: what does not exist takes the same calls as what
        is somebody else's.
        """
        key = self._links.customer_key
        keys = {value for one in _records(found) if isinstance(one, Owned) for value in one.customer_ids}
        is_needed = keys or (not self._context.viewer.is_staff and name in _OWNING[self._domain])
        numbers = await _numbers_by_key(self._context, key, keys) if key and is_needed else {}
        return await self._translate_value(found, numbers)

    async def _translate_value(self, found: Any, numbers: Numbers) -> Any:
        """With turns for others between the records of a long answer."""
        if isinstance(found, Record):
            return self._translate_record(found, numbers)
        if isinstance(found, Rows):
            return changed(found, items=await self._translate_records(found.items, numbers))
        if isinstance(found, Mapping):
            values, translated_values = list(found.values()), []
            for start in range(0, len(values), _LISTS_AT_ONCE):
                if start:
                    await turn()
                some = values[start : start + _LISTS_AT_ONCE]
                translated_values += [await self._translate_value(one, numbers) for one in some]
            return dict(zip(found, translated_values, strict=True))
        if isinstance(found, list | tuple):
            return await self._translate_records(found, numbers)
        return found

    async def _translate_records(self, found: Sequence[Any], numbers: Numbers) -> list[Any]:
        made: list[Any] = []
        for start in range(0, len(found), _ROWS_AT_ONCE):
            if start:
                await turn()
            made += [self._translate_record(one, numbers) for one in found[start : start + _ROWS_AT_ONCE]]
        return made

    def _translate_record(self, one: Any, numbers: Numbers) -> Any:
        changes: dict[str, Any] = {}
        if self._links.customer_key and isinstance(one, Owned):
            changes["owners"] = _translated_owners(one.owners, numbers)
        for attribute, entity in references_of(one.__class__).items():
            if reference := self._links.references.get(entity):
                changes[attribute] = self._read_ids(getattr(one, attribute), reference, entity)
        return changed(one, **changes) if changes else one

    def _read_ids(self, value: Any, reference: Reference, entity: str) -> Any:
        """Ids of the other system's records. Texts that the setting does not match are left out, with a warning."""
        if value is None:
            return None
        ids_given = (value,) if isinstance(value, str) else value
        ids = []
        for text in ids_given:
            if (key := reference.read(text)) is None:
                right = f"{reference.write('{id}')!r} (references.{entity})"
                self._context.warn_staff(self._system, f"{entity} {text!r} is not written as {right}")
            else:
                ids.append(key)
        return (ids[0] if ids else None) if isinstance(value, str) else tuple(ids)


async def _numbers_by_key(context: RequestContext, key: CustomerKey, keys: set[str]) -> Numbers:
    """Customer numbers by key. For a subscriber only the subscriber's own keys are looked up."""
    if context.viewer.is_staff:
        looked_up = await CustomersByKey.of(context).load_all([KeyedCustomer(key, value) for value in sorted(keys)])
        return {one.value: ids for one, ids in looked_up.items()}
    mine = await CustomerRecordById.of(context).load_all(context.viewer.customer_ids)
    failure = next((one for one in mine.values() if isinstance(one, ConnectorError)), None)
    own: dict[str, list[str]] = {}
    for number, record in mine.items():
        if isinstance(record, Customer) and (value := key_value(record, key)) in keys:
            own.setdefault(value, []).append(number)
    found = await customers_with(context, key, own)
    # A key that none of the readable customers has may belong to the one whose record could not be read.
    return found if failure is None else {**dict.fromkeys(keys, failure), **found}


def _may_be_of(row: Any, number: str) -> bool:
    """Whether a row that names the customer's key may be the customer's, as far as is known."""
    return not isinstance(row, Owned) or number in row.customer_ids or isinstance(row.owners, Unknown)


def _records(found: Any) -> Iterator[Any]:
    """The records in a port's answer, which is a record, a list, or a mapping to either."""
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
    """Owners by the graph's customer numbers; `STRANGERS` if none of the customers is known."""
    if not isinstance(owners, Known):
        return owners
    ids: dict[str, None] = {}
    for value, kind in zip_longest(owners.ids, owners.kinds, fillvalue=""):
        found = numbers.get(value, Holders())
        if isinstance(found, ConnectorError):
            return Unknown(found)
        if found.are(kind):
            ids.update(dict.fromkeys(found.ids))
    return Known(tuple(ids)) if ids else STRANGERS
