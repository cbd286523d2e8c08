"""Metrics of calls to systems."""

from connectors.http.observed import Call, CallObserver
from gateway.metrics import catalogue
from gateway.metrics.instruments import Instruments
from gateway.metrics.tally import Tallies, Tally


class CallMetrics:
    """Counts calls in plain numbers, which are handed over when somebody looks."""

    def __init__(self, instruments: Instruments) -> None:
        self._durations, self._bytes, self._keys = (
            Tallies(metric, instruments.histogram(metric))
            for metric in (catalogue.CALL_DURATION, catalogue.CALL_BYTES, catalogue.BATCH_SIZE)
        )

    def of(self, system: str) -> CallObserver:
        """What counts the calls of one system."""
        known: dict[tuple[str, str], tuple[Tally, Tally, Tally]] = {}

        def make(operation: str, error: str) -> tuple[Tally, Tally, Tally]:
            found = known[operation, error] = (
                self._durations.of(system, operation, error),
                self._bytes.of(system, operation),
                self._keys.of(system, operation),
            )
            return found

        def count(call: Call) -> None:
            durations, sizes, keys = known.get((call.operation, call.error)) or make(call.operation, call.error)
            durations.add(call.seconds)
            if call.bytes is not None:
                sizes.add(call.bytes)
            if call.keys:
                keys.add(call.keys)

        return count

    def look(self) -> None:
        """Hand over what was counted."""
        for one in (self._durations, self._bytes, self._keys):
            one.tell()
