"""What Alertmanager answers, grouped, and the outages that become of it."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from connectors.assurance.alertmanager.options import AlertmanagerOptions
from connectors.assurance.port import Outage, OutageState
from connectors.reading.dates import Dates
from connectors.reading.rows import Identified
from connectors.reading.warn_once import WarnOnce

SILENCED: Final = frozenset({"state", "description"})
"""Attributes of an outage that silences say something about."""


class _Status(msgspec.Struct):
    state: str | None = None
    silenced_by: list[str] | None = msgspec.field(name="silencedBy", default=None)
    inhibited_by: list[str] | None = msgspec.field(name="inhibitedBy", default=None)


class AlertRow(Identified):
    """An alert. Its fingerprint is a hash of its labels: the same fault has the same one the next time, too.

    `endsAt` is left out: while an alert fires it is in the future, and moves.
    """

    labels: dict[str, str]
    id: str | int = msgspec.field(name="fingerprint")
    annotations: dict[str, str] | None = None
    starts_at: str | None = msgspec.field(name="startsAt", default=None)
    status: _Status | None = None


class AlertGroup(Identified):
    """All alerts of one outage."""

    alerts: list[AlertRow]


class Silence(msgspec.Struct):
    """From when to when somebody silenced alerts. Who it was, and the comment, are not read: all users see outages."""

    starts_at: str | int | None = msgspec.field(name="startsAt", default=None)
    ends_at: str | int | None = msgspec.field(name="endsAt", default=None)


class Rule:
    """Which alerts are outages, and of which one, by the options."""

    def __init__(self, options: AlertmanagerOptions) -> None:
        self._severity, self._severities = options.severity_label, options.severities
        self._labels = {name: re.compile(pattern) for name, pattern in options.labels.items()}
        self._group_by = options.group_by

    def is_outage(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels is an outage, or a part of one."""
        return (
            labels.get(self._severity) in self._severities
            and all(pattern.fullmatch(labels.get(name, "")) for name, pattern in self._labels.items())
            and any(labels.get(name) for name in self._group_by)
        )

    def severity(self, labels: Mapping[str, str]) -> int:
        """The severity of an alert that is an outage."""
        return self._severities[labels[self._severity]]

    def outage_id(self, labels: Mapping[str, str]) -> str:
        """The id of the outage that an alert is a part of."""
        return ":".join(quote(labels.get(name, ""), safe="") for name in self._group_by)

    def values(self, outage_id: str) -> tuple[str, ...] | None:
        """What the labels of `group_by` are in an outage; None for what is no id."""
        values = tuple(map(unquote, outage_id.split(":")))
        is_one = len(values) == len(self._group_by) and any(values)
        return values if is_one and ":".join(quote(one, safe="") for one in values) == outage_id else None

    def grouped(self, alerts: Iterable[AlertRow]) -> list[AlertGroup]:
        """The outages among these alerts. Alerts that are none are left out: filters may be ignored."""
        groups = defaultdict[str, list[AlertRow]](list)
        for one in alerts:
            if self.is_outage(one.labels):
                groups[self.outage_id(one.labels)].append(one)
        return [AlertGroup(key, sorted(some, key=lambda one: str(one.id))) for key, some in groups.items()]


