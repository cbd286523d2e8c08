"""Loaders and pure functions for ticketing: tickets."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import takewhile
from typing import Final

from typing_extensions import override

from connectors.errors import ConnectorError, NotSupported
from connectors.records import Found, Rows, Window, changed
from connectors.ticketing.port import Ticket, TicketNote, TicketStatus
from resolvers.context import Loader, customer_ownership
from resolvers.filters import is_wanted, is_within, sorted_by_date
from resolvers.rows import RowsKey, RowsLoader
from resolvers.viewer import Viewer


class TicketSort(Enum):
    """Order of a list of tickets."""

    NEWEST = "newest"
    OLDEST = "oldest"
    UPDATED = "updated"


MAX_READ_BY_ID: Final = 20
"""Most tickets that are read by id for a subscriber. For more ids, the subscriber's own tickets are read instead."""


class TicketById(Loader[str, Ticket]):
    """Tickets by id."""

    domain = "ticketing"
    ownership = customer_ownership
    entity = "Ticket"

    @override
    async def fetch(self, keys: Sequence[str]) -> Found[Ticket]:
        """For a subscriber with many keys, as below an outage, only the subscriber's own tickets are read."""
        if self.context.viewer.is_staff or len(keys) <= MAX_READ_BY_ID:
            return await self.context.connectors.ticketing.tickets(keys, self.context.fields("Ticket"))
        found = await TicketsByCustomer.of(self.context).load_all(
            [RowsKey(key) for key in self.context.viewer.customer_ids]
        )
        failure = next((rows for rows in found.values() if isinstance(rows, ConnectorError)), None)
        if isinstance(failure, NotSupported):
            return await self.context.connectors.ticketing.tickets(keys, self.context.fields("Ticket"))
        if failure is not None:
            raise failure
        own = {ticket.id: ticket for rows in found.values() if isinstance(rows, Rows) for ticket in rows.items}
        return {key: own[key] for key in keys if key in own}


class TicketsByCustomer(RowsLoader[Ticket]):
    """Tickets by customer. The condition is whether they are open, or None."""

    domain = "ticketing"
    ownership = customer_ownership
    primes = TicketById
    connection = "TicketConnection"

    @override
    async def rows(self, parents: Sequence[str], window: Window | None, conditions: bool | None) -> Found[Rows[Ticket]]:
        ticketing, fields = self.context.connectors.ticketing, self.context.fields("Ticket")
        return await ticketing.tickets_of_customers(parents, window, fields, is_open=conditions)


class TicketsByService(RowsLoader[Ticket]):
    """Tickets by service. The condition is whether they are open, or None."""

    domain = "ticketing"
    ownership = customer_ownership
    primes = TicketById
    connection = "TicketConnection"

    @override
    async def rows(self, parents: Sequence[str], window: Window | None, conditions: bool | None) -> Found[Rows[Ticket]]:
        ticketing, fields = self.context.connectors.ticketing, self.context.fields("Ticket")
        return await ticketing.tickets_of_services(parents, fields, is_open=conditions)


def open_condition(is_open: bool | None = None) -> bool | None:
    """The condition that the ticketing system is asked to apply."""
    return is_open


def filter_tickets(
    tickets: Rows[Ticket],
    status: list[TicketStatus] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    sort: TicketSort | None = None,
) -> Rows[Ticket]:
    """The tickets with these statuses, opened in this span, in this order. `tickets` are newest first."""
    rows = tickets.keep(lambda ticket: is_wanted(ticket.status, status) and is_within(ticket.created_at, since, until))
    if sort is None:
        return rows
    if sort is TicketSort.UPDATED:
        return changed(rows, items=sorted_by_date(rows.items, lambda ticket: ticket.updated_at, newest_first=True))
    newest_first = sort is TicketSort.NEWEST
    return changed(rows, items=sorted_by_date(rows.items, lambda ticket: ticket.created_at, newest_first=newest_first))


def visible_assignee(ticket: Ticket, viewer: Viewer) -> str | None:
    """Who works on the ticket, for staff; None for everybody else."""
    return ticket.assignee if viewer.is_staff else None


@dataclass(frozen=True, slots=True)
class OwnedNote:
    """A note and its ticket. Clients see its attributes.

    A note without an id of its own is known by its time, author and text, and of equal ones by its place among them.
    """

    ticket: Ticket
    note: TicketNote

    @property
    def author(self) -> str | None:
        """Who wrote it."""
        return self.note.author

    @property
    def text(self) -> str | None:
        """What it says."""
        return self.note.text

    @property
    def created_at(self) -> datetime | None:
        """When it was written."""
        return self.note.created_at

    @property
    def internal(self) -> bool:
        """Whether customers must not see it."""
        return self.note.internal

    @property
    def key(self) -> str:
        """Which note it is of all. Of the system's own id only a digest is told: it may be another caller's key."""
        named: tuple[object, ...] = (self.note.id,) if self.note.id is not None else (*_said(self.note), self._place())
        digest = hashlib.sha256(repr((self.ticket.id, *named)).encode("utf-8", "surrogatepass"))
        return f"{self.ticket.id}/{digest.hexdigest()[:16]}"

    def _place(self) -> int:
        before = takewhile(lambda one: one is not self.note, self.ticket.notes)
        return sum(_said(one) == _said(self.note) for one in before)


def _said(note: TicketNote) -> tuple[object, ...]:
    return note.created_at and note.created_at.isoformat(), note.author, note.text


def visible_notes(ticket: Ticket, viewer: Viewer) -> Sequence[OwnedNote]:
    """The notes that the viewer may see: internal ones are for staff only."""
    return [OwnedNote(ticket, note) for note in ticket.notes if viewer.is_staff or not note.internal]
