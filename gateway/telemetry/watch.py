"""Serving operations so that they are told to whoever counts, logs or traces them.

These classes stand in for those of `gateway.http` where something is told; where nothing is, they are not there.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from time import monotonic
from typing import Any, Final, Protocol, Self, cast

import orjson
from graphql import GraphQLError, OperationDefinitionNode, OperationType
from starlette.responses import Response
from starlette.types import Receive

from gateway.engine import Outcome, Prepared
from gateway.errors import RequestError
from gateway.http.context import ContextFactory, GatewayContext
from gateway.http.endpoint import GraphQLEndpoint
from gateway.http.headers import IndexedHeaders, IndexedRequest
from gateway.http.operations import MakeContext, Operations, Ready, Waiting
from gateway.http.rates import Caller
from gateway.http.request import GraphQLRequest
from gateway.http.request_id import current_request_id
from gateway.telemetry.names import ANONYMOUS, REFUSED, OperationNames
from gateway.telemetry.sampling import Sampler
from gateway.telemetry.seen import (
    CALLERS,
    Seen,
    authentication_of,
    codes_of,
    current_seen,
    operation_of,
    times_of,
    waited,
)
from resolvers.viewer import Viewer

GONE: Final = 499
"""The status that is told of a request whose client went away, as nginx does."""


_EVERY: Final = 0.25
"""Seconds for which what has ended waits for others."""

_MOST: Final = 500
"""Operations that wait at most: so many are told in some milliseconds."""


class Told(Protocol):
    """Somebody who wants to know of operations."""

    def __call__(self, ended: Sequence[Seen]) -> None:
        """They have ended, in this order."""


TellSpans = Callable[[Seen], None]
"""What is told at once of each operation that is traced."""


class Watch:
    """Sees operations begin and end, and tells of many at once: one by one costs as much as a small request.

    To be used within the event loop. Without a sampler nothing is traced.
    """

    def __init__(
        self,
        names: OperationNames,
        told: Sequence[Told],
        sampler: Sampler | None = None,
        spans: TellSpans | None = None,
    ) -> None:
        self._names, self._told, self._sampler, self._spans = names, tuple(told), sampler, spans
        self._waiting: list[Seen] = []
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, method: str = "", headers: IndexedHeaders | None = None) -> Seen:
        """An operation begins: whatever this task does is seen."""
        seen = Seen(monotonic(), method)
        if self._sampler is not None and (trace := self._sampler.of(headers)) is not None:
            seen.trace, seen.levels = trace, {} if trace.is_sampled else None
        current_seen.set(seen)
        return seen

    def end(self, seen: Seen) -> None:
        """It has ended."""
        seen.seconds, seen.request, scope = monotonic() - seen.began, current_request_id.get(), seen.scope
        if seen.levels is not None and self._spans is not None:
            self._name(seen)
            self._spans(seen)
        if scope is not None:
            if scope.waits or scope.calls:
                times = [*(scope.waits or ()), *map(times_of, scope.calls)]
                seen.calls, seen.waited = len(times), waited(times)
            seen.scope = None
        seen.prepared = seen.levels = None
        if not self._told:
            return
        self._waiting.append(seen)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_EVERY, self.tell)
        elif len(self._waiting) >= _MOST:
            self.tell()

    def tell(self) -> None:
        """Tell of what has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        if waiting:
            for seen in waiting:
                self._name(seen)
            for tell in self._told:
                tell(waiting)

    def contexts(self, make: ContextFactory) -> MakeContext:
        """Contexts whose operations and upstream calls are seen."""

        def made(
            headers: IndexedHeaders, viewer: Viewer, prepared: Prepared, operation: OperationDefinitionNode
        ) -> GatewayContext:
            context, seen = make(headers, viewer, prepared, operation), current_seen.get()
            if seen is not None:
                seen.prepared, seen.operation = prepared, operation_of(prepared, operation)
                scope = seen.scope = context.scope
                trace = seen.trace
                if trace is not None and trace.is_sampled:
                    scope.shows_calls = True
                elif not scope.shows_calls:
                    scope.waits = []
                if trace is not None:
                    scope.trace, context.levels = trace, seen.levels
            return context

        return made

    def _name(self, seen: Seen) -> None:
        viewer, operation = seen.viewer, seen.operation
        if viewer is not None:
            seen.caller = CALLERS[viewer.identity[2]]
        if viewer is None or operation is None:
            seen.name = REFUSED
        elif (name := operation.name) is None:
            seen.name = ANONYMOUS
        else:
            seen.name = self._names.of(name, is_signed_in=viewer.is_signed_in)