class Records:
    """Makes outages of groups of alerts."""

    def __init__(self, warn_once: WarnOnce, options: AlertmanagerOptions, rule: Rule) -> None:
        self._options, self._rule = options, rule
        self._dates = Dates("UTC", warn_once, epoch_is_none=True)

    def date(self, value: str | int | None) -> datetime | None:
        """A point in time, also as a number of seconds since 1970 or of their parts."""
        return self._dates.read(None if value is None else str(value))

    def outage(self, group: AlertGroup, silences: Mapping[str, Silence] | None) -> Outage:
        """The outage. `silences`: those of `silences_of`; None leaves out what may be over soon."""
        options, alerts = self._options, group.alerts
        labels = [one.labels for one in alerts]
        state, sentence = self._state(alerts, silences or {})
        began = [at for one in alerts if (at := self.date(one.starts_at))]
        sites = _distinct(one.get(options.site_label) for one in labels)
        services = _distinct(one.get(options.service_label) for one in labels)
        texts = alerts if options.shows_texts_of_services or not services else ()
        sentences = [
            _shared(texts, options.description_annotation),
            f"Site: {', '.join(sites)}." if sites else None,
            f"{len(alerts)} alerts." if len(alerts) > 1 else None,
            None if silences is None else sentence,
        ]
        words = {one.status.state or "" for one in alerts if one.status}
        return Outage(
            id=str(group.id),
            name=_shared(texts, options.name_annotation)
            or " ".join(value for name in options.group_by if (value := labels[0].get(name))),
            description=" ".join(one for one in sentences if one) or None,
            state=state,
            raw_state="active" if "active" in words else max(words, default="") or None,
            severity=min(map(self._rule.severity, labels)),
            started_at=min(began, default=None),
            service_ids=services,
            resource_ids=_distinct(
                one.get(options.resource_label) for one in labels if not one.get(options.service_label)
            ),
        )

    def _state(self, alerts: Sequence[AlertRow], silences: Mapping[str, Silence]) -> tuple[OutageState, str | None]:
        """The state, and a sentence about it. One alert that nobody has silenced makes the whole outage unhandled."""
        known = [one.status for one in alerts if one.status and one.status.state]
        if len(known) < len(alerts):
            return OutageState.UNKNOWN, None
        shown = [one for one in known if not one.inhibited_by or one.silenced_by]
        if not shown:
            return OutageState.IN_PROGRESS, "It is a consequence of another outage."
        if not all(one.silenced_by for one in shown):
            return OutageState.IN_PROGRESS, None
        by = [silences[key] for one in shown for key in one.silenced_by or () if key in silences]
        until = max((at for one in by if (at := self.date(one.ends_at))), default=None)
        told = f" until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC." if until else "."
        if all(self._was_planned(one, silences) for one in alerts):
            return OutageState.HELD, f"Planned work{told}"
        return OutageState.ACKNOWLEDGED, f"Acknowledged{told}"

    def _was_planned(self, alert: AlertRow, silences: Mapping[str, Silence]) -> bool:
        """Whether the alert was silenced before it began: a silence after that acknowledges it."""
        began, by = self.date(alert.starts_at), alert.status.silenced_by if alert.status else None
        starts = [self.date(silences[key].starts_at) for key in by or () if key in silences]
        return began is not None and any(at is not None and at <= began for at in starts)


def silences_of(groups: Iterable[AlertGroup]) -> list[str]:
    """The ids of the silences that decide something: of groups that nobody is to be told of by Alertmanager."""
    return list(
        dict.fromkeys(
            key
            for group in groups
            if all(one.status and (one.status.silenced_by or one.status.inhibited_by) for one in group.alerts)
            for one in group.alerts
            for key in (one.status.silenced_by if one.status else None) or ()
        )
    )


def digest(group: AlertGroup) -> int:
    """What changes when something of an outage does. Times that move with each repetition are no part of it."""
    return hash(
        tuple(
            (
                str(one.id),
                one.starts_at,
                tuple(sorted((one.annotations or {}).items())),
                (one.status.state, tuple(one.status.silenced_by or ())) if one.status else None,
            )
            for one in group.alerts
        )
    )


def ended(outage: Outage, at: datetime | None) -> Outage:
    """An outage of which no alert fires any more."""
    return msgspec.structs.replace(outage, state=OutageState.RESOLVED, raw_state="resolved", resolved_at=at)


def _distinct(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({one for one in values if one}))


def _shared(alerts: Collection[AlertRow], annotation: str) -> str | None:
    """An annotation, where all alerts have the same: else it is about one of them, and maybe about one customer."""
    texts = {(one.annotations or {}).get(annotation, "").strip() for one in alerts}
    return (texts.pop() or None) if len(texts) == 1 else None
