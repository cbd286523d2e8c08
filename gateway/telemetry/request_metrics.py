"""Metrics of requests and operations. They are counted in plain numbers, which are handed over when somebody looks."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from gateway.metrics import catalogue
from gateway.metrics.instruments import Instruments
from gateway.metrics.metric import SECONDS, Metric
from gateway.metrics.tally import Tallies, Tally
from gateway.telemetry.seen import Seen

_METHODS: Final = frozenset({"GET", "POST"})

Tally3 = tuple[Tally, Tally, Tally]


class RequestMetrics:
    """Is told of operations."""

    def __init__(self, instruments: Instruments) -> None:
        def tallies(metric: Metric) -> Tallies:
            return Tallies(metric, instruments.histogram(metric))

        self._durations = tallies(catalogue.REQUEST_DURATION)
        self._operations, self._overheads = (
            tallies(catalogue.OPERATION_DURATION),
            tallies(catalogue.OPERATION_OVERHEAD),
        )
        self._errors = instruments.counter(catalogue.OPERATION_ERRORS)
        self._authentications = instruments.counter(catalogue.AUTHENTICATIONS)
        self._known: dict[tuple[str, int, str, str], Tally3] = {}
        self._accepted = self._strangers = 0

    def __call__(self, ended: Sequence[Seen]) -> None:
        """Count operations."""
        known = self._known
        for seen in ended:
            seconds, viewer = seen.seconds, seen.viewer
            if viewer is None:
                self._of_nobody(seen)
                continue
            of = seen.method, seen.status, seen.name, seen.caller
            request, operation, overhead = known.get(of) or self._new(of)
            at = bisect_left(SECONDS, seconds)
            if seen.method:
                request.counts[at] += 1
                request.sum += seconds
                if viewer.is_signed_in:
                    self._accepted += 1
                else:
                    self._strangers += 1
            operation.counts[at] += 1
            operation.sum += seconds
            if seen.waited:
                overhead.add(max(0.0, seconds - seen.waited))
            else:
                overhead.counts[at] += 1
                overhead.sum += seconds
            for code in seen.codes:
                self._errors.labels(seen.name, code).inc()

    def authenticated(self, result: str) -> None:
        """Count what became of a token (`authentication_of`); nothing where that is empty."""
        if result:
            self._authentications.labels(result).inc()

    def look(self) -> None:
        """Hand over what was counted."""
        for one in (self._durations, self._operations, self._overheads):
            one.tell()
        for result, count in (("accepted", self._accepted), ("none", self._strangers)):
            if count:
                self._authentications.labels(result).inc(count)
        self._accepted = self._strangers = 0

    def _of_nobody(self, seen: Seen) -> None:
        """Count one of which nobody knows whose it is: no operation was looked for."""
        self._durations.of(_method(seen.method), str(seen.status)).add(seen.seconds)
        self.authenticated(seen.authentication)

    def _new(self, of: tuple[str, int, str, str]) -> Tally3:
        method, status, name, caller = of
        operation = self._operations.of(name, caller)
        request = self._durations.of(_method(method), str(status)) if method else operation
        found = self._known[of] = request, operation, self._overheads.of(name)
        return found


def _method(given: str) -> str:
    """A value of a label: what clients choose is bounded."""
    return given if given in _METHODS else "_OTHER"
