"""Events of TM Forum servers, v4 and v5, by the names of the standard and those of the TM Forum's own components.

Of the record only the id is read. An event says "look": servers ignore the query of a registration, send change events
with some attributes only, and may be wrong about the rest.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from connectors.events.hints import Change, Hint, Source
from connectors.events.speaking import Event, Hub, id_in, id_or_none, read_body, seconds_in, text_in
from connectors.tmf.profile import Profile

_TYPES: Final = {
    "customer": "Customer",
    "individual": "Party",
    "organization": "Party",
    "product": "Product",
    "billingaccount": "BillingAccount",
    "customerbill": "Bill",
    "payment": "Payment",
    "service": "Service",
    "resource": "Resource",
    "logicalresource": "Resource",
    "physicalresource": "Resource",
    "geographicsite": "Site",
    "troubleticket": "Ticket",
    "serviceproblem": "Outage",
}
"""The graph's types by the resource's name in `event`, case-folded."""

_CREATED: Final = ("createevent", "createnotification", "creationevent", "creationnotification")
_REMOVED: Final = ("deleteevent", "deletenotification", "removeevent", "removenotification")


class _Event(msgspec.Struct):
    event: dict[str, msgspec.Raw]
    event_id: Any = msgspec.field(name="eventId", default=None)
    event_type: Any = msgspec.field(name="eventType", default=None)
    type: Any = msgspec.field(name="@type", default=None)
    event_time: Any = msgspec.field(name="eventTime", default=None)
    time_occurred: Any = msgspec.field(name="timeOccurred", default=None)
    time_ocurred: Any = msgspec.field(name="timeOcurred", default=None)


class _Resource(msgspec.Struct):
    id: str | int | None = None


_EVENT: Final = msgspec.json.Decoder(_Event)
_RESOURCE: Final = msgspec.json.Decoder(_Resource)


class TmfEvents:
    """Implements `connectors.events.speaking.Speaks` for the resources under these paths."""

    def __init__(self, domain: str, profile: Profile, paths: Sequence[str]) -> None:
        """`paths` are standard paths of resources, in the profile's version where that has them."""
        self._domain = domain
        by_path: dict[str, Hub] = {}
        for path in paths:
            hub = f"{profile.path(path).rpartition('/')[0]}/hub"
            by_path[hub] = Hub(hub, "Hub" if "/v5/" in path else None)
        self.hubs: Sequence[Hub] = tuple(by_path.values())
        self.listener_status = 204 if profile.version == "v5" else 201

    def read_event(self, event: Event, secret: str) -> Sequence[Hint]:
        """One hint for each record that the event names.

        Some servers count their events anew from 1 after a restart, or for each API, so the record's id is a part of
        the event's.
        """
        del secret  # in the path
        told = read_body(_EVENT, event.body)
        named = {_TYPES.get(name.casefold()): raw for name, raw in told.event.items()}
        ids = {kind: id_in(read_body(_RESOURCE, bytes(raw)).id) for kind, raw in named.items() if kind is not None}
        event_id = id_or_none(told.event_id)
        at = seconds_in(told.event_time or told.time_occurred or told.time_ocurred, event.heard_at)
        return [
            Hint(
                domain=self._domain,
                type=kind,
                id=ident,
                change=_change(text_in(told.event_type) or text_in(told.type)),
                source=Source.HUB,
                at=at,
                event_id=event_id and f"{event_id} {ident}",
            )
            for kind, ident in ids.items()
        ]


def _change(name: str) -> Change:
    folded = name.casefold()
    if folded.endswith(_CREATED):
        return Change.CREATED
    return Change.REMOVED if folded.endswith(_REMOVED) else Change.CHANGED
