"""Arguments that several fields have: what they are for, and what choosing and sorting by them reads of the rows."""

from collections.abc import Mapping
from typing import Final

import strawberry
from strawberry.types.arguments import StrawberryArgumentAnnotation

from resolvers.paging import DEFAULT_PAGE, MAX_PAGE
from schema.edges import Reads

Text = str | StrawberryArgumentAnnotation
"""What an argument is for; `strawberry.argument` where clients call it otherwise than the resolver does."""

FORWARD: Final[Mapping[str, Text]] = {
    "first": f"How many from the start (or after `after`): {DEFAULT_PAGE} unless told, at most {MAX_PAGE}.",
    "after": "Only what follows this cursor.",
}
PAGE: Final[Mapping[str, Text]] = {
    **FORWARD,
    "last": f"How many from the end (or before `before`), at most {MAX_PAGE}.",
    "before": "Only what precedes this cursor.",
}
SPAN: Final[Mapping[str, Text]] = {
    "since": "Only from this moment on; without a zone it is UTC.",
    "until": "Only before this moment; without a zone it is UTC.",
}
OPEN: Final[Mapping[str, Text]] = {
    "is_open": strawberry.argument(name="open", description="Only what is not ended (true), or only what is (false)."),
}

BILL_ARGUMENTS: Final[Mapping[str, Text]] = {
    "state": "Only bills of this sort; OPEN and OVERDUE ones come by due date, soonest first.",
    **SPAN,
    "sort": "The order; newest first unless `state` or this says otherwise.",
}
BILL_FILTERS: Final = Reads(
    "Bill",
    {
        "state": ("is_open", "due_date"),
        "since": ("bill_date",),
        "until": ("bill_date",),
        "sort": ("bill_date", "due_date"),
    },
)

TICKET_ARGUMENTS: Final[Mapping[str, Text]] = {
    **OPEN,
    "status": "Only tickets with one of these statuses.",
    **SPAN,
    "sort": "The order; newest first unless this says otherwise.",
}
TICKET_FILTERS: Final = Reads(
    "Ticket",
    {
        "status": ("status",),
        "since": ("created_at",),
        "until": ("created_at",),
        "sort": ("created_at", "updated_at"),
    },
)

PAYMENT_FILTERS: Final = Reads("Payment", {"since": ("paid_at",), "until": ("paid_at",)})
PRODUCT_FILTERS: Final = Reads("Product", {"status": ("status",)})
SERVICE_FILTERS: Final = Reads("Service", {"state": ("state",)})
