"""Options of the Request Tracker driver."""

from typing import Annotated, Final

from pydantic import Field

from connectors.strict import Strict
from connectors.texts import matching
from connectors.ticketing.port import TicketStatus

_NO_SIGNS: Final = "without braces, quotes and backslashes"
CustomFieldName = Annotated[
    str, matching(r"[^{}'\"\\]+", f"the name of a custom field, {_NO_SIGNS}, such as CustomerId")
]
CustomFieldNameOrNone = Annotated[
    str, matching(r"[^{}'\"\\]*", f'the name of a custom field, {_NO_SIGNS}, or "" for none')
]
Name = Annotated[str, matching(r".+", "a name, and not empty")]
Status = Annotated[str, matching(r"[^'\"\\]+", "a status of Request Tracker, without quotes and backslashes")]


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
        dict[Status, TicketStatus],
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
    queue: Annotated[Name, Field(description="Queue that tickets are opened in.")] = "General"
    other_queues: Annotated[
        tuple[Name, ...], Field(description="Queues that a caller may open a ticket in, by naming one as its kind.")
    ] = ()
    requestor: Annotated[
        str,
        Field(
            description="Requestor of a ticket that is opened: a user name or an address, in which {customer_id} stands"
            " for the customer number. Empty: none. Request Tracker mails to requestors."
        ),
    ] = ""
    status_words: Annotated[
        dict[TicketStatus, Name],
        Field(
            description="What is written for a status of the standard. For one that is not named, the first of words"
            " that means it; for closed and resolved also one that means the other."
        ),
    ] = {}
    key_field: Annotated[
        CustomFieldNameOrNone,
        Field(description="Custom field of tickets that holds the key of a write. Empty: none."),
    ] = "GatewayKey"
    note_key_field: Annotated[
        CustomFieldNameOrNone, Field(description="The same, of transactions: of comments and replies.")
    ] = "GatewayTxnKey"
    author_field: Annotated[
        CustomFieldNameOrNone,
        Field(description="Custom field of transactions that holds who wrote a note. Empty: the note begins with it."),
    ] = "GatewayAuthor"

    def word_for(self, status: TicketStatus) -> str | None:
        """The status to be written for one of the standard; None where there is none."""
        ended = {TicketStatus.CLOSED: TicketStatus.RESOLVED, TicketStatus.RESOLVED: TicketStatus.CLOSED}
        for wanted in (status, ended.get(status)):
            if wanted in self.status_words:
                return self.status_words[wanted]
            for word, means in self.words.items():
                if means is wanted:
                    return word
        return None
