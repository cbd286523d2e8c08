"""What the conformance suite writes to a ticketing system: tickets of its own, which it closes at the end."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from connectors.conformance.checks import missing_key
from connectors.conformance.trial import Failure, Skipped, Trial
from connectors.conformance.writing import (
    Effect,
    Place,
    Refusal,
    WriteCall,
    Writing,
    different,
    first_key,
    new_key,
    read_one,
    settled,
    word,
)
from connectors.errors import ConnectorError, Reason
from connectors.records import changed
from connectors.ticketing.port import NewTicket, StatusChange, Ticket, TicketSeverity, TicketStatus
from connectors.writes import WriteKey

_LONG: Final = 5000
"""Characters of a name that no system shows in a line."""


class Desk:
    """Tickets that the suite opens, for all that it writes; they are closed at the end."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.opened: dict[str, None] = {}
        self._shared = ""

    def new(self) -> NewTicket:
        """A ticket of a customer who has one already, about the same service."""
        text = word()
        known = [one for one in self.trial.samples.get(Ticket, {}).values() if one.customer_ids]
        model = max(known, key=lambda one: bool(one.service_ids), default=None)
        return NewTicket(
            customer_id=model.customer_ids[0] if model else first_key(self.trial, "customer"),
            name=f"Conformance test {text}",
            description=f"Opened by gateway driver-test --writes ({text}).",
            service_ids=model.service_ids[:1] if model else (),
        )

    @property
    def opens(self) -> bool:
        """Whether there can be tickets of our own."""
        return "open_ticket" not in self.trial.unsupported

    def place(self) -> str:
        """Where is written, in words. Raises `Skipped`."""
        if self.opens:
            return f"a ticket of its own, of customer {self.new().customer_id}"
        return f"ticket {first_key(self.trial, 'ticket')}"

    async def open(self) -> str:
        """Open a ticket: its id. Raises `Skipped` where that fails: it is the check of `open_ticket` that says so."""
        outcome = await self.trial.attempt(lambda: self.trial.driver.open_ticket(self.new(), new_key()))
        if outcome.error is not None or not isinstance(outcome.value, str):
            raise Skipped(f"no ticket could be opened to write to: {outcome.error}")
        ident: str = outcome.value
        self.opened[ident] = None
        await settled(self.trial.system, lambda: self.read(ident), bool)
        return ident

    async def ticket(self) -> str:
        """The ticket that most is written to."""
        if not self._shared:
            self._shared = await self.open() if self.opens else first_key(self.trial, "ticket")
        return self._shared

    async def read(self, ident: str) -> Ticket | None:
        """A ticket as it is now."""
        found: Ticket | None = await read_one("tickets", self.trial.driver.tickets([ident], None), ident)
        return found

    async def close(self) -> str:
        """Close what was opened."""
        if not self.opened:
            return ""
        if "set_status" in self.trial.unsupported:
            raise Skipped(f"what was opened stays open, as set_status is unsupported: {', '.join(self.opened)}")
        closed, self.opened = list(self.opened), {}
        for ident in closed:
            try:
                await self.trial.driver.set_status(StatusChange(ticket_id=ident, status=TicketStatus.CLOSED), new_key())
            except ConnectorError as failure:
                raise Failure(f"ticket {ident} could not be closed: {failure}; close it by hand.") from failure
        return f"closed: {', '.join(closed)}"


class TicketWriting(Writing):
    """A method that writes to a ticket."""

    def __init__(self, trial: Trial, desk: Desk) -> None:
        super().__init__(trial)
        self.desk = desk

    async def restore(self) -> str:
        return await self.desk.close()

    async def missing(self) -> str:
        """A ticket that there is not."""
        return missing_key(await self.desk.ticket())


class OpenTicket(TicketWriting):
    """`TicketingPort.open_ticket`, and `ticket_opened_with`."""

    name: ClassVar[str] = "open_ticket"
    finder: ClassVar[str] = "ticket_opened_with"
    adds: ClassVar[bool] = True

    async def prepare(self) -> str:
        return f"opens some ten tickets of customer {self.desk.new().customer_id}, and closes them where it can"

    async def effect(self) -> Effect:
        new = self.desk.new()
        return Effect(
            f"open_ticket({new.name!r})",
            self._opening(new),
            lambda ident: self._wrong(ident, new),
            lambda driver, key: driver.ticket_opened_with(new, key),
            lambda: self._count(new),
        )

    async def refusals(self) -> Sequence[Refusal]:
        new = self.desk.new()
        strange, long = changed(new, severity=TicketSeverity.UNKNOWN), changed(new, name=new.name + "x" * _LONG)
        reasons = (Reason.TOO_LONG, Reason.INVALID)
        return [
            Refusal("open_ticket(severity=UNKNOWN)", self._opening(strange), "severity"),
            Refusal(
                f"open_ticket with a name of {len(long.name)} characters",
                self._opening(long),
                "name",
                reasons,
                lambda ident: self._wrong(ident, long),
            ),
        ]

    async def places(self) -> Sequence[Place]:
        tickets = self.trial.samples.get(Ticket, {}).values()
        kinds = [one.kind for one in tickets if one.kind]
        services = list(dict.fromkeys(one for ticket in tickets for one in ticket.service_ids))[:2]
        found: dict[str, Any] = {"severity": TicketSeverity.MAJOR}
        found |= {"kind": kinds[0]} if kinds else {}
        found |= {"service_ids": tuple(services)} if len(services) == 2 else {}
        places = []
        for name, value in found.items():
            new = changed(self.desk.new(), **{name: value})
            call = f"open_ticket({name}={value!r})"
            places.append(Place(name, call, self._opening(new), lambda ident, new=new: self._wrong(ident, new)))  # type: ignore[misc]  # bound in the loop
        return places

    def unsupported_call(self, name: str) -> WriteCall:
        new = NewTicket(customer_id="1", name="n", description="d")
        return lambda driver, key: getattr(driver, name)(new, key)

    def _opening(self, new: NewTicket) -> WriteCall:
        async def write(driver: Any, key: WriteKey) -> Any:
            ident = await driver.open_ticket(new, key)
            if isinstance(ident, str):
                self.desk.opened[ident] = None
            return ident

        return write

    async def _wrong(self, ident: Any, new: NewTicket) -> str:
        if not isinstance(ident, str) or not ident:
            return f"it gave {ident!r:.60} for the ticket's id"
        ticket = await self.desk.read(ident)
        if ticket is None:
            return f"there is no ticket {ident!r}"
        self.desk.opened[ident] = None  # it may be one whose answer was lost
        wanted = {name: getattr(new, name) for name in ("kind", "severity") if getattr(new, name) is not None}
        if sorted(ticket.service_ids) != sorted(new.service_ids):
            return f"service_ids is {ticket.service_ids}, {new.service_ids} was written"
        return different(
            ticket,
            customer_ids=(new.customer_id,),
            name=new.name,
            description=new.description,
            is_open=True,
            **wanted,
        )

    async def _count(self, new: NewTicket) -> int:
        ask = self.trial.driver.tickets_of_customers([new.customer_id], None, frozenset({"name"}), is_open=None)
        rows = await read_one("tickets_of_customers", ask, new.customer_id)
        return sum(one.name == new.name for one in rows.items) if rows else 0
