"""The port to a CRM: customers, their parties (persons and companies), and their products."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated, Protocol

import msgspec

from connectors.links import CustomerKey, RefersTo
from connectors.ports import batch, read, write_of
from connectors.records import Fields, Found, Known, Money, Owned, Owners, Record, Rows, Window
from connectors.writes import UNCHANGED, Change, WriteKey


class CustomerStatus(Enum):
    """The status of a customer. TMF629 allows any word; these are the usual ones."""

    INITIALIZED = "initialized"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class ProductStatus(Enum):
    """TMF637 ProductStatusType."""

    CREATED = "created"
    PENDING_ACTIVE = "pendingActive"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    PENDING_TERMINATE = "pendingTerminate"
    TERMINATED = "terminated"
    CANCELLED = "cancelled"
    ABORTED = "aborted"
    UNKNOWN = "unknown"


class Customer(Record, frozen=True, kw_only=True):
    """TMF629 Customer. `party_id` is the id of the person or company that is the customer.

    `external_ids` are the customer's ids in other systems, by name; a name with two different ids is left out.
    """

    id: str
    name: str | None = None
    status: CustomerStatus = CustomerStatus.UNKNOWN
    raw_status: str | None = None
    email: str | None = None
    phone: str | None = None
    party_id: str | None = None
    party_kind: str | None = None
    external_ids: Mapping[str, str] = msgspec.field(default_factory=dict)

    @property
    def owners(self) -> Owners:
        """The customer itself."""
        return Known((self.id,))


class Party(Record, frozen=True, kw_only=True):
    """TMF632 Individual or Organization; an organization has no given or family name."""

    id: str
    given_name: str | None = None
    family_name: str | None = None


class Product(Owned, frozen=True, kw_only=True):
    """TMF637 Product that a customer has. `price` is the recurring price; tax is included if the system tells it."""

    id: str
    name: str | None = None
    status: ProductStatus = ProductStatus.UNKNOWN
    raw_status: str | None = None
    price: Money | None = None
    price_period: str | None = None
    started_at: datetime | None = None
    contract_ends_at: datetime | None = None
    account_id: Annotated[str | None, RefersTo("account")] = None
    service_ids: Annotated[tuple[str, ...], RefersTo("service")] = ()


class ContactChange(Record, frozen=True, kw_only=True):
    """How a customer is to be reached. What is `UNCHANGED` stays; None removes."""

    customer_id: str
    email: Change = UNCHANGED
    phone: Change = UNCHANGED


class CrmPort(Protocol):
    """A batch of keys returns a mapping: an unknown key is absent, a failed key maps to its `ConnectorError`.

    Methods without keys raise it; others may, if all keys failed. `fields` are the attributes to read, None for all.
    """

    @batch("ids")
    async def customers(self, ids: Sequence[str], fields: Fields | None) -> Found[Customer]:
        """Customers by id."""

    @read
    async def customer_list(self, window: Window, fields: Fields | None, *, by_name: bool = False) -> Rows[Customer]:
        """One window of all customers, sorted by id, or by name."""

    @read
    async def customers_named(self, text: str, window: Window, fields: Fields | None) -> Rows[Customer]:
        """One window of the customers whose name contains `text` (any case), sorted by id."""

    @read
    async def customers_reached_by(self, contact: str, fields: Fields | None) -> Rows[Customer]:
        """All customers whose e-mail address or phone number is `contact`, written as in the CRM; sorted by id."""

    @batch("values")
    async def customers_known_as(
        self, key: CustomerKey, values: Sequence[str], fields: Fields | None
    ) -> Found[Rows[Customer]]:
        """All customers per value of the key that other systems use for them."""

    @batch("customers", key_attributes=("party_id", "party_kind", "id"))
    async def parties(self, customers: Sequence[Customer], fields: Fields | None) -> Found[Party]:
        """The parties of `customers`, by party id."""

    @batch("ids")
    async def products(self, ids: Sequence[str], fields: Fields | None) -> Found[Product]:
        """Products by id."""

    @batch("customer_ids")
    async def products_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None
    ) -> Found[Rows[Product]]:
        """Products per customer, sorted by id. A window is given only with a single customer."""

    @batch("service_ids")
    async def products_of_services(self, service_ids: Sequence[str], fields: Fields | None) -> Found[Rows[Product]]:
        """Products per service that realizes them."""

    @write_of("Customer")
    async def update_contact(self, change: ContactChange, key: WriteKey) -> None:
        """Change how a customer is reached; nothing is done where it is so already.

        Raises `Declined`, or a `ConnectorError` that says whether it may have happened.
        """
