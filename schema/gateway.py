"""The viewer, and the gateway's own view of the systems behind it."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from connectors.http.health import SystemStatus
from resolvers.crm import own_customers
from resolvers.viewer import ViewerKind
from schema.fields import computed

if TYPE_CHECKING:
    from schema.crm import Customer


@strawberry.type(description="The caller, as the bearer token says.")
class Viewer:
    """Declares `resolvers.viewer.Viewer`."""

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


@strawberry.type(description="A system behind the gateway.")
class System:
    """Declares `resolvers.systems.SystemReport`."""

    name: str = strawberry.field(description="Name of the system in the gateway's settings.")
    domain: str = strawberry.field(description="Domain of the system: crm, billing, inventory or ticketing.")
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
