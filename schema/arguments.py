"""Arguments that several fields share: their descriptions, and the attributes that filtering and sorting need."""

from collections.abc import Mapping
from typing import Final

import strawberry
from strawberry.types.arguments import StrawberryArgumentAnnotation

from resolvers.paging import DEFAULT_PAGE, MAX_PAGE
from schema.edges import Reads

Text = str | StrawberryArgumentAnnotation
"""Description of an argument; a `strawberry.argument` if its GraphQL name differs from the parameter's."""

FORWARD: Final[Mapping[str, Text]] = {
    "first": f"Number of rows from the start of the list, or after `after`. Default {DEFAULT_PAGE}; at most"
    f" {MAX_PAGE}.",
    "after": "Only rows after this cursor, which is a row's `cursor` or a page's `endCursor`.",
}
PAGE: Final[Mapping[str, Text]] = {
    **FORWARD,
    "last": f"Number of rows from the end of the list, or before `before`. At most {MAX_PAGE}; not with `first`.",
    "before": "Only rows before this cursor, which is a row's `cursor` or a page's `startCursor`.",
}
SPAN: Final[Mapping[str, Text]] = {
    "since": "Only rows dated at or after this time. A time without an offset is UTC.",
    "until": "Only rows dated before this time. A time without an offset is UTC.",
}
DAYS: Final[Mapping[str, Text]] = {
    "since": "Only rows dated on this day or after it.",
    "until": "Only rows dated before this day.",
}
OPEN: Final[Mapping[str, Text]] = {
    "is_open": strawberry.argument(
        name="open", description="Only open ones (true) or only ended ones (false); both if it is not given."
    ),
}

BILL_ARGUMENTS: Final[Mapping[str, Text]] = {
    "state": "Only bills in this state; all bills if it is not given. OPEN and OVERDUE order bills by due date.",
    **DAYS,
    "sort": "Order of the bills. Without it, newest first, or by due date if `state` is OPEN or OVERDUE.",
}
BILL_FILTERS: Final = Reads(
    "Bill",
    {
        "state": ("is_open", "due_date", "overdue_from"),
        "since": ("bill_date",),
        "until": ("bill_date",),
        "sort": ("bill_date", "due_date"),
    },
)

TICKET_ARGUMENTS: Final[Mapping[str, Text]] = {
    **OPEN,
    "status": "Only tickets with one of these statuses; all tickets if it is not given.",
    **SPAN,
    "sort": "Order of the tickets; newest first if it is not given.",
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
