"""Calls to a system that many requests share: keys that wait are gathered into the next call.

A `CallQueue` holds the calls of one kind to one system. A request's keys leave as soon as the event loop has no other
work, or after a few turns of it, together with the keys of other requests: an idle gateway adds no delay, and a busy
one finds many keys. While `share_after` calls are under way, keys gather in a `SharedCall` that starts when one of them
returns. No result is kept after its call.
"""

import asyncio
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextvars import Context
from typing import Any, Final

from connectors.errors import Busy, Cancelled, ConnectorError, RateLimited, TimedOut, Unreachable
from connectors.http.health import Health, SystemStatus
from connectors.http.policy.deadline import ANSWERING_TIME
from connectors.http.scope import RequestScope, current_scope
from connectors.records import Rows
from connectors.settings import System
from connectors.sharing.call import Arguments, LoadBatch, SharedCall, WindowCall

MAX_GATHERING: Final = 0.5
"""Seconds after which gathered keys leave in any case, so that one slow call does not delay the others for long."""

_MAX_TURNS: Final = 8
"""Most turns of the event loop for which keys gather while fewer calls than `share_after` are under way."""

_IDLE: Final = 30e-6
"""Seconds: in a turn that took no longer, the event loop had no other work that could add keys."""

_MIN_SHARE_OF_TIME: Final = 0.9
"""A request joins a call only if its time limit is at least this share of what the request could allow itself."""


class SharingCounts:
    """How often one method was asked in a call that requests may share, and how often several did."""

    __slots__ = ("calls", "shared")

    def __init__(self) -> None:
        self.calls = self.shared = 0


