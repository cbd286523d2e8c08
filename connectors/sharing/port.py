"""A port that shares its reads between concurrent requests.

It wraps a driver and shares the methods that the port marks as reads (`connectors.ports`). Batch calls with the same
arguments beside the keys (projection, conditions) are merged: a key is loaded once at a time, and keys of several
requests go into one call (see `queue`). A read without keys, or of one window of a list, is shared only with identical
calls; but while windows turn out to hold the complete lists, they are batched as complete lists, at the same cost.
A call that has returned is not reused, except for rows of the types that the operator names, which may be kept for
seconds (`connectors.sharing.kept_rows`). `@fresh` and `@write` methods are not shared.

Who asks after a write began, or after it ended, sees no older rows: no call that was under way then is joined any more.
That holds in one process; another one does not learn of the write. Rows that are kept are evicted for all processes,
when a write has ended.
"""

from __future__ import annotations  # annotations of nested functions would be evaluated at each call

import inspect
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from functools import cache, partial
from operator import attrgetter
from typing import Any, Final, TypeVar, cast

from connectors.errors import ConnectorError, NotSupported
from connectors.http.health import Health
from connectors.http.scope import Operation, RequestScope, current_operation, current_scope
from connectors.ports import Effect, Mark, marks
from connectors.records import Rows, Window
from connectors.settings import System
from connectors.sharing.call import LoadBatch, WindowCall
from connectors.sharing.kept_rows import KeptRows
from connectors.sharing.kept_types import KeptMethod
from connectors.sharing.queue import CallQueue, SharingCounts

Port = TypeVar("Port")

_UNBATCHED: Final = ""
"""The only key of a call that is shared as a whole."""


def share_reads(
    driver: Port, port: type[Any], system: System, health: Health, kept_rows: KeptRows | None = None
) -> Port:
    """The driver with its reads shared between requests, and with `kept_rows` taken from what was read before.

    Nothing is shared if the system is shown who the caller is (`System.is_personal`), or if the setting `share` is off.
    Raises TypeError if a method of the port has no mark.
    """
    shares = system.share and not system.is_personal
    return cast(Port, _Port(driver, port, system, health, kept_rows or None, shares=shares))


def part_from_calls_under_way(port: object) -> None:
    """Nobody joins a call to this port's system that has started: it may have read what was there before a change.

    Nothing happens where the port shares nothing.
    """
    if isinstance(port, _Port):
        port.part_from_calls_under_way()


def sharing_counts(port: object) -> Mapping[str, SharingCounts]:
    """How often calls to this port's methods were shared, by method; empty where it shares nothing."""
    return port.counts if isinstance(port, _Port) else {}


class _Method:
    """One method of the port: calls the driver, and knows which of its keys are equal."""

    def __init__(self, driver: Any, name: str, mark: Mark, port: type[Any], system: str) -> None:
        self.name, self._driver, self._system = name, driver, system
        self.kind = name
        """Name in what is shared: calls of two kinds are not the same, whatever their arguments."""
        self._operation = Operation(name, mark.is_write)
        self.keys_position = _parameters(getattr(port, name)).index(mark.keys) if mark.keys else None
        # A method that takes one call per key gains nothing from gathering keys.
        self.gathers = name not in getattr(driver, "one_by_one", ())
        self.identity: Callable[[Any], Hashable] = attrgetter(*mark.key_attributes) if mark.key_attributes else _itself
        """Two keys of the same identity get the same result."""
        self.result_key: Callable[[Any], Any] = attrgetter(mark.key_attributes[0]) if mark.key_attributes else _itself
        """The key in the driver's mapping under which a key's result is found."""

    def by_identity(self, keys: Sequence[Any]) -> dict[Hashable, Any]:
        """The keys by their identities. Most are their own, for which nothing is called."""
        if self.identity is _itself:
            return {one: one for one in keys}
        return {self.identity(one): one for one in keys}

    async def read(self, *args: Any, **options: Any) -> Any:
        """Call the driver, or take what it answered before. Only for what may be shared."""
        return await self(*args, **options)

    async def __call__(self, *args: Any, **options: Any) -> Any:
        """Call the driver; the call is not shared."""
        asked = getattr(self._driver, self.name, None)
        if asked is None:  # a driver that was written before the port had the method
            raise NotSupported(self._system, f"the driver has no {self.name}")
        before = current_operation.set(self._operation)
        try:
            return await asked(*args, **options)
        finally:
            current_operation.reset(before)

    def argument_identity(self, argument: Any) -> Hashable:
        """The argument as a hashable value: two arguments of the same identity get the same result."""
        if isinstance(argument, list | tuple):
            return tuple(map(self.identity, argument))
        return cast(Hashable, argument)


