"""Metrics of requests and operations. They are counted in plain numbers, which are handed over when somebody looks."""

from gateway.auth.refusals import AuthenticationError, AuthUnavailableError
from gateway.metrics import catalogue
from gateway.metrics.instruments import Instruments
from gateway.metrics.metric import Metric
from gateway.metrics.tally import Tallies, Tally
from gateway.telemetry.seen import Seen, waited

_METHODS = frozenset({"GET", "POST"})


class RequestMetrics:
    """Is told of each operation."""

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
        self._of_answer: dict[tuple[str, int], Tally] = {}
        self._of_operation: dict[tuple[str, str], tuple[Tally, Tally]] = {}
        self._accepted = self._strangers = 0

    def __call__(self, seen: Seen) -> None:
        """Count an operation."""
        seconds, viewer = seen.seconds, seen.viewer
        if seen.method:
            answer = seen.method, seen.status
            (self._of_answer.get(answer) or self._answered(answer)).add(seconds)
            if viewer is None:
                if seen.refusal is not None:
                    self.signed_in(seen.refusal)
            elif viewer.is_signed_in:
                self._accepted += 1
            else:
                self._strangers += 1
        if viewer is None:
            return
        of = seen.name, seen.caller
        duration, overhead = self._of_operation.get(of) or self._operation(of)
        duration.add(seconds)
        scope = seen.scope
        overhead.add(max(0.0, seconds - waited(scope.calls)) if scope is not None and scope.calls else seconds)
        if seen.errors or seen.refusal is not None:
            for code in seen.codes:
                self._errors.labels(seen.name, code).inc()

    def signed_in(self, refusal: Exception | None) -> None:
        """Count a token that was taken, or why it was not."""
        if isinstance(refusal, AuthenticationError):
            self._authentications.labels(refusal.why.name.lower()).inc()
        elif isinstance(refusal, AuthUnavailableError):
            self._authentications.labels("unavailable").inc()
        elif refusal is None:
            self._authentications.labels("accepted").inc()

    def look(self) -> None:
        """Hand over what was counted."""
        for one in (self._durations, self._operations, self._overheads):
            one.tell()
        for result, count in (("accepted", self._accepted), ("none", self._strangers)):
            if count:
                self._authentications.labels(result).inc(count)
        self._accepted = self._strangers = 0

    def _answered(self, answer: tuple[str, int]) -> Tally:
        method, status = answer
        found = self._durations.of(method if method in _METHODS else "_OTHER", str(status))
        if method in _METHODS:
            self._of_answer[answer] = found
        return found

    def _operation(self, of: tuple[str, str]) -> tuple[Tally, Tally]:
        found = self._of_operation[of] = self._operations.of(*of), self._overheads.of(of[0])
        return found
