"""Calls that several requests wait for: what is asked already is not asked again, and what must wait gathers.

A `Line` holds one kind of question to one system. It asks at once while few calls are under way, so an idle gateway
adds no delay; then further keys gather in a `Flight` that leaves when a call returns. Nothing stays after the calls.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.errors import Cancelled, ConnectorError, Failed, Garbled, Rejected, TimedOut, TooMuch
from connectors.records import Rows
from connectors.request import ANSWERING_TIME, RequestScope, UpstreamCall, current_loader, current_scope
from connectors.transport import path_of

PATIENCE: Final = 0.5
"""Seconds after which what has gathered leaves all the same: one slow call must not keep others waiting for long."""

_GRACE: Final = 0.03
"""Seconds that a request waits longer than its call may last, so that the call itself says how it ended."""

Ask = Callable[[Sequence[Any]], Awaitable[Mapping[Any, Any]]]
"""Arguments of a batch to what was found, by key."""


@dataclass
class _FlightScope(RequestScope):
    """What stands for all requests that wait for one call. It has nothing of theirs but the latest deadline."""

    heard: Callable[[UpstreamCall], None] = field(kw_only=True)

    def began(self, call: UpstreamCall) -> None:
        """Pass on to those who wait that the call began."""
        super().began(call)
        self.heard(call)


class Line:
    """Questions of one kind to one system: calls under way, and keys that gather behind them."""

    def __init__(self, system: str, ask: Ask, after: int, most_keys: int, emptied: Callable[[], object]) -> None:
        """`after` calls leave at once; a later one takes `most_keys`. `emptied` is told when nothing is under way."""
        self.system, self.ask = system, ask
        self._after, self._most_keys, self._emptied = after, most_keys, emptied
        self._by_key: dict[Hashable, Flight] = {}
        self._gathering: deque[Flight] = deque()
        self._under_way = 0

    def join(self, question: "Question") -> None:
        """Let a question wait for what is asked already, or gathers; the rest is asked now, or with what gathers."""
        unasked: dict[Hashable, Any] = {}
        for key, argument in question.arguments.items():
            if flight := self._by_key.get(key):
                flight.admit(question, [key])
            else:
                unasked[key] = argument
        if unasked:
            flight = self._with_room(len(unasked))
            flight.arguments.update(unasked)
            self._by_key.update(dict.fromkeys(unasked, flight))
            flight.admit(question, unasked)
            if self._under_way < self._after:
                self._leave(flight)
            elif flight.out_of_patience is None:
                loop = asyncio.get_running_loop()
                flight.out_of_patience = loop.call_later(PATIENCE, self._leave, flight)

    def forget(self, flight: "Flight", keys: Sequence[Hashable]) -> None:
        """Nobody waits for these keys: who asks for them from now on does not get them from this flight."""
        for key in keys:
            if self._by_key.get(key) is flight:
                del self._by_key[key]
        if not flight.arguments and flight in self._gathering:
            self._not_gathering(flight)

    def landed(self, flight: "Flight") -> None:
        """A call returned: the next may leave."""
        self._under_way -= 1
        self.forget(flight, list(flight.arguments))
        if self._gathering:
            self._leave(self._gathering[0])
        if not self._under_way:
            self._emptied()

    def _with_room(self, keys: int) -> "Flight":
        if self._gathering and len(self._gathering[-1].arguments) + keys <= self._most_keys:
            return self._gathering[-1]
        flight = Flight(self)
        self._gathering.append(flight)
        return flight

    def _not_gathering(self, flight: "Flight") -> None:
        self._gathering.remove(flight)
        if flight.out_of_patience is not None:
            flight.out_of_patience.cancel()

    def _leave(self, flight: "Flight") -> None:
        self._not_gathering(flight)
        self._under_way += 1
        flight.leave()


class Flight:
    """One call, from the first key that gathers for it until it returns."""

    def __init__(self, line: Line) -> None:
        self.arguments: dict[Hashable, Any] = {}
        self.found: Mapping[Any, Any] = {}
        self.failure: Exception | None = None
        self.landed = False
        self.out_of_patience: asyncio.TimerHandle | None = None
        self.scope = _FlightScope(0.0, heard=self._began)
        self._line = line
        self._questions: dict[Question, None] = {}
        self._requests: set[int] = set()
        self._task: asyncio.Task[Mapping[Any, Any]] | None = None

    @property
    def is_shared(self) -> bool:
        """Whether more than one request took part."""
        return len(self._requests) > 1

    def admit(self, question: "Question", keys: Iterable[Hashable]) -> None:
        """Let a question wait for some keys of this call, which then may take as long as that one does."""
        question.awaited.update(dict.fromkeys(keys, self))
        if question in self._questions:
            return
        self._questions[question] = None
        self._requests.add(id(question.scope))
        self.scope.extend(question.scope.deadline)
        for call in self.scope.calls:
            question.saw(self, call)

    def leave(self) -> None:
        """Ask. The call is nobody's own: it runs in a context of its own."""
        context = Context()
        first = next(iter(self._questions))
        context.run(current_scope.set, self.scope)
        context.run(current_loader.set, first.loader)
        asking = self._asked()
        self._task = asyncio.get_running_loop().create_task(asking, context=context)
        self._task.add_done_callback(self._returned)

    def dismiss(self, question: "Question") -> "asyncio.Task[Any] | None":
        """One does not wait any more. With the last the call is cancelled: that is the task that is ending then."""
        del self._questions[question]
        if not self._questions:
            keys = list(self.arguments)
            if self._task is None:
                self.arguments.clear()
            self._line.forget(self, keys)
            if self._task is not None:
                self._task.cancel()
            return self._task
        if self._task is None:
            wanted = {key for one in self._questions for key in one.arguments}
            unwanted = [key for key in self.arguments if key not in wanted]
            for key in unwanted:
                del self.arguments[key]
            self._line.forget(self, unwanted)
        return None

    async def _asked(self) -> Mapping[Any, Any]:
        return await self._line.ask(list(self.arguments.values()))

    def _began(self, call: UpstreamCall) -> None:
        for question in self._questions:
            question.saw(self, call)

    def _returned(self, task: "asyncio.Task[Mapping[Any, Any]]") -> None:
        error = Cancelled(self._line.system, "the call was cancelled") if task.cancelled() else task.exception()
        if error is None:
            self.found = task.result()
        else:
            self.failure = error if isinstance(error, Exception) else RuntimeError(f"the call ended: {error!r}")
        self.landed = True
        self._line.landed(self)
        for question in self._questions:
            question.hear()


