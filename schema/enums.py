"""All enums that clients see, with a description of each member. They must be declared before fields use them.

The enums are those of the ports and resolvers. UNKNOWN stands for a word that the gateway does not know.
"""

from enum import Enum
from typing import Any

import strawberry

from connectors.assurance import port as assurance
from connectors.billing import port as billing
from connectors.crm import port as crm
from connectors.http.health import SystemStatus
from connectors.http.policy.breaker import BreakerState
from connectors.inventory import port as inventory
from connectors.ticketing import port as ticketing
from resolvers.billing import BillFilter, BillSort
from resolvers.changes import ChangeKind
from resolvers.customer_search import CustomerSort
from resolvers.ticketing import TicketSort
from resolvers.viewer import ViewerKind
from resolvers.writing.mutations import UserErrorCode


def enumeration(cls: type[Enum], name: str, description: str, values: dict[str, str]) -> None:
    """Declare an enum of the ports or resolvers to Strawberry. Raises `TypeError` if a member has no description."""
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
    "Status of a customer (TMF629).",
    {
        "INITIALIZED": "The customer is registered, but not active yet.",
        "ACTIVE": "The customer is active.",
        "SUSPENDED": "The customer is suspended for a time, for example because of unpaid bills.",
        "CLOSED": "The customer is no longer a customer.",
        "UNKNOWN": "The gateway does not know the system's word: see rawStatus.",
    },
)

enumeration(
    crm.ProductStatus,
    "ProductStatus",
    "Status of a product (TMF637).",
    {
        "CREATED": "The product is ordered.",
        "PENDING_ACTIVE": "The product is about to be activated.",
        "ACTIVE": "The product is in use.",
        "SUSPENDED": "The product is suspended for a time.",
        "PENDING_TERMINATE": "The product is about to end.",
        "TERMINATED": "The product has ended.",
        "CANCELLED": "The product was cancelled before it began.",
        "ABORTED": "The order failed, and the product was never started.",
        "UNKNOWN": "The gateway does not know the system's word: see rawStatus.",
    },
)

enumeration(
    billing.BillState,
    "BillState",
    "State of a bill (TMF678). Bill.isOpen and Bill.isOverdue say whether it is paid or late.",
    {
        "NEW": "The bill is made, but not checked yet.",
        "ON_HOLD": "The bill is held back.",
        "VALIDATED": "The bill is checked, but not sent yet.",
        "SENT": "The bill was sent to the customer.",
        "PARTIALLY_PAID": "The bill was sent, and is paid in part.",
        "SETTLED": "The bill is fully paid.",
        "UNKNOWN": "The gateway does not know the system's word: see rawState.",
    },
)

enumeration(
    BillFilter,
    "BillFilter",
    "Which bills a list has.",
    {
        "OPEN": "Bills that are not fully paid, by due date, earliest first.",
        "OVERDUE": "Bills that are not fully paid and whose due date has passed, by due date, earliest first.",
        "PAID": "Bills that are fully paid, newest first.",
    },
)

enumeration(
    BillSort,
    "BillSort",
    "Order of a list of bills.",
    {
        "NEWEST": "By bill date, newest first.",
        "OLDEST": "By bill date, oldest first.",
        "DUE_FIRST": "By due date, earliest first.",
    },
)

enumeration(
    billing.ChargeKind,
    "ChargeKind",
    "Kind of charge on a line of a bill.",
    {
        "RECURRING": "A charge for each period, such as a monthly fee.",
        "USAGE": "A charge for usage, such as calls.",
        "ONE_TIME": "A charge that is made once, such as for an installation.",
        "DISCOUNT": "A discount. Its amount is negative.",
        "UNKNOWN": "The gateway does not know the system's word: see rawKind.",
    },
)

enumeration(
    billing.PaymentStatus,
    "PaymentStatus",
    "Status of a payment (TMF676).",
    {
        "INITIALIZED": "The payment was started.",
        "PENDING": "The payment is being processed.",
        "DONE": "The payment was received.",
        "FAILED": "The payment failed.",
        "CANCELLED": "The payment was cancelled.",
        "REFUNDED": "The payment was refunded.",
        "UNKNOWN": "The gateway does not know the system's word: see rawStatus.",
    },
)

