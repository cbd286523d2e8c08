"""Converts Redmine's issues to the port's tickets, by the installation's options."""

from typing import Any

from connectors.reading.dates import Dates
from connectors.reading.rows import Identified
from connectors.reading.warn_once import WarnOnce
from connectors.records import owned_by
from connectors.ticketing.port import ENDED, Ticket, TicketSeverity, TicketStatus
from connectors.ticketing.redmine.history import NO_HISTORY, History, plain
from connectors.ticketing.redmine.options import RedmineOptions


class Named(Identified):
    """What an issue refers to: its number and its name."""

    name: str | None = None


class Status(Identified):
    """A status. `is_closed` is Redmine's own word for whether it ends an issue."""

    name: str
    is_closed: bool | None = None


class FieldValue(Identified):
    """A custom field of an issue: its value is a text, a list of them where it is `multiple`, or null."""

    name: str | None = None
    value: Any = None
    multiple: bool | None = None


class IssueRow(Identified):
    """An issue in a list."""

    subject: str | None = None
    description: str | None = None
    status: Status | None = None
    priority: Named | None = None
    category: Named | None = None
    assigned_to: Named | None = None
    is_private: bool | None = None
    created_on: str | None = None
    updated_on: str | None = None
    closed_on: str | None = None
    due_date: str | None = None
    custom_fields: list[FieldValue] | None = None


def values_of(row: IssueRow, name: str) -> tuple[str, ...]:
    """The distinct values of a custom field. One that is not set is null or "", and is none."""
    values: list[str] = []
    for field in row.custom_fields or ():
        if field.name == name:
            held = field.value if isinstance(field.value, list) else [field.value]
            values += [str(one) for one in held if isinstance(one, str | int) and not isinstance(one, bool)]
    return tuple(dict.fromkeys(one for one in values if one))


class Words:
    """What an installation's statuses and priorities mean."""

    def __init__(self, options: RedmineOptions) -> None:
        self._statuses = {word.strip().casefold(): status for word, status in options.words.items()}
        self._severities = {word.strip().casefold(): severity for word, severity in options.severities.items()}

    def status(self, status: Status) -> TicketStatus:
        """By its word; by whether Redmine counts it as closed where the options do not name it."""
        other = TicketStatus.CLOSED if status.is_closed else TicketStatus.UNKNOWN
        return self._statuses.get(status.name.strip().casefold(), other)

    def has_ended(self, status: Status) -> bool:
        """Whether an issue in this status is no open ticket. Redmine's own "Resolved" is open there."""
        return self.status(status).value in ENDED

    def severity(self, priority: str) -> TicketSeverity:
        """By the priority's word."""
        return self._severities.get(priority.strip().casefold(), TicketSeverity.UNKNOWN)


class Records:
    """Makes tickets of rows."""

    def __init__(self, warn_once: WarnOnce, options: RedmineOptions, words: Words) -> None:
        self._options, self._warn_once, self._words = options, warn_once, words
        dates = Dates(options.timezone, warn_once)  # points in time are always written in UTC
        self.date, self._day_end = dates.read, dates.day_end

    def customers(self, row: IssueRow) -> tuple[str, ...]:
        """The numbers of an issue's customers. A private issue has none, so that only staff sees it."""
        return values_of(row, self._options.customer_field) if row.is_private is False else ()

    def ticket(self, row: IssueRow, history: History = NO_HISTORY) -> Ticket:
        """The ticket for a row. A word that the options do not name is UNKNOWN, and logged."""
        status, priority = TicketStatus.UNKNOWN, row.priority.name if row.priority else None
        if row.status is not None:
            status = self._words.status(row.status)
            if status is TicketStatus.UNKNOWN:
                self._warn_once(f"has the unknown status {row.status.name!r}: add it to the option words")
        severity = self._words.severity(priority) if priority else TicketSeverity.UNKNOWN
        if priority and severity is TicketSeverity.UNKNOWN:
            self._warn_once(f"has the unknown priority {priority!r}: add it to the option severities")
        return Ticket(
            id=str(row.id),
            owners=owned_by(*self.customers(row)),
            service_ids=values_of(row, self._options.service_field),
            name=row.subject or None,
            description=plain(row.description),
            kind=row.category.name if row.category else None,
            status=status,
            raw_status=row.status.name if row.status else None,
            severity=severity,
            raw_severity=priority,
            priority=priority,
            assignee=row.assigned_to.name if row.assigned_to else None,
            created_at=self.date(row.created_on),
            updated_at=self.date(row.updated_on),
            # Redmine keeps the time of the last closing after an issue is opened again.
            resolved_at=self.date(row.closed_on) if status.value in ENDED else None,
            expected_resolution_at=self._day_end(row.due_date),
            notes=history.notes,
            attachments=history.attachments,
        )
