"""One metric as it is declared, with its names in OpenTelemetry and in Prometheus."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Kind = Literal["counter", "gauge", "histogram"]

_SUFFIXES: Final = {"s": "_seconds", "By": "_bytes"}
"""What Prometheus' names end with, by unit (OpenTelemetry: Prometheus and OpenMetrics Compatibility)."""

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Buckets of durations."""

BYTES: Final = (1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0)
"""Buckets of sizes."""

KEYS: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
"""Buckets of how many were asked for at once."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `labels` are the names of its labels, each with what bounds its values.

    `name` and labels are OpenTelemetry's; Prometheus has underscores for the dots, and the unit at the end. `unit` is
    UCUM's, as OpenTelemetry has it; in braces where it is a count of things. `sums`: the gauges of all processes are
    added up; otherwise each shows its own, with the label `pid` where there are several.
    """

    name: str
    kind: Kind
    description: str
    unit: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()
    sums: bool = False

    @property
    def prometheus(self) -> str:
        """The name in Prometheus, without what it adds for a kind (`_total`, `_bucket`)."""
        return self.name.replace(".", "_") + _SUFFIXES.get(self.unit, "")

    @property
    def series(self) -> str:
        """The name under which Prometheus keeps its values; of a histogram the count of what was measured."""
        return self.prometheus + {"counter": "_total", "gauge": "", "histogram": "_count"}[self.kind]

    @property
    def bucket(self) -> str:
        """The name of a histogram's buckets."""
        return f"{self.prometheus}_bucket"

    @property
    def sum(self) -> str:
        """The name of the sum of what a histogram has measured."""
        return f"{self.prometheus}_sum"

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels' names in Prometheus."""
        return tuple(map(label, self.labels))


def label(name: str) -> str:
    """A label's name in Prometheus."""
    return name.replace(".", "_")
