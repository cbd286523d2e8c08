"""Nautobot's webhooks: signed, with the time in the body and no id of the event."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from connectors.events.hints import Change, Hint, Source
from connectors.events.signatures import check_age, check_sha512
from connectors.events.speaking import Event, Hub, Malformed, id_in

_CHANGES: Final = {"created": Change.CREATED, "deleted": Change.REMOVED}
_TYPES: Final = {"device": "Resource", "interface": "Resource", "ipaddress": "Resource", "location": "Site"}


class _Object(msgspec.Struct):
    id: str
    custom_fields: Mapping[str, Any] = {}


class _Webhook(msgspec.Struct):
    event: str
    timestamp: str
    model: str
    data: _Object


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
        try:
            told = _WEBHOOK.decode(event.body)
            moment = datetime.fromisoformat(told.timestamp)
            at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (msgspec.MsgspecError, RecursionError, ValueError, OverflowError) as error:
            raise Malformed(str(error)[:200]) from error
        check_age(at, event.heard_at)
        kind, ident = _TYPES.get(told.model, ""), id_in(told.data.id)
        number = told.data.custom_fields.get(self._service_number)
        if told.model == "circuit" and isinstance(number, str) and number:
            kind, ident = "Service", id_in(number)
        return [
            Hint(
                domain=self._domain,
                type=kind,
                id=ident,
                change=_CHANGES.get(told.event, Change.CHANGED),
                source=Source.WEBHOOK,
                at=at,
                event_id=hashlib.sha256(event.body).hexdigest(),
            )
        ]
