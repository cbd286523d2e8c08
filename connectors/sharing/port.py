"""Many requests ask at once, the system sees it once: a port that shares its calls between requests.

It stands between those who ask and the driver, which sees no difference. What may be shared has one method and the
same arguments beside the keys: projection, conditions. Of such questions each key is asked for once at a time, and keys
of several requests leave in one call (see `lines`). A question without keys is shared with those that are the same in
everything, and so is one for a window of a list. But where windows held whole lists lately, those that would leave
together are asked for as whole lists, which costs the same. This is no cache: what has returned is asked for again.
"""

from __future__ import annotations  # those of functions made at each call would be worked out at each call

import inspect
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from functools import cache, partial
from typing import Any, Final, TypeVar, cast, get_args, get_origin, get_type_hints

from connectors.crm.port import Customer
from connectors.errors import ConnectorError
from connectors.http.health import Health
from connectors.http.scope import RequestScope, current_scope
from connectors.records import Rows, Window
from connectors.settings import ForwardAuth, System
from connectors.sharing.call import Alone, Ask
from connectors.sharing.queue import Line

Port = TypeVar("Port")

_WHOLE: Final = ""
"""The one key of a question that is shared as a whole."""


def shared(driver: Port, port: type[Any], system: System, health: Health) -> Port:
    """The driver, with calls shared between requests: all of them are the gateway's towards the system.

    Towards a system that knows each caller nothing is shared at all; nor where the settings say so.
    """
    if isinstance(system.auth, ForwardAuth) or not system.share:
        return driver
    return cast(Port, _Shared(driver, port, system, health))


class _Shared:
    """What a port's methods are asked through; everything else is the driver's own."""

    def __init__(self, driver: Any, port: type[Any], system: System, health: Health) -> None:
        self._driver, self._system, self._health = driver, system, health
        self._lines: dict[Hashable, Line] = {}
        self._windows_hold_all: dict[str, bool] = {}
        """By method, whether the last windows held the whole lists."""
        for method, keys_at in questions(port).items():  # type: ignore[arg-type]  # a class can be hashed
            setattr(self, method, self._asking(method, keys_at))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def _asking(self, method: str, keys_at: int | None) -> Callable[..., Awaitable[Any]]:
        async def ask(*args: Any, **options: Any) -> Any:
            scope = current_scope.get()
            if scope is None:  # outside a request there is nobody to share with
                return await getattr(self._driver, method)(*args, **options)
            window = _window_in(args)
            if keys_at is None or len(args) <= keys_at:
                return await self._whole(method, args, options, scope)
            if window is not None:
                if keys_at == 0 and len(args[0]) == 1:
                    return await self._window(method, window, args, options, scope)
                return await self._whole(method, args, options, scope)
            if not (keys := args[keys_at]):
                return {}
            kind = (method, args[:keys_at], args[keys_at + 1 :], *options.items())
            line = self._lines.get(kind) or self._by_keys(kind, method, keys_at, args, options)
            return await line.answers({_key(one): one for one in keys}, scope)

        ask.__name__ = method
        return ask

    def _by_keys(
        self, kind: Hashable, method: str, keys_at: int, args: Sequence[Any], options: Mapping[str, Any]
    ) -> Line:
        driver, before, after = getattr(self._driver, method), args[:keys_at], args[keys_at + 1 :]

        async def of_keys(some: Sequence[Any]) -> Mapping[Any, Any]:
            found: Mapping[Any, Any] = await driver(*before, some, *after, **options)
            return found

        # What takes a call for each key anyway has nothing to gather for.
        return self._line(kind, of_keys, gathers=method not in getattr(self._driver, "one_by_one", ()))

    async def _whole(self, method: str, args: Sequence[Any], options: Mapping[str, Any], scope: RequestScope) -> Any:
        """What is shared only with questions that are the same in everything."""

        async def once(_keys: Sequence[Any]) -> Mapping[Any, Any]:
            return {_WHOLE: (await getattr(self._driver, method)(*args, **options),)}

        kind = (method, *options.items(), "whole", *map(_same, args))
        line = self._lines.get(kind) or self._line(kind, once, gathers=False)
        answer = (await line.answers({_WHOLE: _WHOLE}, scope))[_WHOLE]
        if isinstance(answer, ConnectorError):  # it came too late
            raise answer
        return answer[0]

    async def _window(
        self, method: str, window: Window, args: Sequence[Any], options: Mapping[str, Any], scope: RequestScope
    ) -> Mapping[Any, Any]:
        """A window of one key's list, or the whole list together with others' that are asked for at the same time."""
        key, alone = args[0][0], (_key(args[0][0]), window)

        async def of_window(_key: Sequence[Any]) -> Mapping[Any, Any]:
            found: Mapping[Any, Any] = await getattr(self._driver, method)(*args, **options)
            rows = found.get(key)
            if isinstance(rows, Rows):
                self._windows_hold_all[method] = not window.offset and len(rows.items) < window.limit
            return found

        whole = [None if one is window else one for one in args]
        kind = (method, (), tuple(whole[1:]), *options.items())
        line = self._lines.get(kind) or self._by_keys(kind, method, 0, whole, options)
        if not self._windows_hold_all.get(method):
            return await line.answers({alone: key}, scope, of_window)
        found = await line.answers({_key(key): key}, scope, alone=Alone(alone, of_window))
        rows = found.get(_name(key))
        if isinstance(rows, Rows) and len(rows.items) >= window.limit:  # from now on windows are asked for again
            self._windows_hold_all[method] = False
        return found

    def _line(self, kind: Hashable, ask: Ask, *, gathers: bool) -> Line:
        emptied = partial(self._lines.pop, kind, None)
        line = self._lines[kind] = Line(self._system, self._health, ask, _name, emptied, gathers=gathers)
        return line


@cache
def questions(port: type[Any]) -> Mapping[str, int | None]:
    """A port's questions, and where among the arguments the keys stand whose answers come by key; None: nowhere.

    Read from the port itself: what gives `Found` is asked by the first argument that is a sequence.
    """
    found: dict[str, int | None] = {}
    for name, method in inspect.getmembers(port, inspect.iscoroutinefunction):
        hints = get_type_hints(method)
        returned = hints.pop("return")
        is_found = get_origin(returned) is get_origin(Mapping[Any, Any]) and ConnectorError in get_args(
            get_args(returned)[1]
        )
        sequences = [at for at, hint in enumerate(hints.values()) if get_origin(hint) is get_origin(Sequence[Any])]
        found[name] = sequences[0] if is_found and sequences else None
    return found


def _window_in(args: Sequence[Any]) -> Window | None:
    for one in args:
        if one.__class__ is Window:
            return one
    return None


def _key(one: Any) -> Hashable:
    """What makes two keys the same to a driver."""
    return (one.id, one.party_id, one.party_kind) if isinstance(one, Customer) else cast(Hashable, one)


def _name(one: Any) -> Any:
    """Under what the answer to a key is found: parties of customers are found by their own id."""
    return one.party_id if isinstance(one, Customer) else one


def _same(argument: Any) -> Hashable:
    """What makes two arguments the same to a driver."""
    return tuple(map(_key, argument)) if isinstance(argument, list | tuple) else cast(Hashable, argument)
