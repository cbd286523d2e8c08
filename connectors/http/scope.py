"""What lasts as long as one client's request: its deadline, its token and the record of what it cost upstream.

The scope travels in a context variable, because it crosses loaders and drivers that have no business with it.
Outside a request (`gateway check`, tests of a driver) there is none: then only each system's own timeouts hold.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

import msgspec

MOST_WARNINGS: Final = 100
"""Most warnings that are kept of one request."""


class UpstreamCall(msgspec.Struct):
    """One HTTP request to one system, as `extensions.upstream` shows it.

    `start_ms` counts from the client request's start; `status` is None when no answer came, then `error` says why.
    `shared`: other requests waited for it, too. With others' keys in it, only one's own show, without query and size.
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


class Operation(msgspec.Struct, frozen=True):
    """A method of a port that is being called. `is_write`: it changes something in the system."""

    name: str
    is_write: bool = False


@dataclass(frozen=True, slots=True)
class LinkWarning:
    """A link between systems that leads nowhere, or to more than one: the field is null, and this says why."""

    system: str
    message: str


@dataclass(slots=True)
class RequestScope:
    """One client request. `deadline` and `started` are on the clock of `time.monotonic`, in seconds.

    `token` is the caller's own bearer token, for systems that are shown it (`ForwardAuth`). `shows_calls`: whether
    somebody reads `calls` afterwards; where nobody does, those that are shared between requests are left out.
    """

    deadline: float
    started: float = field(default_factory=time.monotonic)
    calls: list[UpstreamCall] = field(default_factory=list)
    warnings: dict[LinkWarning, None] = field(default_factory=dict)
    token: str | None = field(default=None, repr=False)
    shows_calls: bool = True
    fresh: bool = False
    """Whether nothing is shared with other requests: what is read must be read after a write of this one began."""

    @classmethod
    def lasting(cls, seconds: float) -> "RequestScope":
        """A scope that starts now and may take so many seconds."""
        now = time.monotonic()
        return cls(deadline=now + seconds, started=now)

    def warn(self, system: str, message: str) -> None:
        """Note what is wrong with a link, once each, and no more than a person would read."""
        if len(self.warnings) < MOST_WARNINGS:
            self.warnings[LinkWarning(system, message)] = None

    def remaining(self) -> float:
        """Seconds until the deadline, below zero when it has passed."""
        return self.deadline - time.monotonic()


current_scope: ContextVar[RequestScope | None] = ContextVar("current_scope", default=None)
current_operation: ContextVar[Operation | None] = ContextVar("current_operation", default=None)
current_loader: ContextVar[str] = ContextVar("current_loader", default="")


@contextmanager
def request_scope(scope: RequestScope) -> Iterator[RequestScope]:
    """Make `scope` the one that upstream calls belong to, in this task and those it starts."""
    token = current_scope.set(scope)
    try:
        yield scope
    finally:
        current_scope.reset(token)
