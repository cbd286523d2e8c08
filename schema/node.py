"""Relay's Node: what has an id of its own."""

from typing import Any

import strawberry

from connectors.billing import port as billing
from connectors.crm import port as crm
from connectors.inventory import port as inventory
from connectors.ticketing import port as ticketing
from resolvers.crm import CustomerRef

RECORDS: dict[type[Any], str] = {
    crm.Customer: "Customer",
    CustomerRef: "Customer",
    crm.Product: "Product",
    billing.BillingAccount: "BillingAccount",
    billing.Bill: "Bill",
    billing.Payment: "Payment",
    inventory.Service: "Service",
    inventory.Resource: "Resource",
    inventory.Site: "Site",
    ticketing.Ticket: "Ticket",
    ticketing.Outage: "Outage",
}
"""Records pass through unconverted, so the GraphQL type of an object is known by its record's class."""


@strawberry.interface(description="Anything with a global id; `node(id:)` finds it again.")
class Node:
    """Relay's interface."""

    id: strawberry.ID = strawberry.field(description="Global id: type, colon, the system's own id.")

    @classmethod
    def resolve_type(cls, obj: Any, *_: Any) -> str:
        """The type of a record."""
        return RECORDS[type(obj)]


class Recorded:
    """Mixed into types that implement Node: any record of its class is one, whatever is in it."""

    is_type_of_class = True

    @classmethod
    def is_type_of(cls, obj: Any, _info: Any) -> bool:
        """Whether `obj` is this type's record."""
        return RECORDS.get(type(obj)) == cls.__name__
