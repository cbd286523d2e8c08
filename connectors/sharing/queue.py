"""Questions that many requests ask: what is asked already is not asked again, and what must wait gathers.

A `Line` holds one kind of question to one system. What is asked leaves as soon as the event loop has nothing else to
do, or after a few turns of it, together with what others asked meanwhile: an idle gateway adds no delay, and a busy one
finds many keys there. While enough calls are under way keys gather in a `Flight` that leaves when one returns. Nothing
stays after the calls.
"""

import asyncio
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextvars import Context
from typing import Any, Final

from connectors.errors import Busy, Cancelled, ConnectorError, RateLimited, TimedOut, Unreachable
from connectors.http.health import Health, SystemStatus
from connectors.http.scope import RequestScope, current_scope
from connectors.http.transport import ANSWERING_TIME
from connectors.records import Rows
from connectors.settings import System
from connectors.sharing.call import Alone, Ask, Asked, Flight

PATIENCE: Final = 0.5
"""Seconds after which what has gathered leaves all the same: one slow call must not keep others waiting for long."""

_MOST_TURNS: Final = 8
"""Turns of the event loop for which keys gather before they leave, while it has other work."""

_IDLE: Final = 30e-6
"""Seconds: a turn that took no longer had nothing else to do, and nobody is coming."""

