"""What choosing and sorting reads of rows, beside what was selected; shared by every list of the same type."""

from typing import Final

from schema.edges import Reads

BILL_FILTERS: Final = Reads(
    "Bill",
    {
        "state": ("is_open", "due_date"),
        "since": ("bill_date",),
        "until": ("bill_date",),
        "sort": ("bill_date", "due_date"),
    },
)
PAYMENT_FILTERS: Final = Reads("Payment", {"since": ("paid_at",), "until": ("paid_at",)})
PRODUCT_FILTERS: Final = Reads("Product", {"status": ("status",)})
SERVICE_FILTERS: Final = Reads("Service", {"state": ("state",)})
TICKET_FILTERS: Final = Reads(
    "Ticket",
    {
        "status": ("status",),
        "since": ("created_at",),
        "until": ("created_at",),
        "sort": ("created_at", "updated_at"),
    },
)
