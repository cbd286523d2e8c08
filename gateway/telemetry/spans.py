"""Spans of a request, made once it has ended: one of it, one for each level of its plan, one for each upstream call.

Names and attributes are OpenTelemetry's where its semantic conventions have some (GraphQL server, HTTP server and
client). Nothing of what was asked or read is in them: no variables, no keys, no addresses; the document only where the
settings say so. Imported only where traces are sent.
"""

from collections.abc import Mapping
from random import getrandbits
from time import monotonic_ns, time_ns
from typing import Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from connectors.http.scope import UpstreamCall
from gateway.telemetry.otlp import SCOPE
from gateway.telemetry.sampling import Trace
from gateway.telemetry.seen import Seen

_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
_MS: Final = 1_000_000
_S: Final = 1_000_000_000

Attributes = dict[str, str | bool | int | float | list[str]]


class Spans:
    """Is told of each operation, and hands on the spans of those that are traced."""

    def __init__(self, processor: BatchSpanProcessor, resource: Resource, *, document: bool) -> None:
        """With `document` the text of documents is in the spans."""
        self._processor, self._resource, self._document = processor, resource, document

    def __call__(self, seen: Seen) -> None:
        """Hand on the spans of an operation."""
        trace = seen.trace
        if trace is None or not trace.is_sampled:
            return
        wall = time_ns() - monotonic_ns()
        began = round(seen.began * _S) + wall
        own = _context(trace.trace_id, trace.span_id)
        parent = _context(trace.trace_id, trace.parent, is_remote=True) if trace.parent else None
        attributes, error = self._of_request(seen), _error_of(seen)
        name = str(attributes.get("graphql.operation.type", "GraphQL Operation"))
        self._end(name, own, parent, SpanKind.SERVER, attributes, began, began + round(seen.seconds * _S), error)
        for depth, level in sorted((seen.levels or {}).items()):
            self._end(
                f"level {depth}",
                _context(trace.trace_id),
                own,
                SpanKind.INTERNAL,
                {"gateway.level": depth, "gateway.fields": [*level.fields], "gateway.objects": level.objects},
                round(level.began * _S) + wall,
                round(level.ended * _S) + wall,
            )
        if seen.scope is not None:
            since = round(seen.scope.started * _S) + wall
            for call in seen.scope.calls:
                self._of_call(trace, own, call, since)

    def _of_request(self, seen: Seen) -> Attributes:
        found: Attributes = {"gateway.caller": seen.caller, "gateway.request.id": seen.request}
        if seen.method:
            found |= {"http.request.method": seen.method, "http.route": "/graphql"}
            found["http.response.status_code"] = seen.status
        if (operation := seen.operation) is not None:
            found["graphql.operation.type"] = operation.type
            if operation.name is not None:
                found["graphql.operation.name"] = seen.name
            found["gateway.document.hash"] = operation.hash
            if self._document and seen.prepared is not None:
                found["graphql.document"] = seen.prepared.source
        if codes := seen.codes:
            found["gateway.codes"] = [*codes]
        return found

    def _of_call(self, trace: Trace, parent: SpanContext, call: UpstreamCall, since: int) -> None:
        attributes: Attributes = {
            "http.request.method": call.method,
            "gateway.system": call.system,
            "gateway.operation": call.operation,
            "gateway.loader": call.loader,
            "gateway.keys": len(call.keys),
            "gateway.shared": call.shared,
        }
        if call.status is not None:
            attributes |= {"http.response.status_code": call.status, "http.response.body.size": call.bytes}
        began = since + round(call.start_ms * _MS)
        self._end(
            f"{call.method} {call.system}.{call.operation}",
            _context(trace.trace_id, call.span),
            parent,
            SpanKind.CLIENT,
            attributes,
            began,
            began + round(call.duration_ms * _MS),
            call.error or "",
        )

    def _end(
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        attributes: Attributes,
        began: int,
        ended: int,
        error: str = "",
    ) -> None:
        told: Mapping[str, str | bool | int | float | list[str]] = attributes | ({"error.type": error} if error else {})
        self._processor.on_end(
            ReadableSpan(
                name,
                context,
                parent,
                self._resource,
                told,
                kind=kind,
                status=Status(StatusCode.ERROR if error else StatusCode.UNSET),
                start_time=began,
                end_time=max(began, ended),
                instrumentation_scope=SCOPE,
            )
        )


def _error_of(seen: Seen) -> str:
    """What is to be called an error of the gateway's or of its systems: by the conventions for servers no 4xx is."""
    if seen.status >= 500:
        codes = seen.codes
        return codes[0] if codes else str(seen.status)
    return next((one for one in seen.codes if one.startswith("UPSTREAM_") or one in _FAULTS), "")


_FAULTS: Final = frozenset({"INTERNAL", "DEADLINE_EXCEEDED"})


def _context(trace_id: str, span_id: str = "", *, is_remote: bool = False) -> SpanContext:
    number = int(span_id, 16) if span_id else getrandbits(64) or 1
    return SpanContext(int(trace_id, 16), number, is_remote, _SAMPLED)
