"""The protocols of field declarations and of a request's context, which the engine needs to plan operations.

Declarations are in the metadata of Strawberry fields, under the keys below. A schema implements these protocols without
importing the engine. A field without a declaration and without a resolver is the attribute of its own name.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, Protocol, runtime_checkable

EDGE: Final = "edge"
"""Metadata: an `Edge`, along which the field's value is loaded."""

PURE: Final = "pure"
"""Metadata: a `Step`, which makes the field's value from its object."""

NEEDS: Final = "needs"
"""Metadata: a frozenset of the object's attributes that the field is made of. Without it, the one of its name."""

READS: Final = "reads"
"""Metadata: a `Reads`, the attributes of other records that arguments need."""

SYNCHRONOUS: Final = "gateway-synchronous"
"""Extension of a GraphQL field, true if its resolver is synchronous and must not be awaited."""

DEFINITION: Final = "strawberry-definition"
"""Extension of a GraphQL field or type that holds its Strawberry definition."""


@runtime_checkable
class Guard(Protocol):
    """A directive of a field that only callers with a right may read, or read in full (`gateway.engine.guards`)."""

    @property
    def needs(self) -> Sequence[Collection[str]]:
        """The rights: any of these collections will do, if the caller has all that is in it."""

    @property
    def mask(self) -> Callable[[str], str] | None:
        """What makes of the field's text what callers without the right see; None if they see nothing."""


class Loader(Protocol):
    """Loads by keys in batches, for one request, such as aiodataloader's `DataLoader`."""

    def load(self, key: Any, /) -> "asyncio.Future[Any]":
        """A future of the key's value. Raises for what cannot be a key."""


class EarlyLoader(Loader, Protocol):
    """A loader that can prefetch keys before the objects that have them are loaded."""

    def likely_keys(self, keys: Sequence[Any], /) -> Sequence[Any]:
        """The keys that will probably be found, so that edges of their records may be prefetched."""

    def expect(self, keys: Sequence[Any], /) -> None:
        """Prefetch keys that will probably be loaded soon."""


class Context(Protocol):
    """The context of one request, which resolvers get as `info.context`."""

    def loader(self, kind: type[Any], /) -> Any:
        """The request's `Loader` of this class. An exception becomes the field's error."""

    def renew(self) -> None:
        """Forget all loaders, whose records may be stale after a write."""

    @property
    def has_gaps(self) -> bool:
        """Whether anything that was loaded lacks rows that could not be read, or is older than it should be.

        The `unread` of what was loaded says how many rows it lacks.
        """

    @property
    def rights(self) -> frozenset[str] | None:
        """What the caller may do, if the schema has guards; None: everything."""

    @property
    def noted_rights(self) -> frozenset[str]:
        """The rights whose use is noted where they lift a mask, if the schema has guards."""

    def note_read(self, type_name: str, names: Collection[str], objects: Sequence[Any]) -> None:
        """These fields of these objects were read in full, by a right whose use is noted."""

    def note_gap(self, path: Sequence[str | int], system: str, rows: int) -> None:
        """What stands at this path of the answer lacks so many rows, which the system sent and nobody can read."""

    def is_stale(self, found: Any, /) -> bool:
        """Whether this is older than it should be, because its system does not answer."""

    def note_stale(self, path: Sequence[str | int], system: str) -> None:
        """What stands at this path of the answer is older than it should be."""


class Step(Protocol):
    """A function of a record, or of what was found, that may take the field's arguments."""

    @property
    def takes_context(self) -> bool:
        """Whether it depends on the context, such as the viewer, and must be bound for each request."""

    def bound(self, context: Any, arguments: Mapping[str, Any], /) -> Callable[[Any], Any]:
        """The function with its arguments bound, for all objects of a request. Raises if they cannot be used.

        `context` is None if the step does not take it; then the function is bound once for many requests.
        """


@runtime_checkable
class Prefixing(Step, Protocol):
    """A step whose value is a prefix followed by the record's `id`, such as `Bill:77`."""

    @property
    def prefix(self) -> str:
        """The prefix, such as `Bill:`."""


@runtime_checkable
class IsOfOtherClass(Protocol):
    """A test whether an object's class is another one than `kind`."""

    @property
    def kind(self) -> type[Any]:
        """The class."""

    def __call__(self, parent: Any, /) -> bool:
        """Whether the object's class is not `kind`."""


@runtime_checkable
class Writer(Protocol):
    """A scalar's serializer that is a function for objects of exactly one class, and needs no checks for them."""

    @property
    def kind(self) -> type[Any]:
        """The class."""

    @property
    def write(self) -> Callable[[Any], str]:
        """The function. Its value is a text."""


class Prefetch(Protocol):
    """A prefetch rule of an edge: its loads start while the objects that have the edge are loaded."""

    @property
    def over(self) -> type[Any]:
        """The class of the loader of those objects."""

    @property
    def expect(self) -> Callable[[Any, Sequence[Any]], None]:
        """Starts the loads, given the context and the keys that `over` loads."""


class Edge(Protocol):
    """The way from an object to others: a key of the object, a loader, then a step.

    If the key is None nothing is loaded, and the field is null.
    """

    @property
    def loader(self) -> type[Any]:
        """The class of the `Loader`."""

    @property
    def system(self) -> str | None:
        """The system that the loader calls, for explanations."""

    @property
    def besides(self) -> Mapping[str, int]:
        """Calls that each call of the loader may cost besides, by system, such as to know whose the records are."""

    @property
    def key(self) -> str | Step:
        """The name of the attribute that is the key, or the step that makes the key."""

    @property
    def step(self) -> str | Step | None:
        """Makes the value of what was found: None (unchanged), an attribute's name (null if not found), or a step."""

    @property
    def many(self) -> bool:
        """Whether the key is a list of keys, and the step gets the list of what was found, without gaps."""

    @property
    def per_key(self) -> bool:
        """Whether the field, with `many` and without a step, has an entry per key, in their order.

        An entry is null if nothing was found, with an error of its own if the key cannot be loaded.
        """

    @property
    def known(self) -> Callable[[Any], bool] | None:
        """Whether an object already holds what would be loaded, so that the step runs on it. For leaves only."""

    @property
    def by_id(self) -> bool:
        """Whether its keys are ids of the records that it loads. Only with an `EarlyLoader`."""

    @property
    def same_id(self) -> bool:
        """Whether its key is made of the object's id alone. Only with an `EarlyLoader`."""

    @property
    def prefetch(self) -> Prefetch | None:
        """The prefetch rule, if there is one."""


class Reads(Protocol):
    """Attributes of found records that an edge's step reads, depending on the arguments."""

    @property
    def type_name(self) -> str:
        """The GraphQL type of the records."""

    @property
    def by_argument(self) -> Mapping[str, Collection[str]]:
        """Attributes by argument name."""
