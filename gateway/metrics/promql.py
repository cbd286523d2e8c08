"""Prometheus' expressions over metrics of the catalogue: nobody writes a name by hand."""

from gateway.metrics.metric import Metric, label


def per_second(metric: Metric, *by: str, where: str = "") -> str:
    """How often a second it was counted, or something was measured, by these labels."""
    return f"sum{_by(by)} (rate({metric.series}{_where(where)}[5m]))"


def quantile(share: float, metric: Metric, *by: str) -> str:
    """The value below which this share of what was measured is."""
    return f"histogram_quantile({share}, sum{_by(('le', *by))} (rate({metric.bucket}[5m])))"


def mean(metric: Metric, *by: str) -> str:
    """The mean of what was measured."""
    return f"sum{_by(by)} (rate({metric.sum}[5m])) / sum{_by(by)} (rate({metric.series}[5m]))"


def total(metric: Metric, *by: str) -> str:
    """The values of a gauge added up."""
    return f"sum{_by(by)} ({metric.series})"


def highest(metric: Metric, *by: str) -> str:
    """The highest value of a gauge."""
    return f"max{_by(by)} ({metric.series})"


def highest_lately(metric: Metric, *by: str) -> str:
    """The highest value that a gauge had in the last two minutes: for states that are passed between two looks."""
    return f"max{_by(by)} (max_over_time({metric.series}[2m]))"


def lowest_known(metric: Metric, *by: str) -> str:
    """The lowest value of a gauge that a process which has just begun does not show: of what was told a minute ago."""
    return f"min{_by(by)} (last_over_time({metric.series}[1m]))"


def share(part: str, whole: str) -> str:
    """One of the other; 0 where there is none of both."""
    return f"({part}) / ({whole} > 0)"


def _by(labels: tuple[str, ...]) -> str:
    return f" by ({', '.join(map(label, labels))})" if labels else ""


def _where(where: str) -> str:
    return f"{{{where}}}" if where else ""