class _KeptMethod(_Method):
    """A method whose rows are kept."""

    kept: tuple[KeptRows, KeptMethod]

    def __init__(self, driver: Any, name: str, mark: Mark, port: type[Any], system: str) -> None:
        super().__init__(driver, name, mark, port, system)
        self.kind = f"{name}, kept"  # another one than that of calls for which nothing that is kept may be taken

    async def read(self, *args: Any, **options: Any) -> Any:
        """Call the driver for the rows that are not kept."""
        rows, method = self.kept
        at = self.keys_position
        if at is None or len(args) <= at:
            return await self(*args, **options)
        before, after = args[:at], args[at + 1 :]

        async def ask(some: Sequence[Any]) -> Mapping[Any, Any]:
            found: Mapping[Any, Any] = await self(*before, some, *after, **options)
            return found

        keys = self.by_identity(args[at])
        return await rows.load(method, ask, keys, (*before, *after, *options.items()), self.result_key)


def _itself(one: Any) -> Any:
    return one


@cache
def _parameters(method: Callable[..., Any]) -> tuple[str, ...]:
    """Names of a method's parameters after `self`."""
    return tuple(inspect.signature(method).parameters)[1:]


class _Port:
    """The port with shared methods; every other attribute is the driver's."""

    def __init__(
        self,
        driver: Any,
        port: type[Any],
        system: System,
        health: Health,
        kept_rows: KeptRows | None,
        *,
        shares: bool,
    ) -> None:
        self._driver, self._system, self._health, self._kept_rows = driver, system, health, kept_rows
        self._queues: dict[Hashable, CallQueue] = {}
        self.counts: dict[str, SharingCounts] = {}
        self._windows_were_complete: dict[str, bool] = {}
        """By method: whether its last windows held complete lists."""
        for name, mark in marks(port).items():
            method = _Method(driver, name, mark, port, health.system)
            share = self._sharing if shares and mark.effect is Effect.READ else _not_shared
            if kept_rows is not None and name in kept_rows.methods:
                kept = _KeptMethod(driver, name, mark, port, health.system)
                kept.kept = kept_rows, kept_rows.methods[name]
                setattr(self, name, _unless_current(share(kept), share(method)))
            else:
                setattr(self, name, self._writing(method, mark) if mark.is_write else share(method))

    @property
    def is_idle(self) -> bool:
        """Whether no question is under way, and so nothing is kept."""
        return not self._queues

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def _writing(self, method: _Method, mark: Mark) -> Callable[..., Awaitable[Any]]:
        async def change(*args: Any, **options: Any) -> Any:
            self.part_from_calls_under_way()
            try:
                return await method(*args, **options)
            finally:
                if self._kept_rows is not None:
                    await self._kept_rows.changed(mark.changes)
                self.part_from_calls_under_way()

        change.__name__ = method.name
        return change

    def part_from_calls_under_way(self) -> None:
        """A call that is under way may have read what was there before a change: nobody joins it from now on."""
        for queue in self._queues.values():
            queue.part_from_calls_under_way()

    def _sharing(self, method: _Method) -> Callable[..., Awaitable[Any]]:
        keys_position = method.keys_position

        async def ask(*args: Any, **options: Any) -> Any:
            scope = current_scope.get()
            if scope is None or scope.fresh:  # outside a request, or in one that writes
                return await method(*args, **options)
            window = _window_in(args)
            if keys_position is None or len(args) <= keys_position:
                return await self._load_unbatched(method, args, options, scope)
            if window is not None:
                if keys_position == 0 and len(args[0]) == 1:
                    return await self._load_window(method, window, args, options, scope)
                return await self._load_unbatched(method, args, options, scope)
            if not (keys := args[keys_position]):
                return {}
            kind = (method.kind, args[:keys_position], args[keys_position + 1 :], *options.items())
            queue = self._queues.get(kind) or self._keyed_queue(kind, method, keys_position, args, options)
            return await queue.load(method.by_identity(keys), scope)

        ask.__name__ = method.name
        return ask

    def _keyed_queue(
        self, kind: Hashable, method: _Method, keys_position: int, args: Sequence[Any], options: Mapping[str, Any]
    ) -> CallQueue:
        before, after = args[:keys_position], args[keys_position + 1 :]

        async def load_keys(some: Sequence[Any]) -> Mapping[Any, Any]:
            found: Mapping[Any, Any] = await method.read(*before, some, *after, **options)
            return found

        result_key = None if method.result_key is _itself else method.result_key
        return self._new_queue(kind, method, load_keys, result_key, gathers=method.gathers)

    async def _load_unbatched(
        self, method: _Method, args: Sequence[Any], options: Mapping[str, Any], scope: RequestScope
    ) -> Any:
        """Share the call with identical calls only."""

        async def once(_keys: Sequence[Any]) -> Mapping[Any, Any]:
            return {_UNBATCHED: (await method.read(*args, **options),)}

        kind = (method.kind, *options.items(), "whole", *map(method.argument_identity, args))
        queue = self._queues.get(kind) or self._new_queue(kind, method, once, None, gathers=False)
        answer = (await queue.load({_UNBATCHED: _UNBATCHED}, scope))[_UNBATCHED]
        if isinstance(answer, ConnectorError):  # it came too late
            raise answer
        return answer[0]

    async def _load_window(
        self, method: _Method, window: Window, args: Sequence[Any], options: Mapping[str, Any], scope: RequestScope
    ) -> Mapping[Any, Any]:
        """A window of one key's list, or the complete list in one batch with those of other requests."""
        key, window_key = args[0][0], (method.identity(args[0][0]), window)

        async def load_window(_key: Sequence[Any]) -> Mapping[Any, Any]:
            found: Mapping[Any, Any] = await method.read(*args, **options)
            rows = found.get(key)
            if isinstance(rows, Rows):
                self._windows_were_complete[method.name] = not window.offset and len(rows.items) < window.limit
            return found

        whole = [None if one is window else one for one in args]
        kind = (method.kind, (), tuple(whole[1:]), *options.items())
        queue = self._queues.get(kind) or self._keyed_queue(kind, method, 0, whole, options)
        if not self._windows_were_complete.get(method.name):
            return await queue.load({window_key: key}, scope, load_window)
        found = await queue.load({method.identity(key): key}, scope, window_call=WindowCall(window_key, load_window))
        rows = found.get(method.result_key(key))
        if isinstance(rows, Rows) and len(rows.items) >= window.limit:  # load windows again from now on
            self._windows_were_complete[method.name] = False
        return found

    def _new_queue(
        self,
        kind: Hashable,
        method: _Method,
        load_batch: LoadBatch,
        result_key: Callable[[Any], Any] | None,
        *,
        gathers: bool,
    ) -> CallQueue:
        on_idle = partial(self._queues.pop, kind, None)
        counts = self.counts.get(method.name) or self.counts.setdefault(method.name, SharingCounts())
        queue = self._queues[kind] = CallQueue(
            self._system, self._health, load_batch, result_key, on_idle, counts, gathers=gathers
        )
        return queue


def _not_shared(method: _Method) -> Callable[..., Awaitable[Any]]:
    """The method for systems whose calls are not shared; what it read may be kept all the same."""
    if not isinstance(method, _KeptMethod):
        return method

    async def ask(*args: Any, **options: Any) -> Any:
        scope = current_scope.get()
        return await (method if scope is None or scope.fresh else method.read)(*args, **options)

    return ask


def _unless_current(
    kept: Callable[..., Awaitable[Any]], current: Callable[..., Awaitable[Any]]
) -> Callable[..., Awaitable[Any]]:
    """A method that takes nothing that is kept in a scope that `is_current`, nor joins a call that may."""

    async def ask(*args: Any, **options: Any) -> Any:
        scope = current_scope.get()
        return await (current if scope is None or scope.is_current else kept)(*args, **options)

    return ask


def _window_in(args: Sequence[Any]) -> Window | None:
    for one in args:
        if one.__class__ is Window:
            return one
    return None
