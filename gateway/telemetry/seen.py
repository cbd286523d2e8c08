"""What was seen of one operation, while it was served."""

from contextvars import ContextVar
from time import monotonic
from typing import Final

from graphql import GraphQLError

from connectors.http.scope import RequestScope
from gateway.engine.watched import Levels
from gateway.errors import RequestError
from gateway.http.operations import Ready
from gateway.telemetry.sampling import Trace
from resolvers.viewer import Viewer, ViewerKind

CALLERS: Final = {
    ViewerKind.ANONYMOUS: "anonymous",
    ViewerKind.CUSTOMER: "subscriber",
    ViewerKind.AGENT: "agent",
    ViewerKind.ADMIN: "admin",
}
"""Kinds of callers as they are told, in the words of `[rates]`."""


class Seen:
    """One request at /graphql, or one operation over a WebSocket, which has no `method` and no `status`.

    `began` is of `time.monotonic`. `viewer` is None while nobody has proved anything; `ready` where nothing may be run.
    """

    __slots__ = ("began", "errors", "levels", "method", "ready", "refusal", "scope", "status", "trace", "viewer")

    def __init__(self, method: str = "", trace: Trace | None = None) -> None:
        self.began = monotonic()
        self.method, self.trace = method, trace
        self.levels: Levels | None = {} if trace is not None and trace.is_sampled else None
        self.viewer: Viewer | None = None
        self.ready: Ready | None = None
        self.scope: RequestScope | None = None
        self.errors: list[GraphQLError] | None = None
        self.refusal: RequestError | None = None
        self.status = 0


current_seen: ContextVar[Seen | None] = ContextVar("current_seen", default=None)
"""What this task serves; None where nothing is observed."""
