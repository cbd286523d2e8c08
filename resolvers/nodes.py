"""The types with global ids: their record classes and loaders, and how global ids are read.

A global id is `Customer:1001`: type, colon, the upstream's own id, which may itself contain colons.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from connectors.assurance import port as assurance
from connectors.billing import port as billing
from connectors.crm import port as crm
from connectors.inventory import port as inventory
from connectors.ticketing import port as ticketing
from resolvers.assurance import OutageById
from resolvers.billing import BillById, BillingAccountById, PaymentById
from resolvers.context import Loader
from resolvers.crm import CustomerRef, KnownCustomerById, ProductById
from resolvers.errors import BadInput
from resolvers.inventory import ResourceById, ServiceById, SiteById
from resolvers.ticketing import TicketById


@dataclass(frozen=True, slots=True)
class NodeType:
    """A type with global ids. `records` are the classes of the records that stand for its objects."""

    name: str
    records: tuple[type[Any], ...]
    loader: type[Loader[str, Any]]


NODES: Final[Mapping[str, NodeType]] = {
    one.name: one
    for one in (
        NodeType("Customer", (crm.Customer, CustomerRef), KnownCustomerById),
        NodeType("Product", (crm.Product,), ProductById),
        NodeType("BillingAccount", (billing.BillingAccount,), BillingAccountById),
        NodeType("Bill", (billing.Bill,), BillById),
        NodeType("Payment", (billing.Payment,), PaymentById),
        NodeType("Service", (inventory.Service,), ServiceById),
        NodeType("Resource", (inventory.Resource,), ResourceById),
        NodeType("Site", (inventory.Site,), SiteById),
        NodeType("Ticket", (ticketing.Ticket,), TicketById),
        NodeType("Outage", (assurance.Outage,), OutageById),
    )
}
"""All types with global ids, by name."""

TYPES: Final[Mapping[type[Any], str]] = {record: one.name for one in NODES.values() for record in one.records}
"""GraphQL type names by record class."""


LONGEST_ID: Final = 500
"""Characters of an id. What is longer than an address may be would be a system's refusal, and no caller's mistake."""


class NodeById(Loader[str, Any]):
    """Any record by its global id, loaded by the type's own loader and in its batches."""

    besides = {"any": 4}  # a system has up to three types, and two calls may tell whose their records are

    def load(self, key: str) -> "asyncio.Future[Any]":
        """The record. Raises `BadInput` for what is no global id."""
        loader, own_id = self._of(key)
        return loader.load(own_id)

    def prime(self, key: str, value: Any) -> Self:
        """Known to the type's own loader. Raises `BadInput` for what is no global id."""
        loader, own_id = self._of(key)
        loader.prime(own_id, value)
        return self

    def clear(self, key: str) -> Self:
        """Forgotten by the type's own loader. Raises `BadInput` for what is no global id."""
        loader, own_id = self._of(key)
        loader.clear(own_id)
        return self

    def clear_all(self) -> Self:
        """Forgotten by the loaders of all types."""
        for one in NODES.values():
            one.loader.of(self.context).clear_all()
        return self

    def _of(self, key: str) -> tuple[Loader[str, Any], str]:
        type_name, own_id = split_id(key)
        return NODES[type_name].loader.of(self.context), own_id


def local_id(type_name: str, given: str) -> str:
    """The system's id from a global id of this type, or from the system's id itself.

    Raises `BadInput` for an id that is empty or too long, or one of another type.
    """
    _check_length(given)
    head, colon, rest = given.partition(":")
    if colon and head in NODES:
        if head != type_name:
            raise BadInput(f"The id {given!r} is the id of a {head}. This field needs the id of a {type_name}.")
        given = rest
    if not given:
        raise BadInput(f"The id is empty. This field needs the id of a {type_name}, such as {type_name}:1001.")
    return given


def split_id(given: str) -> tuple[str, str]:
    """The type and the system's id of a global id. Raises `BadInput`."""
    _check_length(given)
    head, colon, rest = given.partition(":")
    if not colon or not rest or head not in NODES:
        raise BadInput(f"The id {given!r} is not a global id, which looks like Customer:1001.")
    return head, rest


def _check_length(given: str) -> None:
    if len(given) > LONGEST_ID:
        raise BadInput(f"The id has {len(given)} characters; no id has more than {LONGEST_ID}.")


def type_and_number(text: str) -> tuple[str | None, str]:
    """The type (None if the text is no global id) and the number in a search text, without blanks around it."""
    text = text.strip()
    head, colon, rest = text.partition(":")
    return (head, rest) if colon and rest and head in NODES else (None, text)