@dataclass(slots=True)
class _Seen:
    """A call as one request's trace shows it (`view`), and the call itself. `since` is when it became that one's."""

    view: UpstreamCall
    call: UpstreamCall
    flight: Flight
    since: float


class Question:
    """What one request asks: waits for its own keys, no longer than its deadline, whatever others wait for.

    `arguments` is what the driver takes, by key; `names` are the keys under which it answers.
    """

    def __init__(self, arguments: Mapping[Hashable, Any], names: Mapping[Hashable, Any], scope: RequestScope) -> None:
        self.arguments, self.scope, self.loader = arguments, scope, current_loader.get()
        self.awaited: dict[Hashable, Flight] = {}
        self._names, self._own = names, frozenset(names.values())
        self._began = time.monotonic()
        self._done = asyncio.get_running_loop().create_future()
        self._seen: list[_Seen] = []

    async def answered(self, line: Line) -> dict[Any, Any]:
        """What was found for the keys, by name. Raises what the driver raised.

        What went wrong for a call that others had keys in may be their keys' doing: it is asked once more, alone.
        """
        line.join(self)
        early = "REQUEST_CANCELLED"
        try:
            # Past the deadline, too: the call itself says so.
            async with asyncio.timeout(max(0.0, self.scope.remaining() - ANSWERING_TIME) + _GRACE):
                await self._done
        except TimeoutError:
            early = TimedOut.code
            await self._left()
        except asyncio.CancelledError:
            await self._left()
            raise
        finally:
            self._settle(early)
        found, again = self._collected(line)
        return found | dict(await line.ask(again)) if again else found

    def hear(self) -> None:
        """A call returned."""
        if not self._done.done() and all(flight.landed for flight in self.awaited.values()):
            self._done.set_result(None)

    def saw(self, flight: Flight, call: UpstreamCall) -> None:
        """Show a call in this request's trace: with its own keys, never with others'."""
        keys, path = call.keys, call.path
        if not self._is_alone_in(flight):
            keys = tuple(key for key in call.keys if key in self._own)
            if not keys and not frozenset(map(str, flight.arguments)).isdisjoint(call.keys):
                return  # a part of the call that is about others' keys alone
            path = path_of(path)
        since = max(self._began, flight.scope.started + call.start_ms / 1000)
        start_ms = (since - self.scope.started) * 1000
        view = UpstreamCall(call.system, call.method, path, keys, self.loader, start_ms)
        self._seen.append(_Seen(view, call, flight, since))
        self.scope.began(view)

    def _is_alone_in(self, flight: Flight) -> bool:
        """Whether the call is about no keys but this question's."""
        return flight.arguments.keys() <= self.arguments.keys()

    async def _left(self) -> None:
        """Wait no more; with the last that waited the call ends, and that is waited for."""
        waiting = [flight for flight in dict.fromkeys(self.awaited.values()) if not flight.landed]
        ending = [task for flight in waiting if (task := flight.dismiss(self)) is not None]
        if ending:
            await asyncio.wait(ending)

    def _settle(self, early: str) -> None:
        """How the calls ended, or that they were not waited for."""
        now = time.monotonic()
        for one in self._seen:
            view, call = one.view, one.call
            ended = one.flight.scope.started + (call.start_ms + call.duration_ms) / 1000 if call.duration_ms else now
            view.duration_ms = max(0.0, ended - one.since) * 1000
            view.status, view.bytes, view.shared = call.status, call.bytes, one.flight.is_shared
            view.error = call.error if call.duration_ms else early

    def _collected(self, line: Line) -> tuple[dict[Any, Any], list[Any]]:
        """What was found, and arguments to ask for once more."""
        found: dict[Any, Any] = {}
        again: list[Any] = []
        late = TimedOut(line.system, "the request's deadline passed before the call that it waited for returned")
        for key, flight in self.awaited.items():
            name, failure = self._names[key], flight.failure
            if failure is not None and not isinstance(failure, ConnectorError):
                raise failure
            if not flight.landed:
                value: Any = late
            else:
                value = flight.found.get(name) if failure is None else failure
            if _is_doubtful(value) and not self._is_alone_in(flight):
                again.append(self.arguments[key])
            elif failure is not None and len(set(self.awaited.values())) == 1:
                raise failure
            elif value is not None:
                found[name] = value
        return found, again


def _is_doubtful(value: Any) -> bool:
    """Whether something may be as it is because of what else was in the call.

    A number of rows is not known where any row of the call could not be read.
    """
    if isinstance(value, Rows):
        return value.complete and value.total is None
    return isinstance(value, Rejected | TooMuch | Garbled | Failed)
