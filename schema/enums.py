"""Words: every enum that clients see, declared with a description per member before any field names it.

The enums themselves are the ports' and resolvers' own; UNKNOWN stands for a word that the gateway does not know.
"""

from enum import Enum
from typing import Any

import strawberry

from connectors.billing import port as billing
from connectors.crm import port as crm
from connectors.http.health import SystemStatus
from connectors.inventory import port as inventory
from connectors.ticketing import port as ticketing
from resolvers.billing import BillFilter, BillSort
from resolvers.customer_search import CustomerSort
from resolvers.mutations import UserErrorCode
from resolvers.ticketing import TicketSort
from resolvers.viewer import ViewerKind


def enumeration(cls: type[Enum], name: str, description: str, values: dict[str, str]) -> None:
    """Declare a port's enum to clients: every member gets its description, and fields name the enum as their type."""
    missing = {member.name for member in cls} ^ values.keys()
    if missing:
        raise TypeError(f"enum {name}: descriptions and members differ in {sorted(missing)}")
    described = strawberry.enum(cls, name=name, description=description)
    definition: Any = described.__strawberry_definition__  # type: ignore[attr-defined]  # set by strawberry.enum
    for value in definition.values:
        value.description = values[value.name]


enumeration(
    crm.CustomerStatus,
    "CustomerStatus",
    "Standing of a customer.",
    {
        "INITIALIZED": "Known, not yet a customer in full.",
        "ACTIVE": "A customer in good standing.",
        "SUSPENDED": "Stopped for a while, for example for unpaid bills.",
        "CLOSED": "No customer any more.",
        "UNKNOWN": "A word that the gateway does not know: see rawStatus.",
    },
)

enumeration(
    crm.ProductStatus,
    "ProductStatus",
    "Where a product is in its life (TMF637).",
    {
        "CREATED": "Ordered.",
        "PENDING_ACTIVE": "About to be activated.",
        "ACTIVE": "In use.",
        "SUSPENDED": "Stopped for a while.",
        "PENDING_TERMINATE": "About to end.",
        "TERMINATED": "Ended.",
        "CANCELLED": "Cancelled before it began.",
        "ABORTED": "Given up because the order failed.",
        "UNKNOWN": "A word that the gateway does not know: see rawStatus.",
    },
)

enumeration(
    billing.BillState,
    "BillState",
    "Where a bill is in its life (TMF678). Whether it is paid or late: see isOpen and isOverdue.",
    {
        "NEW": "Made, not yet checked.",
        "ON_HOLD": "Held back.",
        "VALIDATED": "Checked, not yet sent.",
        "SENT": "Sent to the customer.",
        "PARTIALLY_PAID": "Sent, and paid in part.",
        "SETTLED": "Fully paid.",
        "UNKNOWN": "A word that the gateway does not know: see rawState.",
    },
)

enumeration(
    BillFilter,
    "BillFilter",
    "Which bills a list holds.",
    {
        "OPEN": "Not fully paid; due soonest first.",
        "OVERDUE": "Not fully paid although the due date has passed; due longest first.",
        "PAID": "Fully paid; newest first.",
    },
)

enumeration(
    BillSort,
    "BillSort",
    "The order of a list of bills.",
    {
        "NEWEST": "Newest first.",
        "OLDEST": "Oldest first.",
        "DUE_FIRST": "By due date, soonest first.",
    },
)

enumeration(
    billing.ChargeKind,
    "ChargeKind",
    "What a line of a bill is for.",
    {
        "RECURRING": "Every period, such as a monthly fee.",
        "USAGE": "By use, such as calls.",
        "ONE_TIME": "Once, such as an installation.",
        "DISCOUNT": "A reduction; its amount is negative.",
        "UNKNOWN": "A word that the gateway does not know: see rawKind.",
    },
)

enumeration(
    billing.PaymentStatus,
    "PaymentStatus",
    "How far a payment got.",
    {
        "INITIALIZED": "Begun.",
        "PENDING": "On its way.",
        "DONE": "Arrived.",
        "FAILED": "Did not arrive.",
        "CANCELLED": "Called off.",
        "REFUNDED": "Paid back.",
        "UNKNOWN": "A word that the gateway does not know: see rawStatus.",
    },
)