_NEARLY: Final = 0.9
"""Part of the time that a request would give a call of its own, which one under way must have to be joined."""


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
        self._gathers = gathers
        self._by_key: dict[Hashable, Flight] = {}
        self._gathering: list[Flight] = []
        self._under_way = 0

    @property
    def is_busy(self) -> bool:
        """Whether what is asked now gathers until a call returns: as many as may be are under way, or about to be."""
        return self._under_way + sum(flight.is_brief for flight in self._gathering) >= self._system.share_after

    async def answers(
        self, asked: Asked, scope: RequestScope, ask: Ask | None = None, alone: Alone | None = None
    ) -> Mapping[Any, Any]:
        """What there is for the arguments, by name: for one request, until its deadline. Raises as `ask` does.

        What went wrong in a call with others' keys may be their doing: it is asked once more, for these alone. `ask`
        is another way to ask, for what does not gather, and `alone` one for what gathers but found no company.
        """
        awaited = self._join(asked, scope, ask or self._ask, alone)
        flights = list(dict.fromkeys(awaited.values()))
        missed: list[Flight] = []
        try:
            for flight in flights:
                await flight.landing(scope)
            missed = [flight for flight in flights if not flight.has_landed]
        finally:
            ending = [task for flight in flights if (task := self._left(flight))]
            if ending:
                await asyncio.wait(ending)
            if scope.shows_calls:
                for flight in flights:
                    names = None if flight.is_alone(asked) else {self._name(one): key for key, one in asked.items()}
                    scope.calls.extend(flight.shown(names, scope, TimedOut.code if missed else Cancelled.code))
        if len(flights) == 1 and not missed:
            only = flights[0]
            if only.is_sound:
                return {name: only.found[name] for name in map(self._name, asked.values()) if name in only.found}
            if _is_as_asked(only, asked, alone):
                if only.failure:
                    raise only.failure
                return dict(only.found)
        return await self._collected(asked, awaited, missed, ask or self._ask, alone)

    def _join(self, asked: Asked, scope: RequestScope, ask: Ask, alone: Alone | None) -> dict[Hashable, Flight]:
        """The calls that the keys are waited for in. Each is told once that one more request waits."""
        awaited: dict[Hashable, Flight] = {}
        unasked = asked
        if self._by_key:
            under_way = {key: flight for key in asked if (flight := self._by_key.get(key)) is not None}
            if alone and not under_way and (flight := self._by_key.get(alone.name)) is not None:
                under_way = dict.fromkeys(asked, flight)
            if under_way:
                wanted = _NEARLY * self._allowance(scope)
                awaited = {key: flight for key, flight in under_way.items() if flight.allowance >= wanted}
                unasked = {key: argument for key, argument in asked.items() if key not in awaited}
        if unasked:
            awaited.update(dict.fromkeys(unasked, self._seated(unasked, scope, ask, alone)))
        for flight in set(awaited.values()):
            flight.admit(scope, alone)
        return awaited

    def _seated(self, unasked: Asked, scope: RequestScope, ask: Ask, alone: Alone | None) -> Flight:
        """The call that asks for these: the one that gathers, or one of their own, now."""
        if not self._gathers or ask is not self._ask:
            flight = Flight(RequestScope(scope.deadline), dict(unasked), ask)
            self._by_key.update(dict.fromkeys(unasked, flight))
            self._leave(flight)
            return flight
        names = set(map(self._name, unasked.values()))
        flight = self._with_room(len(unasked), names, alone)
        flight.arguments.update(unasked)
        flight.names |= names
        self._by_key.update(dict.fromkeys(unasked, flight))
        return flight

    def _with_room(self, keys: int, names: set[Any], alone: Alone | None) -> Flight:
        """What gathers last, if these fit in. Keys of one name (parties of two customers) would get each other's."""
        if self._gathering:
            last = self._gathering[-1]
            if len(last.arguments) + keys <= self._system.share_keys and last.names.isdisjoint(names):
                return last
        loop, is_busy = asyncio.get_running_loop(), self.is_busy
        flight = Flight(RequestScope(0.0), {}, self._ask, not is_busy, alone)
        if is_busy:
            flight.patience = loop.call_later(PATIENCE, self._leave, flight)
        else:
            flight.patience = loop.call_soon(self._turn, flight, 1, time.perf_counter())
        self._gathering.append(flight)
        return flight

    def _turn(self, flight: Flight, turns: int, began: float) -> None:
        """One more turn of the event loop is over. It leaves after some, or when the loop had nothing else to do."""
        if flight.patience:
            now, loop = time.perf_counter(), asyncio.get_running_loop()
            if turns < _MOST_TURNS and now - began >= _IDLE:
                flight.patience = loop.call_soon(self._turn, flight, turns + 1, now)
            elif self._under_way < self._system.share_after:
                self._leave(flight)
            else:  # others, which do not gather, left meanwhile
                flight.patience = loop.call_later(PATIENCE, self._leave, flight)
                flight.gathered_briefly()

    def _allowance(self, scope: RequestScope) -> float:
        return min(self._system.timeout, scope.remaining() - ANSWERING_TIME)

    def _leave(self, flight: Flight) -> None:
        """Ask. The call is nobody's own: it runs in a context of its own."""
        self._not_gathering(flight)
        if flight.alone:
            flight.ask = flight.alone.ask
            self._forget(flight)
            self._by_key[flight.alone.name] = flight
        self._under_way += 1
        flight.allowance = self._allowance(flight.scope)
        context = Context()
        context.run(current_scope.set, flight.scope)
        flight.task = asyncio.get_running_loop().create_task(self._asked(flight), context=context)
        if flight.is_brief:
            flight.gathered_briefly()

    async def _asked(self, flight: Flight) -> None:
        try:
            flight.found = await flight.ask(list(flight.arguments.values()))
            flight.is_sound = not any(map(self._is_doubtful, flight.found.values()))
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
        self._next()

    def _next(self) -> None:
        """What gathers leaves when there is room, first come, first served."""
        while not self.is_busy and (waiting := next((one for one in self._gathering if not one.is_brief), None)):
            self._leave(waiting)
        if not self._under_way and not self._gathering:
            self._emptied()

    def _left(self, flight: Flight) -> "asyncio.Task[None] | None":
        """One does not wait any more. The call that is ended when it was the last."""
        flight.waiting -= 1
        if flight.waiting or flight.has_landed:
            return None
        if flight.task is None:
            self._forget(flight)
            self._not_gathering(flight)
            self._next()
            return None
        flight.task.cancel()
        self._ended(flight)
        return flight.task

    def _forget(self, flight: Flight) -> None:
        """Who asks for its keys from now on does not get them from this call."""
        for key in (*flight.arguments, flight.alone.name) if flight.alone else flight.arguments:
            if self._by_key.get(key) is flight:
                del self._by_key[key]

    def _not_gathering(self, flight: Flight) -> None:
        if flight.patience:
            flight.patience.cancel()
            flight.patience = None
            self._gathering.remove(flight)

    async def _collected(
        self,
        asked: Asked,
        awaited: Mapping[Hashable, Flight],
        missed: Sequence[Flight],
        ask: Ask,
        alone: Alone | None,
    ) -> Mapping[Any, Any]:
        """What several calls found, or one that was not just as asked: what others may have spoilt is asked again."""
        found: dict[Any, Any] = {}
        again: dict[Any, Any] = {}
        late = TimedOut(
            self._health.system, "the request's deadline passed before the call that it waited for returned"
        )
        for key, flight in awaited.items():
            name = self._name(asked[key])
            value = late if flight in missed else flight.failure or flight.found.get(name)
            if value is not late and not _is_as_asked(flight, asked, alone) and self._is_doubtful(value):
                again[name] = asked[key]
            elif isinstance(value, Exception) and not isinstance(value, ConnectorError):
                raise value
            elif value is not None:
                found[name] = value
        if again:
            try:
                found.update(await (alone.ask if alone else ask)(list(again.values())))
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


def _is_as_asked(flight: Flight, asked: Asked, alone: Alone | None) -> bool:
    """Whether a call is about no keys but these, and not about a whole list where a window is wanted."""
    return flight.is_alone(asked) and (alone is None or flight.alone is not None)
