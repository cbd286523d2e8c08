"""What one request carries through the graph, and the loaders that live exactly as long.

A loader says `fetch` and `ownership`; this module settles once what all have in common: one cache per request, the
order and the gaps of a batch, who may see a row, and what happens when the request ends early.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

from aiodataloader import DataLoader

from connectors import Connectors
from connectors.errors import Cancelled, ConnectorError
from connectors.records import Fields, Found, Rows
from connectors.request import current_loader
from resolvers.viewer import Viewer

K = TypeVar("K")
V = TypeVar("V")

Rule = Callable[[Any], bool]
"""Whether one record may be seen. Raises `ConnectorError` where what decides about this record could not be read."""

Ownership = Callable[["RequestContext", Sequence[Any]], Awaitable[Rule]]
"""Decides for a whole batch of records at once; may load what it needs to know, in batches too."""


class RequestContext:
    """One request: who asks, what was selected per type, the ports, and the loaders made so far."""

    def __init__(self, viewer: Viewer, connectors: Connectors, selection: Mapping[str, Fields] | None = None) -> None:
        self.viewer = viewer
        self.connectors = connectors
        self.loaders: dict[type[Loader[Any, Any]], Loader[Any, Any]] = {}
        self._selection = selection
        self._granted: set[tuple[str, str]] = set()
        self._batches: set[asyncio.Task[Any]] = set()
        self._closed = False

    def fields(self, type_name: str) -> Fields | None:
        """Attributes that the operation selects of a GraphQL type, anywhere; None where that is not known."""
        return None if self._selection is None else self._selection.get(type_name, frozenset())

    def selects(self, type_name: str) -> bool:
        """Whether the operation reaches a GraphQL type at all, if only for its id."""
        return self._selection is None or type_name in self._selection

    def grant(self, type_name: str, ids: Iterable[str]) -> None:
        """Remember that records of `type_name` hang under one that the viewer owns."""
        self._granted.update((type_name, key) for key in ids)

    def granted(self, type_name: str, key: str) -> bool:
        """Whether `grant` was said for this record."""
        return (type_name, key) in self._granted

    def joined(self, batch: "asyncio.Task[Any]") -> None:
        """A loader's batch began: it ends with the request."""
        if self._closed:
            batch.cancel()
        self._batches.add(batch)
        batch.add_done_callback(self._batches.discard)

    async def close(self) -> None:
        """End what is still under way: nobody waits for it any more."""
        self._closed = True
        batches = list(self._batches)
        for batch in batches:
            batch.cancel()
        await asyncio.gather(*batches, return_exceptions=True)


class Loader(DataLoader[K, V], Generic[K, V]):
    """Base of all loaders, named `XByY`. A key without a record loads `missing`; a failed one raises its failure."""

    missing: ClassVar[Any] = None
    ownership: ClassVar[Ownership]
    primes: ClassVar["type[Loader[str, Any]] | None"] = None
    """The loader by id that need not ask for the records that this one brings."""

    def __init__(self, context: RequestContext) -> None:
        super().__init__()
        self.context = context

    @classmethod
    def of(cls, context: RequestContext) -> Self:
        """The request's loader of this class."""
        loader = context.loaders.get(cls)
        if loader is None:
            loader = context.loaders[cls] = cls(context)
        return cast(Self, loader)

    async def fetch(self, keys: Sequence[K]) -> Found[V] | Mapping[K, V | ConnectorError]:
        """Ask the port for `keys`, which are distinct. Absent keys stay absent. May raise `ConnectorError` for all."""
        raise NotImplementedError

    async def batch_load_fn(self, keys: list[K]) -> list[V | Exception]:  # type: ignore[override]  # values may be failures
        """The batch of one tick: what aiodataloader calls. Failures are values, so that they are kept like others."""
        if (batch := asyncio.current_task()) is not None:
            self.context.joined(batch)
        current_loader.set(type(self).__name__)
        try:
            found = await self.visible(cast(Mapping[K, Any], await self.fetch(keys)))
        except ConnectorError as failure:
            return [failure] * len(keys)
        except asyncio.CancelledError:
            # aiodataloader would leave the futures pending: whoever still waits must learn that nothing comes.
            return [Cancelled("gateway", "the request ended")] * len(keys)
        return [found.get(key, self.missing) for key in keys]

    async def visible(self, found: Mapping[K, Any]) -> Mapping[K, Any]:
        """The same without what the viewer may not see; staff sees everything."""
        if not self.context.viewer.is_staff:
            may_see = await type(self).ownership(self.context, list(_records(found.values())))
            found = {key: seen for key, value in found.items() if (seen := _seen(value, may_see)) is not None}
        if self.primes is not None:
            by_id = self.primes.of(self.context)
            for record in _records(found.values()):
                by_id.prime(record.id, record)
        return found


def _seen(value: Any, may_see: Rule) -> Any:
    """What is left of one key's value; None for a record that is hidden, the failure where that cannot be told."""
    if isinstance(value, ConnectorError):
        return value
    try:
        if isinstance(value, Rows):
            return value.keep(may_see)
        return value if may_see(value) else None
    except ConnectorError as failure:
        return failure


def _records(values: Iterable[Any]) -> Iterable[Any]:
    for value in values:
        if isinstance(value, Rows):
            yield from value.items
        elif not isinstance(value, ConnectorError):
            yield value


async def each(loader: Loader[K, V], keys: Sequence[K]) -> dict[K, V | ConnectorError]:
    """What a loader has for every key, with the failures of keys as values. Other exceptions are raised."""
    found = await asyncio.gather(*(loader.load(key) for key in keys), return_exceptions=True)
    values: dict[K, V | ConnectorError] = {}
    for key, value in zip(keys, found, strict=True):
        if isinstance(value, BaseException) and not isinstance(value, ConnectorError):
            raise value
        values[key] = value
    return values


async def owned(context: RequestContext, _records: Sequence[Any]) -> Rule:
    """Ownership of records that name their customers: one of them must be the viewer's."""
    mine = frozenset(context.viewer.customer_ids)
    return lambda record: not mine.isdisjoint(record.customer_ids)


async def signed_in(context: RequestContext, _records: Sequence[Any]) -> Rule:
    """For records that are about nobody, such as outages: whoever has a token may see them."""
    known = context.viewer.is_signed_in
    return lambda record: known
