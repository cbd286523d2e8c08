"""Prometheus' instruments for all metrics of the catalogue, in one registry."""

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.metrics.catalogue import CATALOGUE
from gateway.metrics.metric import Metric


class Instruments:
    """What one process counts with. Where several share a folder, each writes its values into files there."""

    def __init__(self, metrics: Iterable[Metric] = CATALOGUE) -> None:
        self.registry: Final = CollectorRegistry()
        self._made: Mapping[str, Counter | Gauge | Histogram] = {one.name: self._make(one) for one in metrics}

    def counter(self, metric: Metric) -> Counter:
        """That of a counter."""
        found = self._made[metric.name]
        assert isinstance(found, Counter)  # noqa: S101  # as the catalogue says
        return found

    def gauge(self, metric: Metric) -> Gauge:
        """That of a gauge."""
        found = self._made[metric.name]
        assert isinstance(found, Gauge)  # noqa: S101  # as the catalogue says
        return found

    def histogram(self, metric: Metric) -> Histogram:
        """That of a histogram."""
        found = self._made[metric.name]
        assert isinstance(found, Histogram)  # noqa: S101  # as the catalogue says
        return found

    def _make(self, metric: Metric) -> Counter | Gauge | Histogram:
        name, labels = metric.prometheus, metric.label_names
        if metric.kind == "counter":
            return Counter(name, metric.description, labels, registry=self.registry)
        if metric.kind == "gauge":
            return Gauge(
                name,
                metric.description,
                labels,
                registry=self.registry,
                multiprocess_mode="livesum" if metric.sums else "liveall",
            )
        return Histogram(name, metric.description, labels, registry=self.registry, buckets=metric.buckets)
