"""Metrics of requests and operations. They are counted in plain numbers, which are handed over when somebody looks."""

from collections.abc import Hashable

from gateway.auth.refusals import AuthenticationError, AuthUnavailableError
from gateway.metrics import catalogue
from gateway.metrics.instruments import Instruments
from gateway.metrics.metric import Metric
from gateway.metrics.tally import Tallies, Tally
from gateway.telemetry.names import OperationNames
from gateway.telemetry.outcome import caller_of, codes_of, name_of, waited
from gateway.telemetry.seen import Seen

_METHODS = frozenset({"GET", "POST"})


class RequestMetrics:
    """Is told of each operation."""

    def __init__(self, instruments: Instruments, names: OperationNames) -> None:
        def tallies(metric: Metric) -> Tallies:
            return Tallies(metric, instruments.histogram(metric))

        self._names = names
        self._durations, self._operations = (
            tallies(catalogue.REQUEST_DURATION),
            tallies(catalogue.OPERATION_DURATION),
        )
        self._overheads = tallies(catalogue.OPERATION_OVERHEAD)
        self._errors = instruments.counter(catalogue.OPERATION_ERRORS)
        self._authentications = instruments.counter(catalogue.AUTHENTICATIONS)
        self._of_answer: dict[tuple[str, int], Tally] = {}
        self._of_operation: dict[tuple[str, str], tuple[Tally, Tally]] = {}
        self._counted: dict[Hashable, int] = {}

    def __call__(self, seen: Seen, seconds: float) -> None:
        """Count an operation that took so long."""
        if seen.method:
            answer = seen.method, seen.status
            (self._of_answer.get(answer) or self._answered(answer)).add(seconds)
            self._sign_in(seen)
        if seen.viewer is None:
            return
        name = name_of(seen, self._names)
        of = name, caller_of(seen)
        duration, overhead = self._of_operation.get(of) or self._operation(of)
        duration.add(seconds)
        calls = seen.scope.calls if seen.scope is not None else None
        overhead.add(max(0.0, seconds - waited(calls)) if calls else seconds)
        if seen.errors or seen.refusal is not None:
            for code in codes_of(seen):
                self._errors.labels(name, code).inc()

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
        for result, count in self._counted.items():
            self._authentications.labels(result).inc(count)
        self._counted.clear()

    def _sign_in(self, seen: Seen) -> None:
        if seen.viewer is not None:
            result = "accepted" if seen.viewer.is_signed_in else "none"
            self._counted[result] = self._counted.get(result, 0) + 1
        elif seen.refusal is not None:
            self.signed_in(seen.refusal)

    def _answered(self, answer: tuple[str, int]) -> Tally:
        method, status = answer
        found = self._durations.of(method if method in _METHODS else "_OTHER", str(status))
        if method in _METHODS:
            self._of_answer[answer] = found
        return found

    def _operation(self, of: tuple[str, str]) -> tuple[Tally, Tally]:
        found = self._of_operation[of] = self._operations.of(*of), self._overheads.of(of[0])
        return found
