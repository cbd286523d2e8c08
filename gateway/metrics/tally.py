"""Histograms that cost a request almost nothing: they count in plain numbers, and Prometheus' take these over later."""

from bisect import bisect_left
from typing import Final

from prometheus_client import Histogram

from gateway.metrics.metric import Metric


class Tally:
    """What was measured with one set of labels."""

    __slots__ = ("_bounds", "_child", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...], child: Histogram) -> None:
        self._bounds, self._child = bounds, child
        self.counts, self.sum = [0] * (len(bounds) + 1), 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def tell(self) -> None:
        """Hand over what was counted since the last time."""
        for number, count in enumerate(self.counts):
            if count:
                self._child._buckets[number].inc(count)  # there is no public way to add several at once
                self.counts[number] = 0
        self._child._sum.inc(self.sum)
        self.sum = 0.0


class Tallies:
    """Those of one metric, by the values of its labels, which whoever counts has bounded."""

    def __init__(self, metric: Metric, instrument: Histogram) -> None:
        self._bounds: Final = metric.buckets
        self._instrument = instrument
        self._by_labels: dict[tuple[str, ...], Tally] = {}

    def of(self, *labels: str) -> Tally:
        """The tally with these labels, in the metric's order."""
        found = self._by_labels.get(labels)
        if found is None:
            child = self._instrument.labels(*labels) if labels else self._instrument
            found = self._by_labels[labels] = Tally(self._bounds, child)
        return found

    def tell(self) -> None:
        """Hand over what all of them have counted."""
        for one in self._by_labels.values():
            one.tell()
