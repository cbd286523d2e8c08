"""The context of one request, and the base class of the loaders that live as long as it.

A loader defines `fetch` and `ownership`. Its base classes add the cache per request, the order of a batch, the
ownership check, and the end of batches when the request ends early.
"""

import asyncio
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Self, TypeVar

from connectors import Connectors
from connectors.errors import Cancelled, ConnectorError
from connectors.http.scope import RequestScope, current_scope
from connectors.records import Fields, Rows
from resolvers.documents import PATHS, Addresses
from resolvers.early import EarlyLoads
from resolvers.loader import BatchLoader, NoLink
from resolvers.ownership import customers_of, records
from resolvers.unmasked import Unmasked
from resolvers.viewer import Viewer

if TYPE_CHECKING:
    from resolvers.writing.writes import Writes

K = TypeVar("K")
V = TypeVar("V")

MOST_GAPS: Final = 100
"""Lists that lack rows of which an answer tells which they are."""

Rule = Callable[[Any], bool]
"""Whether a record may be seen. Raises `ConnectorError` if what decides about it could not be read."""

Ownership = Callable[["RequestContext", Sequence[Any]], Awaitable[Rule]]
"""Makes the rule for a batch of records. It may load what it needs, in batches."""

Translate = Callable[["RequestContext", Connectors], Connectors]
"""Wraps the connectors for one request so that ids are translated (`resolvers.translated_ports`)."""


