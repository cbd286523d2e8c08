"""Serving operations so that they are told to whoever counts, logs or traces them.

These classes stand in for those of `gateway.http` where something is told; where nothing is, they are not there.
"""

from collections.abc import Coroutine, Mapping, Sequence
from time import monotonic
from typing import Any, Final, Protocol, Self, cast

import orjson
from graphql import GraphQLError, OperationDefinitionNode, OperationType
from starlette.datastructures import Headers
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
from gateway.telemetry.names import ANONYMOUS, REFUSED, OperationNames
from gateway.telemetry.sampling import Sampler
from gateway.telemetry.seen import CALLERS, Seen, codes_of, current_seen
from resolvers.viewer import Viewer

GONE: Final = 499
"""The status that is told of a request whose client went away, as nginx does."""


class Told(Protocol):
    """Somebody who wants to know of each operation, once it has ended."""

    def __call__(self, seen: Seen) -> None:
        """It has ended."""


class Watch:
    """Sees operations begin and end. Without a sampler nothing is traced."""

    def __init__(
        self,
        names: OperationNames,
        told: Sequence[Told],
        sampler: Sampler | None = None,
        spans: Told | None = None,
    ) -> None:
        """`spans` is told of what the sampler has chosen, and of nothing else."""
        self._names, self._told, self._sampler, self._spans = names, tuple(told), sampler, spans

    def begin(self, method: str = "", headers: IndexedHeaders | None = None) -> Seen:
        """An operation begins: whatever this task does is seen."""
        seen = Seen(monotonic(), method)
        if self._sampler is not None and (trace := self._sampler.of(headers)) is not None:
            seen.trace, seen.levels = trace, {} if trace.is_sampled else None
        current_seen.set(seen)
        return seen

    def end(self, seen: Seen) -> None:
        """It has ended."""
        seen.seconds = monotonic() - seen.began
        viewer, operation = seen.viewer, seen.operation
        if viewer is not None:
            seen.caller = CALLERS[viewer.identity[2]]
        if viewer is None or operation is None:
            seen.name = REFUSED
        else:
            name = operation.name
            seen.name = self._names.of(name.value, is_signed_in=viewer.is_signed_in) if name else ANONYMOUS
        for tell in self._told:
            tell(seen)
        if seen.levels is not None and self._spans is not None:
            self._spans(seen)

    def contexts(self, make: ContextFactory) -> MakeContext:
        """Contexts whose operations and upstream calls are seen."""

        def made(
            headers: Headers, viewer: Viewer, prepared: Prepared, operation: OperationDefinitionNode
        ) -> GatewayContext:
            context, seen = make(headers, viewer, prepared, operation), current_seen.get()
            if seen is not None:
                seen.prepared, seen.operation = prepared, operation
                scope = seen.scope = context.scope
                scope.shows_calls = True
                if (trace := seen.trace) is not None:
                    scope.trace, context.levels = trace.passed_on, seen.levels
            return context

        return made


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
            seen.status, seen.refusal, seen.codes = error.status, error, (error.code,)
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
        return super().ready(parameters, viewer, caller)


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
            seen.refusal, seen.codes = error, (error.code,)
            raise
        finally:
            if not isinstance(found, Ready):
                seen.codes = seen.codes or codes_of(found)
                self.watch.end(seen)
            elif found.kind is OperationType.SUBSCRIPTION:
                seen.prepared, seen.operation = found.prepared, found.operation
                self.watch.end(seen)
        return found

    async def run(
        self,
        ready: Ready,
        variables: Mapping[str, Any],
        headers: Headers,
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
