"""What Alertmanager posts (webhook, version 4): one group of alerts, those that fire and those that have ended.

It is not signed and has no id: it is posted to the address with the secret, and known by its alerts.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from connectors.assurance.alertmanager.known import KnownOutages
from connectors.assurance.alertmanager.rows import AlertGroup, AlertRow, Records, Rule
from connectors.events.hints import Change, Hint, Source
from connectors.events.speaking import Event, Hub, Malformed, read_body

MOST: Final = 5_000
"""Alerts that are read of one event. Set `max_alerts` of the webhook far below that."""


class _Posted(msgspec.Struct):
    alerts: list[msgspec.Raw]


class _Alert(msgspec.Struct):
    """An alert as it is posted. `endsAt` is the year 1 while it fires."""

    fingerprint: str
    labels: dict[str, str]
    status: str
    annotations: dict[str, str] | None = None
    starts_at: str | None = msgspec.field(name="startsAt", default=None)
    ends_at: str | None = msgspec.field(name="endsAt", default=None)


_POSTED: Final = msgspec.json.Decoder(_Posted)
_ALERT: Final = msgspec.json.Decoder(_Alert)


class AlertmanagerEvents:
    """Implements `connectors.events.speaking.Speaks`.

    The event's own status is that of its whole group: each alert's counts. Outages of which all alerts in the event
    have ended are hints that they are gone; whether another alert of them still fires is found out by reading.
    """

    hubs: Sequence[Hub] = ()
    listener_status = 204

    def __init__(
        self, domain: str, rule: Rule, records: Records, known: KnownOutages, warn_once: Callable[[str], None]
    ) -> None:
        self._domain, self._rule, self._records, self._known = domain, rule, records, known
        self._warn_once = warn_once

    def read_event(self, event: Event, secret: str) -> Sequence[Hint]:
        """One hint for each outage in it."""
        del secret  # in the path
        raws = read_body(_POSTED, event.body).alerts
        if len(raws) > MOST:
            raise Malformed(f"it has {len(raws)} alerts, more than {MOST}: set max_alerts of the webhook")
        alerts = [one for raw in raws if (one := self._read(raw)) is not None]
        if raws and not alerts:
            raise Malformed("none of its alerts can be read")
        outages = defaultdict[str, list[_Alert]](list)
        for one in alerts:
            if self._rule.is_outage(one.labels):
                outages[self._rule.outage_id(one.labels)].append(one)
        return [self._hint(key, some, event.heard_at) for key, some in outages.items()]

    def _read(self, raw: msgspec.Raw) -> _Alert | None:
        try:
            return _ALERT.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._warn_once("posts alerts that cannot be read: they are found by polling only")
            return None

    def _hint(self, key: str, alerts: Sequence[_Alert], heard_at: float) -> Hint:
        firing = [one for one in alerts if one.status != "resolved"]
        texts = ((one.starts_at if firing else one.ends_at) for one in firing or alerts)
        at = max((moment for one in texts if (moment := self._records.date(one))), default=None)
        if not firing:
            rows = [AlertRow(one.fingerprint, one.labels, one.annotations, one.starts_at) for one in alerts]
            outage = self._records.outage(AlertGroup(key, rows), None)
            self._known.told_ended(outage, at, datetime.fromtimestamp(heard_at, UTC))
        told = sorted(f"{one.fingerprint} {one.starts_at} {one.status} {one.annotations}" for one in alerts)
        return Hint(
            domain=self._domain,
            type="Outage",
            id=key,
            change=Change.CREATED if firing else Change.REMOVED,
            source=Source.WEBHOOK,
            at=at.timestamp() if at else heard_at,
            event_id=hashlib.sha256("\n".join([key, *told]).encode(errors="replace")).hexdigest(),
        )
