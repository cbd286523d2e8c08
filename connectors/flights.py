"""Calls that several requests wait for: what is asked already is not asked again, and what must wait gathers.

A `Line` holds one kind of question to one system. It asks at once while few calls are under way, so an idle gateway
adds no delay; then further keys gather in a `Flight` that leaves when a call returns. Nothing stays after the calls.
"""

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Hashable, Iterator, Mapping, Sequence, Set
from contextvars import Context
from typing import Any, Final

import msgspec

from connectors.errors import Busy, Cancelled, ConnectorError, RateLimited, TimedOut, Unreachable
from connectors.health import Health, SystemStatus
from connectors.records import Rows
from connectors.request import RequestScope, UpstreamCall, current_loader, current_scope
from connectors.system import System
from connectors.transport import ANSWERING_TIME, path_of

PATIENCE: Final = 0.5
"""Seconds after which what has gathered leaves all the same: one slow call must not keep others waiting for long."""

_NEARLY: Final = 0.9
"""Part of the time that a request would give a call of its own, which one under way must have to be joined."""

_GRACE: Final = 0.03
"""Seconds that a request waits longer than its call may last, so that the call itself says how it ended."""

Ask = Callable[[Sequence[Any]], Coroutine[Any, Any, Mapping[Any, Any]]]
"""Arguments of a batch to what was found, by name."""

Asked = Mapping[Hashable, Any]
"""Arguments by key: two of the same key are the same to a driver."""


class Flight(msgspec.Struct, eq=False):
    """One call, from the first key that gathers for it until it returns. `scope` is nobody's request: only a deadline.

    `allowance`: seconds for one HTTP request of it, inf while it gathers.
    """

    scope: RequestScope
    arguments: dict[Hashable, Any]
    ask: Ask
    names: Set[Any] = frozenset()
    asker: RequestScope | None = None
    is_shared: bool = False
    waiting: int = 0
    allowance: float = math.inf
    patience: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None
    has_landed: bool = False
    waiters: list[asyncio.Future[None]] = msgspec.field(default_factory=list)
    found: Mapping[Any, Any] = msgspec.field(default_factory=dict)
    failure: Exception | None = None

    def admit(self, scope: RequestScope) -> None:
        """One more request waits. Until it leaves, it may last as long as the last of them does."""
        self.waiting += 1
        if not self.task:
            self.scope.deadline = max(self.scope.deadline, scope.deadline)
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


