"""The context of a GraphQL request: its viewer, selection, deadline, and the trace of its upstream calls."""

import time
from operator import attrgetter
from typing import Any, Final
from urllib.parse import unquote

from graphql import OperationDefinitionNode

from connectors import Connectors
from connectors.http.scope import CachedRows, RequestScope, UpstreamCall, current_scope
from gateway.auth.access import TraceFor, may_trace
from gateway.engine import Engine
from gateway.engine.prepared import Prepared
from gateway.engine.selection import Selection, selection_of
from gateway.engine.watched import Levels
from gateway.http.headers import IndexedHeaders
from resolvers.context import RequestContext
from resolvers.documents import PATHS, Addresses
from resolvers.translated_ports import translated
from resolvers.unmasked import Noted, ignored
from resolvers.viewer import Viewer
from resolvers.writing.writes import Writes

TRACE_HEADER: Final = "X-Gateway-Trace"
_TRACE: Final = TRACE_HEADER.lower().encode()

_NOTHING: Final = frozenset[tuple[str, str]]()

_MOST_SELECTIONS: Final = 100
"""Most selections of one document that are kept: of its operations, for callers who may read different fields."""


class GatewayContext(RequestContext):
    """The resolvers' context, with the trace for the answer's `extensions`."""

    levels: Levels | None = None
    """What the operation loads at each depth, where it is traced."""

    def __init__(
        self,
        viewer: Viewer,
        connectors: Connectors,
        scope: RequestScope,
        selection: Selection | None,
        *,
        trace: bool,
        keys: bool,
        noted: Noted,
    ) -> None:
        super().__init__(viewer, connectors, translated, selection)
        self.scope = scope
        self._trace, self._keys, self._noted = trace, keys, noted

    def shorten(self, seconds: float) -> None:
        """Let the systems answer within so many seconds from now, if that is less than they have."""
        self.scope.deadline = min(self.scope.deadline, time.monotonic() + seconds)

    async def close(self) -> None:
        """End the request's batches, and tell the audit log. Later upstream calls of this task belong to no request."""
        current_scope.set(None)
        if self.unmasked is not None:
            self._noted(self.viewer, self.unmasked)
        await super().close()

    def extensions(self) -> dict[str, Any]:
        """Lists that lack rows, and what is stale, for every caller; and the trace, if it was asked for.

        The trace has an entry per upstream call, in the order of their start, what was not asked because it was kept
        (`cached`), and warnings about broken links.
        Subscribers do not see keys, queries and sizes of answers, which may concern records that they may not see, nor
        what drivers noticed.
        """
        stale = self.stale(self.scope)
        incomplete = self.incomplete() | ({"stale": stale} if stale else {})
        if not self._trace:
            return incomplete
        entries = _entry if self._keys else _redacted
        upstream = [entries(call) for call in sorted(self.scope.calls, key=attrgetter("start_ms"))]
        told = [*self.scope.warnings, *(self.scope.notices if self.viewer.is_staff else ())]
        warnings = [{"system": one.system, "message": one.message} for one in told]
        cached = [_cached(one, keys=self._keys) for one in self.scope.cached or ()]
        return {
            **incomplete,
            "upstream": upstream,
            **({"cached": cached} if cached else {}),
            **({"warnings": warnings} if warnings else {}),
        }


class ContextFactory:
    """Makes the contexts of requests. A document's selection is computed once for all who may read the same."""

    def __init__(
        self,
        engine: Engine,
        connectors: Connectors,
        deadline: float,
        trace_for: TraceFor,
        writes: Writes | None = None,
        noted: Noted = ignored,
        addresses: Addresses = PATHS,
    ) -> None:
        """`addresses` are where clients find documents.

        `noted` is told what a request read in full by scopes whose use is noted.
        """
        self._noted = noted
        self._engine, self._connectors, self._deadline, self._trace_for = engine, connectors, deadline, trace_for
        self._writes, self._addresses = writes, addresses

    def __call__(
        self, headers: IndexedHeaders, viewer: Viewer, prepared: Prepared, operation: OperationDefinitionNode
    ) -> GatewayContext:
        """A context whose deadline starts now. This task's upstream calls belong to it."""
        trace = headers.names.get(_TRACE) == b"1" and may_trace(viewer, self._trace_for)
        return self.make(headers, viewer, self._selection(prepared, operation, viewer), trace=trace)

    def make(
        self, headers: IndexedHeaders, viewer: Viewer, selection: Selection | None, *, trace: bool = False
    ) -> GatewayContext:
        """A context for `viewer`, also where no operation is executed, such as for a document.

        The caller's token goes no further than to here where no system is shown it.
        """
        scope = RequestScope.lasting(self._deadline)
        scope.shows_calls = trace
        if self._connectors.forwards and viewer.is_signed_in:
            scope.token = _token_of(headers)
        current_scope.set(scope)
        keys = viewer.is_staff or self._trace_for == "signed-in with keys"
        context = GatewayContext(viewer, self._connectors, scope, selection, trace=trace, keys=keys, noted=self._noted)
        context.writes, context.addresses = self._writes, self._addresses
        return context

    def _selection(self, prepared: Prepared, operation: OperationDefinitionNode, viewer: Viewer) -> Selection:
        """What is selected, without what the viewer may not read."""
        withheld = self._engine.withheld(prepared, viewer.scopes) if viewer.scopes is not None else _NOTHING
        known: dict[Any, Selection] = prepared.derived.setdefault(self, {})
        key = (id(operation), withheld) if withheld else id(operation)
        selection = known.get(key)
        if selection is None:
            if len(known) >= _MOST_SELECTIONS:
                known.clear()
            selection = known[key] = selection_of(self._engine.core_schema, prepared, operation, withheld)
        return selection


def _token_of(headers: IndexedHeaders) -> str | None:
    """The request's bearer token, or None."""
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _entry(call: UpstreamCall) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "system": call.system,
        "method": call.method,
        "path": call.path,
        "keys": list(call.keys),
        "status": call.status,
        "startMs": round(call.start_ms, 2),
        "durationMs": round(call.duration_ms, 2),
        "bytes": call.bytes,
        "loader": call.loader,
    }
    return entry | ({"shared": True} if call.shared else {}) | ({"error": call.error} if call.error else {})


def _cached(rows: CachedRows, *, keys: bool) -> dict[str, Any]:
    entry = {
        "system": rows.system,
        "operation": rows.operation,
        "keys": list(rows.keys) if keys else [],
        "loader": rows.loader,
    }
    return entry | ({"stale": True} if rows.stale else {})


def _redacted(call: UpstreamCall) -> dict[str, Any]:
    entry = _entry(call)
    del entry["bytes"]
    path = call.path.partition("?")[0]
    resource, _, last = path.rpartition("/")
    return entry | {"keys": [], "path": resource if unquote(last) in call.keys else path}
