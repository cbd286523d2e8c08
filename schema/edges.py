"""Declarations of fields as data: edges to other records, pure steps, and the attributes that they read."""

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Final

from resolvers.context import Loader, RequestContext
from resolvers.early import Prefetch

OF_CONTEXT: Final = frozenset({"viewer", "addresses"})
"""Parameters of a step that are the context's, and no arguments of a field."""

NOTHING: Final[Mapping[str, int]] = {}
"""What a loader asks besides that does not say so."""


class IsOfOtherClass:
    """Tests whether a parent's class is another one. For `known`: the others hold what the edge would load."""

    def __init__(self, kind: type[Any]) -> None:
        self.kind = kind

    def __call__(self, parent: Any) -> bool:
        """Whether the parent's class is another one; one that derives from it is another, too."""
        return type(parent) is not self.kind


@dataclass(frozen=True, slots=True)
class Step:
    """A pure function of a record or of what an edge found, with the arguments that it takes.

    `gets` are what it takes of the context, beside them. `prepare` makes the function from the arguments, so that work
    that is the same for all records is done once.
    """

    call: Callable[..., Any]
    arguments: tuple[inspect.Parameter, ...]
    gets: tuple[str, ...] = ()
    prepare: Callable[..., Callable[[Any], Any]] | None = None

    @classmethod
    def of(cls, call: Callable[..., Any]) -> "Step":
        """A step of a function whose first parameter is the record, and whose others are the field's arguments."""
        _first, *rest = inspect.signature(call, eval_str=True).parameters.values()
        arguments = tuple(parameter for parameter in rest if parameter.name not in OF_CONTEXT)
        return cls(call, arguments, tuple(one.name for one in rest if one.name in OF_CONTEXT))

    @classmethod
    def prepared(cls, prepare: Callable[..., Callable[[Any], Any]], arguments: Iterable[inspect.Parameter]) -> "Step":
        """A step from `prepare`, which takes these arguments and returns the function to call with each record."""

        def call(subject: Any, **given: Any) -> Any:
            return prepare(**given)(subject)

        return cls(call, tuple(arguments), prepare=prepare)

    @property
    def takes_context(self) -> bool:
        """Whether it must be bound for each request."""
        return bool(self.gets)

    def bound(self, context: RequestContext, arguments: Mapping[str, Any]) -> Callable[[Any], Any]:
        """The function with its arguments and what it takes of the context bound, for all records of a request."""
        taken = {p.name: arguments[p.name] for p in self.arguments if p.name in arguments}
        for name in self.gets:
            taken[name] = getattr(context, name)
        if self.prepare is not None:
            return self.prepare(**taken)
        return partial(self.call, **taken) if taken else self.call


@dataclass(frozen=True, slots=True)
class GlobalId:
    """A step that gives a record's global id: the prefix (type and colon) and the record's id."""

    prefix: str
    arguments: ClassVar[tuple[inspect.Parameter, ...]] = ()
    takes_context: ClassVar[bool] = False

    def bound(self, _context: RequestContext, _arguments: Mapping[str, Any]) -> Callable[[Any], str]:
        """The id, such as `Bill:77`."""
        return lambda record: f"{self.prefix}{record.id}"


@dataclass(frozen=True, slots=True)
class Reads:
    """Attributes that an edge's step reads of the found records of `type_name`, by the argument that is given."""

    type_name: str
    by_argument: Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Edge:
    """The way from a record to others: a key of the record, a loader, and then a step.

    A key or step that is a string names an attribute of the parent or of the found record; a step of None returns what
    was found. With `many` the key is a list of keys, and the step gets the found records without gaps. With `per_key`
    the field has an entry for each key: null if nothing was found, an error of its own if the key failed.

    If `known` says that a parent already holds what the edge would load, only the step runs, on the parent. Plans
    support this for leaves only. `same_id` says that the key is made of the parent's id alone.
    """

    loader: type[Loader[Any, Any]]
    key: str | Step
    step: str | Step | None
    many: bool
    per_key: bool = False
    known: Callable[[Any], bool] | None = None
    same_id: bool = False
    prefetch: Prefetch | None = None

    @property
    def by_id(self) -> bool:
        """Whether its keys are ids of the records that it loads."""
        return self.loader.by_id

    @property
    def system(self) -> str | None:
        """The domain whose port is called; None if there is none."""
        return getattr(self.loader, "domain", None)

    @property
    def besides(self) -> Mapping[str, int]:
        """Calls that each call of the loader may cost besides, by domain."""
        return getattr(self.loader, "besides", NOTHING)

    @property
    def arguments(self) -> tuple[inspect.Parameter, ...]:
        """The arguments of its key and its step."""
        return (*_arguments(self.key), *_arguments(self.step))

    def key_of(self, parent: Any, context: RequestContext, arguments: Mapping[str, Any]) -> Any:
        """The parent's key or keys; None if there is nothing to load."""
        if isinstance(self.key, str):
            return getattr(parent, self.key)
        return self.key.bound(context, arguments)(parent)

    def value_of(self, found: Any, context: RequestContext, arguments: Mapping[str, Any]) -> Any:
        """The field's value, made of what was found."""
        if self.step is None:
            return found
        if isinstance(self.step, str):
            return None if found is None else getattr(found, self.step)
        return self.step.bound(context, arguments)(found)


def _arguments(step: str | Step | None) -> tuple[inspect.Parameter, ...]:
    return step.arguments if isinstance(step, Step) else ()
