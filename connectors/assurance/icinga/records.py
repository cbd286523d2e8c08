"""How outages are made of hosts and services, by the options."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.assurance.icinga.options import IcingaOptions, Word
from connectors.assurance.icinga.rows import HOST_WORDS, SERVICE_WORDS, HostOutage, ObjectRow, variable
from connectors.assurance.port import Outage, OutageState


class Records:
    """Makes outages of hosts and services, by the options."""

    def __init__(self, options: IcingaOptions) -> None:
        self._options = options

    def is_open(self, row: ObjectRow) -> bool:
        """Whether it has an outage now: a hard problem of `severities`, or one that comes and goes (flapping).

        What was never checked is no problem, although its state is 1 (host) or 3 (service). A state that cannot be
        read counts as open.
        """
        attrs = row.attrs
        if attrs.state is None:
            return True
        word = self._word(row)
        if word is not None and attrs.problem is not False and attrs.state_type != 0:
            return True
        return bool(attrs.flapping) and (word is not None or (self._last(row) > 0 and not self._changed_since(row)))

    def has_ended(self, row: ObjectRow, now: float) -> bool:
        """Whether it had an outage that ended not long ago."""
        last = self._last(row)
        is_over = not self.is_open(row) and self._word(row) is None
        return is_over and self._recovered(row) and last > 0 and now - last < self._options.ended_known

    def service(self, row: ObjectRow) -> Outage:
        """The outage of a service. Where it has no number, its host is affected."""
        number = self.service_number(row)
        joined = row.joins.host.vars if row.joins and row.joins.host else None
        host = row.host_name
        return self._outage(
            row,
            row.attrs.display_name or str(row.id),
            variable(row.attrs.vars, self._options.site_variable) or variable(joined, self._options.site_variable),
            service_ids=(number,) if number else (),
            resource_ids=() if number else self._resource(host, joined),
            more="It is a consequence: its host is down." if row.host_is_down and self.is_open(row) else None,
        )

    def host(self, found: HostOutage) -> Outage:
        """The outage of a host, with everything behind it."""
        row = found.host
        hosts = [row, *found.behind]
        name = row.attrs.display_name or str(row.id)
        numbers = {number for one in found.services if (number := self.service_number(one))}
        resources = {key for one in hosts for key in self._resource(str(one.id), one.attrs.vars)}
        behind = f"{len(found.behind)} more behind it." if found.behind else None
        return self._outage(
            row,
            f"{name} is down" if self.is_open(row) else name,
            variable(row.attrs.vars, self._options.site_variable),
            service_ids=tuple(sorted(numbers)),
            resource_ids=tuple(sorted(resources)),
            more="It is a consequence: a host before it is down." if found.is_behind and self.is_open(row) else behind,
        )

    def while_down(self, row: ObjectRow) -> tuple[float, float]:
        """When a host was down last, from and until, as far as Icinga keeps it: where not, when it was seen so."""
        attrs, seen = row.attrs, row.attrs.last_state_down or 0.0
        if self.is_open(row):
            return attrs.last_hard_state_change or seen, math.inf
        if attrs.state:  # not yet a hard problem
            return attrs.last_state_change or seen, math.inf
        began, ended = self._times(row)
        return began or seen, max(ended or seen, seen)

    def service_number(self, row: ObjectRow) -> str | None:
        """The number of the service that a service object is about."""
        return variable(row.attrs.vars, self._options.service_variable)

    def _outage(
        self,
        row: ObjectRow,
        name: str,
        site: str | None,
        *,
        service_ids: tuple[str, ...],
        resource_ids: tuple[str, ...],
        more: str | None,
    ) -> Outage:
        attrs, is_open, word = row.attrs, self.is_open(row), self._word(row)
        state, sentence = self._state(row) if is_open else (OutageState.RESOLVED, None)
        began, ended = (attrs.last_hard_state_change, None) if is_open else self._times(row)
        result = attrs.last_check_result
        said = result.output if result and self._options.shows_output and is_open else None
        sentences = [_sentence(said), f"Site: {site}." if site else None, more, sentence]
        counting = [one for one in self._words(row) if one in self._options.severities]
        return Outage(
            id=str(row.id),
            name=name,
            description=" ".join(one for one in sentences if one) or None,
            state=state,
            raw_state=self._raw(row),
            severity=self._options.severities[word or max(counting, key=self._last_in(row))] if counting else None,
            started_at=moment(began),
            resolved_at=moment(ended),
            service_ids=service_ids,
            resource_ids=resource_ids,
        )

    def _state(self, row: ObjectRow) -> tuple[OutageState, str | None]:
        attrs = row.attrs
        if attrs.state is None:
            return OutageState.UNKNOWN, None
        if attrs.flapping:
            return OutageState.PENDING, "It comes and goes (flapping)."
        if (attrs.downtime_depth or 0) > 0:
            return OutageState.HELD, "Planned work."
        if (attrs.acknowledgement or 0) > 0:
            return OutageState.ACKNOWLEDGED, "Acknowledged."
        return OutageState.IN_PROGRESS, None

    @property
    def host_words(self) -> list[Word]:
        """States of hosts that are outages."""
        return [word for word in HOST_WORDS.values() if word in self._options.severities]

    @property
    def service_words(self) -> dict[Word, int]:
        """States of services that are outages, with Icinga's numbers."""
        return {word: number for number, word in SERVICE_WORDS.items() if word in self._options.severities}

    def _words(self, row: ObjectRow) -> Mapping[Word, int]:
        words = SERVICE_WORDS if "!" in str(row.id) else HOST_WORDS
        return {word: number for number, word in words.items()}

    def _word(self, row: ObjectRow) -> Word | None:
        """What its state is called, if that is an outage."""
        words = SERVICE_WORDS if "!" in str(row.id) else HOST_WORDS
        word = words.get(int(row.attrs.state)) if row.attrs.state is not None else None
        return word if word in self._options.severities else None

    def _raw(self, row: ObjectRow) -> str | None:
        if row.attrs.state is None:
            return None
        number = int(row.attrs.state)
        if "!" in str(row.id):
            return "OK" if number == 0 else SERVICE_WORDS.get(number, str(number)).upper()
        return "UP" if number == 0 else HOST_WORDS.get(number, str(number)).upper()

    def _last(self, row: ObjectRow) -> float:
        """When it was last seen in the state of an outage; 0 for never."""
        return max((self._last_in(row)(one) for one in self._words(row) if one in self._options.severities), default=0)

    def _last_in(self, row: ObjectRow) -> Any:
        return lambda word: getattr(row.attrs, f"last_state_{word}") or 0.0

    def _times(self, row: ObjectRow) -> tuple[float | None, float | None]:
        """Begin and end of an outage that has ended, as far as Icinga keeps them: until another change, and check."""
        if self._changed_since(row):
            return None, None
        ended, began = row.attrs.last_state_change or 0, row.attrs.previous_state_change or 0
        return began if began < ended else None, ended

    def _recovered(self, row: ObjectRow) -> bool:
        """Whether its last change was a hard one: a problem that never became a hard one was no outage."""
        hard, last = row.attrs.last_hard_state_change or 0, row.attrs.last_state_change or 0
        return hard >= last or self._changed_since(row)

    def _changed_since(self, row: ObjectRow) -> bool:
        """Whether it was in yet another state after it was last seen in that of an outage."""
        words = [("ok" if "!" in str(row.id) else "up", 0), *self._words(row).items()]
        others = [
            getattr(row.attrs, f"last_state_{word}") or 0
            for word, number in words
            if number != row.attrs.state and word not in self._options.severities
        ]
        return max(others, default=0) > self._last(row)

    def _resource(self, host: str, variables: Any) -> tuple[str, ...]:
        name = self._options.resource_variable
        key = variable(variables, name) if name else host
        return (key,) if key else ()


def _sentence(said: str | None) -> str | None:
    said = (said or "").strip()
    return said if not said or said[-1] in ".!?" else f"{said}."


def moment(seconds: float | None) -> datetime | None:
    """A time of Icinga's; None for never, and for what is no time."""
    if not seconds or seconds < 0:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
