"""Identity across systems: what a system calls a customer, and another system's record, in the graph's own ids.

The graph knows customers by the CRM's number. Where a system knows them by something else (`customer_key`), its rows
are translated where they enter, through loaders, before anybody asks whose they are. A key that no customer has, or
that two have by mistake, makes the row nobody's: wrong links lead nowhere, never to somebody else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from connectors.billing.port import BillCharge
from connectors.crm.port import Customer, Product
from connectors.errors import ConnectorError
from connectors.links import CustomerKey, Entity, Reference
from connectors.records import Fields, Found, Rows, attributes, changed
from connectors.request import current_scope
from connectors.ticketing.port import Outage, Ticket
from resolvers.batches import BatchLoader, each

if TYPE_CHECKING:
    from resolvers.context import RequestContext

R = TypeVar("R")

REFERRING: Final[Mapping[type[Any], Mapping[str, Entity]]] = {
    Product: {"account_id": "account", "service_ids": "service"},
    BillCharge: {"product_id": "product"},
    Ticket: {"service_ids": "service"},
    Outage: {"service_ids": "service", "resource_ids": "resource"},
}
"""Attributes of records that hold another system's ids, and of what."""


class Linked(dict[Any, Any]):
    """What a loader found through other loaders: its ids are the graph's already."""


class NoLink:
    """In place of what hangs under a customer whom a system cannot be asked about: the field is null."""


NO_LINK: Final = NoLink()

Under = Mapping[str, Rows[R] | ConnectorError | NoLink]
"""What hangs under customers, by their numbers."""


class Unlinked(tuple[str, ...]):
    """The `customer_ids` of a row whose customers could not be looked up: none, so nobody's, and why."""

    failure: ConnectorError

    @classmethod
    def because(cls, failure: ConnectorError) -> "Unlinked":
        """No customers, for this reason."""
        found = cls()
        found.failure = failure
        return found


def names_nobody(record: Any) -> bool:
    """Whether the row does not say whose it is: then what it hangs under does."""
    return not record.customer_ids and not isinstance(record.customer_ids, Unlinked)


def customers_of(record: Any) -> tuple[str, ...]:
    """Whose the record is. Raises `ConnectorError` where that could not be looked up."""
    ids: tuple[str, ...] = record.customer_ids
    if isinstance(ids, Unlinked):
        raise ids.failure
    return ids


@dataclass(frozen=True, slots=True)
class KeyedCustomer:
    """A customer as another system knows it."""

    key: CustomerKey
    value: str


class CustomerRecordById(BatchLoader[str, Customer]):
    """The CRM's record of a customer, whoever asks: what other loaders look up on the way."""

    async def found(self, keys: Sequence[str]) -> Found[Customer]:
        """One batch of the CRM's customers."""
        return await self.context.connectors.crm.customers(keys, customer_fields(self.context))


class CustomersByKey(BatchLoader[KeyedCustomer, tuple[str, ...]]):
    """Numbers of the customers that another system knows by a key; one where the key must be unique, or none."""

    missing = ()

    async def found(self, keys: Sequence[KeyedCustomer]) -> Mapping[KeyedCustomer, Any]:
        """One batch of the CRM's customers per kind of key."""
        kinds: dict[CustomerKey, list[str]] = {}
        for one in keys:
            kinds.setdefault(one.key, []).append(one.value)
        parts = await asyncio.gather(*(self._known_as(key, values) for key, values in kinds.items()))
        return {one: ids for part in parts for one, ids in part.items()}

    async def _known_as(self, key: CustomerKey, values: Sequence[str]) -> dict[KeyedCustomer, Any]:
        crm, fields = self.context.connectors.crm, customer_fields(self.context)
        try:
            found = await crm.customers_known_as(key, values, fields)
        except ConnectorError as failure:
            found = dict.fromkeys(values, failure)
        return {KeyedCustomer(key, value): self._ids(key, value, found.get(value)) for value in values}

    def _ids(self, key: CustomerKey, value: str, rows: Rows[Customer] | ConnectorError | None) -> Any:
        if isinstance(rows, ConnectorError):
            return rows
        ids = tuple(sorted({customer.id for customer in rows.items})) if rows else ()
        if not ids:
            warn("crm", f"no customer has {key} = {value}, which a row of another system names")
        if key.is_unique and len(ids) > 1:
            warn(
                "crm",
                f"{key} = {value} is of {len(ids)} customers ({', '.join(ids[:5])}): what is under it is nobody's",
            )
            return ()
        return ids


def customer_fields(context: "RequestContext") -> Fields | None:
    """What to read of customers: what was selected, and what other systems know them by."""
    fields = context.fields("Customer")
    return fields if fields is None else fields | {links.customer_key.attribute for links in _keyed(context)}


def _keyed(context: "RequestContext") -> Iterator[Any]:
    return (links for links in context.connectors.links.values() if links.customer_key is not None)


