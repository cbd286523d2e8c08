"""Calls to a system that several requests wait for: their keys, their waiters, and their results."""

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Hashable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from connectors.http.policy.deadline import ANSWERING_TIME
from connectors.http.request import path_of
from connectors.http.scope import CachedRows, RequestScope, Traced, UpstreamCall, current_loader

GRACE: Final = 0.03
"""Seconds that a request waits beyond its call's deadline, so that the call can report its own failure."""

LoadBatch = Callable[[Sequence[Any]], Coroutine[Any, Any, Mapping[Any, Any]]]
"""Loads a batch of arguments; returns what was found by result key."""


class WindowCall(NamedTuple):
    """A call for one window of one key's list. It replaces a batch that no other key has joined.

    Requests for the same `key` (the list's key and the window) share it.
    """

    key: Hashable
    load_batch: LoadBatch


Arguments = Mapping[Hashable, Any]
"""Arguments by identity: a driver answers two arguments of the same identity alike."""


class SharedCall(msgspec.Struct, eq=False):
    """One call, from gathering its first key until it returns. Its `scope` belongs to no request and sets the deadline.

    `allowance`: seconds for each HTTP request; infinite while it gathers. `gathers_briefly`: it gathers for some
    turns of the event loop only. `is_reliable`: it is done, and no result may be due to other requests' keys. `clock`
    wakes the waiters whose deadline is `rings`: one timer for all waiters, the first of whose deadlines counts.
    """

    scope: RequestScope
    arguments: dict[Hashable, Any]
    load_batch: LoadBatch
    gathers_briefly: bool = False
    window_call: WindowCall | None = None
    result_keys: set[Any] = msgspec.field(default_factory=set)
    last_scope: RequestScope | None = None
    is_shared: bool = False
    waiting: int = 0
    allowance: float = math.inf
    timer: asyncio.Handle | None = None
    task: asyncio.Task[None] | None = None
    is_done: bool = False
    is_reliable: bool = False
    waiters: list[tuple[asyncio.Future[None], float]] = msgspec.field(default_factory=list)
    clock: asyncio.TimerHandle | None = None
    rings: float = math.inf
    found: Mapping[Any, Any] = msgspec.field(default_factory=dict)
    failure: Exception | None = None

    def add_waiter(self, scope: RequestScope, window_call: WindowCall | None) -> None:
        """Count one more waiting request. Until the call starts, its deadline is the latest of its requests'."""
        self.waiting += 1
        if not self.task:
            self.scope.deadline = max(self.scope.deadline, scope.deadline)
            if self.window_call and (window_call is None or window_call.key != self.window_call.key):
                self.window_call = None
        self.is_shared |= self.last_scope is not None and self.last_scope is not scope
        self.last_scope = scope

    def done_or_late(self, scope: RequestScope) -> asyncio.Future[None]:
        """A new future that is done when the call has returned, or when the request cannot wait any longer."""
        waiter = asyncio.get_running_loop().create_future()
        if self.is_done:
            waiter.set_result(None)
            return waiter
        self.waiters.append((waiter, scope.deadline))
        if not self.gathers_briefly:
            self._watch_clock(scope.deadline)
        return waiter

    def end_brief_gathering(self) -> None:
        """The call gathers for more than some turns of the event loop: its waiters' deadlines are watched."""
        self.gathers_briefly = False
        if self.waiters:
            self._watch_clock(min([deadline for _waiter, deadline in self.waiters]))

    def _watch_clock(self, deadline: float) -> None:
        """Let the clock ring at this deadline, unless it rings before, or the call is sure to end before."""
        if deadline < self.rings and (self.task is None or self.scope.deadline > deadline + GRACE):
            self.stop_clock()
            self.rings = deadline
            self.clock = asyncio.get_running_loop().call_at(deadline - ANSWERING_TIME + GRACE, self._wake_late)

    def _wake_late(self) -> None:
        """Wake those whose deadline it is, and watch the next one."""
        late, self.clock, self.rings = self.rings, None, math.inf
        for waiter, deadline in self.waiters:
            if deadline <= late:
                _resolve(waiter)
        self.waiters = [one for one in self.waiters if not one[0].done()]
        if self.waiters:
            self._watch_clock(min([deadline for _waiter, deadline in self.waiters]))

    def stop_clock(self) -> None:
        """Watch no deadline any more."""
        if self.clock is not None:
            self.clock.cancel()
            self.clock, self.rings = None, math.inf

    def finish(self) -> None:
        """Mark the call as done and wake its waiters."""
        self.is_done = True
        self.stop_clock()
        for waiter, _deadline in self.waiters:
            _resolve(waiter)

    def has_only(self, arguments: Arguments) -> bool:
        """Whether the call has no other keys than these."""
        return self.arguments.keys() <= arguments.keys() or (
            self.window_call is not None and self.window_call.key in arguments
        )

    def kept(self, result_keys: Mapping[Any, Hashable] | None) -> Iterator[CachedRows]:
        """What was not asked, for one request's trace, without other requests' keys (`result_keys` as in `trace`)."""
        for one in self.scope.cached or ():
            keys = one.keys
            if result_keys is not None:
                own = set(map(str, result_keys))
                keys = tuple(key for key in keys if key in own)
            if keys:
                yield CachedRows(one.system, one.operation, keys, current_loader.get(), one.stale)

    def note_waits(
        self, into: list[tuple[float, float]], result_keys: Mapping[Any, Hashable] | None, scope: RequestScope
    ) -> None:
        """Add when the HTTP calls that `trace` lists began and ended, in seconds from the request's start."""
        shift = self.scope.started - scope.started
        for call in self.scope.calls:
            if result_keys is None or not result_keys.keys().isdisjoint(call.keys):
                began = shift + call.start_ms / 1000
                ended = began + call.duration_ms / 1000 if call.duration_ms else time.monotonic() - scope.started
                into.append((began if began > 0.0 else 0.0, ended if ended > 0.0 else 0.0))

    def trace(
        self, result_keys: Mapping[Any, Hashable] | None, scope: RequestScope, unfinished_code: str
    ) -> Iterator[UpstreamCall]:
        """The HTTP calls for one request's trace; one that has not ended has the error `unfinished_code`.

        `result_keys` are the request's own if the call has other requests' keys too: then only HTTP calls with these
        keys are listed, without the other keys, the query and the size.
        """
        now = time.monotonic()
        for call in self.scope.calls:
            path, keys, size = call.path, call.keys, call.bytes
            if result_keys is not None:
                keys = tuple(key for key in keys if key in result_keys)
                if not keys:
                    continue
                path, size = path_of(path), 0
            began = self.scope.started + call.start_ms / 1000
            ended = began + call.duration_ms / 1000 if call.duration_ms else now
            since = max(began, scope.started)
            yield UpstreamCall(
                call.system,
                call.method,
                path,
                keys,
                current_loader.get(),
                (since - scope.started) * 1000,
                max(0.0, ended - since) * 1000,
                call.status,
                size,
                call.error if call.duration_ms else unfinished_code,
                self.is_shared,
                call.operation,
                call.span if _is_one(self.scope.trace, scope.trace) else "",
            )


def _is_one(trace: Traced | None, other: Traced | None) -> bool:
    return trace is other or (trace is not None and other is not None and trace.ids == other.ids)


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
