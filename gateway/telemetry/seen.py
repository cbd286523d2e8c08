"""What was seen of one operation, while it was served."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Final

import msgspec
from graphql import GraphQLError

from connectors.http.scope import RequestScope, UpstreamCall
from gateway.engine.watched import Levels
from gateway.errors import RequestError, code_of
from gateway.http.operations import Ready
from gateway.telemetry.sampling import Trace
from resolvers.viewer import Viewer


class Seen(msgspec.Struct):
    """One request at /graphql, or one operation over a WebSocket, which has no `method` and no `status`.

    `began` is of `time.monotonic`. `viewer` is None while nobody has proved anything; `ready` where nothing may be run.
    Once it has ended, `seconds`, `name` (as it may be told) and `caller` (the kind, as `[rates]` says it) are there.
    """

    began: float
    method: str = ""
    trace: Trace | None = None
    levels: Levels | None = None
    viewer: Viewer | None = None
    ready: Ready | None = None
    scope: RequestScope | None = None
    errors: list[GraphQLError] | None = None
    refusal: RequestError | None = None
    status: int = 0
    seconds: float = 0.0
    name: str = ""
    caller: str = "anonymous"

    @property
    def codes(self) -> list[str]:
        """The codes of the answer's errors, each once, in their order."""
        if self.refusal is not None:
            return [self.refusal.code]
        return list(dict.fromkeys(map(code_of, self.errors or ())))


current_seen: ContextVar[Seen | None] = ContextVar("current_seen", default=None)
"""What this task serves; None where nothing is observed."""


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
