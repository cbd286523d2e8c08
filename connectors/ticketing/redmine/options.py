"""Options of the Redmine driver."""

from typing import Annotated

from pydantic import Field

from connectors.reading.dates import TimeZone
from connectors.strict import Strict
from connectors.texts import matching
from connectors.ticketing.port import TicketSeverity, TicketStatus

Name = Annotated[str, matching(r".+", "a name, and not empty")]


class RedmineOptions(Strict):
    """How an installation of Redmine is used: its project, custom fields and words.

    The words are those of an installation in English. The other defaults fit one with a project named `telecom`.
    """

    project: Annotated[
        str,
        matching(r"[a-z0-9][a-z0-9_-]{0,99}", "a project's identifier, as in its address, such as telecom"),
        Field(
            description="Project whose issues, and those of its subprojects, are tickets; new ones are opened there."
        ),
    ] = "telecom"
    tracker: Annotated[Name, Field(description="Tracker of tickets that are opened.")] = "Support"
    category: Annotated[str, Field(description="Category of tickets that are opened. Empty: none.")] = ""
    other_categories: Annotated[
        tuple[Name, ...],
        Field(description="Categories that a caller may open a ticket in, by naming one as its kind."),
    ] = ()
    customer_field: Annotated[
        Name, Field(description="Custom field of issues that holds the customer number; used as a filter.")
    ] = "CustomerId"
    service_field: Annotated[
        Name, Field(description="Custom field of issues that holds the number of the service; used as a filter.")
    ] = "ServiceId"
    key_field: Annotated[
        str, Field(description="Custom field of issues that holds the key of a write; used as a filter. Empty: none.")
    ] = "GatewayKey"
    note_key_field: Annotated[
        str,
        Field(
            description="Custom field of issues that is set with each note, to its key and author: the history keeps"
            " both. Empty: none, and the note begins with its author."
        ),
    ] = "GatewayNoteKey"
    words: Annotated[
        dict[Name, TicketStatus],
        Field(
            description="TMF621's statuses for Redmine's. Another is closed where Redmine counts it as closed, and"
            " else UNKNOWN, which counts as open."
        ),
    ] = {
        "New": TicketStatus.ACKNOWLEDGED,
        "In Progress": TicketStatus.IN_PROGRESS,
        "Feedback": TicketStatus.PENDING,
        "Resolved": TicketStatus.RESOLVED,
        "Closed": TicketStatus.CLOSED,
        "Rejected": TicketStatus.REJECTED,
    }
    status_words: Annotated[
        dict[TicketStatus, Name],
        Field(
            description="What is written for a status of the standard. For one that is not named, the first of words"
            " that means it; for closed and resolved also one that means the other."
        ),
    ] = {}
    severities: Annotated[
        dict[Name, TicketSeverity],
        Field(
            description="Severities for Redmine's priorities; others are UNKNOWN. For a severity the first priority"
            " that means it is written."
        ),
    ] = {
        "Normal": TicketSeverity.MINOR,
        "Low": TicketSeverity.MINOR,
        "High": TicketSeverity.MAJOR,
        "Urgent": TicketSeverity.CRITICAL,
        "Immediate": TicketSeverity.CRITICAL,
    }
    timezone: Annotated[TimeZone, Field(description="Time zone in which a due date ends (IANA name).")] = "UTC"

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

    def priority_for(self, severity: TicketSeverity) -> str | None:
        """The priority to be written for a severity; None where there is none."""
        return next((word for word, means in self.severities.items() if means is severity), None)
