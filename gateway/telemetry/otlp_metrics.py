"""The metrics as OpenTelemetry's exporter takes them, with OpenTelemetry's names. Imported only where they are sent."""

import time
from collections.abc import Iterator, Mapping

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    NumberDataPoint,
    Sum,
)
from opentelemetry.sdk.metrics.export import Metric as Exported
from prometheus_client.metrics_core import Metric as Family

from gateway.metrics.catalogue import CATALOGUE
from gateway.metrics.instruments import Instruments
from gateway.metrics.metric import Metric, label


def metrics_of(instruments: Instruments, began: int) -> Iterator[Exported]:
    """All metrics that have a value. `began`: since when they count, in nanoseconds since 1970."""
    families, now = {family.name: family for family in instruments.registry.collect()}, time.time_ns()
    for metric in CATALOGUE:
        family = families[metric.prometheus]
        data: Sum | Gauge | Histogram
        if metric.kind == "histogram":
            points = list(_histograms(metric, family, began, now))
            data = Histogram(points, AggregationTemporality.CUMULATIVE)
        else:
            numbers = [
                NumberDataPoint(_attributes(metric, one.labels), began, now, one.value)
                for one in family.samples
                if one.name == metric.series
            ]
            counts = metric.kind == "counter"
            data = Sum(numbers, AggregationTemporality.CUMULATIVE, is_monotonic=True) if counts else Gauge(numbers)
        if data.data_points:
            yield Exported(metric.name, metric.description, metric.unit or "1", data)


def _histograms(metric: Metric, family: Family, began: int, now: int) -> Iterator[HistogramDataPoint]:
    by_labels: dict[tuple[str, ...], tuple[list[float], float]] = {}
    for one in family.samples:
        key = tuple(one.labels[name] for name in metric.label_names)
        up_to, total = by_labels.get(key, ([], 0.0))
        if one.name == metric.bucket:
            up_to.append(one.value)
        elif one.name == metric.sum:
            total = one.value
        by_labels[key] = up_to, total
    for key, (up_to, total) in by_labels.items():
        counts = [int(here - before) for before, here in zip([0.0, *up_to], up_to, strict=False)]
        yield HistogramDataPoint(
            dict(zip(metric.labels, key, strict=True)),
            began,
            now,
            int(up_to[-1]),
            total,
            counts,
            metric.buckets,
            min=None,  # type: ignore[arg-type]  # it is not measured, and the protocol need not have it
            max=None,  # type: ignore[arg-type]  # likewise
        )


def _attributes(metric: Metric, labels: Mapping[str, str]) -> dict[str, str]:
    return {name: labels[label(name)] for name in metric.labels}