class RequestContext:
    """One request: the viewer, the selected attributes by type, the ports, and the loaders made so far."""

    has_gaps = False
    """Whether any list that was loaded lacks rows that could not be read, or anything is too old."""
    more_gaps = 0
    """How many such lists there are besides `gaps`."""
    unmasked: Unmasked | None = None
    """What was read in full by scopes whose use is noted."""
    writes: "Writes | None" = None
    """What writes once; None where nothing is written."""
    addresses: Addresses = PATHS
    """Where clients find documents."""
    _closed = _is_current = False

    def __init__(
        self,
        viewer: Viewer,
        connectors: Connectors,
        translate: Translate,
        selection: Mapping[str, Fields] | None = None,
    ) -> None:
        self.viewer = viewer
        self.rights, self.noted_rights = viewer.scopes, viewer.noted_scopes
        self.connectors = translate(self, connectors)
        self._connectors, self._translate = connectors, translate
        self.loaders: dict[type[BatchLoader[Any, Any]], Any] = {}
        """The loaders made so far: of each class one."""
        self.early = EarlyLoads()
        self._selection = selection
        self._granted: defaultdict[str, set[str]] = defaultdict(set)
        self._batches: set[asyncio.Task[Any]] = set()
        self.gaps: dict[tuple[str | int, ...], tuple[str, int]] = {}
        """Such lists in the answer: by path, the system and how many rows it lacks; the first of them."""
        self.stale_paths: dict[str, list[tuple[str | int, ...]]] = {}
        """By system, places of the answer that show what is older than it should be, as the system is down."""
        self.more_stale: defaultdict[str, int] = defaultdict(int)
        """By system, how many there are besides."""

    def loader(self, kind: type[BatchLoader[K, V]]) -> BatchLoader[K, V]:
        """The request's loader of a class."""
        return kind.of(self)

    def anew(self, selection: Mapping[str, Fields]) -> "RequestContext":
        """Another context for the same viewer, with loaders of its own: for what goes on when the request has ended."""
        other = RequestContext(self.viewer, self._connectors, self._translate, selection)
        other.addresses = self.addresses
        return other

    def nothing_written(self) -> None:
        """Let what is loaded outlast the next `renew`: nothing was written since it was read."""
        self._is_current = True

    def renew(self) -> None:
        """Forget loaded and prefetched records, and who may see what hangs under them: a write may change both.

        Running calls go on.
        """
        if self._is_current:
            self._is_current = False
            return
        self.loaders.clear()
        self.early.clear()
        self._granted.clear()

    def fields(self, type_name: str) -> Fields | None:
        """Attributes that the operation selects of a GraphQL type, anywhere; None if the selection is unknown."""
        return None if self._selection is None else self._selection.get(type_name, frozenset())

    def selects(self, type_name: str) -> bool:
        """Whether the operation reaches a GraphQL type, if only for its id."""
        return self._selection is None or type_name in self._selection

    def grant(self, type_name: str, ids: Iterable[str]) -> None:
        """Note that the viewer may see these records of `type_name`, as they belong to a record of the viewer's."""
        self._granted[type_name].update(ids)

    def granted(self, type_name: str) -> Set[str]:
        """The ids of the records of `type_name` that were granted. Until `renew`, it grows with every grant."""
        return self._granted[type_name]

    def note_read(self, type_name: str, names: Collection[str], objects: Sequence[Any]) -> None:
        """Keep, for the audit log, that these fields of these objects were read in full."""
        self.unmasked = self.unmasked or Unmasked()
        self.unmasked.add(type_name, names, objects)

    def note_gap(self, path: Sequence[str | int], system: str, rows: int) -> None:
        """Keep, for the caller, that the list at this path of the answer lacks so many rows of the system's."""
        if len(self.gaps) < MOST_GAPS:
            self.gaps[tuple(path)] = self._serving(system), rows
        elif tuple(path) not in self.gaps:
            self.more_gaps += 1

    @property
    def may_be_stale(self) -> bool:
        """Whether anything may be shown that was read for an earlier request: the settings say so."""
        return bool(self._connectors.kept)

    def is_stale(self, found: Any) -> bool:
        """Whether this record or list is older than it should be."""
        scope = current_scope.get()
        stale = None if scope is None else scope.stale
        if stale is None:
            return False
        if isinstance(found, Rows):
            return bool(found.stale) or any((type(one), one.id) in stale for one in found.items)
        return (type(found), getattr(found, "id", None)) in stale

    def note_stale(self, path: Sequence[str | int], system: str) -> None:
        """Keep, for the caller, that this place of the answer is older than it should be."""
        system = self._serving(system)
        paths = self.stale_paths.setdefault(system, [])
        if len(paths) < MOST_GAPS:
            paths.append(tuple(path))
        else:
            self.more_stale[system] += 1

    def stale(self, scope: RequestScope) -> list[dict[str, Any]]:
        """What is older than it should be, as an answer's `extensions.stale` shows it. Empty if nothing is.

        A system is also named where what is shown only depends on it: it has no paths then.
        """
        if scope.stale is None:
            return []
        ages: dict[str, float] = {}
        for one in scope.stale.values():
            ages[one.system] = max(one.age, ages.get(one.system, 0.0))
        told: list[dict[str, Any]] = []
        for system, age in ages.items():
            paths = self.stale_paths.get(system, [])
            entry = {"system": system, "paths": [[*path] for path in paths], "age": math.ceil(age)}
            told.append(entry | ({"morePaths": more} if (more := self.more_stale.get(system, 0)) else {}))
        return told

    def incomplete(self) -> dict[str, Any]:
        """What an answer's `extensions` say of lists that lack rows: which, and how many more. Empty if none does."""
        if not self.gaps:
            return {}
        told = [{"path": [*path], "system": system, "rows": rows} for path, (system, rows) in self.gaps.items()]
        return {"incomplete": told} | ({"moreIncomplete": self.more_gaps} if self.more_gaps else {})

    def warn(self, system: str, message: str) -> None:
        """Add a warning about a link between systems to the request's trace."""
        if scope := current_scope.get():
            scope.warn(self._serving(system), message)

    def warn_staff(self, system: str, message: str) -> None:
        """Add a warning for staff only: it may reveal what exists that is not the viewer's."""
        if self.viewer.is_staff:
            self.warn(system, message)

    def _serving(self, domain: str) -> str:
        """The name of the system that answers for a domain; a name that is none stays as it is."""
        return self._connectors.served_by.get(domain, domain)

    def joined(self, batch: "asyncio.Task[Any]") -> None:
        """Register a loader's batch, to be cancelled with the request. Raises `Cancelled` if the request has ended."""
        if self._closed:
            raise Cancelled("gateway", "the request ended")
        self._batches.add(batch)

    def left(self, batch: "asyncio.Task[Any]") -> None:
        """Unregister a loader's batch, which is done."""
        self._batches.discard(batch)

    async def close(self) -> None:
        """Cancel the batches that still run, and drop the loaders."""
        self._closed = True
        self.loaders.clear()  # They refer to this context: the cycle would wait for the garbage collector.
        self.early.clear()
        batches = list(self._batches)
        for batch in batches:
            batch.cancel()
        if batches:
            await asyncio.gather(*batches, return_exceptions=True)


