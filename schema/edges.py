"""What a field declares of itself, as data: the way to other records, the pure step, what either reads."""

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from resolvers.context import Loader, RequestContext
from resolvers.early import Ahead


class IsNotInstance:
    """Whether a parent is of another class: then it holds what an edge would load (`known`)."""

    def __init__(self, kind: type[Any]) -> None:
        self.kind = kind

    def __call__(self, parent: Any) -> bool:
        """True for what is of any other class."""
        return not isinstance(parent, self.kind)


@dataclass(frozen=True, slots=True)
class Step:
    """A pure function of a record (or of what an edge found), and which arguments it takes.

    `prepare` makes that function of the arguments, where some of its work is the same for all records.
    """

    call: Callable[..., Any]
    arguments: tuple[inspect.Parameter, ...]
    takes_context: bool
    prepare: Callable[..., Callable[[Any], Any]] | None = None

    @classmethod
    def of(cls, call: Callable[..., Any]) -> "Step":
        """Read the arguments from the function's own signature; its first parameter is what it works on."""
        _first, *rest = inspect.signature(call, eval_str=True).parameters.values()
        arguments = tuple(parameter for parameter in rest if parameter.name != "viewer")
        return cls(call, arguments, takes_context=len(arguments) < len(rest))

    @classmethod
    def prepared(cls, prepare: Callable[..., Callable[[Any], Any]], arguments: Iterable[inspect.Parameter]) -> "Step":
        """Of a function that makes the function, from these arguments."""

        def call(subject: Any, **given: Any) -> Any:
            return prepare(**given)(subject)

        return cls(call, tuple(arguments), takes_context=False, prepare=prepare)

    def bound(self, context: RequestContext, arguments: Mapping[str, Any]) -> Callable[[Any], Any]:
        """The function with the arguments that it takes, and the viewer: the same for all subjects of a request."""
        taken = {p.name: arguments[p.name] for p in self.arguments if p.name in arguments}
        if self.takes_context:
            taken["viewer"] = context.viewer
        if self.prepare is not None:
            return self.prepare(**taken)
        return partial(self.call, **taken) if taken else self.call


@dataclass(frozen=True, slots=True)
class GlobalId:
    """A step that gives a record's global id: the prefix, which is type and colon, and the record's own id."""

    prefix: str
    arguments: ClassVar[tuple[inspect.Parameter, ...]] = ()
    takes_context: ClassVar[bool] = False

    def bound(self, _context: RequestContext, _arguments: Mapping[str, Any]) -> Callable[[Any], str]:
        """The id, such as `Bill:77`."""
        return lambda record: f"{self.prefix}{record.id}"


@dataclass(frozen=True, slots=True)
class Reads:
    """What an edge's step reads of the records of `type_name` that it found, when an argument is given."""

    type_name: str
    by_argument: Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Edge:
    """The way from a record to others: by which key of its own, through which loader, then which step.

    A key that is a name is that attribute of the parent; a step that is a name is that attribute of what was found,
    None is no step. With `many` the key is a list of keys, and the step gets what was found, without the gaps; with
    `per_key` the field has an entry for each key, which is null, or an error of its own, where there is nothing.

    Where `known` says that a parent already holds what the edge would load, only the step runs, on the parent: for
    leaves, as plans have no objects that may come of two ways, and leave them to graphql-core.

    `same_id` says that the key is made of the parent's id and nothing else, so that it is known as soon as that is.
    """

    loader: type[Loader[Any, Any]]
    key: str | Step
    step: str | Step | None
    many: bool
    per_key: bool = False
    known: Callable[[Any], bool] | None = None
    same_id: bool = False
    ahead: Ahead | None = None

    @property
    def by_id(self) -> bool:
        """Whether its keys are the ids of what it finds."""
        return self.loader.by_id

    @property
    def system(self) -> str | None:
        """The domain whose port is asked."""
        return getattr(self.loader, "domain", None)

    @property
    def arguments(self) -> tuple[inspect.Parameter, ...]:
        """Those of its key and its step."""
        return (*_arguments(self.key), *_arguments(self.step))

    def key_of(self, parent: Any, context: RequestContext, arguments: Mapping[str, Any]) -> Any:
        """What to load for a parent; None for nothing."""
        if isinstance(self.key, str):
            return getattr(parent, self.key)
        return self.key.bound(context, arguments)(parent)

    def value_of(self, found: Any, context: RequestContext, arguments: Mapping[str, Any]) -> Any:
        """The field's value, from what was found."""
        if self.step is None:
            return found
        if isinstance(self.step, str):
            return None if found is None else getattr(found, self.step)
        return self.step.bound(context, arguments)(found)


def _arguments(step: str | Step | None) -> tuple[inspect.Parameter, ...]:
    return step.arguments if isinstance(step, Step) else ()