enumeration(
    inventory.ServiceState,
    "ServiceState",
    "Where a service is in its life (TMF638).",
    {
        "FEASIBILITY_CHECKED": "Found possible.",
        "DESIGNED": "Planned.",
        "RESERVED": "Set aside.",
        "INACTIVE": "Built, not in use.",
        "ACTIVE": "In use.",
        "SUSPENDED": "Stopped for a while.",
        "TERMINATED": "Ended.",
        "UNKNOWN": "A word that the gateway does not know: see rawState.",
    },
)

enumeration(
    inventory.ResourceStatus,
    "ResourceStatus",
    "What a resource is doing (TMF639).",
    {
        "STANDBY": "Ready to take over.",
        "ALARM": "Something is wrong with it.",
        "AVAILABLE": "Working.",
        "RESERVED": "Set aside.",
        "SUSPENDED": "Taken out for a while.",
        "UNKNOWN": "Not known, or a word that the gateway does not know: see rawStatus.",
    },
)

_PROGRESS = {
    "ACKNOWLEDGED": "Received.",
    "REJECTED": "Not taken on.",
    "PENDING": "Waiting for something.",
    "HELD": "Put aside.",
    "IN_PROGRESS": "Being worked on.",
    "CANCELLED": "Called off.",
    "CLOSED": "Ended.",
    "RESOLVED": "Solved.",
}

enumeration(
    ticketing.TicketStatus,
    "TicketStatus",
    "How far a ticket is (TMF621). Resolved, closed, cancelled and rejected ones are not open.",
    {**_PROGRESS, "UNKNOWN": "A word that the gateway does not know: see rawStatus."},
)

enumeration(
    ticketing.OutageState,
    "OutageState",
    "How far an outage is (TMF656). Resolved, closed, cancelled and rejected ones are not open.",
    {**_PROGRESS, "UNKNOWN": "A word that the gateway does not know: see rawState."},
)

enumeration(
    TicketSort,
    "TicketSort",
    "The order of a list of tickets.",
    {
        "NEWEST": "Opened last comes first.",
        "OLDEST": "Opened first comes first.",
        "UPDATED": "Changed last comes first.",
    },
)

enumeration(
    ticketing.TicketSeverity,
    "TicketSeverity",
    "How bad it is for the customer.",
    {
        "CRITICAL": "Nothing works.",
        "MAJOR": "Something important does not work.",
        "MINOR": "A nuisance.",
        "UNKNOWN": "A word that the gateway does not know: see rawSeverity.",
    },
)

enumeration(
    ViewerKind,
    "ViewerKind",
    "What sort of person or program is asking.",
    {
        "ANONYMOUS": "Nobody signed in.",
        "CUSTOMER": "A subscriber, who sees only its own.",
        "AGENT": "Staff that helps customers, and sees all of them.",
        "ADMIN": "Staff that runs the systems.",
    },
)

enumeration(
    SystemStatus,
    "SystemStatus",
    "Whether a system answers.",
    {"UP": "It answers.", "DOWN": "It does not answer, or not usefully.", "UNKNOWN": "It has not been asked yet."},
)
enumeration(
    CustomerSort,
    "CustomerSort",
    "The order of a list of customers.",
    {"NUMBER": "By customer number.", "NAME": "By name."},
)

enumeration(
    UserErrorCode,
    "UserErrorCode",
    "What is wrong with an input. The person can do something about it.",
    {
        "REQUIRED": "Something is missing or empty.",
        "INVALID": "A value is not of the right form.",
        "TOO_LONG": "A text is longer than it may be.",
        "NOT_FOUND": "There is no such thing, or it is not the caller's.",
        "NOT_ALLOWED": "The caller may not do this to this thing, or the system has no place for this value.",
        "WRONG_STATE": "The thing is not in a state in which this can be done.",
        "AMOUNT_TOO_HIGH": "The amount is more than is open of the bill.",
        "CURRENCY_MISMATCH": "The amount is not in the bill's currency.",
        "ALREADY_PAID": "Nothing is open of the bill: it is paid, or a payment is under way.",
        "IDEMPOTENCY_KEY_REUSED": "The key was used with another input: use a new one.",
        "REFUSED_BY_SYSTEM": "The system refused it for a reason of its own.",
        "CONFLICT": "Somebody else changed the thing at the same time: look at it and try again with a new key.",
    },
)
