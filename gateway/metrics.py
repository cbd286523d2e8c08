"""Metrics for Prometheus: operations by executor, reasons why no plan ran them, subscriptions, systems, load, memory.

Each of several workers reports the metrics of all: they share files in the folder `PROMETHEUS_MULTIPROC_DIR`, which
`gateway serve` creates.
"""

import asyncio
import logging
import os
import resource
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from starlette.requests import Request
from starlette.responses import Response

from gateway.http.admission import Admission
from gateway.live.counters import LiveCounters
from gateway.system_metrics import SystemMetrics

logger = logging.getLogger("gateway.serve")

SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable of prometheus_client with the folder that workers share."""

_INTERVAL: Final = 10.0
"""Seconds between two measurements of the memory."""


class Metrics:
    """The metrics of one process; `/metrics` shows those of all that share the folder."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        operations = Counter(
            "gateway_operations", "Operations by what executed them.", ["executor"], registry=self._registry
        )
        self._planned, self._by_core = operations.labels("plan"), operations.labels("graphql-core")
        self._fallbacks = Counter(
            "gateway_fallbacks",
            "Operations that no plan could express, by reason.",
            ["reason"],
            registry=self._registry,
        )
        self.live = LiveCounters(self._registry)
        self._events = Counter(
            "gateway_events",
            "Events that systems posted, by system and what became of them.",
            ["system", "outcome"],
            registry=self._registry,
        )
        self._shed = Counter(
            "gateway_shed", "Requests that were refused because the gateway was overloaded.", registry=self._registry
        )
        self._rate_limited = Counter(
            "gateway_rate_limited",
            "Requests and operations of callers who had spent too much, by their kind.",
            ["caller"],
            registry=self._registry,
        )
        self._rows = Counter(
            "gateway_cached_rows",
            "Rows of the types in [cache] by what became of them: hit, miss, stale; eviction counts whole types.",
            ["type", "outcome"],
            registry=self._registry,
        )
        self._lag = Gauge(
            "gateway_loop_lag_seconds",
            "Seconds by which the event loop of a worker is late.",
            registry=self._registry,
            multiprocess_mode="liveall",
        )
        self._under_way = Gauge(
            "gateway_requests_under_way",
            "Requests that a worker has started and not ended.",
            registry=self._registry,
            multiprocess_mode="liveall",
        )
        self.systems = SystemMetrics(self._registry)
        self._admission: Admission | None = None
        self._memory = Gauge(
            "gateway_worker_resident_memory_bytes",
            "Memory of each worker process.",
            registry=self._registry,
            multiprocess_mode="liveall",
        )

    def executed(self, fallback: str | None) -> None:
        """Count an operation; `fallback` is why graphql-core executed it, None where a plan did."""
        if fallback is None:
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
        self._shed.inc()

    def watch_load(self, admission: Admission) -> None:
        """Show what is under way, and how late the event loop is."""
        self._admission = admission

    def event(self, system: str, outcome: str) -> None:
        """Count an event that a system posted."""
        self._events.labels(system, outcome).inc()

    @asynccontextmanager
    async def watch_memory(self) -> AsyncIterator[None]:
        """Measure this process's memory regularly, and log the first value."""
        self._memory.set(resident_bytes())
        logger.info("worker %d is ready, %d MiB", os.getpid(), resident_bytes() // 2**20)
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_INTERVAL)
            self._memory.set(resident_bytes())
            self._look()

    async def page(self, _request: Request) -> Response:
        """`GET /metrics`, in Prometheus' text format. What is of other workers is that of some seconds ago."""
        self._look()
        return Response(generate_latest(self._all_workers()), media_type=CONTENT_TYPE_LATEST)

    def _look(self) -> None:
        self.systems.look()
        if self._admission is not None:
            self._lag.set(self._admission.lag)
            self._under_way.set(self._admission.under_way)

    def _all_workers(self) -> CollectorRegistry:
        folder = os.environ.get(SHARED_FOLDER)
        if folder is None:
            return self._registry
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
