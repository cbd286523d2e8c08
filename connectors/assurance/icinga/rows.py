"""What Icinga answers about hosts and services, and what is asked for of them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from connectors.assurance.icinga.options import Word
from connectors.assurance.port import Outage
from connectors.reading.rows import Identified
from connectors.records import Fields

HOST_WORDS: Final[Mapping[int, Word]] = {1: "down"}
SERVICE_WORDS: Final[Mapping[int, Word]] = {1: "warning", 2: "critical", 3: "unknown"}
"""What states of problems are called. 0 is UP or OK."""

_CHANGED: Final = (
    "state",
    "state_type",
    "problem",
    "flapping",
    "last_hard_state_change",
    "acknowledgement_last_change",
)

_ALWAYS: Final = (
    *_CHANGED,
    "acknowledgement",
    "downtime_depth",
    "last_state_change",
    "previous_state_change",
    "display_name",
    "vars",
)


class _CheckResult(msgspec.Struct):
    output: str | None = None


class _Attributes(msgspec.Struct):
    """Of a host or a service. Times are seconds since 1970; 0 is never.

    `previous_state_change` is when the state before began, but only until the next check: from then on it is the last
    change, too. `last_state_down` and the like are when it was last seen so.
    """

    state: float | None = None
    state_type: float | None = None
    problem: bool | None = None
    flapping: bool | None = None
    acknowledgement: float | None = None
    downtime_depth: float | None = None
    last_state_change: float | None = None
    last_hard_state_change: float | None = None
    previous_state_change: float | None = None
    last_state_up: float | None = None
    last_state_down: float | None = None
    last_state_ok: float | None = None
    last_state_critical: float | None = None
    last_state_warning: float | None = None
    last_state_unknown: float | None = None
    acknowledgement_last_change: float | None = None
    display_name: str | None = None
    host_name: str | None = None
    last_check_result: _CheckResult | None = None
    parent_host_name: str | None = None
    child_host_name: str | None = None
    vars: Any = None


class _Host(msgspec.Struct):
    problem: bool | None = None
    state_type: float | None = None
    flapping: bool | None = None
    vars: Any = None


class _Joins(msgspec.Struct):
    host: _Host | None = None


class ObjectRow(Identified):
    """A host, service or dependency; the id is its full name, which is the object's for ever."""

    attrs: _Attributes
    id: str | int = msgspec.field(name="name")
    joins: _Joins | None = None

    @property
    def is_readable(self) -> bool:
        """Whether what it belongs to can be read: custom variables are an object, or there are none."""
        joined = self.joins.host.vars if self.joins and self.joins.host else None
        return all(one is None or isinstance(one, dict) for one in (self.attrs.vars, joined))

    @property
    def host_name(self) -> str:
        """Of a service: the host that it is on."""
        return str(self.attrs.host_name or str(self.id).partition("!")[0])

    @property
    def host_may_be_down(self) -> bool:
        """Of a service: whether its host has any problem, or comes and goes."""
        host = self.joins.host if self.joins else None
        return host is not None and bool(host.problem or host.flapping)

    @property
    def host_is_down(self) -> bool:
        """Of a service: whether its host has a hard problem, so that it is a part of the host's."""
        host = self.joins.host if self.joins else None
        return host is not None and bool(host.problem) and host.state_type != 0


class HostOutage(msgspec.Struct):
    """A host that is down: the hosts that are down behind it, and all services on any of them.

    `is_behind`: it is down behind another one itself, and a part of that one's outage.
    """

    host: ObjectRow
    behind: Sequence[ObjectRow]
    services: Sequence[ObjectRow]
    is_behind: bool = False


class OutageRow(Identified):
    """An outage, in place of the rows that it was made of."""

    outage: Outage


def attributes(kind: str, fields: Fields | None) -> list[str]:
    """The attributes of hosts or services that are asked for: without them each is 2.4 kB, with paths of files."""
    found = [*_ALWAYS, *_last_seen(kind)]
    found += ["host_name"] if kind == "services" else []
    return found + (["last_check_result"] if fields is None or "description" in fields else [])


def times_of_changes(kind: str) -> list[str]:
    """The attributes that tell when hosts or services changed, and whether that was an outage's begin."""
    return [*_CHANGED, *_last_seen(kind)]


def _last_seen(kind: str) -> list[str]:
    """When each state was seen last."""
    words = ("ok", *SERVICE_WORDS.values()) if kind == "services" else ("up", *HOST_WORDS.values())
    return [f"last_state_{word}" for word in words]


def variable(variables: Any, name: str) -> str | None:
    """A custom variable as text; None where it is not set or neither a text nor a number."""
    value = variables.get(name) if name and isinstance(variables, dict) else None
    if isinstance(value, float) and value.is_integer():  # Icinga has no whole numbers
        value = int(value)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and value != "" else None
