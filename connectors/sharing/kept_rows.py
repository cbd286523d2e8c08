"""Rows of one system that outlive a request, for types that the operator names: what is asked before the driver is.

This is beneath the calls that requests of one process share (`connectors.sharing.queue`): of what they miss together,
one process asks the driver, and the others wait for it, for a while, and then ask themselves.

What is kept is what the driver answered: ids are not translated yet, and nobody's rights have been looked at. That
happens above, for each request, as with rows that were just read.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final, Protocol, get_args, get_type_hints

import msgspec
from yarl import URL

from connectors.errors import Busy, ConnectorError, Failed, Garbled, RateLimited, TimedOut, Unreachable
from connectors.http.scope import CachedRows, RequestScope, Stale, current_loader, current_scope
from connectors.ports import Effect, marks
from connectors.records import Record, Rows, Window
from connectors.settings import System
from connectors.store.rows_in_redis import MOST_BYTES, Looked, NotKept, RowsInRedis, State, Times, new_token

PAUSES: Final = (0.005, 0.1)
"""Seconds between two looks at what another process reads: at first, and at most."""

SETTLES: Final = 1.0
"""Seconds after an event for which nothing is kept: some systems tell of a change before it can be read."""

_GATEWAY: Final = version("opticom-gateway")

_AWAY: Final = (Unreachable, TimedOut, Failed, Busy, RateLimited, Garbled)
"""What a system does not answer, or not usably, for the time being."""

_PREFIX: Final = 32
"""Characters of a row's name, which stand before it: a row under another one's name is not that."""

Ask = Callable[[Sequence[Any]], Awaitable[Mapping[Any, Any]]]


class CachedType(msgspec.Struct, frozen=True):
    """A type whose rows can be kept: its record, and the graph's types with which it changes.

    What a record holds can be written down and read again: no file, which only the driver that found it can open.
    """

    record: type[Record]
    changes_with: frozenset[str]


class Keeping(msgspec.Struct, frozen=True):
    """For how many seconds rows of a type are kept, and for how many more they are shown while their system is down."""

    seconds: float
    stale: float = 0.0


class Counted(Protocol):
    """Counts rows of a type by what became of them: `hit`, `miss`, `stale`, `eviction`."""

    def __call__(self, type_name: str, outcome: str, rows: int, /) -> None:
        """Count so many rows."""


class KeptMethod(msgspec.Struct, frozen=True):
    """One method of the port whose rows are kept: its type, and how a row of it is written."""

    type_name: str
    name: str
    keeping: Keeping
    encoded_by: bytes
    decoder: "msgspec.json.Decoder[Any]"
    windows: bool


class KeptRows:
    """The rows of one system that are kept."""

    def __init__(
        self,
        store: RowsInRedis,
        domain: str,
        port: type[Any],
        system: System,
        configuration: object,
        types: Mapping[str, CachedType],
        keeping: Mapping[str, Keeping],
        counted: Counted,
    ) -> None:
        """`types` are those of the domain; `keeping` are those that the operator names, of any domain.

        `configuration` is the driver's, whose `repr` has no secrets: other names are made of it, too.
        """
        self._store, self._domain, self._counted = store, domain, counted
        self._types = {name: one for name, one in types.items() if name in keeping}
        self._is_personal = system.is_personal
        self._lease = system.timeout + system.connect_timeout
        self._reads_after = system.reads_after
        # The `repr` of settings leaves out what is secret: names can be read by whoever may look into Redis.
        bare = system.model_copy(update={"options": {}, "profile": {}})
        self._system = _digest(repr((domain, bare, URL(system.url).user, configuration)).encode())
        self.methods = dict(_methods(port, self._types, keeping))

    def __bool__(self) -> bool:
        return bool(self.methods)

    async def changed(self, changed: Collection[str], quiet: float = 0.0) -> None:
        """Records of these types of the graph may have changed; of any type, if there are none."""
        names = [name for name, one in self._types.items() if not changed or not one.changes_with.isdisjoint(changed)]
        if names:
            await self._store.evict([self._group(name) for name in names], max(quiet, self._reads_after))
            for name in names:
                self._counted(name, "eviction", 1)

    async def load(
        self,
        method: KeptMethod,
        ask: Ask,
        keys: Mapping[Hashable, Any],
        arguments: Sequence[Any],
        result_key: Callable[[Any], Any],
    ) -> Mapping[Any, Any]:
        """What `ask` would find for the arguments `keys`, by result key; they are named by their identity.

        `arguments` are those beside the keys: two calls of the same ones get the same answer. Raises as `ask` does.
        """
        scope = current_scope.get()
        named = None if scope is None else self._named(method, keys, arguments, scope)
        if scope is None or named is None:
            return await ask(list(keys.values()))
        return await _Loading(self, self._store, method, ask, result_key, scope, self._times(method)).load(named)

    def count(self, method: KeptMethod, outcome: str, rows: int) -> None:
        """Count rows of a method by what became of them."""
        if rows:
            self._counted(method.type_name, outcome, rows)

    @property
    def domain(self) -> str:
        """The system's name."""
        return self._domain

    def group(self, method: KeptMethod) -> str:
        """The name of all rows that are evicted together with a method's."""
        return self._group(method.type_name)

    def _group(self, type_name: str) -> str:
        return f"{self._system}:{type_name}"

    def _times(self, method: KeptMethod) -> Times:
        keeping = method.keeping
        return Times(keeping.seconds, keeping.seconds + keeping.stale, self._lease)

    def _named(
        self, method: KeptMethod, keys: Mapping[Hashable, Any], arguments: Sequence[Any], scope: RequestScope
    ) -> dict[str, Any] | None:
        """The keys by the names of their rows; None where nothing can be kept: of a caller who is nobody."""
        whose = ""
        if self._is_personal:
            if scope.token is None:
                return None
            whose = _digest(scope.token.encode())
        asked = (self._system, method.name, _GATEWAY, whose, arguments)
        before = method.encoded_by + msgspec.json.encode(asked, order="deterministic")
        return {_digest(before + msgspec.json.encode(key, order="deterministic")): one for key, one in keys.items()}


