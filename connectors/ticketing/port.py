"""The port to a ticketing system: trouble tickets."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import Enum
from typing import Annotated, Final, Protocol

from connectors.files import ByteRange, File
from connectors.links import RefersTo
from connectors.ports import batch, fresh, write_of
from connectors.records import Changed, Document, Fields, Found, Owned, Record, Rows, Window
from connectors.writes import WriteKey


class TicketStatus(Enum):
    """TMF621 TroubleTicketStatusType."""

    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    PENDING = "pending"
    HELD = "held"
    IN_PROGRESS = "inProgress"
    CANCELLED = "cancelled"
    CLOSED = "closed"
    RESOLVED = "resolved"
    UNKNOWN = "unknown"


ENDED = frozenset({"rejected", "cancelled", "closed", "resolved"})
"""The standard's words for ended tickets. An unknown word counts as open, so that nothing is overlooked."""


class TicketSeverity(Enum):
    """The severity of a ticket. TMF621 allows any word; these are the usual ones."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    UNKNOWN = "unknown"


class TicketNote(Record, frozen=True, kw_only=True):
    """A note on a ticket. Customers must not see `internal` notes. `id`: the system's own; it may give none."""

    author: str | None
    text: str | None
    created_at: datetime | None
    internal: bool
    id: str | None = None


class Ticket(Owned, frozen=True, kw_only=True):
    """TMF621 TroubleTicket."""

    id: str
    name: str | None = None
    description: str | None = None
    kind: str | None = None
    status: TicketStatus = TicketStatus.UNKNOWN
    raw_status: str | None = None
    severity: TicketSeverity = TicketSeverity.UNKNOWN
    raw_severity: str | None = None
    priority: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    resolved_at: datetime | None = None
    expected_resolution_at: datetime | None = None
    notes: tuple[TicketNote, ...] = ()
    attachments: tuple[Document, ...] = ()
    service_ids: Annotated[tuple[str, ...], RefersTo("service")] = ()
    assignee: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has not ended. An unknown status counts as open."""
        return self.status.value not in ENDED


class NewTicket(Record, frozen=True, kw_only=True):
    """What a ticket is opened with. What is None is the system's default, or the settings'."""

    customer_id: str
    name: str
    description: str
    service_ids: Annotated[tuple[str, ...], RefersTo("service")] = ()
    kind: str | None = None
    severity: TicketSeverity | None = None


class NewNote(Record, frozen=True, kw_only=True):
    """A note to be added to a ticket. `author` is the caller's name; `internal` hides it from subscribers."""

    ticket_id: str
    text: str
    author: str
    internal: bool = False


class StatusChange(Record, frozen=True, kw_only=True):
    """A ticket is to have another status. `reason` is the caller's, in its own words."""

    ticket_id: str
    status: TicketStatus
    reason: str | None = None


ONLY_THE_REASON: Final = (
    "The {system} system has not changed the status, but keeps the reason as a note. Look at the ticket again."
)
"""For the person, where half of a change of status was written."""


class TicketingPort(Protocol):
    """A batch of keys returns a mapping: an unknown key is absent, a failed key maps to its `ConnectorError`.

    Methods without keys raise it; others may, if all keys failed. `fields` are the attributes to read, None for all.
    """

    @batch("ids")
    async def tickets(self, ids: Sequence[str], fields: Fields | None) -> Found[Ticket]:
        """Tickets by id."""

    @batch("customer_ids")
    async def tickets_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None, *, is_open: bool | None
    ) -> Found[Rows[Ticket]]:
        """Tickets per customer, newest first. `is_open`: only open tickets, only ended ones, or (None) all.

        A window is given only with a single customer.
        """

    @batch("service_ids")
    async def tickets_of_services(
        self, service_ids: Sequence[str], fields: Fields | None, *, is_open: bool | None
    ) -> Found[Rows[Ticket]]:
        """Tickets per service that they concern, newest first."""

    @fresh
    async def tickets_changed(self, since: datetime | None) -> Sequence[Changed]:
        """Tickets that were made or changed at `since` (with a zone) or later; None: a few, with the last one.

        Raises `NotSupported` where the system cannot tell.
        """

    def open_document(
        self, document: Document, part: ByteRange | None = None
    ) -> AbstractAsyncContextManager[File | None]:
        """Open an attachment of a ticket. Yields the file, or None if it is gone. `part` is what is
        wanted of it; where the system does not obey, the whole file comes. Raises `ConnectorError`."""

    @write_of("Ticket")
    async def open_ticket(self, new: NewTicket, key: WriteKey) -> str:
        """Open a ticket: its id. Raises `Declined`, or a `ConnectorError` that says whether it may have happened."""

    @fresh
    async def ticket_opened_with(self, new: NewTicket, key: WriteKey) -> str | None:
        """The id of the ticket that was opened with this key; None where there is none now.

        Raises `NotSupported` where the system keeps no key, and so cannot tell.
        """

    @write_of("Ticket")
    async def add_note(self, note: NewNote, key: WriteKey) -> None:
        """Add a note to a ticket. Raises as `open_ticket`."""

    @fresh
    async def has_note(self, note: NewNote, key: WriteKey) -> bool:
        """Whether the ticket has the note that was written with this key now. Raises as `ticket_opened_with`."""

    @write_of("Ticket")
    async def set_status(self, change: StatusChange, key: WriteKey) -> None:
        """Give a ticket another status; nothing is done where it has it. Raises as `open_ticket`.

        Where the status is refused and the reason is there as a note, the sentence of `Declined` is `ONLY_THE_REASON`.
        """

    @write_of("Ticket")
    async def assign_ticket(self, ticket_id: str, assignee: str, key: WriteKey) -> None:
        """Give a ticket to a member of staff. Raises as `open_ticket`."""
