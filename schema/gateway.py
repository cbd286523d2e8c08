"""The viewer, and the gateway's own view of the systems behind it."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from connectors.http.health import SystemStatus
from connectors.http.policy.breaker import BreakerState
from resolvers.crm import own_customers
from resolvers.viewer import ViewerKind
from schema.fields import NOT_A_NODE, computed

if TYPE_CHECKING:
    from schema.crm import Customer


@strawberry.type(description="The caller, as the bearer token says.")
class Viewer:
    """Declares `resolvers.viewer.Viewer`."""

    id: strawberry.ID = computed(
        lambda viewer: f"Viewer:{viewer.key}",
        needs=(),
        description=f"Key of the caller, as one person with these rights; it tells nothing else. {NOT_A_NODE}",
    )
    kind: ViewerKind = strawberry.field(description="Kind of caller.")
    roles: list[str] = strawberry.field(description="Roles in the token. Empty if it has none.")
    customer: Annotated["Customer", strawberry.lazy("schema.crm")] | None = computed(
        lambda viewer: next(iter(own_customers(viewer)), None),
        needs=(),
        description="The subscriber's own customer, the first if the token names several. Null for agents and admins.",
    )
    customers: list[Annotated["Customer", strawberry.lazy("schema.crm")]] = computed(
        own_customers,
        needs=(),
        description="All customers that the subscriber's token names. Empty for agents and admins.",
    )


@strawberry.type(description="The last failure of a system behind the gateway.")
class SystemFailure:
    """Declares `connectors.http.health.LastError`."""

    message: str = strawberry.field(description="What went wrong.")
    at: datetime = strawberry.field(description="When it went wrong.")


@strawberry.type(
    description="An operation or attribute that the connected product cannot provide. Its field is null"
    " with the error code NOT_SUPPORTED, unless it can never be null."
)
class Unsupported:
    """Declares `resolvers.systems.Unsupported`."""

    name: str = strawberry.field(
        description="Name of the operation or attribute in the gateway's interface to the system, such as Bill.period."
    )
    reason: str = strawberry.field(description="Why the product cannot provide it, for an operator.")


@strawberry.type(
    description="One operation of a system, such as bills, as the gateway's process that answers sees it. Its numbers"
    " count since that process started."
)
class SystemOperation:
    """Declares `connectors.http.policy.operation.OperationState`."""

    name: str = strawberry.field(
        description="Name of the operation in the gateway's interface to the system. documents are files that are"
        " passed on; other is what belongs to no operation, such as looking whether the system is there."
    )
    breaker: BreakerState = strawberry.field(
        description="Whether its calls are sent, or the system is left in peace because too many failed or were slow."
    )
    limit: int = strawberry.field(
        description="Calls of it that may be under way at once. It falls while the system gets slower."
    )
    under_way: int = strawberry.field(description="Calls of it that are under way.")
    waiting: int = strawberry.field(description="Calls of it that wait until others have ended.")
    calls: int = strawberry.field(description="Calls that were sent, repeated ones included.")
    broken: int = strawberry.field(
        description="Calls that show that the system is at fault: no answer in time, a broken connection, a server"
        " error, a request for fewer calls, an answer that cannot be read."
    )
    refused: int = strawberry.field(
        description="Calls that were not sent, because the system was left in peace. Their fields had an error."
    )
    retries: int = strawberry.field(description="Reads that were sent again after they had failed.")
    hedges: int = strawberry.field(description="Reads that were sent a second time beside an unusually slow one.")


@strawberry.type(description="A system behind the gateway.")
class System:
    """Declares `resolvers.systems.SystemReport`."""

    id: strawberry.ID = computed(
        lambda system: f"System:{system.name}", needs=(), description=f"Key of the system. {NOT_A_NODE}"
    )
    name: str = strawberry.field(description="Name of the system in the gateway's settings.")
    domain: str = strawberry.field(
        description="Domain for which the system is named: crm, billing, inventory or ticketing; usage and assurance"
        " (outages) where these have a system of their own."
    )
    driver: str = strawberry.field(
        description="Name of the driver, which is the product or standard behind the system, such as tmf."
    )
    status: SystemStatus = strawberry.field(description="Whether the system answers.")
    latency_ms: float | None = strawberry.field(
        description="Duration of the system's last answer, in milliseconds. Null if it has not answered yet."
    )
    last_error: SystemFailure | None = strawberry.field(
        description="The system's last failure, also if it answers again. Null if there was none."
    )
    notices: list[str] = strawberry.field(
        description="What is odd about the system's answers, for its operator, a sentence each: such as a total that is"
        " too low, an attribute of another type, rows that name their customer otherwise than the settings say."
        " Each is there once, since the gateway's process started. Empty if nothing was noticed."
    )
    unsupported: list[Unsupported] = strawberry.field(
        description="Operations and attributes that the product cannot provide. Empty if it provides all."
    )
    operations: list[SystemOperation] = strawberry.field(
        description="The operations that were asked for so far, by name. Empty if none was."
    )
