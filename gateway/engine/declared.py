"""What a schema declares of its fields, and what a request's context must be, so that the engine can plan operations.

Declarations stand in the metadata of Strawberry fields, under the keys below. The engine reads these shapes and knows
none of the classes that have them, so that a schema need not import it. A field that declares nothing and has no
resolver is the attribute of its own name.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, Protocol, runtime_checkable

EDGE: Final = "edge"
"""Metadata: an `Edge`, along which the field's value is loaded."""

PURE: Final = "pure"
"""Metadata: a `Step`, which makes the field's value of the object that has the field."""

NEEDS: Final = "needs"
"""Metadata: a frozenset of the attributes of the object that the field is made of; without it the one of its name."""

READS: Final = "reads"
"""Metadata: what arguments read of other records, a `Reads`."""

SYNCHRONOUS: Final = "gateway-synchronous"
"""Extension of a GraphQL field, which is true where a resolver was put in that answers at once and is never awaited."""

DEFINITION: Final = "strawberry-definition"
"""Extension of a GraphQL field or type under which Strawberry keeps what it was made of."""


class Loader(Protocol):
    """Loads by keys, many at once, for one request: such as a `DataLoader` of aiodataloader."""

    def load(self, key: Any, /) -> "asyncio.Future[Any]":
        """What the key stands for, maybe later. Raises at once for what cannot be a key."""


class EarlyLoader(Loader, Protocol):
    """A loader that can be begun with before the objects are there whose keys it will be asked for."""

    def foreseen(self, keys: Sequence[Any], /) -> Sequence[Any]:
        """Those of the keys that will probably be found, so that what hangs on them may be begun with."""

    def expect(self, keys: Sequence[Any], /) -> None:
        """Keys that will probably be loaded soon."""


class Context(Protocol):
    """One request, as its resolvers know it: `info.context`."""

    def loader(self, kind: type[Any], /) -> Any:
        """The request's `Loader` of this class. Raises what the field's error will be."""

    def renew(self) -> None:
        """Forget all loaders: what they hold may be stale after a write."""


class Step(Protocol):
    """A function of a record, or of what was found, that may take arguments of the field."""

    @property
    def takes_context(self) -> bool:
        """Whether it takes something of the context, such as who asks: then it is another one for each request."""

    def bound(self, context: Any, arguments: Mapping[str, Any], /) -> Callable[[Any], Any]:
        """The function with its arguments, for all objects of a request. Raises where they cannot be used.

        `context` is None for one that does not take it: it is bound once for many requests.
        """


@runtime_checkable
class Prefixing(Step, Protocol):
    """A step that puts a text in front of its record's `id`, and does nothing else."""

    @property
    def prefix(self) -> str:
        """The text."""


@runtime_checkable
class IsNotInstance(Protocol):
    """A question that only looks at an object's class: true for those that are not of a `kind`."""

    @property
    def kind(self) -> type[Any]:
        """The class."""

    def __call__(self, parent: Any, /) -> bool:
        """Whether it is of another class."""


class Ahead(Protocol):
    """A shortcut: what an edge will lead to can be begun with while the objects that have the edge are loaded."""

    @property
    def over(self) -> type[Any]:
        """The class of the loader that loads those objects."""

    @property
    def expect(self) -> Callable[[Any, Sequence[Any]], None]:
        """Begin: of the context, and the keys by which `over` loads."""


class Edge(Protocol):
    """The way from an object to others: by a key of its own, through a loader, then a step.

    Without a key (None) there is nothing to load, and the field is null.
    """

    @property
    def loader(self) -> type[Any]:
        """The class of the `Loader`."""

    @property
    def system(self) -> str | None:
        """Who is asked by it, in explanations."""

    @property
    def key(self) -> str | Step:
        """The name of the object's attribute that is the key, or what makes the key."""

    @property
    def step(self) -> str | Step | None:
        """What is done with what was found: nothing, one attribute read (null where nothing was found), or this."""

    @property
    def many(self) -> bool:
        """Whether the key is a list of keys: then the step gets the list of what was found, without the gaps."""

    @property
    def per_key(self) -> bool:
        """Whether the field, with `many` and without a step, has an entry per key, in their order.

        One is null where nothing was found, and an error of its own where the key cannot be loaded.
        """

    @property
    def known(self) -> Callable[[Any], bool] | None:
        """Whether an object holds already what would be loaded: then the step is done on it. For leaves only."""

    @property
    def by_id(self) -> bool:
        """Whether its keys are the ids of what it finds. Only with an `EarlyLoader`."""

    @property
    def same_id(self) -> bool:
        """Whether its key is made of the object's id and nothing else. Only with an `EarlyLoader`."""

    @property
    def ahead(self) -> Ahead | None:
        """A shortcut to what it finds."""


class Reads(Protocol):
    """What an edge's step reads of records that were found, when an argument is given."""

    @property
    def type_name(self) -> str:
        """The GraphQL type of the records."""

    @property
    def by_argument(self) -> Mapping[str, Collection[str]]:
        """Attributes by the argument's name."""
