"""Options of the Request Tracker driver."""

from typing import Annotated

from pydantic import Field

from connectors.strict import Strict
from connectors.ticketing.port import TicketStatus

CustomFieldName = Annotated[str, Field(pattern=r"^[^{}'\"\\\x00-\x1f]+$")]


class RtOptions(Strict):
    """How an installation of Request Tracker is used: its custom fields and statuses."""

    customer_field: Annotated[
        CustomFieldName, Field(description="Custom field of tickets that holds the customer number.")
    ] = "CustomerId"
    service_field: Annotated[
        CustomFieldName, Field(description="Custom field of tickets that holds the number of the service.")
    ] = "ServiceId"
    max_url: Annotated[int, Field(ge=500, description="Longest path and query of a request, in bytes.")] = 7500
    words: Annotated[
        dict[Annotated[str, Field(pattern=r"^[^'\"\\\x00-\x1f]+$")], TicketStatus],
        Field(
            description="TMF621's statuses for the statuses of RT's lifecycles. Others are UNKNOWN and count as open."
        ),
    ] = {
        "new": TicketStatus.ACKNOWLEDGED,
        "open": TicketStatus.IN_PROGRESS,
        "stalled": TicketStatus.PENDING,
        "resolved": TicketStatus.RESOLVED,
        "rejected": TicketStatus.REJECTED,
    }
