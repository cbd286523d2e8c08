"""What one request carries through the graph, and the loaders that live exactly as long.

A loader says `fetch` and `ownership`; this module settles once what all have in common: one cache per request, the
order and the gaps of a batch, who may see a row, and what happens when the request ends early.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from connectors import Connectors
from connectors.errors import Cancelled, ConnectorError
from connectors.http.scope import current_scope
from connectors.records import Fields, Rows
from resolvers.early import EarlyLoads
from resolvers.loader import BatchLoader, NoLink
from resolvers.ownership import customers_of, records
from resolvers.viewer import Viewer

K = TypeVar("K")
V = TypeVar("V")

Rule = Callable[[Any], bool]
"""Whether one record may be seen. Raises `ConnectorError` where what decides about this record could not be read."""

Ownership = Callable[["RequestContext", Sequence[Any]], Awaitable[Rule]]
"""Decides for a whole batch of records at once; may load what it needs to know, in batches too."""

Translate = Callable[["RequestContext", Connectors], Connectors]
"""Makes one request's ports of the connectors: what they answer has the graph's ids (`resolvers.translated_ports`)."""


class RequestContext:
    """One request: who asks, what was selected per type, the ports, and the loaders made so far."""

    def __init__(
        self,
        viewer: Viewer,
        connectors: Connectors,
        translate: Translate,
        selection: Mapping[str, Fields] | None = None,
    ) -> None:
        self.viewer = viewer
        self.connectors = translate(self, connectors)
        self.loaders: dict[type[BatchLoader[Any, Any]], BatchLoader[Any, Any]] = {}
        self.early = EarlyLoads()
        self._selection = selection
        self._granted: defaultdict[str, set[str]] = defaultdict(set)
        self._batches: set[asyncio.Task[Any]] = set()
        self._closed = False

    def loader(self, kind: type[BatchLoader[K, V]]) -> BatchLoader[K, V]:
        """The request's loader of a class."""
        return kind.of(self)

    def renew(self) -> None:
        """Forget what was loaded and begun with: it may be stale after a write. What is under way goes on, unheard."""
        self.loaders.clear()
        self.early.clear()

    def fields(self, type_name: str) -> Fields | None:
        """Attributes that the operation selects of a GraphQL type, anywhere; None where that is not known."""
        return None if self._selection is None else self._selection.get(type_name, frozenset())

    def selects(self, type_name: str) -> bool:
        """Whether the operation reaches a GraphQL type at all, if only for its id."""
        return self._selection is None or type_name in self._selection

    def grant(self, type_name: str, ids: Iterable[str]) -> None:
        """Remember that records of `type_name` hang under one that the viewer owns."""
        self._granted[type_name].update(ids)

    def granted(self, type_name: str, key: str) -> bool:
        """Whether `grant` was said for this record."""
        return key in self._granted[type_name]

    def warn(self, system: str, message: str) -> None:
        """Say in the trace of this request what is wrong with a link between systems."""
        if scope := current_scope.get():
            scope.warn(system, message)

    def warn_staff(self, system: str, message: str) -> None:
        """`warn`, where the message may tell what exists that is not the viewer's."""
        if self.viewer.is_staff:
            self.warn(system, message)

    def joined(self, batch: "asyncio.Task[Any]") -> None:
        """A loader's batch begins: it ends with the request. Raises `Cancelled` where that has ended."""
        if self._closed:
            raise Cancelled("gateway", "the request ended")
        self._batches.add(batch)

    def left(self, batch: "asyncio.Task[Any]") -> None:
        """It has all it asked for."""
        self._batches.discard(batch)

    async def close(self) -> None:
        """End what is still under way: nobody waits for it any more. The loaders go with all that they hold."""
        self._closed = True
        self.loaders.clear()  # They point back here, and a circle would wait for the garbage collector.
        self.early.clear()
        batches = list(self._batches)
        for batch in batches:
            batch.cancel()
        if batches:
            await asyncio.gather(*batches, return_exceptions=True)


class Loader(BatchLoader[K, V], Generic[K, V]):
    """Base of all loaders of fields, named `XByY`. What the viewer may not see is as if it did not exist."""

    domain: ClassVar[str]
    """Whose port is asked."""
    ownership: ClassVar[Ownership]
    primes: ClassVar["type[Loader[str, Any]] | None"] = None
    """The loader by id that need not ask for the records that this one brings."""
    entity: ClassVar[str | None] = None
    """What a loader by id loads: then a key without a record is a link that leads nowhere."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.by_id = cls.entity is not None

    async def fetch(self, keys: Sequence[K]) -> Mapping[K, Any]:
        """Ask the port for `keys`, which are distinct. Absent keys stay absent. May raise `ConnectorError` for all."""
        raise NotImplementedError

    def expect(self, keys: Sequence[K]) -> None:
        """Begin to ask the port. Who may see what comes is decided when it is loaded, and what never is, is dropped."""
        self.context.early.expect(self, keys)

    async def found(self, keys: Sequence[K]) -> Mapping[K, Any]:
        """What the port has for `keys`, and only what the viewer may see."""
        found = await self.visible(await self.context.early.answers(self, keys))
        if self.entity is not None:
            for key in keys:
                if key not in found:
                    self.context.warn_staff(self.domain, f"{self.entity}:{key} does not exist in this system")
        return found

    async def visible(self, found: Mapping[K, Any]) -> Mapping[K, Any]:
        """The same without what the viewer may not see; staff sees everything."""
        if not self.context.viewer.is_staff:
            may_see = await type(self).ownership(self.context, list(records(found.values())))
            found = {key: seen for key, value in found.items() if (seen := _seen(value, may_see)) is not None}
        if self.primes is not None:
            known = self.primes.of(self.context)
            for value in found.values():
                known.prime_many(value.items if isinstance(value, Rows) else list(records([value])))
        return found


def _seen(value: Any, may_see: Rule) -> Any:
    """What is left of one key's value; None for a record that is hidden, the failure where that cannot be told."""
    if isinstance(value, (ConnectorError, NoLink)):
        return value
    try:
        if isinstance(value, Rows):
            return value.keep(may_see)
        return value if may_see(value) else None
    except ConnectorError as failure:
        return failure


async def customer_ownership(context: RequestContext, _records: Sequence[Any]) -> Rule:
    """Ownership of records that name their customers: one of them must be the viewer's."""
    is_strangers = frozenset(context.viewer.customer_ids).isdisjoint
    return lambda record: not is_strangers(customers_of(record))


async def signed_in_ownership(context: RequestContext, _records: Sequence[Any]) -> Rule:
    """For records that are about nobody, such as outages: whoever has a token may see them."""
    known = context.viewer.is_signed_in
    return lambda record: known