class Loader(BatchLoader[K, V], Generic[K, V]):
    """Base class of all loaders of fields, named `XByY`. Records that the viewer may not see are left out."""

    domain: ClassVar[str]
    """Domain whose port is called."""
    ownership: ClassVar[Ownership]
    besides: ClassVar[Mapping[str, int]] = {}
    """Calls that each call of the port may cost besides, by domain: for ownership, or to answer at all."""
    primes: ClassVar["type[Loader[str, Any]] | None"] = None
    """The loader by id to which this one's records are primed."""
    entity: ClassVar[str | None] = None
    """The type that a loader by id loads; a key without a record is then reported as a broken link."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.by_id = cls.entity is not None

    async def fetch(self, keys: Sequence[K]) -> Mapping[K, Any]:
        """Records by key from the port, for distinct keys; unknown keys are absent. Raises `ConnectorError` for all."""
        raise NotImplementedError

    def expect(self, keys: Sequence[K]) -> None:
        """Prefetch the keys. Ownership is checked when they are loaded; unused results are dropped."""
        self.context.early.expect(self, keys)

    def clear(self, key: K) -> Self:
        """Ask the port for this key again when it is loaded next."""
        self.context.early.forget(self, key)
        return super().clear(key)

    def clear_all(self) -> Self:
        """Ask the port for every key again when it is loaded next."""
        self.context.early.forget_all(self)
        return super().clear_all()

    async def found(self, keys: Sequence[K]) -> Mapping[K, Any]:
        """The port's records for `keys` that the viewer may see."""
        found = await self.visible(await self.context.early.answers(self, keys))
        for one in found.values():
            if one.__class__ is Rows and one.unread:
                self.context.has_gaps = True
        if self.context.may_be_stale and (scope := current_scope.get()) is not None and scope.stale is not None:
            self.context.has_gaps = True
        if self.entity is not None:
            for key in keys:
                if key not in found:
                    self.context.warn_staff(self.domain, f"{self.entity}:{key} does not exist in this system")
        return found

    async def visible(self, found: Mapping[K, Any]) -> Mapping[K, Any]:
        """`found` without the records that the viewer may not see; staff may see all."""
        if not self.context.viewer.is_staff:
            may_see = await type(self).ownership(self.context, records(found.values()))
            found = {key: seen for key, value in found.items() if (seen := _seen(value, may_see)) is not None}
        if self.primes is not None:
            known = self.primes.of(self.context)
            for value in found.values():
                known.prime_many(value.items if isinstance(value, Rows) else records([value]))
        return found


def _seen(value: Any, may_see: Rule) -> Any:
    """One key's value as far as it may be seen: None for a hidden record, the failure if ownership is unknown."""
    if isinstance(value, (ConnectorError, NoLink)):
        return value
    try:
        if isinstance(value, Rows):
            return value.keep(may_see)
        return value if may_see(value) else None
    except ConnectorError as failure:
        return failure


async def customer_ownership(context: RequestContext, _records: Sequence[Any]) -> Rule:
    """For records that name their customers: one of them must be the viewer's."""
    is_strangers = frozenset(context.viewer.customer_ids).isdisjoint
    return lambda record: not is_strangers(customers_of(record))


async def signed_in_ownership(context: RequestContext, _records: Sequence[Any]) -> Rule:
    """For records without an owner, such as outages: every signed-in viewer may see them."""
    known = context.viewer.is_signed_in
    return lambda record: known
