"""BottleCRM's webhooks: signed with the time of each attempt, and known by the event's id, which is signed, too.

An account's number is not in them, so the customer is not named.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from connectors.events.hints import Change, Hint, Source
from connectors.events.signatures import check_timed
from connectors.events.speaking import Event, Hub, id_in, read_body, seconds_in, text_in

_CHANGES: Final = {"created": Change.CREATED, "deleted": Change.REMOVED}


class _Record(msgspec.Struct):
    id: str | int


class _Delivery(msgspec.Struct):
    id: str | int
    data: _Record
    event: Any = None
    created_at: Any = None


_DELIVERY: Final = msgspec.json.Decoder(_Delivery)


class BottleCrmEvents:
    """Implements `connectors.events.speaking.Speaks`."""

    hubs: Sequence[Hub] = ()
    listener_status = 204

    def __init__(self, domain: str) -> None:
        self._domain = domain

    def read_event(self, event: Event, secret: str) -> Sequence[Hint]:
        """One hint, by the account's or contact's own id."""
        check_timed(event.headers.get("x-bottlecrm-signature", ""), event.body, secret, event.heard_at)
        told = read_body(_DELIVERY, event.body)
        what, _, happened = text_in(told.event).partition(".")
        return [
            Hint(
                domain=self._domain,
                type="Party" if what == "contact" else "",
                id=id_in(told.data.id),
                change=_CHANGES.get(happened, Change.CHANGED),
                source=Source.WEBHOOK,
                at=seconds_in(told.created_at, event.heard_at),
                event_id=id_in(told.id),
            )
        ]
