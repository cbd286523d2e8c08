"""Usage of allowances."""

from datetime import datetime

import strawberry

from schema.fields import computed, key_id
from schema.scalars import number


@strawberry.type(
    description="A usage allowance of a customer, such as the month's mobile data, with what is used and"
    " what is left (TMF677)."
)
class UsageAllowance:
    """Declares `connectors.usage.port.UsageAllowance`."""

    id: strawberry.ID = key_id("UsageAllowance", "allowance")
    name: str | None = strawberry.field(description="Name of the allowance. Null if unknown.")
    usage_type: str | None = strawberry.field(
        description="Type of usage, such as data, voice or sms, in the system's own word. Null if unknown."
    )
    used: float | None = computed(
        lambda one: number(one.used), needs=(), description="Quantity used so far, in `unit`. Null if unknown."
    )
    remaining: float | None = computed(
        lambda one: number(one.remaining),
        needs=(),
        description="Quantity left, in `unit`; below zero where more was used than is allowed, if the system says so."
        " Null if unknown, or if there is no limit.",
    )
    allowance: float | None = computed(
        lambda one: number(one.allowance),
        needs=(),
        description="Whole quantity (used plus remaining), in `unit`. Null if one of the two is unknown.",
    )
    unit: str | None = strawberry.field(description="Unit of the quantities, such as GB or min. Null if unknown.")
    resets_at: datetime | None = strawberry.field(description="When the allowance is renewed. Null if unknown.")
