"""What asks in batches and lives as long as one request: the base of all loaders."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Self, TypeVar, cast

from connectors.errors import Cancelled, ConnectorError
from connectors.http.scope import current_loader

if TYPE_CHECKING:  # an annotation only: the context holds the loaders, and each knows its context
    from resolvers.context import RequestContext

K = TypeVar("K")
V = TypeVar("V")


class NoLink:
    """In place of what hangs under a customer whom a system cannot be asked about: the field is null."""


NO_LINK: Final = NoLink()


class BatchLoader(Generic[K, V]):
    """One cache per request, order and gaps of a batch, failures as values, an end when the request ends early.

    What it gives is not checked for who may see it: only `Loader` is for fields. A key without a record loads
    `missing`; a failed one raises its failure.
    """

    missing: ClassVar[Any] = None
    by_id: ClassVar[bool] = False
    """Whether a key is the id of the record that it loads: what hangs on that id can be asked for beside it."""

    def __init__(self, context: "RequestContext") -> None:
        self.context = context
        self._loop = asyncio.get_running_loop()
        self._loading: dict[K, asyncio.Future[V]] = {}
        self._next: list[K] = []
        """Keys of the next batch."""
        self._primed: dict[K, V] = {}
        self._unindexed: list[Sequence[V]] = []
        """Records that came since the last load."""

    @classmethod
    def of(cls, context: "RequestContext") -> Self:
        """The request's loader of this class."""
        loader = context.loaders.get(cls)
        if loader is None:
            loader = context.loaders[cls] = cls(context)
        return cast(Self, loader)

    def load(self, key: K) -> "asyncio.Future[V]":
        """The record of a key: in the next batch, unless it was asked for or primed. Raises TypeError for None."""
        loading = self._loading.get(key)
        if loading is None:
            if key is None:
                raise TypeError(f"{self.label}: a key is None.")
            loading = self._loading[key] = self._loop.create_future()
            if self._unindexed:
                self._index()
            if key in self._primed:
                loading.set_result(self._primed.pop(key))
                return loading
            if not self._next:
                # The turn after the next one: what is begun now may ask for the same loader's keys in its first turn.
                self._loop.call_soon(self._loop.call_soon, self._begin)
            self._next.append(key)
        return loading

    def load_many(self, keys: Iterable[K]) -> "asyncio.Future[list[V]]":
        """The records of several keys, in their order. Raises TypeError for what is no list of keys."""
        return asyncio.gather(*map(self.load, listed(keys)))

    async def load_all(self, keys: Sequence[K]) -> "dict[K, V | ConnectorError]":
        """The record of every key, with the failures of keys as values. Other exceptions are raised."""
        values = self._primed_of(keys)
        loading = {key: self.load(key) for key in keys if key not in values}
        if not loading:
            return values
        await settled(loading.values())
        for key, one in loading.items():
            failure = one.exception()
            if failure is not None and not isinstance(failure, ConnectorError):
                raise failure
            values[key] = one.result() if failure is None else failure
        return {key: values[key] for key in keys}

    async def load_now(self, keys: Sequence[K]) -> "dict[K, V | ConnectorError]":
        """As `load_all`, in this task instead of the next batch's, for another loader's batch about the same keys.

        That saves a task and two turns of the event loop. Keys that somebody asked for before are waited for.
        """
        if self._unindexed:
            self._index()
        loading = {
            key: self._loop.create_future() for key in keys if key not in self._loading and key not in self._primed
        }
        if loading:
            self._loading.update(loading)
            await self._ask(list(loading))
            failures = [one.exception() for one in loading.values()]
            for failure in failures:
                if failure is not None and not isinstance(failure, ConnectorError):
                    raise failure
        return await self.load_all(keys)

    def prime_many(self, records: Sequence[V]) -> None:
        """Records that others read are not asked for by their ids. Cheap, as nobody will load most of them."""
        self._unindexed.append(records)

    def _primed_of(self, keys: Sequence[K]) -> "dict[K, V | ConnectorError]":
        """Those of the keys whose records were primed, and that nobody loaded: they need not be waited for."""
        if self._unindexed:
            self._index()
        primed, loading = self._primed, self._loading
        return {key: primed[key] for key in keys if key in primed and key not in loading} if primed else {}

    def _index(self) -> None:
        for records in self._unindexed:
            self._primed.update({record.id: record for record in records})  # type: ignore[attr-defined]  # loaded by id
        self._unindexed.clear()

    def prime(self, key: K, value: V) -> None:
        """What a key would load is known."""
        self._primed[key] = value

    @property
    def label(self) -> str:
        """The name in traces."""
        return type(self).__name__

    def foreseen(self, keys: Sequence[K]) -> Sequence[K]:
        """Those of the keys whose records the viewer is likely to get, so that what hangs on them may be begun with."""
        return keys

    def expect(self, keys: Sequence[K]) -> None:
        """Keys that will probably be loaded soon (see `resolvers.early`). This one waits until they are."""

    async def found(self, keys: Sequence[K]) -> Mapping[K, Any]:
        """What there is for `keys`, which are distinct. Absent keys stay absent. May raise `ConnectorError` for all."""
        raise NotImplementedError

    def _begin(self) -> None:
        keys, self._next = self._next, []
        self._loop.create_task(self._batch(keys))  # the context keeps it, and ends it

    async def _batch(self, keys: Sequence[K]) -> None:
        batch = asyncio.current_task(self._loop)
        assert batch is not None  # noqa: S101  # `_begin` makes a task of this
        try:
            self.context.joined(batch)
        except Cancelled as ended:
            for key in keys:
                self._settle(self._loading[key], ended)
            return
        current_loader.set(self.label)
        try:
            await self._ask(keys)
        finally:
            self.context.left(batch)

    async def _ask(self, keys: Sequence[K]) -> None:
        """Failures are values, so that they are kept like others; a fault is not kept. All keys are settled, always."""
        values: Sequence[Any]
        try:
            found = await self.found(keys)
            values = [found.get(key, self.missing) for key in keys]
        except ConnectorError as failure:
            values = [failure] * len(keys)
        except asyncio.CancelledError:
            # Whoever still waits must learn that nothing comes.
            for key in keys:
                self._settle(self._loading[key], Cancelled("gateway", "the request ended"))
            raise
        except BaseException as fault:
            for key in keys:
                self._settle(self._loading.pop(key), fault)
            if not isinstance(fault, Exception):
                raise
            return
        for key, value in zip(keys, values, strict=True):
            loading = self._loading[key]
            if isinstance(value, BaseException):
                self._settle(loading, value)
            elif not loading.done():
                loading.set_result(value)

    @staticmethod
    def _settle(loading: "asyncio.Future[V]", failure: BaseException) -> None:
        if loading.done():
            return
        # A future takes no StopIteration, and would hand on what ends the process.
        is_plain = isinstance(failure, Exception) and not isinstance(failure, StopIteration)
        loading.set_exception(failure if is_plain else RuntimeError(f"a loader gave {failure!r}"))
        if isinstance(failure, ConnectorError):
            loading.exception()  # seen: one that nobody waits for any more is no news for the log


def listed(keys: Any) -> Iterable[Any]:
    """The keys. Raises TypeError where they are none."""
    if not isinstance(keys, Iterable):
        raise TypeError(f"These should be several keys, and are: {keys!r}.")
    return keys


async def settled(loading: Iterable["asyncio.Future[Any]"]) -> None:
    """Wait for all of them, failed or not. Those of one batch are done together: one wait, and not one for each."""
    for one in loading:
        if not one.done():
            await asyncio.wait([one])
