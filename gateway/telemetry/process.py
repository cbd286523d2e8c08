"""The metrics of one process, and the page `/metrics`.

Each of several workers shows the metrics of all: they share files in the folder `PROMETHEUS_MULTIPROC_DIR`, which
`gateway serve` creates.
"""

import asyncio
import logging
import os
import platform
import resource
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.samples import Sample
from starlette.requests import Request
from starlette.responses import Response

from gateway.engine import Engine
from gateway.http.admission import Admission
from gateway.live.counters import LiveCounters
from gateway.metrics import catalogue
from gateway.metrics.instruments import Instruments
from gateway.telemetry.systems import SystemMetrics

logger = logging.getLogger("gateway.serve")

SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable of prometheus_client with the folder that workers share."""

_INTERVAL: Final = 10.0
"""Seconds between two measurements of what nobody counts."""

_DESCRIPTORS: Final = Path("/proc/self/fd")


def share_between_workers(folder: str) -> None:
    """Let processes that are forked from this one, and that make their metrics then, share them in a folder.

    Another folder that the environment names is taken instead.
    """
    os.environ.setdefault(SHARED_FOLDER, folder)
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]  # chosen at the import, before this


class Metrics:
    """Counts what happens rarely at once; what others count it takes over whenever somebody looks."""

    def __init__(self) -> None:
        self.instruments = made = Instruments()
        operations = made.counter(catalogue.EXECUTED)
        self._planned, self._by_core = operations.labels("plan"), operations.labels("graphql-core")
        self._is_shared = SHARED_FOLDER in os.environ
        self._newly_planned = self._newly_shed = 0
        self._fallbacks = made.counter(catalogue.FALLBACKS)
        self.live = LiveCounters(made)
        self._events, self._shed = made.counter(catalogue.EVENTS), made.counter(catalogue.SHED)
        self._rate_limited, self._rows = made.counter(catalogue.RATE_LIMITED), made.counter(catalogue.CACHED_ROWS)
        self.systems = SystemMetrics(made)
        self._memory, self._cpu = made.gauge(catalogue.MEMORY), made.counter(catalogue.CPU)
        self._cpu_told = 0.0
        self._looks: list[Callable[[], None]] = [self.systems.look]

    def executed(self, fallback: str | None) -> None:
        """Count an operation; `fallback` is why graphql-core executed it, None where a plan did."""
        if fallback is None and not self._is_shared:  # else another worker may show it at any time
            self._newly_planned += 1
        elif fallback is None:
            self._planned.inc()
        else:
            self._by_core.inc()
            self._fallbacks.labels(fallback).inc()

    def rate_limited(self, kind: str) -> None:
        """Count a request of a caller of this kind that has spent too much."""
        self._rate_limited.labels(kind).inc()

    def cached_rows(self, type_name: str, outcome: str, rows: int) -> None:
        """Count rows of a type whose rows are kept, by what became of them."""
        self._rows.labels(type_name, outcome).inc(rows)

    def shed(self) -> None:
        """Count a request that is refused because the gateway is overloaded."""
        self._newly_shed += 1

    def event(self, system: str, outcome: str) -> None:
        """Count an event that a system posted."""
        self._events.labels(system, outcome).inc()

    def also(self, look: Callable[[], None]) -> None:
        """Call this whenever somebody looks: it hands over what was counted elsewhere."""
        self._looks.append(look)

    def watch_load(self, admission: Admission) -> None:
        """Show what is under way and what waits, and how late the event loop is."""
        made = self.instruments
        under_way, waiting, most, lag = (
            made.gauge(catalogue.REQUESTS_UNDER_WAY),
            made.gauge(catalogue.REQUESTS_WAITING),
            made.gauge(catalogue.REQUESTS_LIMIT),
            made.gauge(catalogue.LOOP_LAG),
        )

        def look() -> None:
            under_way.set(admission.under_way)
            waiting.set(admission.waiting)
            most.set(admission.most)
            lag.set(admission.lag)

        self.also(look)

    def watch_documents(self, engine: Engine) -> None:
        """Show how many documents are kept."""
        documents, size = self.instruments.gauge(catalogue.DOCUMENTS), self.instruments.gauge(catalogue.DOCUMENT_BYTES)

        def look() -> None:
            count, held = engine.cached
            documents.set(count)
            size.set(held)

        self.also(look)

    def watch_keys(self, ages: Callable[[], Mapping[str, float]]) -> None:
        """Show how old the issuers' keys are."""
        gauge = self.instruments.gauge(catalogue.KEYS_AGE)

        def look() -> None:
            for issuer, seconds in ages().items():
                gauge.labels(issuer).set(seconds)

        self.also(look)

    def watch_redis(self, works: Callable[[], Mapping[str, bool]]) -> None:
        """Show whether each use of Redis works."""
        gauge = self.instruments.gauge(catalogue.REDIS_UP)

        def look() -> None:
            for use, is_up in works().items():
                gauge.labels(use).set(is_up)

        self.also(look)

    @asynccontextmanager
    async def watch_process(self) -> AsyncIterator[None]:
        """Measure this process regularly, and log its memory."""
        self.instruments.gauge(catalogue.BUILD).labels(version("opticom-gateway"), platform.python_version()).set(1)
        self.look()
        logger.info("worker %d is ready, %d MiB", os.getpid(), resident_bytes() // 2**20)
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            self._hand_over()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_INTERVAL)
            self.look()

    async def page(self, _request: Request) -> Response:
        """`GET /metrics`, in Prometheus' text format. What is of other workers is that of some seconds ago."""
        return Response(self.text(), media_type=CONTENT_TYPE_LATEST)

    def text(self) -> bytes:
        """What the page says."""
        self.look()
        return generate_latest(self._all_workers())

    def samples(self) -> Iterator[Sample]:
        """All that is counted, of all workers."""
        self.look()
        for family in self._all_workers().collect():
            yield from family.samples

    def look(self) -> None:
        """Take over what was counted elsewhere, and measure the process."""
        for look in self._looks:
            look()
        self._hand_over()
        self._memory.set(resident_bytes())
        used = resource.getrusage(resource.RUSAGE_SELF)
        seconds = used.ru_utime + used.ru_stime
        self._cpu.inc(seconds - self._cpu_told)
        self._cpu_told = seconds
        self.instruments.gauge(catalogue.MOST_DESCRIPTORS).set(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        if _DESCRIPTORS.exists():
            self.instruments.gauge(catalogue.DESCRIPTORS).set(len(os.listdir(_DESCRIPTORS)))

    def _hand_over(self) -> None:
        """Add what was counted without prometheus_client, whose counters take a lock each time."""
        self._planned.inc(self._newly_planned)
        self._shed.inc(self._newly_shed)
        self._newly_planned = self._newly_shed = 0

    def _all_workers(self) -> CollectorRegistry:
        folder = os.environ.get(SHARED_FOLDER)
        if folder is None:
            return self.instruments.registry
        for file in Path(folder).glob("gauge_live*_*.db"):
            if not _is_alive(pid := int(file.stem.rpartition("_")[2])):
                mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]  # the library has no types here
        registry = CollectorRegistry()
        MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]  # the library has no types here
        return registry


def resident_bytes() -> int:
    """Memory of this process in bytes: the current value on Linux, elsewhere the maximum so far."""
    pages = Path("/proc/self/statm")
    if pages.exists():
        return int(pages.read_text().split()[1]) * resource.getpagesize()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
