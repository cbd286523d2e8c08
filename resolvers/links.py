"""Identity across systems: which customer of ours is meant by what another system calls one, and the other way round.

The graph knows customers by the CRM's number. Where a system knows them by something else (`customer_key`), questions
and answers are translated where its port is asked (`resolvers.translated_ports`), by what is looked up here. A key that
no customer has, or that two have by mistake, makes the row nobody's: wrong links lead nowhere, never to somebody else.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.crm.port import Customer
from connectors.errors import ConnectorError, Garbled
from connectors.links import CustomerKey
from connectors.records import Fields, Found, Rows
from resolvers.context import RequestContext
from resolvers.loader import BatchLoader


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
            return ()
        return ids


def customer_fields(context: RequestContext) -> Fields | None:
    """What to read of customers: what was selected, and what other systems know them by."""
    fields = context.fields("Customer")
    if fields is None:
        return None
    keys = [links.customer_key for links in context.connectors.links.values() if links.customer_key is not None]
    return fields.union(*(key.attributes for key in keys))


async def customers_with(
    context: RequestContext, key: CustomerKey, known: Mapping[str, Sequence[str]]
) -> Mapping[str, Sequence[str] | ConnectorError]:
    """Whose these keys are: who else has one may show that it is nobody's (`CustomersByKey`)."""
    keys = {value: KeyedCustomer(key, value) for value in known}
    found = await CustomersByKey.of(context).load_all(list(keys.values()))
    return {value: found[one] for value, one in keys.items()}


def key_value(customer: Customer, key: CustomerKey) -> str | None:
    """What another system knows a customer by; None where the CRM does not say it, or says two things."""
    return customer.party_id if key.kind == "party" else customer.external_ids.get(key.name)
