"""The base class of all loaders: an `aiodataloader.DataLoader` that lives as long as one request."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Self, TypeVar

import msgspec
from aiodataloader import DataLoader, get_chunks

from connectors.errors import Cancelled, ConnectorError
from connectors.http.scope import current_loader

if TYPE_CHECKING:  # an annotation only: the context holds the loaders, and each knows its context
    from resolvers.context import RequestContext

K = TypeVar("K")
V = TypeVar("V")


class Key(msgspec.Struct, frozen=True):
    """Base of keys that are more than an id.

    A key is made and hashed very often: a struct does both in C, in a fraction of the time of a frozen dataclass.
    """


class NoLink:
    """Loaded in place of the records of a customer whom a system cannot identify: the field is null."""


NO_LINK: Final = NoLink()

MOST_AT_ONCE: Final = 1000
"""Most keys of one batch. What is more follows in batches of their own, so that others have their turn between."""


class BatchLoader(DataLoader[K, V], Generic[K, V]):
    """A loader with one cache per request, which is cancelled with the request.

    There is no ownership check: `Loader` has it, for fields. A key without a record loads `missing`. A failed key
    raises its `ConnectorError`, which is cached like a record; other exceptions are not cached.
    """

    missing: ClassVar[Any] = None
    by_id: ClassVar[bool] = False
    """Whether a key is the id of the record that it loads, so that edges by that id can be prefetched."""

    _has_cache_key: ClassVar[bool] = False
    """Whether the class has a method `get_cache_key`."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._has_cache_key = hasattr(cls, "get_cache_key")

    def __init__(self, context: "RequestContext", **options: Any) -> None:
        """`options` are those of `DataLoader`."""
        if options:
            super().__init__(**{"loop": options.get("loop") or asyncio.get_running_loop(), **options})
        else:  # the base class written out, without its questions about the class, which are the same for each request
            self.loop, self._cache, self._queue = asyncio.get_running_loop(), {}, []
            if not self._has_cache_key:
                self.get_cache_key = _itself
        self.context = context
        self._next: list[tuple[K, asyncio.Future[V]]] = []
        """Keys of the next batch, with their futures."""
        self._primed: dict[Any, V] = {}
        """Records of `prime_many` that were not loaded yet, by cache key."""
        self._waiting: dict[asyncio.Future[V], dict[asyncio.Future[None], None]] = {}
        """Who waits for a key, by its future."""
        self._unindexed: list[Sequence[V]] = []
        """Records of `prime_many` that are not in `_primed` yet."""
        self._caches_keys = options.get("get_cache_key") is None and not self._has_cache_key
        """Whether the key itself is the cache key."""

    @classmethod
    def of(cls, context: "RequestContext") -> Self:
        """The request's loader of this class."""
        loader: Self | None = context.loaders.get(cls)
        if loader is None:
            loader = context.loaders[cls] = cls(context)
        return loader

    @property
    def label(self) -> str:
        """Name in traces."""
        return type(self).__name__

    async def found(self, keys: Sequence[K]) -> Mapping[K, Any]:
        """Records by key, for distinct keys; unknown keys are absent. May raise `ConnectorError` for all."""
        raise NotImplementedError

    async def batch_load_fn(self, keys: list[K]) -> list[V]:
        """The values of `found` in the order of the keys; a failed key's value is its failure."""
        found = await self.found(list(dict.fromkeys(keys)))
        return [found.get(key, self.missing) for key in keys]

    def likely_keys(self, keys: Sequence[K]) -> Sequence[K]:
        """The keys whose records the viewer will probably see, so that their edges may be prefetched."""
        return keys

    def expect(self, keys: Sequence[K]) -> None:
        """Keys that will probably be loaded soon (`resolvers.early`). The base class does not prefetch them."""

    def load_many(self, keys: Iterable[K]) -> "asyncio.Future[list[V]]":
        """The records of several keys, in their order. Raises TypeError if `keys` is not iterable."""
        return super().load_many(as_keys(keys))

    def load(self, key: K) -> "asyncio.Future[V]":
        """The future of a key's value. Raises TypeError for None.

        Most loaders cache by the key itself and batch: that is the base class written out, without its calls.
        """
        if key is None or not (self._caches_keys and self.cache and self.batch):
            return super().load(key)
        future = self._cache.get(key)
        if future is None:
            future = self._cache[key] = self.loop.create_future()
            if self._primed or self._unindexed:
                self.do_resolve_reject(key, future)
            elif self._next:  # and so the batch is on its way
                self._next.append((key, future))
            else:
                self._enqueue(key, future)
        return future

    async def load_all(self, keys: Sequence[K]) -> "dict[K, V | ConnectorError]":
        """The record of every key; a failed key maps to its `ConnectorError`. Other exceptions are raised."""
        primed = self._primed_of(keys)
        loading = {key: self.load(key) for key in keys if key not in primed}
        return await _values(keys, primed, loading)

    async def load_now(self, keys: Sequence[K]) -> "dict[K, V | ConnectorError]":
        """Load keys like `load_all`, at once, without waiting for the next batch. For use in another loader's batch.

        That saves a task and two turns of the event loop. Keys that somebody asked for before are waited for; what is
        more than one batch may hold goes the usual way.
        """
        primed = self._primed_of(keys)
        cached = self._cache if self.cache else {}
        loading: dict[K, asyncio.Future[V]] = {}
        now: list[tuple[K, asyncio.Future[V]]] = []
        most = (self.max_batch_size or len(keys)) if self.batch else 1
        for key in dict.fromkeys(keys):
            if key in primed:
                continue
            future = cached.get(self.get_cache_key(key))
            if future is None and len(now) < most:
                future = cached[self.get_cache_key(key)] = self.loop.create_future()
                now.append((key, future))
            elif future is None:
                future = self.load(key)
            loading[key] = future
        if now:
            await self._ask(now)
        return await _values(keys, primed, loading)

    def prime(self, key: K, value: V) -> Self:
        """Cache a key's value, unless the key was loaded or primed before."""
        return self if self._primed_of([key]) else super().prime(key, value)

    def prime_many(self, records: Sequence[V]) -> None:
        """Prime records by their ids. They are indexed only when a key is loaded, as most are never loaded."""
        self._unindexed.append(records)

    def clear(self, key: K) -> Self:
        """Forget the key: it is read again when it is loaded next."""
        self._index()
        self._primed.pop(self.get_cache_key(key), None)
        return super().clear(key)

    def clear_all(self) -> Self:
        """Forget all keys: they are read again when they are loaded next."""
        self._unindexed.clear()
        self._primed.clear()
        return super().clear_all()

    def _primed_of(self, keys: Sequence[K]) -> dict[K, V]:
        """Primed records of the keys that were not loaded yet, by key."""
        self._index()
        if not self._primed or not self.cache:
            return {}
        cached, primed, cache_key = self._cache, self._primed, self.get_cache_key
        return {key: primed[one] for key in keys if (one := cache_key(key)) in primed and one not in cached}

    def _index(self) -> None:
        for records in self._unindexed:
            self._primed.update({self.get_cache_key(record.id): record for record in records})  # type: ignore[attr-defined]  # loaded by id
        self._unindexed.clear()

    def do_resolve_reject(self, key: K, future: "asyncio.Future[V]") -> None:
        """Settle the future with the key's primed record, or add the key to the next batch."""
        if self._unindexed:
            self._index()
        if self._primed and self.cache and (primed := self.get_cache_key(key)) in self._primed:
            future.set_result(self._primed.pop(primed))
            return
        self._enqueue(key, future)

    def _enqueue(self, key: K, future: "asyncio.Future[V]") -> None:
        self._next.append((key, future))
        if not self.batch:
            self._dispatch()
        elif len(self._next) == 1:
            # Two turns later: tasks that start now may load keys of this loader in their first turn.
            self.loop.call_soon(self.loop.call_soon, self._dispatch)

    def _dispatch(self) -> None:
        """Start one task for each batch, where the base class starts two; more than `MOST_AT_ONCE` keys in turns."""
        batch, self._next = self._next[:MOST_AT_ONCE], self._next[MOST_AT_ONCE:]
        if self._next:
            self.loop.call_soon(self._dispatch)
        for part in get_chunks(batch, self.max_batch_size) if self.max_batch_size else [batch]:
            self.loop.create_task(self._batch(part))  # the context keeps it, and ends it

    async def wait_for(self, key: K) -> V:
        """The key's value. Who is cancelled while waiting does not cancel the load, for which others may wait.

        However many wait for a key, its future has one callback, and a waiter is removed in constant time, which
        `asyncio.shield` does not do: with n waiters, each of which is cancelled, it takes n * n steps.
        """
        loading = self.load(key)
        if not loading.done():
            waiting = self._waiting.get(loading)
            if waiting is None:
                waiting = self._waiting[loading] = {}
                loading.add_done_callback(self._wake)
            waiter = self.loop.create_future()
            waiting[waiter] = None
            try:
                await waiter
            finally:
                waiting.pop(waiter, None)
        return loading.result()

    def _wake(self, loaded: "asyncio.Future[V]") -> None:
        for waiter in self._waiting.pop(loaded):
            if not waiter.done():
                waiter.set_result(None)

    async def _batch(self, batch: "list[tuple[K, asyncio.Future[V]]]") -> None:
        task = asyncio.current_task(self.loop)
        assert task is not None  # noqa: S101  # `_dispatch` makes a task of this
        try:
            self.context.joined(task)
        except Cancelled as ended:
            for _, future in batch:
                _fail(future, ended)
            return
        current_loader.set(self.label)
        try:
            await self._ask(batch)
        finally:
            self.context.left(task)
            del task  # or it and its exception, whose traceback has this frame, are in a cycle

    async def _ask(self, batch: "list[tuple[K, asyncio.Future[V]]]") -> None:
        """Settle all futures. Failures of systems are cached like values; other exceptions are not cached."""
        values: Sequence[Any]
        try:
            values = list(await self.batch_load_fn([key for key, _ in batch]))
            if len(values) != len(batch):
                raise TypeError(f"{self.label}: {len(values)} values for {len(batch)} keys.")
        except ConnectorError as failure:
            values = [failure] * len(batch)
        except asyncio.CancelledError:
            # Callers that still wait must not wait for ever.
            for _, future in batch:
                _fail(future, Cancelled("gateway", "the request ended"))
            raise
        except BaseException as fault:
            for key, future in batch:
                self.clear(key)
                _fail(future, fault)
            if not isinstance(fault, Exception):
                raise
            return
        for (_, future), value in zip(batch, values, strict=True):
            if isinstance(value, BaseException):
                _fail(future, value)
            elif not future.done():
                future.set_result(value)


