"""Identity across systems: the customer numbers for another system's customer keys, and the keys for numbers.

The graph identifies customers by the CRM's number. For a system that uses something else (`customer_key`), arguments
and answers are translated in `resolvers.translated_ports` by the loaders here. A record whose key no customer has, or
two by mistake, has no owner: a wrong link never leads to another customer.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from typing_extensions import override

from connectors.crm.port import Customer
from connectors.errors import ConnectorError, Garbled
from connectors.links import CustomerKey, Links
from connectors.records import Fields, Found, Rows
from connectors.settings import System
from resolvers.context import RequestContext
from resolvers.loader import BatchLoader, Key


class KeyedCustomer(Key, frozen=True):
    """A customer as another system knows it."""

    key: CustomerKey
    value: str


class CustomerRecordById(BatchLoader[str, Customer]):
    """The CRM's customers by number, without an ownership check, for use by other loaders."""

    domain: ClassVar[str] = "crm"

    @override
    async def found(self, keys: Sequence[str]) -> Found[Customer]:
        return await self.context.connectors.crm.customers(keys, customer_fields(self.context))


PERSON, COMPANY = "individual", "organization"


@dataclass(frozen=True, slots=True)
class Holders:
    """The customers with a key. `kind` is the kind of party that they are, empty if the CRM does not say."""

    ids: tuple[str, ...] = ()
    kind: str = ""

    def are(self, kind: str) -> bool:
        """Whether a record that calls them this kind means them: persons and companies are numbered separately."""
        return {kind, self.kind} != {PERSON, COMPANY}


def calls_for_keys(systems: Mapping[str, System]) -> Mapping[str, Mapping[str, int]]:
    """Calls that each call of a system with a customer key costs besides, by its name, as in `Loader.besides`.

    The keys of the customers are looked up, and who else has them.
    """
    linked = [name for name, one in systems.items() if Links.parse(one.customer_key, one.references).customer_key]
    return {name: {CustomerRecordById.domain: 2} for name in linked}


class CustomersByKey(BatchLoader[KeyedCustomer, Holders]):
    """Customer numbers by another system's key; none if the key must be unique and is not.

    TMF632 numbers persons and organizations separately: an id that one of each has belongs to neither.
    """

    missing = Holders()

    @override
    async def found(self, keys: Sequence[KeyedCustomer]) -> Mapping[KeyedCustomer, Any]:
        """One call per kind of key."""
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
            return Garbled("crm", f"customers with {key} = {value[:100]} cannot all be read, so its owner is unknown")
        ids = tuple(sorted({customer.id for customer in rows.items})) if rows else ()
        if not ids:
            self.context.warn("crm", f"no customer has {key} = {value}, which a record of another system names")
        kinds = {(customer.party_kind or "").casefold() for customer in rows.items} if rows else set()
        if len(ids) > 1 and (key.is_unique or len(kinds) > 1):
            who = f" ({', '.join(ids[:5])})" if self.context.viewer.is_staff else ""
            self.context.warn(
                "crm", f"{len(ids)} customers{who} have {key} = {value}: records that name it have no owner"
            )
            return Holders()
        return Holders(ids, next(iter(kinds)) if len(kinds) == 1 and key.kind == "party" else "")


def customer_fields(context: RequestContext) -> Fields | None:
    """Attributes of customers to read: those selected, and the keys that other systems identify customers by."""
    fields = context.fields("Customer")
    if fields is None:
        return None
    keys = [links.customer_key for links in context.connectors.links.values() if links.customer_key is not None]
    return fields.union(*(key.attributes for key in keys))


async def customers_with(
    context: RequestContext, key: CustomerKey, known: Mapping[str, Sequence[str]]
) -> Mapping[str, Holders | ConnectorError]:
    """Customers by key. `known` has the numbers found so far, but a key may have other customers, too."""
    keys = {value: KeyedCustomer(key, value) for value in known}
    found = await CustomersByKey.of(context).load_all(list(keys.values()))
    return {value: found[one] for value, one in keys.items()}


def key_value(customer: Customer, key: CustomerKey) -> str | None:
    """The customer's value of this key; None if the CRM has none or more than one."""
    return customer.party_id if key.kind == "party" else customer.external_ids.get(key.name)
