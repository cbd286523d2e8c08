"""What choosing bills reads of them, beside what was selected; shared by every list of bills."""

from typing import Final

from schema.fields import Reads

BILL_FILTERS: Final = Reads(
    "Bill", {"state": ("is_open", "due_date"), "since": ("bill_date",), "until": ("bill_date",)}
)