async def _values(
    keys: Sequence[K], primed: dict[K, V], loading: "dict[K, asyncio.Future[V]]"
) -> "dict[K, V | ConnectorError]":
    """The values of all keys, in their order, once all are loaded. Raises exceptions other than `ConnectorError`."""
    for one in loading.values():
        if not one.done():
            await asyncio.wait([one])  # futures of one batch are done together, so one wait is enough
    values: dict[K, Any] = {key: one.exception() or one.result() for key, one in loading.items()}
    for value in values.values():
        if isinstance(value, BaseException) and not isinstance(value, ConnectorError):
            raise value
    return {key: primed[key] if key in primed else values[key] for key in keys} if primed else values


def _itself(key: Any) -> Any:
    """The key as its own cache key."""
    return key


def _fail(future: "asyncio.Future[Any]", failure: BaseException) -> None:
    if future.done():
        return
    # A future cannot hold StopIteration, and must not pass on exceptions that end the process.
    is_plain = isinstance(failure, Exception) and not isinstance(failure, StopIteration)
    future.set_exception(failure if is_plain else RuntimeError(f"a loader gave {failure!r}"))
    if isinstance(failure, ConnectorError):
        future.exception()  # marked as retrieved, so that asyncio does not log it when nobody waits for it


def as_keys(keys: Any) -> Iterable[Any]:
    """`keys`, if they are iterable. Raises TypeError otherwise."""
    if not isinstance(keys, Iterable):
        raise TypeError(f"These should be several keys, and are: {keys!r}.")
    return keys
