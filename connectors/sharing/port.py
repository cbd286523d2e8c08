"""Many requests ask at once, the system sees it once: a port that shares its reads between requests.

It stands between those who ask and the driver, which sees no difference. What may be shared is what the port marks so
(`connectors.ports`): a method with the same arguments beside the keys (projection, conditions). Of such questions each
key is asked for once at a time, and keys of several requests leave in one call (see `queue`). A read without keys is
shared with those that are the same in everything, and so is one for a window of a list. But where windows held whole
lists lately, those that would leave together are asked for as whole lists, which costs the same. This is no cache: what
has returned is asked for again. A write, and what is asked to find out about one, go to the driver as they are.
"""

from __future__ import annotations  # those of functions made at each call would be worked out at each call

import inspect
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, Final, TypeVar, cast

from connectors.errors import ConnectorError
from connectors.http.health import Health
from connectors.http.scope import Operation, RequestScope, current_operation, current_scope
from connectors.ports import Effect, Mark, marks
from connectors.records import Rows, Window
from connectors.settings import ForwardAuth, System
from connectors.sharing.call import Alone, Ask
from connectors.sharing.queue import Line

Port = TypeVar("Port")

_WHOLE: Final = ""
"""The one key of a question that is shared as a whole."""


def shared(driver: Port, port: type[Any], system: System, health: Health) -> Port:
    """The driver, with reads shared between requests: all of them are the gateway's towards the system.

    Towards a system that knows each caller nothing is shared at all; nor where the settings say so. Raises TypeError
    for a port with a method that has no mark.
    """
    shares = system.share and not isinstance(system.auth, ForwardAuth)
    return cast(Port, _Port(driver, port, system, health, shares=shares))


class _Method:
    """One method of the port: how the driver is asked, and what makes two of its keys the same."""

    def __init__(self, driver: Any, name: str, mark: Mark, port: type[Any]) -> None:
        self.name, self._driver = name, driver
        self._operation = Operation(name, mark.is_write)
        parameters = list(inspect.signature(getattr(port, name)).parameters)[1:]
        self.keys_at = parameters.index(mark.keys) if mark.keys else None
        # What takes a call for each key anyway has nothing to gather for.
        self.gathers = name not in getattr(driver, "one_by_one", ())
        self.identity: Callable[[Any], Hashable] = attrgetter(*mark.known_by) if mark.known_by else _itself
        """What makes two keys the same to a driver."""
        self.answered_by: Callable[[Any], Any] = attrgetter(mark.known_by[0]) if mark.known_by else _itself
        """Under what the answer to a key is found."""

    async def __call__(self, *args: Any, **options: Any) -> Any:
        """Ask the driver, for this caller alone."""
        before = current_operation.set(self._operation)
        try:
            return await getattr(self._driver, self.name)(*args, **options)
        finally:
            current_operation.reset(before)

    def same(self, argument: Any) -> Hashable:
        """What makes two arguments the same to a driver."""
        if isinstance(argument, list | tuple):
            return tuple(map(self.identity, argument))
        return cast(Hashable, argument)


def _itself(one: Any) -> Any:
    return one


class _Port:
    """What a port's methods are asked through; everything else is the driver's own."""

    def __init__(self, driver: Any, port: type[Any], system: System, health: Health, *, shares: bool) -> None:
        self._driver, self._system, self._health = driver, system, health
        self._lines: dict[Hashable, Line] = {}
        self._windows_hold_all: dict[str, bool] = {}
        """By method, whether the last windows held the whole lists."""
        for name, mark in marks(port).items():
            method = _Method(driver, name, mark, port)
            may_share = shares and mark.effect is Effect.READ
            setattr(self, name, self._sharing(method) if may_share else method)

    @property
    def is_idle(self) -> bool:
        """Whether no question is under way, and so nothing is kept."""
        return not self._lines

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def _sharing(self, method: _Method) -> Callable[..., Awaitable[Any]]:
        keys_at = method.keys_at

        async def ask(*args: Any, **options: Any) -> Any:
            scope = current_scope.get()
            if scope is None:  # outside a request there is nobody to share with
                return await method(*args, **options)
            window = _window_in(args)
            if keys_at is None or len(args) <= keys_at:
                return await self._whole(method, args, options, scope)
            if window is not None:
                if keys_at == 0 and len(args[0]) == 1:
                    return await self._window(method, window, args, options, scope)
                return await self._whole(method, args, options, scope)
            if not (keys := args[keys_at]):
                return {}
            kind = (method.name, args[:keys_at], args[keys_at + 1 :], *options.items())
            line = self._lines.get(kind) or self._by_keys(kind, method, keys_at, args, options)
            return await line.answers({method.identity(one): one for one in keys}, scope)

        ask.__name__ = method.name
        return ask

    def _by_keys(
        self, kind: Hashable, method: _Method, keys_at: int, args: Sequence[Any], options: Mapping[str, Any]
    ) -> Line:
        before, after = args[:keys_at], args[keys_at + 1 :]

        async def of_keys(some: Sequence[Any]) -> Mapping[Any, Any]:
            found: Mapping[Any, Any] = await method(*before, some, *after, **options)
            return found

        return self._line(kind, method, of_keys, gathers=method.gathers)

    async def _whole(
        self, method: _Method, args: Sequence[Any], options: Mapping[str, Any], scope: RequestScope
    ) -> Any:
        """What is shared only with questions that are the same in everything."""

        async def once(_keys: Sequence[Any]) -> Mapping[Any, Any]:
            return {_WHOLE: (await method(*args, **options),)}

        kind = (method.name, *options.items(), "whole", *map(method.same, args))
        line = self._lines.get(kind) or self._line(kind, method, once, gathers=False, name=_itself)
        answer = (await line.answers({_WHOLE: _WHOLE}, scope))[_WHOLE]
        if isinstance(answer, ConnectorError):  # it came too late
            raise answer
        return answer[0]

    async def _window(
        self, method: _Method, window: Window, args: Sequence[Any], options: Mapping[str, Any], scope: RequestScope
    ) -> Mapping[Any, Any]:
        """A window of one key's list, or the whole list together with others' that are asked for at the same time."""
        key, alone = args[0][0], (method.identity(args[0][0]), window)

        async def of_window(_key: Sequence[Any]) -> Mapping[Any, Any]:
            found: Mapping[Any, Any] = await method(*args, **options)
            rows = found.get(key)
            if isinstance(rows, Rows):
                self._windows_hold_all[method.name] = not window.offset and len(rows.items) < window.limit
            return found

        whole = [None if one is window else one for one in args]
        kind = (method.name, (), tuple(whole[1:]), *options.items())
        line = self._lines.get(kind) or self._by_keys(kind, method, 0, whole, options)
        if not self._windows_hold_all.get(method.name):
            return await line.answers({alone: key}, scope, of_window)
        found = await line.answers({method.identity(key): key}, scope, alone=Alone(alone, of_window))
        rows = found.get(method.answered_by(key))
        if isinstance(rows, Rows) and len(rows.items) >= window.limit:  # from now on windows are asked for again
            self._windows_hold_all[method.name] = False
        return found

    def _line(
        self, kind: Hashable, method: _Method, ask: Ask, *, gathers: bool, name: Callable[[Any], Any] | None = None
    ) -> Line:
        emptied = partial(self._lines.pop, kind, None)
        line = self._lines[kind] = Line(
            self._system, self._health, ask, name or method.answered_by, emptied, gathers=gathers
        )
        return line


def _window_in(args: Sequence[Any]) -> Window | None:
    for one in args:
        if one.__class__ is Window:
            return one
    return None
