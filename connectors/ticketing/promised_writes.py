"""What the conformance suite writes to a ticketing system besides tickets: their notes, status and assignee."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from connectors.conformance.trial import Skipped, Trial
from connectors.conformance.writing import Effect, Place, Refusal, WriteCall, Writing, different, first_key, word
from connectors.errors import Reason
from connectors.records import changed
from connectors.ticketing.port import NewNote, StatusChange, TicketStatus
from connectors.ticketing.promised_tickets import Desk, OpenTicket, TicketWriting
from connectors.writes import WriteKey

_AUTHOR: Final = "Conformance Test"


class AddNote(TicketWriting):
    """`TicketingPort.add_note`, and `has_note`."""

    name: ClassVar[str] = "add_note"
    finder: ClassVar[str] = "has_note"
    adds: ClassVar[bool] = True

    async def prepare(self) -> str:
        return f"adds some five notes to {self.desk.place()}"

    async def effect(self) -> Effect:
        note = await self._note()
        return Effect(
            f"add_note({note.ticket_id!r}, {note.text!r})",
            _noting(note),
            lambda _: self._wrong(note),
            lambda driver, key: driver.has_note(note, key),
            lambda: self._count(note),
        )

    async def refusals(self) -> Sequence[Refusal]:
        note = changed(await self._note(), ticket_id=await self.missing())
        call = f"add_note({note.ticket_id!r}), a ticket that there is not,"
        return [Refusal(call, _noting(note), "ticket_id", (Reason.NOT_FOUND,))]

    async def places(self) -> Sequence[Place]:
        note = changed(await self._note(), internal=True)
        call = f"add_note({note.ticket_id!r}, internal=True)"
        return [Place("internal", call, _noting(note), lambda _: self._wrong(note))]

    def unsupported_call(self, name: str) -> WriteCall:
        note = NewNote(ticket_id="1", text="t", author=_AUTHOR)
        return lambda driver, key: getattr(driver, name)(note, key)

    async def _note(self) -> NewNote:
        return NewNote(ticket_id=await self.desk.ticket(), text=f"Conformance test {word()}.", author=_AUTHOR)

    async def _wrong(self, note: NewNote) -> str:
        ticket = await self.desk.read(note.ticket_id)
        own = [one for one in (ticket.notes if ticket else ()) if note.text in (one.text or "")]
        if not own:
            return "the ticket has no such note"
        if note.author not in f"{own[0].author} {own[0].text}":  # without a place for it, the note begins with it
            return f"its author is {own[0].author!r}, and its text does not name {note.author!r}"
        return different(own[0], internal=note.internal)

    async def _count(self, note: NewNote) -> int:
        ticket = await self.desk.read(note.ticket_id)
        return sum(note.text in (one.text or "") for one in ticket.notes) if ticket else 0


class SetStatus(TicketWriting):
    """`TicketingPort.set_status`."""

    name: ClassVar[str] = "set_status"

    async def prepare(self) -> str:
        return f"closes and reopens {self.desk.place()}"

    async def effect(self) -> Effect:
        change = await self._change()
        return Effect(_changing_text(change), _changing(change), lambda _: self._wrong(change))

    async def refusals(self) -> Sequence[Refusal]:
        change = await self._change()
        nowhere, strange = changed(change, ticket_id=await self.missing()), changed(change, status=TicketStatus.UNKNOWN)
        call = f"set_status({nowhere.ticket_id!r}), a ticket that there is not,"
        return [
            Refusal(call, _changing(nowhere), "ticket_id", (Reason.NOT_FOUND,)),
            Refusal("set_status(UNKNOWN)", _changing(strange), "status"),
        ]

    async def places(self) -> Sequence[Place]:
        change = changed(await self._change(), reason=f"conformance-{word()}")
        reason = change.reason or ""
        call = f"{_changing_text(change)} with a reason"
        return [Place("reason", call, _changing(change), lambda _: self._wrong(change), sent=reason)]

    def unsupported_call(self, name: str) -> WriteCall:
        return _changing(StatusChange(ticket_id="1", status=TicketStatus.CLOSED))

    async def _change(self) -> StatusChange:
        """To what the ticket is not now."""
        ident = await self.desk.ticket()
        ticket = await self.desk.read(ident)
        is_open = ticket is None or ticket.is_open
        return StatusChange(ticket_id=ident, status=TicketStatus.CLOSED if is_open else TicketStatus.IN_PROGRESS)

    async def _wrong(self, change: StatusChange) -> str:
        ticket = await self.desk.read(change.ticket_id)
        if ticket is None:
            return "the ticket is gone"
        wanted = change.status is not TicketStatus.CLOSED
        return "" if ticket.is_open is wanted else f"its status is {ticket.raw_status!r}"


class AssignTicket(TicketWriting):
    """`TicketingPort.assign_ticket`."""

    name: ClassVar[str] = "assign_ticket"

    async def prepare(self) -> str:
        first_key(self.trial, "assignee")
        return f"assigns {self.desk.place()} to {' and '.join(self.trial.keys['assignee'])}"

    async def effect(self) -> Effect:
        ident, assignee = await self._free()
        return Effect(
            f"assign_ticket({ident!r}, {assignee!r})",
            _assigning(ident, assignee),
            lambda _: self._wrong(ident, assignee),
        )

    async def refusals(self) -> Sequence[Refusal]:
        ident, assignee = await self._free()
        nowhere, nobody = await self.missing(), f"conformance-{word()}"
        call = f"assign_ticket({nowhere!r}), a ticket that there is not,"
        return [
            Refusal(call, _assigning(nowhere, assignee), "ticket_id", (Reason.NOT_FOUND,)),
            Refusal(
                f"assign_ticket({ident!r}, {nobody!r})",
                _assigning(ident, nobody),
                "assignee",
                (Reason.INVALID, Reason.NOT_FOUND),
                lambda _: self._wrong(ident, nobody),
            ),
        ]

    def unsupported_call(self, name: str) -> WriteCall:
        return _assigning("1", "somebody")

    async def _free(self) -> tuple[str, str]:
        """A ticket, and somebody who does not have it."""
        ident = await self.desk.ticket()
        ticket = await self.desk.read(ident)
        given = self.trial.keys["assignee"]
        other = next((one for one in given if ticket is None or one != ticket.assignee), None)
        if other is not None:
            return ident, other
        if not self.desk.opens:
            raise Skipped("one assignee is known, who has the ticket: name another one with --key assignee=...")
        return await self.desk.open(), given[0]

    async def _wrong(self, ident: str, assignee: str) -> str:
        ticket = await self.desk.read(ident)
        return "the ticket is gone" if ticket is None else different(ticket, assignee=assignee)


def _noting(note: NewNote) -> WriteCall:
    async def write(driver: Any, key: WriteKey) -> None:
        await driver.add_note(note, key)

    return write


def _changing(change: StatusChange) -> WriteCall:
    async def write(driver: Any, key: WriteKey) -> None:
        await driver.set_status(change, key)

    return write


def _changing_text(change: StatusChange) -> str:
    return f"set_status({change.ticket_id!r}, {change.status.name})"


def _assigning(ident: str, assignee: str) -> WriteCall:
    async def write(driver: Any, key: WriteKey) -> None:
        await driver.assign_ticket(ident, assignee, key)

    return write


def ticket_writings(trial: Trial) -> Sequence[Writing]:
    """The methods that write, which share their tickets."""
    desk = Desk(trial)
    return [OpenTicket(trial, desk), AddNote(trial, desk), SetStatus(trial, desk), AssignTicket(trial, desk)]
