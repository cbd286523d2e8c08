"""What Request Tracker posts where a scrip is set up as docs/live.md shows: it has no webhooks of its own."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from connectors.events.hints import Change, Hint, Source
from connectors.events.speaking import Event, Hub, Malformed, id_in


class _Transaction(msgspec.Struct):
    """The scrip's JSON. `event` is the transaction's type; `new` is what a field was set to."""

    ticket: str | int
    event: str = ""
    field: str | int | None = None
    new: str | int | None = None
    transaction: str | int | None = None
    at: str | None = None


_TRANSACTION: Final = msgspec.json.Decoder(_Transaction)


class RtEvents:
    """Implements `connectors.events.speaking.Speaks`. Known by the transaction, a change is told once."""

    hubs: Sequence[Hub] = ()
    listener_status = 204

    def __init__(self, domain: str) -> None:
        self._domain = domain

    def read_event(self, event: Event, secret: str) -> Sequence[Hint]:
        """One hint."""
        del secret  # in the path
        try:
            told = _TRANSACTION.decode(event.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Malformed(str(error)[:200]) from error
        change = Change.CREATED if told.event == "Create" else Change.CHANGED
        if told.event == "Status" and told.new == "deleted":
            change = Change.REMOVED
        try:
            at = datetime.fromisoformat(told.at or "").timestamp()
        except (ValueError, OverflowError):
            at = event.heard_at
        event_id = "" if told.transaction in (None, "") else f"transaction {id_in(told.transaction)}"
        ticket = id_in(told.ticket)
        return [
            Hint(
                domain=self._domain,
                type="Ticket",
                id=ticket,
                change=change,
                source=Source.WEBHOOK,
                at=at,
                event_id=event_id,
            )
        ]
