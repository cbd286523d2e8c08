"""What callers do with tickets: open, add a note, close, reopen, assign."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar

from connectors.errors import ConnectorError
from connectors.inventory.port import Service
from connectors.records import UNNAMED, Fields, changed
from connectors.store.writes import Problem
from connectors.ticketing.port import NewNote, NewTicket, StatusChange, Ticket, TicketStatus
from connectors.writes import WriteKey
from resolvers.context import RequestContext
from resolvers.inventory import ServiceById
from resolvers.ownership import customers_of
from resolvers.ticketing import TicketById
from resolvers.writing import shapes
from resolvers.writing.crm import customer_owned
from resolvers.writing.write import Write


class OpenTicket(Write):
    """Open a ticket for a customer."""

    mutation, system, result = "openTicket", "ticketing", "Ticket"

    def __init__(self, new: NewTicket, services: Sequence[str]) -> None:
        """`services` are those of the ticket as the client named them, one maybe twice."""
        super().__init__()
        self.new, self._services = new, services

    @property
    def fingerprint(self) -> str:
        return shapes.fingerprint(self.new)

    @property
    def subject(self) -> str:
        return f"Customer:{self.new.customer_id}"

    def shape(self) -> Iterator[Problem]:
        """What is wrong with the input as it is."""
        yield from shapes.text(self.new.name, ("name",), shapes.LONGEST_LINE, one_line=True)
        yield from shapes.text(self.new.description, ("description",), shapes.LONGEST_TEXT)
        if self.new.kind is not None:
            yield from shapes.text(self.new.kind, ("kind",), shapes.LONGEST_LINE, one_line=True)

    def places(self) -> Mapping[str, tuple[str, ...]]:
        return {
            "customer_id": ("customerId",),
            "name": ("name",),
            "description": ("description",),
            "service_ids": ("serviceIds",),
            "kind": ("kind",),
            "severity": ("severity",),
        }

    async def owned(self, context: RequestContext) -> Sequence[Problem]:
        if problems := await customer_owned(context, self.new.customer_id):
            return problems
        if not self.new.service_ids:
            return ()
        services = await ServiceById.of(context).load_all(self.new.service_ids)
        return [
            Problem("NOT_FOUND", "There is no such service of this customer.", ("serviceIds", str(place)))
            for place, key in enumerate(self._services)
            if not _is_of(services[key], self.new.customer_id)
        ]

    async def check(self, context: RequestContext) -> Sequence[Problem]:
        return ()

    async def send(self, context: RequestContext, key: WriteKey) -> str:
        return await context.connectors.ticketing.open_ticket(self.new, key)

    async def find(self, context: RequestContext, key: WriteKey) -> str | None:
        return await context.connectors.ticketing.ticket_opened_with(self.new, key)


def _is_of(service: Service | ConnectorError | None, customer: str) -> bool:
    if isinstance(service, ConnectorError):
        raise service.without_traceback()
    return service is not None and customer in customers_of(service)


class _OfTicket(Write):
    """Base of what is done to a ticket that is there."""

    system, result = "ticketing", "Ticket"
    needs: ClassVar[Mapping[str, Fields]] = {"Ticket": frozenset({"status"})}
    while_open: ClassVar[bool | None] = True
    """Whether the ticket must be open for it, or ended; None: either."""
    wrong_state: ClassVar[str] = "This ticket is not open any more."

    def __init__(self, ticket_id: str) -> None:
        super().__init__()
        self.ticket_id = ticket_id

    @property
    def lock(self) -> str | None:
        return self.subject

    @property
    def subject(self) -> str:
        return f"Ticket:{self.ticket_id}"

    def places(self) -> Mapping[str, tuple[str, ...]]:
        return {"ticket_id": ("ticketId",), "text": ("text",), "reason": ("reason",), "assignee": ("assignee",)}

    async def owned(self, context: RequestContext) -> Sequence[Problem]:
        if await self._visible(context) is None:
            return (Problem("NOT_FOUND", "There is no such ticket.", ("ticketId",)),)
        return ()

    async def check(self, context: RequestContext) -> Sequence[Problem]:
        ticket = await self._visible(context)
        if self.while_open is not None and ticket is not None and ticket.is_open is not self.while_open:
            return (Problem("WRONG_STATE", self.wrong_state, ("ticketId",)),)
        return ()

    async def _visible(self, context: RequestContext) -> Ticket | None:
        found = (await TicketById.of(context).load_all([self.ticket_id]))[self.ticket_id]
        if isinstance(found, ConnectorError):
            raise found.without_traceback()
        return found

    async def _now(self, context: RequestContext, is_done: Callable[[Ticket], bool]) -> str | None:
        looked_at = frozenset({"assignee", "status"})
        found = (await context.connectors.ticketing.tickets([self.ticket_id], looked_at)).get(self.ticket_id)
        if isinstance(found, ConnectorError):
            raise found
        return self.ticket_id if found is not None and is_done(found) else None


class AddNote(_OfTicket):
    """Add a note to a ticket that is open."""

    mutation = "addTicketNote"

    def __init__(self, note: NewNote) -> None:
        super().__init__(note.ticket_id)
        self.note = note

    @property
    def fingerprint(self) -> str:
        return shapes.fingerprint(changed(self.note, author=""))  # a caller may change its name

    def shape(self) -> Iterator[Problem]:
        """What is wrong with the input as it is."""
        return shapes.text(self.note.text, ("text",), shapes.LONGEST_TEXT)

    async def send(self, context: RequestContext, key: WriteKey) -> str:
        await context.connectors.ticketing.add_note(self.note, key)
        return self.ticket_id

    async def find(self, context: RequestContext, key: WriteKey) -> str | None:
        return self.ticket_id if await context.connectors.ticketing.has_note(self.note, key) else None


class _SetStatus(_OfTicket):
    """Base of closing and reopening."""

    looks_first = False
    status: ClassVar[TicketStatus]

    def __init__(self, ticket_id: str, reason: str | None) -> None:
        super().__init__(ticket_id)
        self.change = StatusChange(ticket_id=ticket_id, status=self.status, reason=reason)

    @property
    def fingerprint(self) -> str:
        return shapes.fingerprint(self.change)

    def shape(self) -> Iterator[Problem]:
        """What is wrong with the input as it is."""
        if self.change.reason is not None:
            yield from shapes.text(self.change.reason, ("reason",), shapes.LONGEST_TEXT)

    async def send(self, context: RequestContext, key: WriteKey) -> str:
        await context.connectors.ticketing.set_status(self.change, key)
        return self.ticket_id

    async def find(self, context: RequestContext, key: WriteKey) -> str | None:
        wants_open = self.while_open is False
        return await self._now(
            context, lambda ticket: ticket.is_open is wants_open and ticket.status is not TicketStatus.UNKNOWN
        )


class CloseTicket(_SetStatus):
    """Close a ticket that is open."""

    mutation, status = "closeTicket", TicketStatus.CLOSED


class ReopenTicket(_SetStatus):
    """Open a ticket again that has ended."""

    mutation, status, while_open, wrong_state = "reopenTicket", TicketStatus.IN_PROGRESS, False, "This ticket is open."


class AssignTicket(_OfTicket):
    """Give an open ticket to a member of staff."""

    mutation, looks_first = "assignTicket", False

    def __init__(self, ticket_id: str, assignee: str) -> None:
        super().__init__(ticket_id)
        self.assignee = assignee

    @property
    def fingerprint(self) -> str:
        return shapes.fingerprint(Ticket(id=self.ticket_id, owners=UNNAMED, assignee=self.assignee))

    def shape(self) -> Iterator[Problem]:
        """What is wrong with the input as it is."""
        return shapes.text(self.assignee, ("assignee",), shapes.LONGEST_LINE, one_line=True)

    async def send(self, context: RequestContext, key: WriteKey) -> str:
        await context.connectors.ticketing.assign_ticket(self.ticket_id, self.assignee, key)
        return self.ticket_id

    async def find(self, context: RequestContext, key: WriteKey) -> str | None:
        return await self._now(context, lambda ticket: ticket.assignee == self.assignee)
