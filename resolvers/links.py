"""Identity across systems: what a system calls a customer, and another system's record, in the graph's own ids.

The graph knows customers by the CRM's number. Where a system knows them by something else (`customer_key`), what hangs
under customers is asked for by that (`under_customers`), and its rows are translated where its port answers
(`resolvers.translated_ports`). A key that no customer has, or that two have by mistake, makes the row nobody's: wrong
links lead nowhere, never to somebody else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from connectors.crm.port import Customer
from connectors.errors import ConnectorError, Garbled
from connectors.http.scope import current_scope
from connectors.links import CustomerKey, Entity
from connectors.records import Fields, Found, Rows, Unlinked
from resolvers.loader import BatchLoader, each

if TYPE_CHECKING:
    from resolvers.context import RequestContext

R = TypeVar("R")


class NoLink:
    """In place of what hangs under a customer whom a system cannot be asked about: the field is null."""


NO_LINK: Final = NoLink()

Under = Mapping[str, Rows[R] | ConnectorError | NoLink]
"""What hangs under customers, by their numbers."""


def names_nobody(record: Any) -> bool:
    """Whether the row does not say whose it is: then what it hangs under does. One that names strangers does say."""
    return not record.customer_ids and not isinstance(record.customer_ids, Unlinked)


def customers_of(record: Any) -> tuple[str, ...]:
    """Whose the record is. Raises `ConnectorError` where that could not be looked up."""
    ids: tuple[str, ...] = record.customer_ids
    if ids.__class__ is not tuple and isinstance(ids, Unlinked) and ids.failure is not None:
        raise ids.failure.anew()
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
    """Numbers of the customers that another system knows by a key: one, or none, where the key must be unique.

    A person and a company may have the same id in TMF632, which numbers them apart: then it is neither's.
    """

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
        if rows is not None and rows.total is None:
            return Garbled("crm", f"customers with {key} = {value[:100]} cannot all be read: whose it is nobody knows")
        ids = tuple(sorted({customer.id for customer in rows.items})) if rows else ()
        if not ids:
            warn("crm", f"no customer has {key} = {value}, which a row of another system names")
        kinds = {(customer.party_kind or "").casefold() for customer in rows.items} if rows else set()
        if len(ids) > 1 and (key.is_unique or len(kinds) > 1):
            who = f" ({', '.join(ids[:5])})" if self.context.viewer.is_staff else ""
            warn("crm", f"{key} = {value} is of {len(ids)} customers{who}: what is under it is nobody's")
            return ()
        return ids


def customer_fields(context: "RequestContext") -> Fields | None:
    """What to read of customers: what was selected, and what other systems know them by."""
    fields = context.fields("Customer")
    return fields if fields is None else fields.union(*(links.customer_key.attributes for links in _keyed(context)))


def _keyed(context: "RequestContext") -> Iterator[Any]:
    return (links for links in context.connectors.links.values() if links.customer_key is not None)


def under_customers(
    context: "RequestContext",
    domain: str,
    customers: Sequence[str],
    ask: Callable[[Sequence[str]], Awaitable[Found[Rows[R]]]],
) -> Awaitable[Under[R]]:
    """What a system has under customers: `ask` is given them as the system knows them; the answer is by number."""
    key = context.connectors.links[domain].customer_key
    return ask(customers) if key is None else _under_keyed(context, domain, key, customers, ask)


async def _under_keyed(
    context: "RequestContext",
    domain: str,
    key: CustomerKey,
    customers: Sequence[str],
    ask: Callable[[Sequence[str]], Awaitable[Found[Rows[R]]]],
) -> Under[R]:
    found: dict[str, Rows[R] | ConnectorError | NoLink] = {}
    known: dict[str, list[str]] = {}
    for number, record in (await each(CustomerRecordById.of(context), customers)).items():
        if isinstance(record, ConnectorError):
            found[number] = record
        elif record is not None and (value := key_of(record, key)):
            known.setdefault(value, []).append(number)
        else:
            warn(domain, f"customer {number} has not one {key}, by which this system knows customers")
            found[number] = NO_LINK
    if known:
        owners, answers = await asyncio.gather(owners_of(context, key, known), ask(list(known)))
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


async def owners_of(
    context: "RequestContext", key: CustomerKey, known: Mapping[str, Sequence[str]]
) -> Mapping[str, Sequence[str] | ConnectorError]:
    """Whose these keys are: who else has one may show that it is nobody's (`CustomersByKey`)."""
    keys = {value: KeyedCustomer(key, value) for value in known}
    found = await each(CustomersByKey.of(context), list(keys.values()))
    return {value: found[one] for value, one in keys.items()}


def key_of(customer: Customer, key: CustomerKey) -> str | None:
    """What another system knows a customer by; None where the CRM does not say it, or says two things."""
    return customer.party_id if key.kind == "party" else customer.external_ids.get(key.name)


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
        elif not isinstance(value, (ConnectorError, NoLink)):
            yield value


def warn(system: str, message: str) -> None:
    """Say in the trace of this request what is wrong with a link."""
    if scope := current_scope.get():
        scope.warn(system, message)


def warn_staff(context: "RequestContext", system: str, message: str) -> None:
    """`warn`, where the message may tell what exists that is not the viewer's."""
    if context.viewer.is_staff:
        warn(system, message)
