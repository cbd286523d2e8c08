"""What goes wrong, one after the other: each system in every way, Redis, and a worker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.protocol.systems import SYSTEMS

REDIS_KILLED: Final = "Redis killed"
REDIS_FULL: Final = "Redis full"
WORKER_KILLED: Final = "a worker killed"

KINDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "slow": {"latencyMs": 1500, "jitterMs": 3000},  # some answer after the timeout, and have done by then what they do
    "hangs": {"hang": True},
    "resets": {"dropConnections": 10_000_000},
    "cut answers": {"closeEarly": True},  # after the effect
    "500": {"errorRate": 1},
    "429": {"errorRate": 1, "errorStatus": 429},  # with Retry-After: 1
    "garbage": {"garbage": True},
    "huge": {"endless": True},
}
"""The sandbox's switches for each way to be sick."""

BY_CHANCE: Final[Mapping[str, Mapping[str, Any]]] = {"hangs by chance": {"hangRate": 0.02}}
"""What hedged reads are for: one call in fifty is never answered. It goes wrong only where it is asked for."""

_SHORT: Final = 8.0
"""Seconds below which a fault is not found out about."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. `system` is None where it is none of the four."""

    kind: str
    system: str | None = None
    switches: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As the table shows it."""
        return f"{self.system} {self.kind}" if self.system else self.kind


def of(system: str, kind: str) -> Fault:
    """A system that is sick in this way."""
    return Fault(kind, system, {**KINDS, **BY_CHANCE}[kind])


def by_chance() -> Sequence[Fault]:
    """What goes wrong only where it is asked for."""
    return [of(system, kind) for kind in BY_CHANCE for system in SYSTEMS]


def plan(seconds: float) -> Sequence[Fault]:
    """What goes wrong in a run of so many seconds: all of it, or each way once, with the systems in turn."""
    elsewhere = [Fault(kind) for kind in (REDIS_KILLED, REDIS_FULL, WORKER_KILLED)]
    everything = [of(system, kind) for kind in KINDS for system in SYSTEMS]
    if seconds / (len(everything) + len(elsewhere)) >= _SHORT:
        return [*everything, *elsewhere]
    return [of(SYSTEMS[at % len(SYSTEMS)], kind) for at, kind in enumerate(KINDS)] + elsewhere
