"""How fields are declared: a plain attribute, a pure function of the record, or an edge to other records.

An edge is data (loader, key, step), so the same declaration runs one object at a time, as here, or over a whole level
at once. Arguments of the field are the parameters of its key and step functions; a parameter named `viewer` is given
the viewer and shown to nobody. `needs` names the attributes of the parent's record that a field is made of: what an
operation selects travels down to the systems by it.
"""

import asyncio
import inspect
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar, Final

import strawberry
from strawberry.parent import StrawberryParent

from connectors.records import Rows
from resolvers.context import Loader, RequestContext
from resolvers.early import Ahead
from resolvers.loader import NO_LINK
from resolvers.paging import Page, connected, leading, window
from resolvers.rows import RowsKey, RowsLoader

EDGE: Final = "edge"
PURE: Final = "pure"
NEEDS: Final = "needs"
READS: Final = "reads"
"""Keys of a field's metadata, as who runs operations by plans reads it."""

AT_ONCE: Final = "gateway-at-once"
"""Extension of a GraphQL field whose resolver was replaced by one that answers at once, and is never awaited."""

Info = strawberry.Info[RequestContext, None]


class IsNot:
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


def edge(
    loader: type[Loader[Any, Any]],
    key: str | Callable[..., Any] = "id",
    step: str | Callable[..., Any] | None = None,
    *,
    needs: Iterable[str] = (),
    reads: Reads | None = None,
    many: bool = False,
    per_key: bool = False,
    known: Callable[[Any], bool] | None = None,
    **options: Any,
) -> Any:
    """A field that reaches other records; a missing key or record makes it null.

    A key that is an attribute's name says by that what it needs, as in ``edge(ServiceById, "service_ids", many=True)``.
    """
    names = {*needs, *([key] if isinstance(key, str) else [])}
    reach = Edge(
        loader,
        key if isinstance(key, str) else Step.of(key),
        Step.of(step) if callable(step) else step,
        many or per_key,
        per_key,
        known,
        same_id=key == "id",
    )
    return _edge(reach, frozenset(names - {"id"}), reads, **options)


def _edge(reach: Edge, needs: frozenset[str], reads: Reads | None, **options: Any) -> Any:
    """The field that runs an edge one object at a time: Strawberry's own executor."""

    async def load(parent: Any, context: RequestContext, arguments: dict[str, Any]) -> Any:
        keys = reach.key_of(parent, context, arguments)
        if keys is None:
            return None
        one = reach.loader.of(context)
        found: Any
        if reach.per_key:
            return await _per_key(one, keys)
        if reach.many:
            found = [record for record in await asyncio.shield(one.load_many(keys)) if record is not None]
        else:
            # Others may wait for the same: graphql-core cancels this one when a sibling makes their parent null.
            found = await asyncio.shield(one.load(keys))
            if found is NO_LINK:
                return None
        return reach.value_of(found, context, arguments)

    def resolve(parent: Any, info: Info, **arguments: Any) -> Any:
        if reach.known is not None and reach.known(parent):
            return reach.value_of(parent, info.context, arguments)
        return load(parent, info.context, arguments)

    _sign(resolve, reach.arguments)
    metadata = {EDGE: reach, NEEDS: needs, READS: reads}
    return strawberry.field(resolver=resolve, metadata=metadata, **options)


async def _per_key(loader: Loader[Any, Any], keys: Iterable[Any]) -> list[Any]:
    """What there is for each key, or the failure: an exception in a list is the error of its entry."""
    loading: dict[Any, asyncio.Future[Any]] = {}
    entries: list[asyncio.Future[Any] | Exception] = []
    for key in keys:
        try:
            if key not in loading:
                loading[key] = loader.load(key)
            entries.append(loading[key])
        except Exception as error:  # noqa: BLE001  # of a key that no loader takes
            entries.append(error)
    if loading:
        await asyncio.wait(loading.values())
    found = [one if isinstance(one, Exception) else one.exception() or one.result() for one in entries]
    return [None if one is NO_LINK else one for one in found]


def listed(
    loader: type[RowsLoader[Any]],
    choose: Callable[..., Rows[Any]] | None = None,
    *,
    conditions: Callable[..., Hashable] | None = None,
    reads: Reads | None = None,
    ahead: Ahead | None = None,
    **options: Any,
) -> Any:
    """A connection to the rows under a record.

    `conditions` turns arguments into what the system is asked under; `choose` picks and sorts by other arguments what
    was read, and then the whole list is read. Without any of these arguments a page of one parent is all that is read.
    """
    asking = tuple(inspect.signature(conditions, eval_str=True).parameters.values()) if conditions else ()
    choosing = Step.of(choose).arguments if choose else ()
    paging = Step.of(connected).arguments

    def taken(arguments: dict[str, Any], by: Iterable[inspect.Parameter]) -> dict[str, Any]:
        return {p.name: arguments[p.name] for p in by if arguments.get(p.name) is not None}

    def key(**arguments: Any) -> Callable[[Any], RowsKey]:
        page = window(**taken(arguments, paging))
        under = conditions(**taken(arguments, asking)) if conditions else None
        wanted = None if taken(arguments, choosing) else page
        return lambda parent: RowsKey(parent.id, under, wanted)

    def step(**arguments: Any) -> Callable[[Rows[Any] | None], Page]:
        chosen, paged = taken(arguments, choosing), taken(arguments, paging)
        page_of = leading(**paged) if paged.keys() <= {"first"} else lambda rows: connected(rows, **paged)
        if not choose or not chosen:
            return page_of
        return lambda rows: page_of(rows if rows is None else choose(rows, **chosen))

    arguments = (*asking, *choosing, *paging)
    return _edge(
        Edge(
            loader,
            Step.prepared(key, arguments),
            Step.prepared(step, arguments),
            many=False,
            same_id=True,
            ahead=ahead,
        ),
        frozenset(),
        reads,
        **options,
    )


def computed(step: Callable[..., Any], *, needs: Iterable[str], **options: Any) -> Any:
    """A field that is a pure function of its record, as in `computed(is_overdue, needs=["due_date"])`."""
    return _computed(Step.of(step), frozenset(needs), **options)


def node_id(type_name: str) -> Any:
    """The record's global id, such as `Bill:77`."""
    return _computed(
        GlobalId(f"{type_name}:"),
        frozenset(),
        description="Global id, readable and stable: type, colon, the system's own id. Any `id` argument accepts it.",
    )


def _computed(pure: Step | GlobalId, needs: frozenset[str], **options: Any) -> Any:
    def resolve(parent: Any, info: Info, **arguments: Any) -> Any:
        return pure.bound(info.context, arguments)(parent)

    _sign(resolve, pure.arguments)
    return strawberry.field(resolver=resolve, metadata={NEEDS: needs, PURE: pure}, **options)


def _sign(resolve: Any, arguments: Iterable[inspect.Parameter]) -> None:
    """Give the resolver the arguments' names, types and defaults: that is what Strawberry reads."""
    distinct = {
        argument.name: argument.replace(
            kind=inspect.Parameter.KEYWORD_ONLY,
            # Not given is not the same as null, and "= null" would stand in the schema.
            default=strawberry.UNSET if argument.default is None else argument.default,
        )
        for argument in arguments
    }
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parent = inspect.Parameter("parent", kind, annotation=Annotated[Any, StrawberryParent()])
    info = inspect.Parameter("info", kind, annotation=Info)
    signature = inspect.Signature([parent, info, *distinct.values()])
    resolve.__signature__ = signature
    resolve.__annotations__ = {name: p.annotation for name, p in signature.parameters.items()}
