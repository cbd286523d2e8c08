"""Sending to a collector: OTLP over HTTP with protobuf, by OpenTelemetry's exporters.

Imported only where something is sent.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any, Final

import requests
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics, ScopeMetrics
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from gateway.telemetry.otlp_metrics import metrics_of
from gateway.telemetry.process import Metrics
from gateway.telemetry_settings import TelemetrySettings, headers_in

_log: Final = logging.getLogger("gateway.telemetry")

SCOPE: Final = InstrumentationScope("gateway", version("opticom-gateway"))

_QUEUE: Final = 8192
"""Spans that wait to be sent; more are dropped."""

_AT_ONCE: Final = 512


def resource_of(settings: TelemetrySettings) -> Resource:
    """What sends: the service, and which of its processes."""
    return Resource.create(
        {
            "service.name": settings.service_name,
            "service.version": SCOPE.version or "",
            "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
        }
    )


@asynccontextmanager
async def sending_spans(settings: TelemetrySettings) -> AsyncIterator[BatchSpanProcessor]:
    """Takes spans, and sends them a few seconds later, from a thread of its own. At the end it sends what waits."""
    processor = BatchSpanProcessor(
        OTLPSpanExporter(**_options(settings, "traces")), max_queue_size=_QUEUE, max_export_batch_size=_AT_ONCE
    )
    try:
        yield processor
    finally:
        await asyncio.to_thread(processor.shutdown)


@asynccontextmanager
async def sending_metrics(settings: TelemetrySettings, metrics: Metrics) -> AsyncIterator[None]:
    """Sends the metrics of this process every `interval` seconds, and at the end once more."""
    exporter, resource, began = (
        OTLPMetricExporter(**_options(settings, "metrics")),
        resource_of(settings),
        time.time_ns(),
    )

    async def send() -> None:
        metrics.look()
        made = [*metrics_of(metrics.instruments, began)]
        data = MetricsData([ResourceMetrics(resource, [ScopeMetrics(SCOPE, made, "")], "")])
        await asyncio.to_thread(exporter.export, data)

    async def send_regularly() -> None:
        while True:
            await asyncio.sleep(settings.interval)
            try:
                await send()
            except Exception:  # noqa: BLE001  # nobody else would log it, and the next time may be better
                _log.exception("the metrics could not be sent")

    task = asyncio.create_task(send_regularly())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        await send()
        await asyncio.to_thread(exporter.shutdown)


def _options(settings: TelemetrySettings, signal: str) -> dict[str, Any]:
    session = requests.Session()
    session.trust_env = False  # neither a proxy nor a password of the environment
    options = {
        "endpoint": f"{(settings.endpoint or '').rstrip('/')}/v1/{signal}",
        "headers": headers_in(settings.secret_named("headers").text),
        "timeout": settings.timeout,
        "session": session,
    }
    return options | ({"certificate_file": str(settings.ca_file)} if settings.ca_file else {})