async def under_customers(
    context: "RequestContext",
    domain: str,
    customers: Sequence[str],
    ask: Callable[[Sequence[str]], Awaitable[Found[Rows[R]]]],
) -> Under[R]:
    """What a system has under customers: `ask` is given them as the system knows them; the answer is by number."""
    key = context.connectors.links[domain].customer_key
    if key is None:
        return await ask(customers)
    found: dict[str, Rows[R] | ConnectorError | NoLink] = {}
    known: dict[str, list[str]] = {}
    for number, record in (await each(CustomerRecordById.of(context), customers)).items():
        if isinstance(record, ConnectorError):
            found[number] = record
        elif record is not None and (value := _value(record, key)):
            known.setdefault(value, []).append(number)
        else:
            warn(domain, f"customer {number} has no {key}, by which this system knows customers")
            found[number] = NO_LINK
    if known:
        owners, answers = await asyncio.gather(_owners(context, key, known), ask(list(known)))
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


async def _owners(
    context: "RequestContext", key: CustomerKey, known: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...] | ConnectorError]:
    """Whose these keys are. Of a key that several may have, those that were asked about are enough to know."""
    loader = CustomersByKey.of(context)
    keys = {value: KeyedCustomer(key, value) for value in known}
    if not key.is_unique:
        for value, numbers in known.items():
            loader.prime(keys[value], tuple(sorted(numbers)))
    found = await each(loader, list(keys.values()))
    return {value: found[one] for value, one in keys.items()}


def _value(customer: Customer, key: CustomerKey) -> str | None:
    return customer.party_id if key.kind == "party" else customer.external_ids.get(key.name)


async def linked(context: "RequestContext", domain: str, found: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """The same, with customers and other systems' records by the graph's ids."""
    links = context.connectors.links[domain]
    if isinstance(found, Linked) or (links.customer_key is None and not links.references):
        return found
    owners = await _customers(context, links.customer_key, found) if links.customer_key else {}

    def record(one: Any) -> Any:
        changes: dict[str, Any] = {}
        if links.customer_key and _names_customers(one):
            changes["customer_ids"] = _named(one.customer_ids, owners)
        for attribute, entity in REFERRING.get(type(one), {}).items():
            if entity in links.references:
                changes[attribute] = _read(getattr(one, attribute), links.references[entity], domain, entity)
        return changed(one, **changes) if changes else one

    def value(one: Any) -> Any:
        if isinstance(one, Rows):
            return replace(one, items=[record(row) for row in one.items])
        return one if isinstance(one, ConnectorError | NoLink) else record(one)

    return {key: value(one) for key, one in found.items()}


async def _customers(
    context: "RequestContext", key: CustomerKey, found: Mapping[Any, Any]
) -> Mapping[str, tuple[str, ...] | ConnectorError]:
    """The numbers of the customers that rows name. For a subscriber only its own are looked up: others see nothing."""
    loader = CustomersByKey.of(context)
    named = {value for one in records(found.values()) if _names_customers(one) for value in one.customer_ids}
    if not context.viewer.is_staff:
        mine = await each(CustomerRecordById.of(context), context.viewer.customer_ids)
        failure = next((one for one in mine.values() if isinstance(one, ConnectorError)), None)
        if failure is not None:
            return dict.fromkeys(named, failure)
        own: dict[str, list[str]] = {}
        for number, record in mine.items():
            if isinstance(record, Customer) and (value := _value(record, key)):
                own.setdefault(value, []).append(number)
        return await _owners(context, key, {value: own[value] for value in named & own.keys()})
    owners = await each(loader, [KeyedCustomer(key, value) for value in sorted(named)])
    return {one.value: ids for one, ids in owners.items()}


def _names_customers(record: Any) -> bool:
    """Whether the row itself says whose it is; a customer does not, it is its own."""
    return "customer_ids" in attributes(type(record))


def _named(values: Iterable[str], owners: Mapping[str, tuple[str, ...] | ConnectorError]) -> tuple[str, ...]:
    ids: dict[str, None] = {}
    for value in values:
        found = owners.get(value, ())
        if isinstance(found, ConnectorError):
            return Unlinked.because(found)
        ids.update(dict.fromkeys(found))
    return tuple(ids)


def _read(value: Any, reference: Reference, domain: str, entity: str) -> Any:
    """Ids of the other system; what is not written as the settings say is no id of it."""
    if value is None:
        return None
    texts = (value,) if isinstance(value, str) else value
    ids = []
    for text in texts:
        if (key := reference.read(text)) is None:
            warn(domain, f"{entity} {text!r} is not written as {reference.write('{id}')!r} (references.{entity})")
        else:
            ids.append(key)
    return (ids[0] if ids else None) if isinstance(value, str) else tuple(ids)


async def under_references(
    context: "RequestContext",
    domain: str,
    entity: Entity,
    keys: Sequence[str],
    ask: Callable[[Sequence[str]], Awaitable[Found[R]]],
) -> Found[R]:
    """What a system has under another system's records: `ask` is given their ids as this one writes them."""
    reference = context.connectors.links[domain].references.get(entity)
    if reference is None:
        return await ask(keys)
    written = {key: reference.write(key) for key in keys}
    answers = await ask(list(written.values()))
    return {key: answers[text] for key, text in written.items() if text in answers}


def records(values: Iterable[Any]) -> Iterator[Any]:
    """The records among what was found, those of lists too."""
    for value in values:
        if isinstance(value, Rows):
            yield from value.items
        elif not isinstance(value, ConnectorError | NoLink):
            yield value


def warn(system: str, message: str) -> None:
    """Say in the trace of this request what is wrong with a link."""
    if scope := current_scope.get():
        scope.warn(system, message)
