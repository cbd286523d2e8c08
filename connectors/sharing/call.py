"""Calls that several requests wait for: what each of them carries, who waits for it, and how it ended."""

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Hashable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from connectors.http.request import path_of
from connectors.http.scope import RequestScope, UpstreamCall, current_loader
from connectors.http.transport import ANSWERING_TIME

GRACE: Final = 0.03
"""Seconds that a request waits longer than its call may last, so that the call itself says how it ended."""

Ask = Callable[[Sequence[Any]], Coroutine[Any, Any, Mapping[Any, Any]]]
"""Arguments of a batch to what was found, by name."""


class Alone(NamedTuple):
    """Another way to ask for one key, where nobody asks for another with it; who asks so by the same name may join."""

    name: Hashable
    ask: Ask


Asked = Mapping[Hashable, Any]
"""Arguments by key: two of the same key are the same to a driver."""


class Flight(msgspec.Struct, eq=False):
    """One call, from the first key that gathers for it until it returns. `scope` is nobody's request: only a deadline.

    `allowance`: seconds for one HTTP request of it, inf while it gathers. `is_brief`: it gathers for some turns of the
    loop only. `is_sound`: it landed, and nothing in it can be as it is because of others' keys.
    """

    scope: RequestScope
    arguments: dict[Hashable, Any]
    ask: Ask
    is_brief: bool = False
    alone: Alone | None = None
    names: set[Any] = msgspec.field(default_factory=set)
    asker: RequestScope | None = None
    is_shared: bool = False
    waiting: int = 0
    allowance: float = math.inf
    patience: asyncio.Handle | None = None
    task: asyncio.Task[None] | None = None
    has_landed: bool = False
    is_sound: bool = False
    waiters: list[tuple[asyncio.Future[None], float]] = msgspec.field(default_factory=list)
    found: Mapping[Any, Any] = msgspec.field(default_factory=dict)
    failure: Exception | None = None

    def admit(self, scope: RequestScope, alone: Alone | None) -> None:
        """One more request waits. Until it leaves, it may last as long as the last of them does."""
        self.waiting += 1
        if not self.task:
            self.scope.deadline = max(self.scope.deadline, scope.deadline)
            if self.alone and (alone is None or alone.name != self.alone.name):
                self.alone = None
        self.is_shared |= self.asker is not None and self.asker is not scope
        self.asker = scope

    def landing(self, scope: RequestScope) -> asyncio.Future[None]:
        """What is done when it has landed, or when the request can wait no longer: one for each who waits."""
        waiter = asyncio.get_running_loop().create_future()
        if self.has_landed:
            waiter.set_result(None)
            return waiter
        self.waiters.append((waiter, scope.deadline))
        if not self.is_brief:
            self._watch_clock(waiter, scope.deadline)
        return waiter

    def gathered_briefly(self) -> None:
        """The turns of the loop are over. Nobody had to look at the clock until now."""
        self.is_brief = False
        for waiter, deadline in self.waiters:
            self._watch_clock(waiter, deadline)

    def _watch_clock(self, waiter: asyncio.Future[None], deadline: float) -> None:
        """Call with what gathers, which may last longer yet, and with what may be under way when time is up."""
        if self.task is None or self.scope.deadline > deadline + GRACE:
            timer = waiter.get_loop().call_at(deadline - ANSWERING_TIME + GRACE, _tell, waiter)
            waiter.add_done_callback(lambda _waiter: timer.cancel())

    def land(self) -> None:
        """Tell those who wait."""
        self.has_landed = True
        for waiter, _deadline in self.waiters:
            _tell(waiter)

    def is_alone(self, asked: Asked) -> bool:
        """Whether the call is about no keys but these."""
        return self.arguments.keys() <= asked.keys() or (self.alone is not None and self.alone.name in asked)

    def shown(self, names: Mapping[Any, Hashable] | None, scope: RequestScope, early: str) -> Iterator[UpstreamCall]:
        """Its calls as one request's trace shows them: how they ended, or `early` for those that were not waited for.

        `names` where it has others' keys: then calls that carry some of these, with these alone, no query and no size.
        """
        now = time.monotonic()
        for call in self.scope.calls:
            path, keys, size = call.path, call.keys, call.bytes
            if names is not None:
                keys = tuple(key for key in keys if key in names)
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
                call.error if call.duration_ms else early,
                self.is_shared,
            )


def _tell(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