class WatchedEndpoint(GraphQLEndpoint):
    """The endpoint, with its requests seen."""

    watch: Watch

    @classmethod
    def by(cls, watch: Watch) -> type[Self]:
        """The class whose requests this one sees."""
        return cast(type[Self], type(cls.__name__, (cls,), {"watch": watch}))

    async def respond(self, request: IndexedRequest, media_type: str | None, receive: Receive) -> Response | None:
        """The response to one request, as `GraphQLEndpoint` makes it."""
        seen = self.watch.begin(request.method, request.headers)
        seen.status = GONE
        try:
            response = await GraphQLEndpoint.respond(self, request, media_type, receive)
            if response is not None:
                seen.status, body = response.status_code, getattr(response, "body", b"")
                if body.find(b'"errors"', 0, _BEGINNING) >= 0:  # `in` would raise and catch an error each time
                    seen.codes = _codes_in(body)
        except RequestError as error:
            seen.status, seen.authentication, seen.codes = error.status, authentication_of(error), (error.code,)
            raise
        except Exception:
            seen.status, seen.codes = 500, ("INTERNAL",)
            raise
        finally:
            self.watch.end(seen)
        return response


class WatchedOperations(Operations):
    """The operations of requests that are seen."""

    def ready(
        self, parameters: GraphQLRequest, viewer: Viewer, caller: Caller | None = None
    ) -> Coroutine[Any, Any, Ready | list[GraphQLError]]:
        """As `Operations.ready`."""
        if (seen := current_seen.get()) is not None:
            seen.viewer = viewer
        return Operations.ready(self, parameters, viewer, caller)  # `super()` costs more than the rest of this


class WatchedSocketOperations(Operations):
    """Operations over WebSockets, each of which is seen by itself; of subscriptions, the beginning."""

    watch: Watch

    @classmethod
    def by(cls, watch: Watch) -> type[Self]:
        """The class whose operations this one sees."""
        return cast(type[Self], type(cls.__name__, (cls,), {"watch": watch}))

    async def ready(
        self, parameters: GraphQLRequest, viewer: Viewer, caller: Caller | None = None
    ) -> Ready | list[GraphQLError]:
        """As `Operations.ready`."""
        seen = self.watch.begin()
        seen.viewer = viewer
        found: Ready | list[GraphQLError] = []
        try:
            found = await super().ready(parameters, viewer, caller)
        except RequestError as error:
            seen.authentication, seen.codes = authentication_of(error), (error.code,)
            raise
        finally:
            if not isinstance(found, Ready):
                seen.codes = seen.codes or codes_of(found)
                self.watch.end(seen)
            elif found.kind is OperationType.SUBSCRIPTION:
                seen.prepared, seen.operation = found.prepared, operation_of(found.prepared, found.operation)
                self.watch.end(seen)
        return found

    async def run(
        self,
        ready: Ready,
        variables: Mapping[str, Any],
        headers: IndexedHeaders,
        viewer: Viewer,
        waiting: Waiting,
        within: float | None = None,
    ) -> tuple[Outcome, dict[str, Any]] | None:
        """As `Operations.run`."""
        seen = current_seen.get()
        try:
            ran = await super().run(ready, variables, headers, viewer, waiting, within)
            if ran is not None and seen is not None:
                seen.codes = codes_of(ran[0].errors)
        finally:
            if seen is not None:
                self.watch.end(seen)
        return ran


_BEGINNING: Final = 64
"""Bytes in which an answer says that it has errors: they come first, also in an event."""


def _codes_in(body: bytes) -> Sequence[str]:
    """The codes of an answer's errors, each once."""
    answer = orjson.loads(body[body.index(b"{") : body.rindex(b"}") + 1])
    return tuple(dict.fromkeys(one["extensions"]["code"] for one in answer.get("errors", ())))