enumeration(
    inventory.ServiceState,
    "ServiceState",
    "State of a service (TMF638).",
    {
        "FEASIBILITY_CHECKED": "The service was found feasible.",
        "DESIGNED": "The service is designed.",
        "RESERVED": "The service's resources are reserved.",
        "INACTIVE": "The service is set up, but not in use.",
        "ACTIVE": "The service is in use.",
        "SUSPENDED": "The service is suspended for a time.",
        "TERMINATED": "The service has ended.",
        "UNKNOWN": "The gateway does not know the system's word: see rawState.",
    },
)

enumeration(
    inventory.ResourceStatus,
    "ResourceStatus",
    "Status of a resource (TMF639).",
    {
        "STANDBY": "The resource is ready to take over from another one.",
        "ALARM": "The resource reports a fault.",
        "AVAILABLE": "The resource works.",
        "RESERVED": "The resource is reserved.",
        "SUSPENDED": "The resource is out of service for a time.",
        "UNKNOWN": "The inventory does not know the status, or the gateway does not know its word: see rawStatus.",
    },
)

_PROGRESS = {
    "ACKNOWLEDGED": "It was received.",
    "REJECTED": "It was rejected, and nobody works on it.",
    "PENDING": "Work waits for information from somebody else.",
    "HELD": "Work is put on hold.",
    "IN_PROGRESS": "Somebody works on it.",
    "CANCELLED": "It was cancelled.",
    "CLOSED": "It is closed.",
    "RESOLVED": "It is resolved.",
}

enumeration(
    ticketing.TicketStatus,
    "TicketStatus",
    "Status of a ticket (TMF621). A ticket is open unless it is RESOLVED, CLOSED, CANCELLED or REJECTED.",
    {**_PROGRESS, "UNKNOWN": "The gateway does not know the system's word: see rawStatus."},
)

enumeration(
    assurance.OutageState,
    "OutageState",
    "State of an outage (TMF656). An outage is open unless it is RESOLVED, CLOSED, CANCELLED or REJECTED.",
    {**_PROGRESS, "UNKNOWN": "The gateway does not know the system's word: see rawState."},
)

enumeration(
    TicketSort,
    "TicketSort",
    "Order of a list of tickets.",
    {
        "NEWEST": "By the time of opening, newest first.",
        "OLDEST": "By the time of opening, oldest first.",
        "UPDATED": "By the time of the last change, newest first.",
    },
)

enumeration(
    ticketing.TicketSeverity,
    "TicketSeverity",
    "How severe a ticket's problem is for the customer.",
    {
        "CRITICAL": "The service does not work at all.",
        "MAJOR": "An important part of the service does not work.",
        "MINOR": "The service works, with a minor problem.",
        "UNKNOWN": "The gateway does not know the system's word: see rawSeverity.",
    },
)

enumeration(
    ViewerKind,
    "ViewerKind",
    "Kind of caller.",
    {
        "ANONYMOUS": "The caller is not signed in.",
        "CUSTOMER": "A subscriber, who sees only the subscriber's own data.",
        "AGENT": "An agent, who helps customers and sees the data of all customers.",
        "ADMIN": "An administrator, who runs the systems and sees the data of all customers.",
    },
)

enumeration(
    SystemStatus,
    "SystemStatus",
    "Whether a system answers.",
    {
        "UP": "The system answers.",
        "DOWN": "The system does not answer, or its answers cannot be used.",
        "UNKNOWN": "The system has not been called yet.",
    },
)
enumeration(
    BreakerState,
    "BreakerState",
    "Whether the calls of an operation are sent to its system.",
    {
        "CLOSED": "All calls are sent.",
        "OPEN": "None is sent for some seconds: too many failed or were slow. Their fields have an error at once.",
        "HALF_OPEN": "A few calls are sent, which try whether the system is well again.",
    },
)
enumeration(
    CustomerSort,
    "CustomerSort",
    "Order of a list of customers.",
    {"NUMBER": "By customer number.", "NAME": "By name."},
)

enumeration(
    UserErrorCode,
    "UserErrorCode",
    "What is wrong with an input. The person can do something about it.",
    {
        "REQUIRED": "Something is missing or empty.",
        "INVALID": "A value is not of the right form.",
        "TOO_LONG": "A text or a list is longer than it may be.",
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

enumeration(
    ChangeKind,
    "ChangeKind",
    "What happened to a thing that is followed.",
    {
        "CREATED": "It is new.",
        "CHANGED": "Something about it is another than before.",
        "RESOLVED": "It was resolved.",
        "CLOSED": "It ended otherwise: it was closed, cancelled or rejected.",
        "REMOVED": "It is no longer there, or no longer the subscriber's.",
    },
)
