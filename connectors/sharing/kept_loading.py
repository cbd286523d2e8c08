"""One question for rows that may be kept: look at what is kept, ask the driver for the rest, keep what it answers."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from connectors.errors import Busy, ConnectorError, Failed, Garbled, RateLimited, TimedOut, Unreachable
from connectors.http.scope import CachedRows, RequestScope, Stale, current_loader
from connectors.records import Rows
from connectors.sharing.kept_types import Counted, KeptMethod
from connectors.store.rows_in_redis import MOST_BYTES, Looked, NotKept, RowsInRedis, State, Times, new_token

PAUSES: Final = (0.005, 0.1)
"""Seconds between two looks at what another process reads: at first, and at most."""

_AWAY: Final = (Unreachable, TimedOut, Failed, Busy, RateLimited, Garbled)
"""What a system does not answer, or not usably, for the time being."""

_PREFIX: Final = 32
"""Characters of a row's name, which stand before it: a row under another one's name is not that."""

Ask = Callable[[Sequence[Any]], Awaitable[Mapping[Any, Any]]]
"""Asks the driver for some keys: what it found, by result key."""


class Loading:
    """One question: from looking at what is kept to keeping what was read."""

    def __init__(
        self,
        store: RowsInRedis,
        domain: str,
        group: str,
        method: KeptMethod,
        ask: Ask,
        result_key: Callable[[Any], Any],
        scope: RequestScope,
        times: Times,
        counted: Counted,
    ) -> None:
        """`group`: the rows that are evicted together with the method's."""
        self._store, self._domain, self._group, self._method = store, domain, group, method
        self._ask, self._result_key, self._scope, self._times = ask, result_key, scope, times
        self._counted, self._found = counted, dict[Any, Any]()
        self._number = 0
        self._stale: dict[str, tuple[Any, float]] = {}
        """By name, rows that are too old, and their age: for when the system does not answer."""

    async def load(self, named: dict[str, Any]) -> Mapping[Any, Any]:
        """Results by result key. Raises what the driver raises where nothing is known of any key."""
        waiting, pause, self._number = named, PAUSES[0], len(named)
        ends = time.monotonic() + min(self._times.lease, self._scope.remaining() / 2)
        while waiting:
            token = new_token()
            looked = await self._store.look(self._group, list(waiting), token, self._times)
            if looked is None:
                await self._read(waiting, None, token)
                break
            fresh, states, garbled = self._sorted(waiting, looked)
            self._take(fresh, is_stale=False)
            waiting = {name: one for name, one in waiting.items() if name not in fresh}
            if garbled:
                await self._store.forget(garbled)
            ours = {name: one for name, one in waiting.items() if states[name] is State.OURS}
            full = {name: one for name, one in waiting.items() if states[name] is State.FULL}
            if ours:
                await self._read(ours, looked, token)
            if full:
                await self._read(full, None, token)
            waiting = {name: one for name, one in waiting.items() if states[name] is State.LEASED or name in garbled}
            if waiting and not ours and not garbled:
                if time.monotonic() + pause > ends:
                    await self._read(waiting, None, token)
                    break
                await asyncio.sleep(pause)
                pause = min(2 * pause, PAUSES[1])
        return self._found

    def _sorted(
        self, waiting: Mapping[str, Any], looked: Looked
    ) -> tuple[dict[str, tuple[Any, Any]], dict[str, State], list[str]]:
        """The fresh rows, who reads the others, and the names of those that should be fresh and nobody can read."""
        fresh: dict[str, tuple[Any, Any]] = {}
        states: dict[str, State] = {}
        garbled: list[str] = []
        self._stale.clear()
        for (name, argument), one in zip(waiting.items(), looked.rows, strict=True):
            states[name] = one.state
            if not one.row:
                continue
            try:
                row = self._decoded(name, one.row)
            except (ValueError, msgspec.MsgspecError, RecursionError):
                if one.state is State.FRESH:
                    garbled.append(name)
                continue
            if one.state is State.FRESH:
                fresh[name] = argument, row
            else:
                self._stale[name] = row, one.age
        return fresh, states, garbled

    def _decoded(self, name: str, row: bytes) -> Any:
        if row[:_PREFIX] != name.encode():
            raise ValueError(name)
        return self._method.decoder.decode(row[_PREFIX:])

    def _take(self, rows: Mapping[str, tuple[Any, Any]], *, is_stale: bool) -> None:
        """Answer with rows that were kept."""
        if not rows:
            return
        keys = [self._result_key(argument) for argument, _ in rows.values()]
        self._found.update(zip(keys, (row for _, row in rows.values()), strict=True))
        told = CachedRows(self._domain, self._method.name, tuple(map(str, keys)), current_loader.get(), is_stale)
        self._scope.cached = [*(self._scope.cached or ()), told]
        self._counted(self._method.type_name, "stale" if is_stale else "hit", len(rows))

    async def _read(self, some: Mapping[str, Any], looked: Looked | None, token: str) -> None:
        """Ask the driver, and keep what it answers if `looked` has its leases. Raises where nothing else is known."""
        self._counted(self._method.type_name, "miss", len(some))
        unread: dict[str, bytes | NotKept] = dict.fromkeys(some, NotKept.UNREAD)
        answer: dict[Any, Any]
        try:
            answer = dict(await self._ask(list(some.values())))
        except ConnectorError as failure:
            self._settle(looked, token, unread)
            if len(some) == self._number and not any(name in self._stale for name in some):
                raise
            answer = {self._result_key(argument): failure for argument in some.values()}
        except BaseException:
            self._settle(looked, token, unread)
            raise
        else:
            rows = {name: self._encoded(name, answer.get(self._result_key(one))) for name, one in some.items()}
            self._settle(looked, token, rows)
        stale = {
            name: (argument, self._stale[name])
            for name, argument in some.items()
            if name in self._stale and isinstance(answer.get(self._result_key(argument)), _AWAY)
        }
        self._found.update(answer)
        self._take({name: (argument, _marked(*old)) for name, (argument, old) in stale.items()}, is_stale=True)
        for argument, (row, age) in stale.values():
            self._scope.note_stale(dict(self._marks(self._result_key(argument), row, age)))

    def _marks(self, key: Any, row: Any, age: float) -> Iterator[tuple[Hashable, Stale]]:
        told = Stale(self._domain, age)
        yield (self._method.name, key), told
        for one in row.items if isinstance(row, Rows) else [row]:
            yield (type(one), one.id), told

    def _settle(self, looked: Looked | None, token: str, rows: Mapping[str, bytes | NotKept]) -> None:
        if looked is not None:
            self._store.settle(self._group, looked, token, rows, self._times)

    def _encoded(self, name: str, value: Any) -> bytes | NotKept:
        """A whole answer as it is kept. What does not exist is not kept: who makes it would not see it."""
        if value is None:
            return NotKept.NOTHING
        if isinstance(value, ConnectorError):
            return NotKept.UNREAD if isinstance(value, _AWAY) else NotKept.NOTHING
        if isinstance(value, Rows) and not _is_whole(value, windows=self._method.windows):
            return NotKept.NOTHING
        try:
            row = msgspec.json.encode(value)
        except (TypeError, ValueError, OverflowError, RecursionError):  # what only its driver understands
            return NotKept.NOTHING
        return name.encode() + row if len(row) <= MOST_BYTES else NotKept.NOTHING


def _is_whole(rows: "Rows[Any]", *, windows: bool) -> bool:
    """Whether a list lacks nothing that was asked for."""
    if rows.unread or rows.stale or rows.total_doubted:
        return False
    return rows.total is not None if rows.complete else windows


def _marked(row: Any, age: float) -> Any:
    return msgspec.structs.replace(row, stale=age) if isinstance(row, Rows) else row
