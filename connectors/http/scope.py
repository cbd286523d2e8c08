"""The state of one client request: its deadline, its token and the trace of its upstream calls.

It is kept in a context variable, so that loaders and drivers need not pass it on. Outside a request (`gateway check`,
tests of a driver) there is no scope, and only the systems' timeouts apply.
"""

import time
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import msgspec

MOST_WARNINGS: Final = 100
"""Most warnings kept for one request."""


class UpstreamCall(msgspec.Struct):
    """One HTTP request to one system, as `extensions.upstream` shows it.

    `start_ms` counts from the client request's start. `status` is None if no answer came; then `error` is the code.
    `shared`: other requests waited for it too. If it had their keys, these, the query and the size are left out.
    """

    system: str
    method: str
    path: str
    keys: tuple[str, ...]
    loader: str
    start_ms: float
    duration_ms: float = 0.0
    status: int | None = None
    bytes: int = 0
    error: str | None = None
    shared: bool = False
    operation: str = ""
    """The port's method that made it; empty for none."""
    span: str = ""
    """Id of its span (W3C Trace Context), where the system was told one."""


class CachedRows(msgspec.Struct):
    """Rows that one question got without asking their system, as `extensions.cached` shows them.

    `operation` is the port's method. `stale`: they were kept for longer than they count as current.
    """

    system: str
    operation: str
    keys: tuple[str, ...]
    loader: str
    stale: bool


class Stale(NamedTuple):
    """How old a row is, in seconds, that its system would have been asked for anew if it were not down."""

    system: str
    age: float


class Operation(msgspec.Struct, frozen=True):
    """The port's method that is being called. `is_write`: it changes something in the system."""

    name: str
    is_write: bool = False


@dataclass(frozen=True, slots=True)
class LinkWarning:
    """Why a field is null or a list lacks rows: a link to no record or to several, or answers that are not as set."""

    system: str
    message: str


class Traced(Protocol):
    """A request's place in a trace (W3C Trace Context)."""

    @property
    def ids(self) -> tuple[str, str]:
        """The trace's id, and its flags."""


class RequestScope(msgspec.Struct):
    """One client request. `deadline` and `started` are on the clock of `time.monotonic`, in seconds.

    `token` is the caller's own bearer token, for systems that get it (`ForwardAuth`). `shows_calls`: whether `calls`
    will be read; if not, calls shared between requests are left out of it. Where `waits` is a list, it gets when each
    of those began and ended, in seconds from `started`, which costs less than to show them.
    """

    deadline: float
    started: float = msgspec.field(default_factory=time.monotonic)
    calls: list[UpstreamCall] = []
    warnings: dict[LinkWarning, None] = {}
    notices: dict[LinkWarning, None] = {}
    """What a driver noticed about its system's answers, for staff."""
    token: str | None = None
    shows_calls: bool = True
    waits: list[tuple[float, float]] | None = None
    writes_sent: int = 0
    """Requests that change something, as far as they were begun to be sent."""
    cached: list[CachedRows] | None = None
    """What was not asked of a system, because it was kept; None for nothing."""
    stale: dict[Hashable, Stale] | None = None
    """What is shown although it is too old: records by class and id, lists by operation and key; None for nothing."""
    is_current: bool = False
    """Whether nothing is taken from rows that outlived another request: what is told to subscriptions is read."""
    trace: Traced | None = None
    """The trace that calls belong to, where requests are traced."""
    fresh: bool = False
    """Whether nothing is shared with other requests: what is read must be read after a write of this one began."""

    def __repr__(self) -> str:
        """Without the token."""
        return f"RequestScope(deadline={self.deadline}, started={self.started}, calls={self.calls})"

    @classmethod
    def lasting(cls, seconds: float) -> "RequestScope":
        """A scope whose deadline is so many seconds from now."""
        now = time.monotonic()
        return cls(deadline=now + seconds, started=now)

    def warn(self, system: str, message: str) -> None:
        """Record a `LinkWarning`, unless it is recorded already or there are `MOST_WARNINGS`."""
        if len(self.warnings) < MOST_WARNINGS:
            self.warnings[LinkWarning(system, message)] = None

    def notice(self, system: str, message: str) -> None:
        """Record a notice, unless it is recorded already or there are `MOST_WARNINGS`."""
        if len(self.notices) < MOST_WARNINGS:
            self.notices[LinkWarning(system, message)] = None

    def note_stale(self, found: Mapping[Hashable, Stale]) -> None:
        """Note what is shown although it is too old to be current."""
        self.stale = {**(self.stale or {}), **found}

    def remaining(self) -> float:
        """Seconds until the deadline; negative once it has passed."""
        return self.deadline - time.monotonic()


current_scope: ContextVar[RequestScope | None] = ContextVar("current_scope", default=None)
current_operation: ContextVar[Operation | None] = ContextVar("current_operation", default=None)
current_loader: ContextVar[str] = ContextVar("current_loader", default="")


@contextmanager
def request_scope(scope: RequestScope) -> Iterator[RequestScope]:
    """Attribute upstream calls to `scope`, in this task and those that it starts."""
    token = current_scope.set(scope)
    try:
        yield scope
    finally:
        current_scope.reset(token)
