"""Nautobot's webhooks: signed, with the time in the body and no id of the event."""

import hashlib
import math
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from connectors.events.hints import Change, Hint, Source
from connectors.events.signatures import check_age, check_sha512
from connectors.events.speaking import Event, Hub, Malformed, id_in, id_or_none, read_body, seconds_in, text_in

_CHANGES: Final = {"created": Change.CREATED, "deleted": Change.REMOVED}
_TYPES: Final = {"device": "Resource", "interface": "Resource", "ipaddress": "Resource", "location": "Site"}


class _Object(msgspec.Struct):
    id: str
    custom_fields: Any = None


class _Webhook(msgspec.Struct):
    timestamp: Any
    data: _Object
    event: Any = None
    model: Any = None


_WEBHOOK: Final = msgspec.json.Decoder(_Webhook)


class NautobotEvents:
    """Implements `connectors.events.speaking.Speaks`. A circuit is known by the service number in a custom field."""

    hubs: Sequence[Hub] = ()
    listener_status = 204

    def __init__(self, domain: str, service_number: str) -> None:
        self._domain, self._service_number = domain, service_number

    def read_event(self, event: Event, secret: str) -> Sequence[Hint]:
        """One hint. The event is known by its body, whose time says that it is not an old one."""
        check_sha512(event.headers.get("x-hook-signature", ""), event.body, secret)
        told = read_body(_WEBHOOK, event.body)
        at = seconds_in(told.timestamp, math.nan)
        if math.isnan(at):
            raise Malformed("its timestamp is no time, so that nobody can tell how old it is")
        check_age(at, event.heard_at)
        kind, ident = _TYPES.get(text_in(told.model), ""), id_in(told.data.id)
        fields = told.data.custom_fields
        number = fields.get(self._service_number) if isinstance(fields, dict) else None
        if told.model == "circuit" and (known := id_or_none(number)):
            kind, ident = "Service", known
        return [
            Hint(
                domain=self._domain,
                type=kind,
                id=ident,
                change=_CHANGES.get(text_in(told.event), Change.CHANGED),
                source=Source.WEBHOOK,
                at=at,
                event_id=hashlib.sha256(event.body).hexdigest(),
            )
        ]
