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


@strawberry.type(description="Who is asking, by the token.")
class Viewer:
    """Declares `resolvers.viewer.Viewer`."""

    kind: ViewerKind = strawberry.field(description="What sort of viewer it is.")
    roles: list[str] = strawberry.field(description="Roles in the token.")
    customer: Annotated["Customer", strawberry.lazy("schema.crm")] | None = computed(
        lambda viewer: next(iter(own_customers(viewer)), None),
        needs=(),
        description="The subscriber's own customer; null for staff.",
    )
    customers: list[Annotated["Customer", strawberry.lazy("schema.crm")]] = computed(
        own_customers, needs=(), description="All customers in the subscriber's token; empty for staff."
    )


@strawberry.type(description="The last failure of a system.")
class SystemFailure:
    """Declares `connectors.http.health.LastError`."""

    message: str = strawberry.field(description="What went wrong.")
    at: datetime = strawberry.field(description="When.")


@strawberry.type(description="Something that the product behind a system cannot give: null, with NOT_SUPPORTED.")
class Unsupported:
    """Declares `resolvers.systems.Unsupported`."""

    name: str = strawberry.field(description="What: an operation or an attribute of the system's port.")
    reason: str = strawberry.field(description="Why, for an operator.")


@strawberry.type(description="One system behind the gateway.")
class System:
    """Declares `resolvers.systems.SystemReport`."""

    name: str = strawberry.field(description="What the operator calls it.")
    domain: str = strawberry.field(description="What it answers for: crm, billing, inventory or ticketing.")
    driver: str = strawberry.field(description="The product or standard that the gateway speaks with it.")
    status: SystemStatus = strawberry.field(description="Whether it answers.")
    latency_ms: float | None = strawberry.field(description="How long its last answer took, in milliseconds.")
    last_error: SystemFailure | None = strawberry.field(description="Its last failure, even when it is up again.")
    unsupported: list[Unsupported] = strawberry.field(description="What the product cannot give; empty: it gives all.")
