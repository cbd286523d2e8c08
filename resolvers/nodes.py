"""What has an id of its own: each type with its record and the loader that finds it again, and the global ids.

A global id is `Customer:1001`: type, colon, the upstream's own id, which may itself contain colons.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from connectors.billing import port as billing
from connectors.crm import port as crm
from connectors.inventory import port as inventory
from connectors.ticketing import port as ticketing
from resolvers.billing import BillById, BillingAccountById, PaymentById
from resolvers.context import Loader
from resolvers.crm import CustomerRef, KnownCustomerById, ProductById
from resolvers.errors import BadInput
from resolvers.inventory import ResourceById, ServiceById, SiteById
from resolvers.ticketing import OutageById, TicketById


@dataclass(frozen=True, slots=True)
class NodeType:
    """A type of the graph with ids of its own. `records` are the classes of its objects, which pass unconverted."""

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
        NodeType("Outage", (ticketing.Outage,), OutageById),
    )
}
"""By the type's name: the only list of them."""

TYPES: Final[Mapping[type[Any], str]] = {record: one.name for one in NODES.values() for record in one.records}
"""The GraphQL type of an object, by its record's class."""


class NodeById(Loader[str, Any]):
    """Anything by its global id: whom the type's own loader gives, in one batch with what else is loaded by that."""

    def load(self, key: str) -> "asyncio.Future[Any]":
        """The record. Raises `BadInput` for what is no global id."""
        type_name, own_id = split_id(key)
        return NODES[type_name].loader.of(self.context).load(own_id)


def local_id(type_name: str, given: str) -> str:
    """The upstream's id for an argument of a known type, which may come with or without the type in front.

    Another type's id is a mistake that is worth a sentence. Raises `BadInput`.
    """
    head, colon, rest = given.partition(":")
    if colon and head in NODES:
        if head != type_name:
            raise BadInput(f"The id {given!r} is the id of a {head}. This field needs the id of a {type_name}.")
        given = rest
    if not given:
        raise BadInput(f"The id is empty. This field needs the id of a {type_name}, such as {type_name}:1001.")
    return given


def split_id(given: str) -> tuple[str, str]:
    """Type and upstream id of a global id. Raises `BadInput`."""
    head, colon, rest = given.partition(":")
    if not colon or not rest or head not in NODES:
        raise BadInput(f"The id {given!r} is not a global id, which looks like Customer:1001.")
    return head, rest


def type_and_number(text: str) -> tuple[str | None, str]:
    """What somebody searches for: its type where it is a global id (else None), and the rest without blanks."""
    text = text.strip()
    head, colon, rest = text.partition(":")
    return (head, rest) if colon and rest and head in NODES else (None, text)
