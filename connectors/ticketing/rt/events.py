"""What Request Tracker posts where a scrip is set up as docs/live.md shows: it has no webhooks of its own."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from connectors.events.hints import Change, Hint, Source
from connectors.events.speaking import Event, Hub, id_in, id_or_none, read_body, seconds_in


class _Transaction(msgspec.Struct):
    """The scrip's JSON. `event` is the transaction's type; `new` is what a field was set to."""

    ticket: str | int
    event: Any = None
    new: Any = None
    transaction: Any = None
    at: Any = None


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
        told = read_body(_TRANSACTION, event.body)
        change = Change.CREATED if told.event == "Create" else Change.CHANGED
        if told.event == "Status" and told.new == "deleted":
            change = Change.REMOVED
        event_id = f"transaction {transaction}" if (transaction := id_or_none(told.transaction)) else ""
        ticket = id_in(told.ticket)
        return [
            Hint(
                domain=self._domain,
                type="Ticket",
                id=ticket,
                change=change,
                source=Source.WEBHOOK,
                at=seconds_in(told.at, event.heard_at),
                event_id=event_id,
            )
        ]
