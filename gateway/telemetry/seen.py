"""What was seen of one operation, while it was served."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Final

import msgspec
from graphql import GraphQLError, OperationDefinitionNode

from connectors.http.scope import RequestScope, UpstreamCall
from gateway.auth.refusals import AuthenticationError, AuthUnavailableError
from gateway.engine import Prepared
from gateway.engine.watched import Levels
from gateway.errors import code_of
from gateway.manifests import sha256_id
from gateway.telemetry.sampling import Trace
from resolvers.viewer import Viewer


class ToldOperation(msgspec.Struct, frozen=True, gc=False):
    """What is told of an operation of a document: its name, its type, and the hash of its document."""

    name: str | None
    type: str
    hash: str


class Seen(msgspec.Struct, gc=False):
    """One request at /graphql, or one operation over a WebSocket, which has no `method` and no `status`.

    `began` is of `time.monotonic`. `viewer` is None while nobody has proved anything; `operation` where none was run.
    `codes` are those of the answer's errors, each once. Once it has ended, `seconds`, the `request`'s id, the number
    of `calls` that it waited for, and `waited`, the seconds for which it did, are there, and `scope`, `prepared` and
    `levels` no more: it waits with others to be told, and would keep all of the request alive. When it
    is told, it has its `name` (as it may be told) and its `caller` (the kind, as `[rates]` says it).
    `authentication`: what became of its token, where that is why it was refused.
    """

    began: float
    method: str = ""
    trace: Trace | None = None
    levels: Levels | None = None
    viewer: Viewer | None = None
    prepared: Prepared | None = None
    operation: ToldOperation | None = None
    scope: RequestScope | None = None
    authentication: str = ""
    codes: Sequence[str] = ()
    status: int = 0
    seconds: float = 0.0
    request: str = ""
    calls: int = 0
    waited: float = 0.0
    name: str = ""
    caller: str = "anonymous"


current_seen: ContextVar[Seen | None] = ContextVar("current_seen", default=None)
"""What this task serves; None where nothing is observed."""


_OPERATIONS: Final = "telemetry: operations"


def operation_of(prepared: Prepared, operation: OperationDefinitionNode) -> ToldOperation:
    """What is told of an operation. It is kept with its document."""
    kept: dict[int, ToldOperation] | None = prepared.derived.get(_OPERATIONS)
    if kept is None:
        kept = prepared.derived[_OPERATIONS] = {}
    found = kept.get(id(operation))  # the document has it as long as this is kept
    if found is None:
        name = operation.name.value if operation.name is not None else None
        found = kept[id(operation)] = ToldOperation(name, operation.operation.value, sha256_id(prepared.source))
    return found


def authentication_of(refusal: Exception | None) -> str:
    """What became of a token, as metrics say it; empty where the refusal is no matter of tokens."""
    if refusal is None:
        return "accepted"
    if isinstance(refusal, AuthenticationError):
        return refusal.why.name.lower()
    return "unavailable" if isinstance(refusal, AuthUnavailableError) else ""


def codes_of(errors: Sequence[GraphQLError]) -> Sequence[str]:
    """The codes that clients see of these errors, each once."""
    return tuple(dict.fromkeys(map(code_of, errors)))


def times_of(call: UpstreamCall) -> tuple[float, float]:
    """When a call began and ended, in seconds from the request's start."""
    return call.start_ms / 1000, (call.start_ms + call.duration_ms) / 1000


def waited(times: list[tuple[float, float]]) -> float:
    """Seconds in which at least one call was under way. The times are sorted."""
    times.sort()
    total = until = 0.0
    for began, ended in times:
        if ended > until:
            total += ended - (began if began > until else until)
            until = ended
    return total


CALLERS: Final[Mapping[object, str]] = {
    "anonymous": "anonymous",
    "customer": "subscriber",
    "agent": "agent",
    "admin": "admin",
}
"""Kinds of callers as they are told, by those of viewers."""
