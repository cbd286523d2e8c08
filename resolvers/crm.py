"""Loaders and pure functions for the CRM: customers, parties and products."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

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
    """A customer of whom only the number is known, from a token or another record.

    Bills, services and tickets need only the number, also while the CRM is down. Names are loaded from the CRM.
    """

    id: str

    @property
    def owners(self) -> Owners:
        """A customer owns itself."""
        return Known((self.id,))


class CustomerById(Loader[str, Customer]):
    """The CRM's customers by number, as far as the viewer may see them."""

    domain = "crm"
    ownership = customer_ownership
    entity = "Customer"

    @override
    async def fetch(self, keys: Sequence[str]) -> Mapping[str, Customer | ConnectorError]:
        found = await CustomerRecordById.of(self.context).load_now(keys)
        return {key: record for key, record in found.items() if record is not None}


class KnownCustomerById(Loader[str, Customer | CustomerRef]):
    """Customers that a client named by number. If the CRM is down, staff get references that are not verified."""

    domain = "crm"
    ownership = customer_ownership
    entity = "Customer"

    def likely_keys(self, keys: Sequence[str]) -> Sequence[str]:
        """For a subscriber, only the subscriber's own customers."""
        mine = self.context.viewer.customer_ids
        return keys if self.context.viewer.is_staff else [key for key in keys if key in mine]

    @override
    async def fetch(self, keys: Sequence[str]) -> Mapping[str, Customer | CustomerRef | ConnectorError]:
        """Records if the CRM answers, else references. Customers that the CRM does not know are absent."""
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
    """Every party may be seen: it is only reached through a customer that the viewer may see."""
    return lambda _record: True


class PartyByCustomer(Loader[str, Party]):
    """The party (person or organization) of a customer, by customer number."""

    domain = "crm"
    ownership = _of_own_customers
    besides = {"crm": 2}  # the customers, then persons and companies

    @override
    async def fetch(self, keys: Sequence[str]) -> dict[str, Party | ConnectorError]:
        """Read the customers first, as they name their parties."""
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
    """Products by id."""

    domain = "crm"
    ownership = customer_ownership
    entity = "Product"

    @override
    async def fetch(self, keys: Sequence[str]) -> Found[Product]:
        return await self.context.connectors.crm.products(keys, self.context.fields("Product"))


class ProductsByCustomer(RowsLoader[Product]):
    """Products by customer."""

    domain = "crm"
    ownership = customer_ownership
    primes = ProductById
    connection = "ProductConnection"

    @override
    async def rows(self, parents: Sequence[str], window: Window | None, conditions: Any) -> Found[Rows[Product]]:
        fields = self.context.fields("Product")
        return await self.context.connectors.crm.products_of_customers(parents, window, fields)


class ProductsByService(Loader[str, Rows[Product]]):
    """Products by the service that realizes them."""

    domain = "crm"
    ownership = customer_ownership
    primes = ProductById

    @override
    async def fetch(self, keys: Sequence[str]) -> Found[Rows[Product]]:
        return await self.context.connectors.crm.products_of_services(keys, self.context.fields("Product"))


def customer_of(record: Any, viewer: Viewer) -> CustomerRef | None:
    """The record's customer, or None; for a subscriber, one of the subscriber's own. Raises `ConnectorError`."""
    ids = customers_of(record)
    if viewer.is_staff:
        return CustomerRef(ids[0]) if ids else None
    return next((CustomerRef(key) for key in ids if key in viewer.customer_ids), None)


def own_customers(viewer: Viewer) -> list[CustomerRef]:
    """The customers in the viewer's token."""
    return [CustomerRef(key) for key in viewer.customer_ids]


def own_customer(viewer: Viewer) -> CustomerRef | None:
    """The first customer in the viewer's token; None for staff."""
    return next(iter(own_customers(viewer)), None)


def filter_products(products: Rows[Product], status: list[ProductStatus] | None = None) -> Rows[Product]:
    """The products with one of these statuses; all for None."""
    return products.keep(lambda product: is_wanted(product.status, status))
