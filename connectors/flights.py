"""Calls that several requests wait for: what each of them carries, who waits for it, and how it ended."""

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Hashable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from connectors.request import RequestScope, UpstreamCall, current_loader
from connectors.transport import path_of

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
    loop only. `first_deadline`: of who asked first. `is_sound`: it landed, and nothing in it can be as it is because of
    others' keys.
    """

    scope: RequestScope
    arguments: dict[Hashable, Any]
    ask: Ask
    is_brief: bool = False
    first_deadline: float = 0.0
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
    waiters: list[asyncio.Future[None]] = msgspec.field(default_factory=list)
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

    def landing(self) -> asyncio.Future[None]:
        """What is done when it has landed: one for each who waits, so that each may stop waiting."""
        waiter = asyncio.get_running_loop().create_future()
        if self.has_landed:
            waiter.set_result(None)
        else:
            self.waiters.append(waiter)
        return waiter

    def land(self) -> None:
        """Tell those who wait."""
        self.has_landed = True
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)

    def ends_before(self, scope: RequestScope) -> bool:
        """Whether it is over before the request is, so that nobody need look at the clock."""
        return (self.task is not None or self.is_brief) and self.scope.deadline <= scope.deadline + GRACE

    def is_alone(self, asked: Asked) -> bool:
        """Whether the call is about no keys but these."""
        return self.arguments.keys() <= asked.keys()

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
