"""Customers, the people behind them and what they bought."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.crm.port import Customer, Party, Product, ProductStatus
from connectors.errors import ConnectorError
from connectors.records import Found, Known, Owners, Rows, Window
from resolvers.context import Loader, RequestContext, Rule, customer_ownership
from resolvers.filters import is_wanted
from resolvers.links import CustomerRecordById
from resolvers.ownership import customers_of
from resolvers.rows import RowsLoader
from resolvers.viewer import Viewer


@dataclass(frozen=True, slots=True)
class CustomerRef:
    """A customer whose number is known, from a token or another record, before or without the CRM.

    What the number alone gives access to (bills, services, tickets) needs no CRM; names and the like are loaded.
    """

    id: str

    @property
    def owners(self) -> Owners:
        """A customer owns itself."""
        return Known((self.id,))


class CustomerById(Loader[str, Customer]):
    """The CRM's record of a customer."""

    domain = "crm"
    ownership = customer_ownership
    entity = "Customer"

    async def fetch(self, keys: Sequence[str]) -> Mapping[str, Customer | ConnectorError]:
        """One batch of the CRM's customers."""
        found = await CustomerRecordById.of(self.context).load_now(keys)
        return {key: record for key, record in found.items() if record is not None}


class KnownCustomerById(Loader[str, Customer | CustomerRef]):
    """A customer that a client named. The viewer's own need no proof; with the CRM down, others are given unproved."""

    domain = "crm"
    ownership = customer_ownership
    entity = "Customer"

    def foreseen(self, keys: Sequence[str]) -> Sequence[str]:
        """A subscriber's own; nothing is begun for others'."""
        mine = self.context.viewer.customer_ids
        return keys if self.context.viewer.is_staff else [key for key in keys if key in mine]

    async def fetch(self, keys: Sequence[str]) -> Mapping[str, Customer | CustomerRef | ConnectorError]:
        """Records where the CRM answers, references where it does not; what it does not know is absent."""
        mine = set(self.context.viewer.customer_ids)
        if not self.context.viewer.is_staff:
            return {key: CustomerRef(key) for key in keys if key in mine}
        records = await CustomerById.of(self.context).load_all(keys)
        return {
            key: CustomerRef(key) if isinstance(record, ConnectorError) else record
            for key, record in records.items()
            if record is not None
        }


async def _of_own_customers(_context: RequestContext, _records: Sequence[Party]) -> Rule:
    """A party has no customer in it: it was reached through one that `CustomerById` let the viewer see."""
    return lambda _record: True


class PartyByCustomer(Loader[str, Party]):
    """The person behind a customer."""

    domain = "crm"
    ownership = _of_own_customers

    async def fetch(self, keys: Sequence[str]) -> dict[str, Party | ConnectorError]:
        """First the customers, who name their parties, then those."""
        customers = await CustomerById.of(self.context).load_all(keys)
        known = {key: customer for key, customer in customers.items() if isinstance(customer, Customer)}
        fields = frozenset({"given_name", "family_name"})
        parties = await self.context.connectors.crm.parties(list(known.values()), fields) if known else {}
        found: dict[str, Party | ConnectorError] = {
            key: parties[c.party_id] for key, c in known.items() if c.party_id and c.party_id in parties
        }
        for key, customer in known.items():
            if customer.party_id and key not in found and (customer.party_kind or "").casefold() != "organization":
                self.context.warn(
                    self.domain, f"the party {customer.party_id} of customer {key} does not exist in the CRM"
                )
        return found | {key: failed for key, failed in customers.items() if isinstance(failed, ConnectorError)}


class ProductById(Loader[str, Product]):
    """A product by its id."""

    domain = "crm"
    ownership = customer_ownership
    entity = "Product"

    async def fetch(self, keys: Sequence[str]) -> Found[Product]:
        """One batch of the CRM's products."""
        return await self.context.connectors.crm.products(keys, self.context.fields("Product"))


class ProductsByCustomer(RowsLoader[Product]):
    """What a customer bought."""

    domain = "crm"
    ownership = customer_ownership
    primes = ProductById
    connection = "ProductConnection"

    async def rows(self, parents: Sequence[str], window: Window | None, conditions: Any) -> Found[Rows[Product]]:
        """See `RowsLoader`."""
        fields = self.context.fields("Product")
        return await self.context.connectors.crm.products_of_customers(parents, window, fields)


class ProductsByService(Loader[str, Rows[Product]]):
    """What was bought that a service realizes."""

    domain = "crm"
    ownership = customer_ownership
    primes = ProductById

    async def fetch(self, keys: Sequence[str]) -> Found[Rows[Product]]:
        """One batch of the CRM's products."""
        return await self.context.connectors.crm.products_of_services(keys, self.context.fields("Product"))


def customer_of(record: Any, viewer: Viewer) -> CustomerRef | None:
    """The customer a record belongs to; of several, one that the viewer may see. Raises `ConnectorError`."""
    ids = customers_of(record)
    if viewer.is_staff:
        return CustomerRef(ids[0]) if ids else None
    return next((CustomerRef(key) for key in ids if key in viewer.customer_ids), None)


def own_customers(viewer: Viewer) -> list[CustomerRef]:
    """The customers in the viewer's token."""
    return [CustomerRef(key) for key in viewer.customer_ids]


def own_customer(viewer: Viewer) -> CustomerRef | None:
    """The signed-in subscriber's customer, the first where the token names several; None for staff."""
    return next(iter(own_customers(viewer)), None)


def filter_products(products: Rows[Product], status: list[ProductStatus] | None = None) -> Rows[Product]:
    """Products with the wanted statuses."""
    return products.keep(lambda product: is_wanted(product.status, status))