class CallQueue:
    """Calls of one kind to one system: those under way, and the keys that gather for the next ones."""

    def __init__(
        self,
        system: System,
        health: Health,
        load_batch: LoadBatch,
        result_key: Callable[[Any], Any] | None,
        on_idle: Callable[[], object],
        counts: SharingCounts,
        *,
        gathers: bool,
    ) -> None:
        """`result_key` maps an argument to its key in the result, which is the argument itself for None.

        `on_idle` is called when no call is left.
        """
        self._counts = counts
        self._system, self._health, self._load_batch, self._result_key, self._on_idle = (
            system,
            health,
            load_batch,
            result_key,
            on_idle,
        )
        self._gathers = gathers
        self._by_key: dict[Hashable, SharedCall] = {}
        self._gathering: list[SharedCall] = []
        self._under_way = 0

    @property
    def is_busy(self) -> bool:
        """Whether new keys gather until a call returns, because `share_after` calls are under way or starting."""
        return self._under_way + sum(call.gathers_briefly for call in self._gathering) >= self._system.share_after

    def part_from_calls_under_way(self) -> None:
        """Nobody joins a call that has started any more, such as before a write. Who waits already goes on waiting."""
        self._by_key = {key: call for key, call in self._by_key.items() if call.task is None}

    async def load(
        self,
        arguments: Arguments,
        scope: RequestScope,
        load_batch: LoadBatch | None = None,
        window_call: WindowCall | None = None,
    ) -> Mapping[Any, Any]:
        """Results by result key, before the request's deadline. Raises as `load_batch` does.

        A result that may have failed because of other requests' keys is loaded again, alone. `load_batch` replaces the
        queue's own for a call that does not gather; `window_call` replaces a batch that no other key has joined.
        """
        awaited, calls = self._join(arguments, scope, load_batch or self._load_batch, window_call)
        unfinished: list[SharedCall] = []
        try:
            for call in calls:
                await call.done_or_late(scope)
            unfinished = [call for call in calls if not call.is_done]
        finally:
            ending = [task for call in calls if (task := self._abandon(call))]
            if ending:
                await asyncio.wait(ending)
            for call in calls:
                if call.scope.stale:
                    scope.note_stale(call.scope.stale)
            if scope.shows_calls:
                for call in calls:
                    scope.notices.update(call.scope.notices)
                    result_keys = self._own(call, arguments)
                    scope.calls.extend(call.trace(result_keys, scope, TimedOut.code if unfinished else Cancelled.code))
                    if call.scope.cached:
                        scope.cached = [*(scope.cached or ()), *call.kept(result_keys)]
            elif scope.waits is not None:
                for call in calls:
                    result_keys = self._own(call, arguments) if len(call.scope.calls) > 1 else None
                    call.note_waits(scope.waits, result_keys, scope)
        if len(calls) == 1 and not unfinished:
            only = calls[0]
            if only.is_reliable:
                return {
                    result_key: only.found[result_key]
                    for result_key in self._result_keys(arguments)
                    if result_key in only.found
                }
            if _has_exactly(only, arguments, window_call):
                if only.failure:
                    raise only.failure
                return dict(only.found)
        return await self._merge(arguments, awaited, unfinished, load_batch or self._load_batch, window_call)

    def _own(self, call: SharedCall, arguments: Arguments) -> dict[Any, Hashable] | None:
        """The request's own result keys, where the call has other requests' keys, too."""
        return None if call.has_only(arguments) else dict(zip(self._result_keys(arguments), arguments, strict=True))

    def _result_keys(self, arguments: Arguments) -> Iterable[Any]:
        """The keys of the arguments' results, in their order."""
        return arguments.values() if self._result_key is None else map(self._result_key, arguments.values())

    def _join(
        self, arguments: Arguments, scope: RequestScope, load_batch: LoadBatch, window_call: WindowCall | None
    ) -> tuple[dict[Hashable, SharedCall], list[SharedCall]]:
        """The call to wait for, per key, and each of these calls once, which has one more waiter."""
        awaited: dict[Hashable, SharedCall] = {}
        not_joined = arguments
        if self._by_key:
            under_way = {key: self._by_key[key] for key in arguments if key in self._by_key}
            if window_call and not under_way and (call := self._by_key.get(window_call.key)) is not None:
                under_way = dict.fromkeys(arguments, call)
            if under_way:
                wanted = _MIN_SHARE_OF_TIME * self._allowance(scope)
                awaited = {key: call for key, call in under_way.items() if call.allowance >= wanted}
                not_joined = {key: argument for key, argument in arguments.items() if key not in awaited}
        if not_joined:
            awaited.update(dict.fromkeys(not_joined, self._call_for(not_joined, scope, load_batch, window_call)))
        calls = list(dict.fromkeys(awaited.values()))
        for call in calls:
            call.add_waiter(scope, window_call)
        return awaited, calls

    def _call_for(
        self, not_joined: Arguments, scope: RequestScope, load_batch: LoadBatch, window_call: WindowCall | None
    ) -> SharedCall:
        """The call that loads these arguments: the gathering one, or a new one that starts at once."""
        if not self._gathers or load_batch is not self._load_batch:
            call = SharedCall(RequestScope(scope.deadline), dict(not_joined), load_batch)
            call.scope.trace = scope.trace
            self._by_key.update(dict.fromkeys(not_joined, call))
            self._start(call)
            return call
        result_keys = set(self._result_keys(not_joined))
        call = self._gathering_call(len(not_joined), result_keys, window_call)
        call.arguments.update(not_joined)
        call.result_keys |= result_keys
        self._by_key.update(dict.fromkeys(not_joined, call))
        return call

    def _gathering_call(self, keys: int, result_keys: set[Any], window_call: WindowCall | None) -> SharedCall:
        """The gathering call with room for so many keys, or a new one.

        Two arguments with one result key (one party of two customers) go into different calls.
        """
        if self._gathering:
            last = self._gathering[-1]
            if len(last.arguments) + keys <= self._system.share_keys and last.result_keys.isdisjoint(result_keys):
                return last
        loop, is_busy = asyncio.get_running_loop(), self.is_busy
        call = SharedCall(RequestScope(0.0), {}, self._load_batch, not is_busy, window_call)
        if is_busy:
            call.timer = loop.call_later(MAX_GATHERING, self._start, call)
        else:
            call.timer = loop.call_soon(self._after_turn, call, 1, time.perf_counter())
        self._gathering.append(call)
        return call

    def _after_turn(self, call: SharedCall, turns: int, began: float) -> None:
        """Start the call after the last of its turns of the event loop, or when the loop was idle; else wait on."""
        if call.timer:
            now, loop = time.perf_counter(), asyncio.get_running_loop()
            if turns < _MAX_TURNS and now - began >= _IDLE:
                call.timer = loop.call_soon(self._after_turn, call, turns + 1, now)
            elif self._under_way < self._system.share_after:
                self._start(call)
            else:  # calls that do not gather started meanwhile
                call.timer = loop.call_later(MAX_GATHERING, self._start, call)
                call.end_brief_gathering()

    def _allowance(self, scope: RequestScope) -> float:
        return min(self._system.timeout, scope.remaining() - ANSWERING_TIME)

    def _start(self, call: SharedCall) -> None:
        """Start the call in a context of its own, because it belongs to no single request."""
        self._stop_gathering(call)
        if call.window_call:
            call.load_batch = call.window_call.load_batch
            self._forget(call)
            self._by_key[call.window_call.key] = call
        self._under_way += 1
        self._counts.calls += 1
        call.allowance = self._allowance(call.scope)
        if call.last_scope is not None:  # it has gathered keys: the trace of one of its requests counts
            call.scope.trace = call.last_scope.trace
        context = Context()
        context.run(current_scope.set, call.scope)
        call.task = asyncio.get_running_loop().create_task(self._run(call), context=context)
        if call.gathers_briefly:
            call.end_brief_gathering()

    async def _run(self, call: SharedCall) -> None:
        try:
            call.found = await call.load_batch(list(call.arguments.values()))
            call.is_reliable = not any(map(self._may_depend_on_other_keys, call.found.values()))
        except asyncio.CancelledError:
            call.failure = Cancelled(self._health.system, "the call was cancelled")
        except Exception as error:  # noqa: BLE001  # raised by those who wait
            call.failure = error
        self._finish(call)

    def _finish(self, call: SharedCall) -> None:
        """The call returned, or all its requests gave up: start the next one."""
        if call.is_done:
            return
        call.finish()
        if call.is_shared:
            self._counts.shared += 1
        self._forget(call)
        self._under_way -= 1
        self._start_next()

    def _start_next(self) -> None:
        """Start gathering calls in their order while there is room."""
        while not self.is_busy and (waiting := next((one for one in self._gathering if not one.gathers_briefly), None)):
            self._start(waiting)
        if not self._under_way and not self._gathering:
            self._on_idle()

    def _abandon(self, call: SharedCall) -> "asyncio.Task[None] | None":
        """One request stops waiting. The task to wait for, if it was the last one and the call is cancelled."""
        call.waiting -= 1
        if call.waiting or call.is_done:
            return None
        if call.task is None:
            call.stop_clock()
            self._forget(call)
            self._stop_gathering(call)
            self._start_next()
            return None
        call.task.cancel()
        self._finish(call)
        return call.task

    def _forget(self, call: SharedCall) -> None:
        """Later requests for the call's keys do not join it any more."""
        for key in (*call.arguments, call.window_call.key) if call.window_call else call.arguments:
            if self._by_key.get(key) is call:
                del self._by_key[key]

    def _stop_gathering(self, call: SharedCall) -> None:
        if call.timer:
            call.timer.cancel()
            call.timer = None
            self._gathering.remove(call)

    async def _merge(
        self,
        arguments: Arguments,
        awaited: Mapping[Hashable, SharedCall],
        unfinished: Sequence[SharedCall],
        load_batch: LoadBatch,
        window_call: WindowCall | None,
    ) -> Mapping[Any, Any]:
        """Results of several calls, or of one that had other keys too.

        A key whose result may depend on other requests' keys is loaded again, alone.
        """
        found: dict[Any, Any] = {}
        retry: dict[Any, Any] = {}
        late = TimedOut(
            self._health.system, "the request's deadline passed before the call that it waited for returned"
        )
        own = {key: arguments[key] for key in awaited}
        for (key, call), result_key in zip(awaited.items(), self._result_keys(own), strict=True):
            value = late if call in unfinished else call.failure or call.found.get(result_key)
            if (
                value is not late
                and not _has_exactly(call, arguments, window_call)
                and self._may_depend_on_other_keys(value)
            ):
                retry[result_key] = arguments[key]
            elif isinstance(value, Exception) and not isinstance(value, ConnectorError):
                raise value
            elif value is not None:
                found[result_key] = value
        if retry:
            try:
                found.update(await (window_call.load_batch if window_call else load_batch)(list(retry.values())))
            except ConnectorError as failure:
                found.update(dict.fromkeys(retry, failure))
        return found

    def _may_depend_on_other_keys(self, value: Any) -> bool:
        """Whether a result may be due to other keys of the same call.

        A timeout is blamed on the keys while the system answers other calls. A total is unknown if any row of the call
        could not be read.
        """
        if isinstance(value, Rows):
            return value.complete and value.total is None
        if not isinstance(value, Exception):
            return False
        match value:
            case TimedOut():
                return self._health.status is SystemStatus.UP
            case Busy() | RateLimited() | Unreachable(nothing_sent=True):
                return False
        return True


def _has_exactly(call: SharedCall, arguments: Arguments, window_call: WindowCall | None) -> bool:
    """Whether the call has only these keys, and reads a window if a window is wanted."""
    return call.has_only(arguments) and (window_call is None or call.window_call is not None)
