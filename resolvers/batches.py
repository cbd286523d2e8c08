"""What asks in batches and lives as long as one request: the base of all loaders."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast

from aiodataloader import DataLoader

from connectors.errors import Cancelled, ConnectorError
from connectors.request import current_loader

if TYPE_CHECKING:
    from resolvers.context import RequestContext

K = TypeVar("K")
V = TypeVar("V")


class BatchLoader(DataLoader[K, V], Generic[K, V]):
    """One cache per request, order and gaps of a batch, failures as values, an end when the request ends early.

    What it gives is not checked for who may see it: only `Loader` is for fields. A key without a record loads
    `missing`; a failed one raises its failure.
    """

    missing: ClassVar[Any] = None
    by_id: ClassVar[bool] = False
    """Whether a key is the id of the record that it loads: what hangs on that id can be asked for beside it."""

    def __init__(self, context: "RequestContext") -> None:
        super().__init__()
        self.context = context
        self._brought: dict[K, V] = {}

    @classmethod
    def of(cls, context: "RequestContext") -> Self:
        """The request's loader of this class."""
        loader = context.loaders.get(cls)
        if loader is None:
            loader = context.loaders[cls] = cls(context)
        return cast(Self, loader)

    def load(self, key: K) -> "asyncio.Future[V]":
        """The record of a key; in the next batch, where nobody brought it yet."""
        if key in self._brought:
            super().prime(key, self._brought.pop(key))
        return super().load(key)

    def bring(self, values: Mapping[K, V]) -> None:
        """Records that others brought are not asked for. They wait without a future: most of them nobody will load."""
        self._brought.update(values)

    @property
    def label(self) -> str:
        """The name in traces."""
        return type(self).__name__

    def foreseen(self, keys: Sequence[K]) -> Sequence[K]:
        """Those of the keys whose records the viewer is likely to get, so that what hangs on them may be begun with."""
        return keys

    def expect(self, keys: Sequence[K]) -> None:
        """Keys that will probably be loaded soon: a loader may begin with them. This one waits until they are."""

    async def found(self, keys: Sequence[K]) -> Mapping[K, Any]:
        """What there is for `keys`, which are distinct. Absent keys stay absent. May raise `ConnectorError` for all."""
        raise NotImplementedError

    async def batch_load_fn(self, keys: list[K]) -> list[V | Exception]:  # type: ignore[override]  # values may be failures
        """The batch of one tick: what aiodataloader calls. Failures are values, so that they are kept like others."""
        if (batch := asyncio.current_task()) is not None:
            self.context.joined(batch)
        current_loader.set(self.label)
        try:
            found = await self.found(keys)
        except ConnectorError as failure:
            return [failure] * len(keys)
        except asyncio.CancelledError:
            # aiodataloader would leave the futures pending: whoever still waits must learn that nothing comes.
            return [Cancelled("gateway", "the request ended")] * len(keys)
        return [found.get(key, self.missing) for key in keys]


async def each(loader: BatchLoader[K, V], keys: Sequence[K]) -> dict[K, V | ConnectorError]:
    """What a loader has for every key, with the failures of keys as values. Other exceptions are raised."""
    found = await asyncio.gather(*(loader.load(key) for key in keys), return_exceptions=True)
    values: dict[K, V | ConnectorError] = {}
    for key, value in zip(keys, found, strict=True):
        if isinstance(value, BaseException) and not isinstance(value, ConnectorError):
            raise value
        values[key] = value
    return values
