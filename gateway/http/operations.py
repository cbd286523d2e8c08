"""From the parameters of a request to the answer: what HTTP, WebSocket and event streams share."""

import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, Protocol

import msgspec
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, OperationType

from gateway.auth.access import IntrospectionFor, check_access, check_public, check_validation_public
from gateway.engine import Engine, Estimate, Explanation, Outcome, Prepared
from gateway.engine.declared import Context
from gateway.errors import DeadlineExceeded, RequestError, present
from gateway.http.disconnect import DeadlinePassed
from gateway.http.headers import IndexedHeaders
from gateway.http.persisted_queries import PersistedQueries
from gateway.http.rates import Caller, Rates
from gateway.http.request import GraphQLRequest
from gateway.http.trusted_documents import TrustedDocuments
from resolvers.viewer import Viewer

GRACE: Final = 1.0
"""Seconds after the deadline in which an answer can still be made of what the systems returned."""

EXPLAIN_HEADER: Final = "X-Gateway-Explain"
_EXPLAIN: Final = EXPLAIN_HEADER.lower().encode()

COST_HEADER: Final = "X-Gateway-Cost"
_COST: Final = COST_HEADER.lower().encode()
"""With 1, a caller with a token gets the estimate of its operation as an extension of the answer."""


DEADLINE_HEADER: Final = "X-Gateway-Deadline"
"""Seconds in which a client wants its answer, if that is less than the settings give it."""


_NUMBER: Final = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?")


class RequestContext(Context, Protocol):
    """The part of a resolver context (`info.context`) that is used here."""

    async def close(self) -> None:
        """End every upstream call that still runs. Called once, also after a failure."""

    def shorten(self, seconds: float) -> None:
        """Let the systems answer within so many seconds from now, if that is less than they have."""

    def extensions(self) -> dict[str, Any]:
        """The answer's `extensions`, empty if there are none. Called once, after the operation."""


MakeContext = Callable[[IndexedHeaders, Viewer, Prepared, OperationDefinitionNode], RequestContext]

Waiting = Callable[[Coroutine[Any, Any, Outcome], float], Awaitable[Outcome | None]]
"""Waits so many seconds for an outcome: None if nobody wants it any more. Raises DeadlinePassed."""


class Ready(msgspec.Struct, frozen=True):
    """An operation that its caller may run."""

    prepared: Prepared
    operation: OperationDefinitionNode
    estimate: Estimate
    refusal: GraphQLError | None
    """Why it is not run: it could cost too much."""

    @property
    def kind(self) -> OperationType:
        """Whether it is a query, a mutation or a subscription."""
        return self.operation.operation


class Operations:
    """Finds the operation of a request, and runs it. `deadline` is in seconds."""

    def __init__(
        self,
        engine: Engine,
        context: MakeContext,
        persisted: PersistedQueries,
        *,
        introspection_for: IntrospectionFor = "staff",
        deadline: float = 8.0,
        rates: Rates | None = None,
        trusted: TrustedDocuments | None = None,
    ) -> None:
        """With `rates` operations count towards what their callers may cost. `trusted` has documents of manifests."""
        self._engine, self._context, self._persisted, self._rates = engine, context, persisted, rates
        self._trusted = trusted
        self._introspection_for, self._longest = introspection_for, deadline + GRACE

    async def ready(
        self, parameters: GraphQLRequest, viewer: Viewer, caller: Caller | None = None
    ) -> Ready | list[GraphQLError]:
        """The operation to run, paid for by the `caller`, or the errors of its document. Raises RequestError."""
        query = parameters.query
        has_id = bool(parameters.extensions) or parameters.document_id is not None
        trusted = self._trusted.find(parameters, viewer) if self._trusted is not None else None
        if trusted is None:
            source = await self._persisted.source(parameters) if has_id or query is None else query
            prepared = await self._engine.prepare_in_turns(
                source, None if viewer.is_signed_in else self._check_public, viewer.identity
            )
        else:
            prepared = trusted
        if not isinstance(prepared, Prepared):
            if not viewer.is_signed_in:
                check_validation_public(prepared, self._introspection_for)
            return prepared
        operation = self._engine.operation(prepared, parameters.operation_name)
        if isinstance(operation, GraphQLError):
            return [operation]
        check_access(prepared, operation, viewer, self._introspection_for)
        estimate = self._engine.estimate(prepared, operation, parameters.variables, viewer.scopes)
        refusal = self._engine.refusal(estimate, staff=viewer.is_staff)
        if refusal is None and caller is not None and self._rates is not None:
            self._rates.spend(caller, estimate.cost)
        if has_id and trusted is None and viewer.is_signed_in:  # Others could fill the store and evict its documents.
            await self._persisted.keep(parameters, viewer.identity)
        return Ready(prepared, operation, estimate, refusal)

    async def run(
        self,
        ready: Ready,
        variables: Mapping[str, Any],
        headers: IndexedHeaders,
        viewer: Viewer,
        waiting: Waiting,
        within: float | None = None,
    ) -> tuple[Outcome, dict[str, Any]] | None:
        """Run a query or a mutation: its outcome and the answer's `extensions`; None if nobody wants it any more.

        After the deadline the outcome is an error. `within` is a shorter one, in seconds; a mutation has its own time.
        """
        context = self._context(headers, viewer, ready.prepared, ready.operation)
        longest = self._longest
        if within is not None and ready.kind is OperationType.QUERY:
            context.shorten(within)
            longest = min(longest, within + GRACE)
        outcome: Outcome | None
        try:
            started = (
                self._engine.start(
                    ready.prepared, ready.operation, variables, context, staff=viewer.is_staff, is_checked=True
                )
                if ready.refusal is None
                else Outcome(None, [ready.refusal], executed=False)
            )
            outcome = started if isinstance(started, Outcome) else await waiting(started, longest)
        except DeadlinePassed:
            outcome = Outcome(None, [GraphQLError("", original_error=DeadlineExceeded())], executed=False)
        finally:
            await context.close()
        if outcome is None:
            return None
        extensions = context.extensions()
        if viewer.is_staff and headers.names.get(_EXPLAIN) == b"1":
            extensions |= _explained(self._engine.explain(ready.prepared, ready.operation, variables, viewer.scopes))
        if viewer.is_signed_in and headers.names.get(_COST) == b"1":
            extensions["cost"] = ready.estimate.document()
        return outcome, extensions

    def _check_public(self, document: DocumentNode) -> None:
        check_public(self._engine.core_schema, document, self._introspection_for)


def seconds_in(given: str) -> float:
    """The seconds that `DEADLINE_HEADER` says. Raises RequestError."""
    seconds = float(given) if _NUMBER.fullmatch(given.strip()) else 0.0
    if seconds <= 0:
        raise RequestError(
            f"The header {DEADLINE_HEADER} must be a number of seconds above 0, such as 1.5, not {given!r}."
        )
    return seconds


def answer(outcome: Outcome, extensions: dict[str, Any] | None = None) -> dict[str, Any]:
    """The body of the answer, with errors before data, as the GraphQL specification recommends."""
    body: dict[str, Any] = {}
    if outcome.errors:
        body["errors"] = [present(error) for error in outcome.errors]
    if outcome.executed:
        body["data"] = outcome.data
    if outcome.more_errors:
        extensions = {**(extensions or {}), "moreErrors": outcome.more_errors}
    if extensions:
        body["extensions"] = extensions
    return body


def _explained(explanation: Explanation | list[GraphQLError]) -> dict[str, Any]:
    """The plan as an extension; empty for variables that do not fit, which are errors anyway."""
    return {"explain": explanation.document()} if isinstance(explanation, Explanation) else {}