class _Loading:
    """One question: from looking at what is kept to keeping what was read."""

    def __init__(
        self,
        kept: KeptRows,
        store: RowsInRedis,
        method: KeptMethod,
        ask: Ask,
        result_key: Callable[[Any], Any],
        scope: RequestScope,
        times: Times,
    ) -> None:
        self._kept, self._store, self._method, self._ask = kept, store, method, ask
        self._result_key, self._scope, self._times = result_key, scope, times
        self._group, self._found = kept.group(method), dict[Any, Any]()
        self._stale: dict[str, tuple[Any, float]] = {}
        """By name, rows that are too old, and their age: for when the system does not answer."""

    async def load(self, named: dict[str, Any]) -> Mapping[Any, Any]:
        """Results by result key. Raises what the driver raises where nothing is known of any key."""
        waiting, pause = named, PAUSES[0]
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
                continue
            ours = {name: one for name, one in waiting.items() if states[name] is State.OURS}
            full = {name: one for name, one in waiting.items() if states[name] is State.FULL}
            if ours:
                await self._read(ours, looked, token)
            if full:
                await self._read(full, None, token)
            waiting = {name: one for name, one in waiting.items() if states[name] is State.LEASED}
            if waiting and not ours:
                if time.monotonic() + pause > ends:
                    await self._read(waiting, None, token)
                    break
                await asyncio.sleep(pause)
                pause = min(2 * pause, PAUSES[1])
        return self._found

    def _sorted(
        self, waiting: Mapping[str, Any], looked: Looked
    ) -> tuple[dict[str, tuple[Any, Any]], dict[str, State], list[str]]:
        """The fresh rows, who reads the others, and the names of those that nobody can read."""
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
        told = CachedRows(self._kept.domain, self._method.name, tuple(map(str, keys)), current_loader.get(), is_stale)
        self._scope.cached = [*(self._scope.cached or ()), told]
        self._kept.count(self._method, "stale" if is_stale else "hit", len(rows))

    async def _read(self, some: Mapping[str, Any], looked: Looked | None, token: str) -> None:
        """Ask the driver, and keep what it answers if `looked` has its leases. Raises where nothing else is known."""
        self._kept.count(self._method, "miss", len(some))
        unread: dict[str, bytes | NotKept] = dict.fromkeys(some, NotKept.UNREAD)
        answer: dict[Any, Any]
        try:
            answer = dict(await self._ask(list(some.values())))
        except ConnectorError as failure:
            self._settle(looked, token, unread)
            if not self._found and not any(name in self._stale for name in some):
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
        told = Stale(self._kept.domain, age)
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


def _methods(
    port: type[Any], types: Mapping[str, CachedType], keeping: Mapping[str, Keeping]
) -> Iterator[tuple[str, KeptMethod]]:
    """The port's batches whose answers are rows of these types."""
    for name, mark in marks(port).items():
        if mark.effect is not Effect.READ or mark.keys is None:
            continue
        hints = get_type_hints(getattr(port, name))
        answer = hints["return"]
        for type_name, one in types.items():
            kind = next((part for part in _parts(answer) if part in (one.record, Rows[one.record])), None)  # type: ignore[name-defined]  # a type that is known when this runs
            if kind is not None:
                form = repr(msgspec.inspect.type_info(kind)).encode()
                windows = Window in {part for hint in hints.values() for part in (hint, *get_args(hint))}
                decoder = msgspec.json.Decoder(kind)
                yield name, KeptMethod(type_name, name, keeping[type_name], _digest(form).encode(), decoder, windows)


def _parts(hint: Any) -> Iterator[Any]:
    """A type and those that it is made of, the larger ones first."""
    yield hint
    for one in get_args(hint):
        yield from _parts(one)


def _digest(text: bytes) -> str:
    return hashlib.blake2b(text, digest_size=16).hexdigest()
