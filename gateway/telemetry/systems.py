"""Metrics of the systems' operations, as far as this process sees them.

The labels are the domains and the methods of their ports, which are as many as the gateway was built with.
"""

from collections.abc import Callable, Sequence
from typing import Final

from prometheus_client import Counter

from connectors import Connectors
from connectors.http.health import SystemStatus
from connectors.http.policy.breaker import BreakerState
from connectors.http.policy.operation import OperationState
from connectors.sharing.port import sharing_counts
from gateway.metrics import catalogue
from gateway.metrics.instruments import Instruments
from gateway.metrics.metric import Metric

_BREAKERS: Final = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}
_GAUGES: Final[Sequence[tuple[Metric, Callable[[OperationState], float]]]] = (
    (catalogue.BREAKER, lambda state: _BREAKERS[state.breaker]),
    (catalogue.LIMIT, lambda state: state.limit),
    (catalogue.UNDER_WAY, lambda state: state.under_way),
    (catalogue.WAITING, lambda state: state.waiting),
)
_COUNTERS: Final[Sequence[tuple[Metric, Callable[[OperationState], int]]]] = (
    (catalogue.CALLS, lambda state: state.calls),
    (catalogue.BROKEN, lambda state: state.broken),
    (catalogue.REFUSED, lambda state: state.refused),
    (catalogue.RETRIES, lambda state: state.retries),
    (catalogue.HEDGES, lambda state: state.hedges),
)


class SystemMetrics:
    """Takes over what policies and ports have counted, whenever somebody looks: calls themselves cost nothing more."""

    def __init__(self, instruments: Instruments) -> None:
        self._gauges = [(instruments.gauge(metric), of) for metric, of in _GAUGES]
        self._counters = [(instruments.counter(metric), of) for metric, of in _COUNTERS]
        self._up = instruments.gauge(catalogue.UP)
        self._shareable = instruments.counter(catalogue.SHAREABLE_CALLS)
        self._shared = instruments.counter(catalogue.SHARED_CALLS)
        self._connectors: Connectors | None = None
        self._counted: dict[tuple[Counter, str, str], int] = {}

    def watch(self, connectors: Connectors) -> None:
        """Show these systems from now on."""
        self._connectors, self._counted = connectors, {}

    def look(self) -> None:
        """Take over what is there now."""
        if self._connectors is None:
            return
        for system in self._connectors.systems:
            http, domain = system.probe.http, system.domain
            if http.health.status is not SystemStatus.UNKNOWN:
                self._up.labels(domain).set(http.health.status is SystemStatus.UP)
            for state in http.policies.states:
                for gauge, value in self._gauges:
                    gauge.labels(domain, state.name).set(value(state))
                for counter, count in self._counters:
                    self._take_over(counter, domain, state.name, count(state))
            for served in system.drivers:
                for operation, counts in sharing_counts(getattr(self._connectors, served)).items():
                    self._take_over(self._shareable, domain, operation, counts.calls)
                    self._take_over(self._shared, domain, operation, counts.shared)

    def _take_over(self, counter: Counter, system: str, operation: str, counted: int) -> None:
        key = counter, system, operation
        before = self._counted.get(key, 0)
        counter.labels(system, operation).inc(counted - before if counted >= before else counted)
        self._counted[key] = counted
