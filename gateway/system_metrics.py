"""Metrics of the systems' operations, as far as this process sees them.

The labels are the domains and the methods of their ports, which are as many as the gateway was built with.
"""

from collections.abc import Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from connectors import ConnectedSystem
from connectors.http.policy.breaker import BreakerState
from connectors.http.policy.operation import OperationState

_LABELS: Final = ["system", "operation"]
_BREAKERS: Final = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}
_COUNTED: Final = {
    "calls": "Calls to systems, repeated ones included.",
    "broken": "Calls that show that the system is at fault.",
    "refused": "Calls that were not sent, because the system was left in peace.",
    "retries": "Reads that were sent again after they had failed.",
    "hedges": "Reads that were sent a second time beside an unusually slow one.",
}


class SystemMetrics:
    """Takes over what the policies have counted, whenever somebody looks: calls themselves cost nothing more."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._breaker, self._limit, self._waiting = (
            Gauge(f"gateway_upstream_{name}", text, _LABELS, registry=registry, multiprocess_mode="liveall")
            for name, text in (
                ("breaker", "0: calls of the operation are sent, 1: a few are, as probes, 2: none is."),
                ("limit", "Calls of the operation that may be under way at once."),
                ("waiting", "Calls of the operation that wait until others have ended."),
            )
        )
        self._counters = {
            name: Counter(f"gateway_upstream_{name}", text, _LABELS, registry=registry)
            for name, text in _COUNTED.items()
        }
        self._systems: Sequence[ConnectedSystem] = ()
        self._counted: dict[tuple[str, str, str], int] = {}

    def watch(self, systems: Sequence[ConnectedSystem]) -> None:
        """Show these systems from now on."""
        self._systems, self._counted = systems, {}

    def look(self) -> None:
        """Take over what is there now."""
        for system in self._systems:
            for state in system.probe.http.policies.states:
                self._take_over(system.domain, state)

    def _take_over(self, system: str, state: OperationState) -> None:
        self._breaker.labels(system, state.name).set(_BREAKERS[state.breaker])
        self._limit.labels(system, state.name).set(state.limit)
        self._waiting.labels(system, state.name).set(state.waiting)
        for name, counter in self._counters.items():
            counted, key = getattr(state, name), (system, state.name, name)
            before = self._counted.get(key, 0)
            counter.labels(system, state.name).inc(counted - before if counted >= before else counted)
            self._counted[key] = counted
