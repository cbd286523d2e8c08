"""Converts Request Tracker's rows to the port's tickets, by the installation's options."""

from collections.abc import Mapping
from typing import Final

import msgspec

from connectors.reading.dates import Dates
from connectors.reading.rows import Identified
from connectors.reading.warn_once import WarnOnce
from connectors.records import Fields, owned_by
from connectors.ticketing.port import Ticket, TicketStatus
from connectors.ticketing.rt.fields import FieldValues, values_by_name
from connectors.ticketing.rt.history import HISTORY_ATTRIBUTES, History
from connectors.ticketing.rt.options import RtOptions

NOBODY: Final = "Nobody"
"""Login name of the owner of a ticket that nobody owns."""


class _Queue(msgspec.Struct):
    name: str | None = msgspec.field(name="Name", default=None)


class _Owner(Identified):
    """A member of staff; the id is the login name."""


class TicketRow(Identified, rename="pascal"):
    """The requested fields of a ticket in a list."""

    # RT sends "" for an empty field of any type.
    subject: str | None = None
    status: str | None = None
    priority: str | int | None = None
    queue: _Queue | str | None = None
    owner: _Owner | str | None = None
    created: str | None = None
    last_updated: str | None = None
    resolved: str | None = None
    due: str | None = None
    custom_fields: list[FieldValues] | str | None = None


class TicketWithHistory(Identified):
    """A ticket's row with its history."""

    row: TicketRow
    history: History


_ALWAYS: Final = frozenset({"CustomFields"})
_FIELDS: Final = {
    "name": "Subject",
    "kind": "Queue",
    "status": "Status",
    "raw_status": "Status",
    "is_open": "Status",
    "priority": "Priority",
    "assignee": "Owner",
    "created_at": "Created",
    "updated_at": "LastUpdated",
    "resolved_at": "Resolved",
    "expected_resolution_at": "Due",
}
_EVERYTHING: Final = frozenset(_FIELDS) | HISTORY_ATTRIBUTES
_INNER: Final = {"Queue": "Name"}


def rt_fields(fields: Fields | None, is_open: bool | None = None) -> Mapping[str, str | None]:
    """The fields to request: those selected, the owner's, and those for sorting and filtering."""
    wanted = _EVERYTHING if fields is None else fields | {"created_at"}
    wanted = wanted if is_open is None else wanted | {"is_open"}
    found = _ALWAYS | {_FIELDS[name] for name in wanted if name in _FIELDS}
    return {name: _INNER.get(name) for name in found}


class Records:
    """Makes tickets of rows."""

    def __init__(self, warn_once: WarnOnce, options: RtOptions) -> None:
        self._options, self._warn_once = options, warn_once
        # REST 2 always writes dates in UTC.
        self.date = Dates("UTC", self._warn_once, epoch_is_none=True).read
        self.words = {word.strip().casefold(): status for word, status in options.words.items()}

    def ticket(self, ticket_row: TicketWithHistory) -> Ticket:
        """The ticket for a row. A status that is not in `words` is UNKNOWN and logged."""
        row, history = ticket_row.row, ticket_row.history
        held = values_by_name(row.custom_fields)
        status = self.words.get((row.status or "").strip().casefold(), TicketStatus.UNKNOWN)
        if row.status and status is TicketStatus.UNKNOWN:
            self._warn_once(f"has the unknown status {row.status!r}: add it to the option words")
        return Ticket(
            id=str(ticket_row.id),
            owners=owned_by(*held.get(self._options.customer_field, ())),
            service_ids=held.get(self._options.service_field, ()),
            name=row.subject or None,
            kind=(row.queue.name if isinstance(row.queue, _Queue) else None) or None,
            status=status,
            raw_status=row.status or None,
            priority=None if row.priority in (None, "") else str(row.priority),
            assignee=_login(row.owner),
            created_at=self.date(row.created),
            updated_at=self.date(row.last_updated),
            resolved_at=self.date(row.resolved),
            expected_resolution_at=self.date(row.due),
            description=history.description,
            notes=history.notes,
            attachments=history.attachments,
        )


def _login(owner: _Owner | str | None) -> str | None:
    """The owner's login name, which `assign_ticket` takes; Request Tracker calls a ticket without one Nobody's."""
    return None if not isinstance(owner, _Owner) or owner.id == NOBODY else str(owner.id)
