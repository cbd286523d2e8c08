"""What was seen of one operation, while it was served."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Final

import msgspec
from graphql import GraphQLError, OperationDefinitionNode

from connectors.http.scope import RequestScope, UpstreamCall
from gateway.engine import Prepared
from gateway.engine.watched import Levels
from gateway.errors import RequestError, code_of
from gateway.telemetry.sampling import Trace
from resolvers.viewer import Viewer


class Seen(msgspec.Struct):
    """One request at /graphql, or one operation over a WebSocket, which has no `method` and no `status`.

    `began` is of `time.monotonic`. `viewer` is None while nobody has proved anything; `operation` where none was run.
    `codes` are those of the answer's errors, each once. Once it has ended, `seconds`, `name` (as it may be told) and
    `caller` (the kind, as `[rates]` says it) are there.
    """

    began: float
    method: str = ""
    trace: Trace | None = None
    levels: Levels | None = None
    viewer: Viewer | None = None
    prepared: Prepared | None = None
    operation: OperationDefinitionNode | None = None
    scope: RequestScope | None = None
    refusal: RequestError | None = None
    codes: Sequence[str] = ()
    status: int = 0
    seconds: float = 0.0
    name: str = ""
    caller: str = "anonymous"


current_seen: ContextVar[Seen | None] = ContextVar("current_seen", default=None)
"""What this task serves; None where nothing is observed."""


def codes_of(errors: Sequence[GraphQLError]) -> Sequence[str]:
    """The codes that clients see of these errors, each once."""
    return tuple(dict.fromkeys(map(code_of, errors)))


def waited(calls: Sequence[UpstreamCall]) -> float:
    """Seconds in which at least one of these calls was under way."""
    total = until = 0.0
    for call in sorted(calls, key=_start):
        end = call.start_ms + call.duration_ms
        if end > until:
            total += end - max(call.start_ms, until)
            until = end
    return total / 1000


def _start(call: UpstreamCall) -> float:
    return call.start_ms


CALLERS: Final[Mapping[object, str]] = {
    "anonymous": "anonymous",
    "customer": "subscriber",
    "agent": "agent",
    "admin": "admin",
}
"""Kinds of callers as they are told, by those of viewers."""
