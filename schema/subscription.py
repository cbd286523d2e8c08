"""What clients follow: a thing that changed, with any of the graph's fields, and what happened to it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import strawberry

from resolvers.assurance import OutageById
from resolvers.billing import BillById, PaymentById
from resolvers.changes import ChangeKind, ThingChange
from resolvers.ticketing import TicketById
from schema.arguments import Text
from schema.assurance import Outage
from schema.billing import Bill, Payment
from schema.fields import computed, edge
from schema.ticketing import Ticket

_EVENT: Final = "What happened to it. Of several changes at a time only the newest state is told."


def _id(type_name: str) -> Any:
    """Not called `id`: Relay keeps what has one `id` as one thing, and a change is not the thing that changed."""
    return computed(
        lambda change: f"{type_name}:{change.id}",
        needs=(),
        description=f"Global id of the {type_name.lower()}, such as {type_name}:1001, also where it cannot be read.",
    )


def _event() -> Any:
    return strawberry.field(description=_EVENT)


@strawberry.type(description="A ticket that was opened or has changed.")
class TicketChange:
    """Declares `resolvers.changes.ThingChange`."""

    ticket_id: strawberry.ID = _id("Ticket")
    ticket: Ticket | None = edge(TicketById, "id", description="The ticket as it is now. Null if it was REMOVED.")
    event: ChangeKind = _event()


@strawberry.type(description="An outage that began, changed or ended.")
class OutageChange:
    """Declares `resolvers.changes.ThingChange`."""

    outage_id: strawberry.ID = _id("Outage")
    outage: Outage | None = edge(OutageById, "id", description="The outage as it is now. Null if it was REMOVED.")
    event: ChangeKind = _event()


@strawberry.type(description="A bill that was issued or has changed.")
class BillChange:
    """Declares `resolvers.changes.ThingChange`."""

    bill_id: strawberry.ID = _id("Bill")
    bill: Bill | None = edge(BillById, "id", description="The bill as it is now. Null if it was REMOVED.")
    event: ChangeKind = _event()


@strawberry.type(description="A payment that was made or has changed.")
class PaymentChange:
    """Declares `resolvers.changes.ThingChange`."""

    payment_id: strawberry.ID = _id("Payment")
    payment: Payment | None = edge(PaymentById, "id", description="The payment as it is now. Null if it was REMOVED.")
    event: ChangeKind = _event()


def _change(change: ThingChange, ids: Sequence[strawberry.ID] | None = None) -> ThingChange:
    """What the feed gives to the selection; it applies `ids` before."""
    return change


def _followed(things: str, description: str) -> Any:
    arguments: Mapping[str, Text] = {
        "ids": f"Only these {things}, by their ids. All that the caller may see if it is not given; of ids that are not"
        " the caller's nothing is told."
    }
    return computed(_change, needs=(), arguments=arguments, description=description)


@strawberry.type(
    description="What can be followed. A subscriber is told of the own things, an agent of all. Read the state by a"
    " query first, and again after each time that the connection was made anew: what changed meanwhile is not told."
)
class Subscription:
    """The fields of `resolvers.changes.FOLLOWED`, whose selections the feed runs for each change."""

    ticket_changed: TicketChange = _followed("tickets", "A ticket was opened, or something about it changed.")
    outage_changed: OutageChange = _followed(
        "outages", "An outage began, changed or ended. A subscriber is told of those that affect the own services."
    )
    bill_issued: BillChange = _followed("bills", "A bill was issued, or an issued one has changed.")
    payment_changed: PaymentChange = _followed("payments", "A payment was made, or has changed.")
