"""Loaders and pure functions for ticketing: tickets and outages.

Outages have no owner, and every signed-in viewer may see them. The services, resources and tickets under an outage are
subject to their own ownership.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import takewhile
from typing import Any, Final

from typing_extensions import override

from connectors.errors import ConnectorError, NotSupported
from connectors.records import Fields, Found, Rows, Window, changed
from connectors.ticketing.port import Outage, Ticket, TicketNote, TicketStatus
from resolvers.context import Loader, customer_ownership, signed_in_ownership
from resolvers.filters import is_wanted, is_within, sorted_by_date, with_zone
from resolvers.paging import window
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


class OutageById(Loader[str, Outage]):
    """Outages by id."""

    domain = "ticketing"
    ownership = signed_in_ownership
    entity = "Outage"

    @override
    async def fetch(self, keys: Sequence[str]) -> Found[Outage]:
        return await self.context.connectors.ticketing.outages(keys, self.context.fields("Outage"))


@dataclass(frozen=True, slots=True)
class OutageList:
    """A list of outages: open or ended ones (None for both), the span of their start, and the window to read."""

    is_open: bool | None
    since: datetime | None
    until: datetime | None
    window: Window


class OutagesByState(Loader[OutageList, Rows[Outage]]):
    """Outages by list, newest first."""

    domain = "ticketing"
    ownership = signed_in_ownership
    primes = OutageById

    @override
    async def fetch(self, keys: Sequence[OutageList]) -> dict[OutageList, Rows[Outage] | ConnectorError]:
        return dict(zip(keys, await asyncio.gather(*map(self._list, keys)), strict=True))

    async def _list(self, key: OutageList) -> Rows[Outage] | ConnectorError:
        ticketing, fields = self.context.connectors.ticketing, self.context.fields("Outage")
        try:
            return await ticketing.outage_list(
                key.window, fields, is_open=key.is_open, since=key.since, until=key.until
            )
        except ConnectorError as failure:
            return failure


Asking = Callable[[Sequence[str], Fields | None], Awaitable[Found[Rows[Outage]]]]


@dataclass(frozen=True, slots=True)
class Affected:
    """A service or resource that an outage may affect. `kind` is `Service` or `Resource`."""

    kind: str
    id: str


class OpenOutagesByAffected(Loader[Affected, Rows[Outage]]):
    """Open outages by affected service or resource, in one call for each kind."""

    domain = "ticketing"
    ownership = signed_in_ownership
    besides = {"ticketing": 1}  # by service, and by resource
    primes = OutageById

    @override
    async def fetch(self, keys: Sequence[Affected]) -> dict[Affected, Rows[Outage] | ConnectorError]:
        ticketing, fields = self.context.connectors.ticketing, self.context.fields("Outage")
        services = [key.id for key in keys if key.kind == "Service"]
        resources = [key.id for key in keys if key.kind == "Resource"]

        async def of(ids: Sequence[str], ask: Asking) -> Found[Rows[Outage]]:
            return await ask(ids, fields) if ids else {}

        of_services, of_resources = await asyncio.gather(
            of(services, ticketing.open_outages_of_services), of(resources, ticketing.open_outages_of_resources)
        )
        found = {"Service": of_services, "Resource": of_resources}
        return {key: found[key.kind][key.id] for key in keys if key.id in found[key.kind]}


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


def outage_list(
    _root: Any,
    is_open: bool | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    first: int | None = None,
    after: str | None = None,
) -> OutageList:
    """The loader's key for the field's arguments."""
    return OutageList(
        is_open, since and with_zone(since), until and with_zone(until), window(first, after) or Window(0, 1)
    )


def service_outage_keys(service: Any) -> list[Affected]:
    """Keys of all outages that affect a service: the service itself, its parts, and its resources."""
    services = dict.fromkeys([service.id, *service.part_ids])
    return [
        *(Affected("Service", key) for key in services),
        *(Affected("Resource", key) for key in service.resource_ids),
    ]


def resource_outage_keys(resource: Any) -> list[Affected]:
    """Keys of the outages that affect a resource."""
    return [Affected("Resource", resource.id)]


def merge_outages(found: Sequence[Rows[Outage] | None]) -> list[Outage]:
    """The outages of all keys, each once, in the order of their ids."""
    outages = {outage.id: outage for rows in found if rows is not None for outage in rows.items}
    return [outages[key] for key in sorted(outages)]


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