class Line:
    """Questions of one kind to one system: calls under way, and keys that gather behind them."""

    def __init__(
        self,
        system: System,
        health: Health,
        ask: Ask,
        name: Callable[[Any], Any],
        emptied: Callable[[], object],
        *,
        gathers: bool,
    ) -> None:
        """`name` tells under what an argument is answered; `emptied` is told when nothing is under way any more."""
        self._system, self._health, self._ask, self._name, self._emptied = system, health, ask, name, emptied
        self._after = system.share_after if gathers else math.inf
        self._by_key: dict[Hashable, Flight] = {}
        self._gathering: list[Flight] = []
        self._under_way = 0

    @property
    def is_busy(self) -> bool:
        """Whether what is asked now gathers."""
        return self._under_way >= self._after

    async def answers(self, asked: Asked, scope: RequestScope, ask: Ask | None = None) -> Mapping[Any, Any]:
        """What there is for the arguments, by name: for one request, until its deadline. Raises as `ask` does.

        What went wrong in a call with others' keys may be their doing: it is asked once more, for these alone. `ask`
        is another way to ask, for what does not gather.
        """
        awaited = self._join(asked, scope, ask or self._ask)
        flights = list(dict.fromkeys(awaited.values()))
        missed: list[Flight] = []
        try:
            if all(flight.task and flight.scope.deadline <= scope.deadline for flight in flights):
                for flight in flights:
                    await flight.landing()
            else:
                async with asyncio.timeout(max(0.0, scope.remaining() - ANSWERING_TIME) + _GRACE):
                    for flight in flights:
                        await flight.landing()
        except TimeoutError:
            missed = [flight for flight in flights if not flight.has_landed]
        finally:
            ending = [task for flight in flights if (task := self._left(flight))]
            if ending:
                await asyncio.wait(ending)
            if scope.shows_calls:
                for flight in flights:
                    names = None if flight.is_alone(asked) else {self._name(one): key for key, one in asked.items()}
                    scope.calls.extend(flight.shown(names, scope, TimedOut.code if missed else Cancelled.code))
        only = flights.pop()
        if missed or flights or not only.is_alone(asked):
            return await self._collected(asked, awaited, missed)
        if only.failure:
            raise only.failure
        return dict(only.found)

    def _join(self, asked: Asked, scope: RequestScope, ask: Ask) -> dict[Hashable, Flight]:
        if not self._by_key:
            return dict.fromkeys(asked, self._seated(asked, scope, ask))
        wanted = _NEARLY * self._allowance(scope)
        awaited = {
            key: flight for key in asked if (flight := self._by_key.get(key)) is not None and flight.allowance >= wanted
        }
        for flight in set(awaited.values()):
            flight.admit(scope)
        if len(awaited) < len(asked):
            unasked = {key: argument for key, argument in asked.items() if key not in awaited}
            flight = self._seated(unasked, scope, ask)
            awaited.update(dict.fromkeys(unasked, flight))
        return awaited

    def _seated(self, unasked: Asked, scope: RequestScope, ask: Ask) -> Flight:
        """The call that asks for these: one of their own, now; or, while enough are under way, the one that gathers."""
        if leaves := not self.is_busy or ask is not self._ask:
            flight = Flight(RequestScope(0.0), dict(unasked), ask)
        else:
            names = set(map(self._name, unasked.values()))
            flight = self._with_room(len(unasked), names)
            flight.arguments.update(unasked)
            flight.names = flight.names | names
        self._by_key.update(dict.fromkeys(unasked, flight))
        flight.admit(scope)
        if leaves:
            self._leave(flight)
        return flight

    def _with_room(self, keys: int, names: Set[Any]) -> Flight:
        """What gathers last, if these fit in. Keys of one name (parties of two customers) would get each other's."""
        if self._gathering:
            last = self._gathering[-1]
            if len(last.arguments) + keys <= self._system.share_keys and last.names.isdisjoint(names):
                return last
        flight = Flight(RequestScope(0.0), {}, self._ask)
        flight.patience = asyncio.get_running_loop().call_later(PATIENCE, self._leave, flight)
        self._gathering.append(flight)
        return flight

    def _allowance(self, scope: RequestScope) -> float:
        return min(self._system.timeout, scope.remaining() - ANSWERING_TIME)

    def _leave(self, flight: Flight) -> None:
        """Ask. The call is nobody's own: it runs in a context of its own."""
        self._not_gathering(flight)
        self._under_way += 1
        flight.allowance = self._allowance(flight.scope)
        context = Context()
        context.run(current_scope.set, flight.scope)
        flight.task = asyncio.get_running_loop().create_task(self._asked(flight), context=context)

    async def _asked(self, flight: Flight) -> None:
        try:
            flight.found = await flight.ask(list(flight.arguments.values()))
        except asyncio.CancelledError:
            flight.failure = Cancelled(self._health.system, "the call was cancelled")
        except Exception as error:  # noqa: BLE001  # raised by those who wait
            flight.failure = error
        self._ended(flight)

    def _ended(self, flight: Flight) -> None:
        """It returned, or was left by all: the next may leave."""
        if flight.has_landed:
            return
        flight.land()
        self._forget(flight)
        self._under_way -= 1
        if self._gathering:
            self._leave(self._gathering[0])
        if not self._under_way:
            self._emptied()

    def _left(self, flight: Flight) -> "asyncio.Task[None] | None":
        """One does not wait any more. The call that is ended when it was the last."""
        flight.waiting -= 1
        if flight.waiting or flight.has_landed:
            return None
        if flight.task is None:
            self._forget(flight)
            self._not_gathering(flight)
            return None
        flight.task.cancel()
        self._ended(flight)
        return flight.task

    def _forget(self, flight: Flight) -> None:
        """Who asks for its keys from now on does not get them from this call."""
        for key in flight.arguments:
            if self._by_key.get(key) is flight:
                del self._by_key[key]

    def _not_gathering(self, flight: Flight) -> None:
        if flight.patience:
            flight.patience.cancel()
            flight.patience = None
            self._gathering.remove(flight)

    async def _collected(
        self, asked: Asked, awaited: Mapping[Hashable, Flight], missed: Sequence[Flight]
    ) -> Mapping[Any, Any]:
        found: dict[Any, Any] = {}
        again: dict[Any, Any] = {}
        late = TimedOut(
            self._health.system, "the request's deadline passed before the call that it waited for returned"
        )
        for key, flight in awaited.items():
            name = self._name(asked[key])
            value = late if flight in missed else flight.failure or flight.found.get(name)
            if value is not late and not flight.is_alone(asked) and self._is_doubtful(value):
                again[name] = asked[key]
            elif isinstance(value, Exception) and not isinstance(value, ConnectorError):
                raise value
            elif value is not None:
                found[name] = value
        if again:
            try:
                found.update(await self._ask(list(again.values())))
            except ConnectorError as failure:
                found.update(dict.fromkeys(again, failure))
        return found

    def _is_doubtful(self, value: Any) -> bool:
        """Whether something may be as it is because of others' keys in the call.

        That a call took too long is blamed on its keys while the system answers other calls. A number of rows is not
        known where any row of the call could not be read.
        """
        match value:
            case Rows():
                return value.complete and value.total is None
            case TimedOut():
                return self._health.status is SystemStatus.UP
            case Busy() | RateLimited() | Unreachable(at_all=True):
                return False
        return isinstance(value, Exception)
