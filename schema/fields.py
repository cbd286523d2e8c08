"""Declarations of fields: a plain attribute, a pure function of the record, or an edge to other records.

An edge is data (loader, key, step). The same declaration is run one object at a time by Strawberry, as here, or for all
objects of a level by the engine. A field's arguments are the parameters of its key and step functions, and `arguments`
describes them by name. Parameters named `viewer` and `addresses` get what the context has of that name, and are not
part of the schema. `needs` names the
attributes of the parent's record that the field is made of; systems are asked for these attributes only.
"""

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Generator, Hashable, Iterable, Mapping
from functools import partial
from typing import Annotated, Any, Final

import strawberry
from strawberry.parent import StrawberryParent

from connectors.records import Rows
from resolvers.context import Loader, RequestContext
from resolvers.early import Prefetch
from resolvers.loader import NO_LINK, as_keys
from resolvers.paging import Page, first_page, page_of_rows, window
from resolvers.rows import RowsKey, RowsLoader
from schema.arguments import PAGE, Text
from schema.edges import Edge, GlobalId, Reads, Step

EDGE: Final = "edge"
PURE: Final = "pure"
NEEDS: Final = "needs"
READS: Final = "reads"
"""Keys of a field's metadata, which the engine reads (`gateway.engine.declared`)."""

SYNCHRONOUS: Final = "gateway-synchronous"
"""Extension of a GraphQL field whose resolver was replaced by a synchronous one."""

Info = strawberry.Info[RequestContext, None]


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
    arguments: Mapping[str, Text] = {},
    **options: Any,
) -> Any:
    """A field that loads other records. It is null if the key or the record is missing.

    `loader`, `key`, `step`, `many`, `per_key` and `known` are those of `Edge`, where a callable becomes a `Step`.
    `options` are those of `strawberry.field`.

    A key that names an attribute needs that attribute, as in ``edge(ServiceById, "service_ids", many=True)``.
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
    return _edge(reach, frozenset(names - {"id"}), reads, arguments, **options)


class _WhenAwaited:
    """What begins when it is awaited. graphql-core forgets what it has not awaited when a request ends, and Python
    warns of coroutines that are forgotten.
    """

    __slots__ = ("_begin",)

    def __init__(self, begin: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self._begin = begin

    def __await__(self) -> Generator[Any, None, Any]:
        return self._begin().__await__()


def _edge(reach: Edge, needs: frozenset[str], reads: Reads | None, texts: Mapping[str, Text], **options: Any) -> Any:
    """The field, with a resolver that follows the edge for one object, for Strawberry's own executor."""

    async def load(parent: Any, info: Info, arguments: dict[str, Any]) -> Any:
        context = info.context
        keys = reach.key_of(parent, context, arguments)
        if keys is None:
            return None
        one = reach.loader.of(context)
        found: Any
        if reach.per_key:
            return await _per_key(one, keys)
        if reach.many:
            keys = list(as_keys(keys))
            loaded = await asyncio.shield(one.load_many(keys))
            is_stale = context.has_gaps and any(map(context.is_stale, loaded))
            found = [record for record in loaded if record is not None]
            unread = sum(getattr(record, "unread", 0) for record in dict(zip(keys, loaded, strict=True)).values())
        else:
            # graphql-core cancels this when a sibling makes the parent null, and others may wait for the same key.
            found = await one.wait_for(keys)
            if found is NO_LINK:
                return None
            unread, is_stale = getattr(found, "unread", 0), context.has_gaps and context.is_stale(found)
        if is_stale:
            context.note_stale(info.path.as_list(), reach.system or "")
        if unread:
            context.note_gap(info.path.as_list(), getattr(found, "unread_of", "") or reach.system or "", unread)
        return reach.value_of(found, context, arguments)

    def resolve(parent: Any, info: Info, **arguments: Any) -> Any:
        if reach.known is not None and reach.known(parent):
            return reach.value_of(parent, info.context, arguments)
        return _WhenAwaited(partial(load, parent, info, arguments))

    _sign(resolve, reach.arguments, texts)
    metadata = {EDGE: reach, NEEDS: needs, READS: reads}
    return strawberry.field(resolver=resolve, metadata=metadata, **options)


async def _per_key(loader: Loader[Any, Any], keys: Iterable[Any]) -> list[Any]:
    """The value of each key, or its failure: graphql-core makes an exception in a list that entry's error."""
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


def connection(
    loader: type[RowsLoader[Any]],
    filter_rows: Callable[..., Rows[Any]] | None = None,
    *,
    conditions: Callable[..., Hashable] | None = None,
    reads: Reads | None = None,
    prefetch: Prefetch | None = None,
    arguments: Mapping[str, Text] = {},
    **options: Any,
) -> Any:
    """A connection to the rows under a record.

    `conditions` turns its arguments into conditions that the system is asked to apply. `filter_rows` filters and sorts
    what was read, by its arguments; where one is given, the whole list is read, else only the page of a single parent.
    """
    condition_arguments = tuple(inspect.signature(conditions, eval_str=True).parameters.values()) if conditions else ()
    filter_arguments = Step.of(filter_rows).arguments if filter_rows else ()
    page_arguments = Step.of(page_of_rows).arguments

    def given(arguments: dict[str, Any], by: Iterable[inspect.Parameter]) -> dict[str, Any]:
        return {p.name: arguments[p.name] for p in by if arguments.get(p.name) is not None}

    def key(**arguments: Any) -> Callable[[Any], RowsKey]:
        page = window(**given(arguments, page_arguments))
        condition = conditions(**given(arguments, condition_arguments)) if conditions else None
        rows_window = None if given(arguments, filter_arguments) else page
        return lambda parent: RowsKey(parent.id, condition, rows_window)

    def step(**arguments: Any) -> Callable[[Rows[Any] | None], Page]:
        filters, page = given(arguments, filter_arguments), given(arguments, page_arguments)
        page_of = first_page(**page) if page.keys() <= {"first"} else lambda rows: page_of_rows(rows, **page)
        if not filter_rows or not filters:
            return page_of
        return lambda rows: page_of(rows if rows is None else filter_rows(rows, **filters))

    parameters = (*condition_arguments, *filter_arguments, *page_arguments)
    return _edge(
        Edge(
            loader,
            Step.prepared(key, parameters),
            Step.prepared(step, parameters),
            many=False,
            same_id=True,
            prefetch=prefetch,
        ),
        frozenset(),
        reads,
        {**arguments, **PAGE},
        **options,
    )


def computed(
    step: Callable[..., Any], *, needs: Iterable[str], arguments: Mapping[str, Text] = {}, **options: Any
) -> Any:
    """A field that is a pure function of its record, as in `computed(is_overdue, needs=["due_date"])`."""
    return _computed(Step.of(step), frozenset(needs), arguments, **options)


def node_id(type_name: str) -> Any:
    """The record's global id, such as `Bill:77`."""
    return _computed(
        GlobalId(f"{type_name}:"),
        frozenset(),
        {},
        description=f"Global id: the type, a colon and the system's own id, such as {type_name}:1001. It is stable.",
    )


def key_id(type_name: str, what: str) -> Any:
    """The key of a record that `node` does not find: the type and its system's id, such as `BillCharge:77`."""
    return _computed(
        GlobalId(f"{type_name}:"), frozenset(), {}, description=f"Key of the {what} among all. {NOT_A_NODE}"
    )


NOT_A_NODE: Final = "It is stable, for a client's cache; `node` does not find it."
"""Said of ids that are keys only."""


def _computed(pure: Step | GlobalId, needs: frozenset[str], texts: Mapping[str, Text], **options: Any) -> Any:
    def resolve(parent: Any, info: Info, **arguments: Any) -> Any:
        return pure.bound(info.context, arguments)(parent)

    _sign(resolve, pure.arguments, texts)
    return strawberry.field(resolver=resolve, metadata={NEEDS: needs, PURE: pure}, **options)


def _sign(resolve: Any, arguments: Iterable[inspect.Parameter], texts: Mapping[str, Text]) -> None:
    """Give the resolver a signature with these arguments and descriptions, which Strawberry reads."""
    distinct = {
        argument.name: argument.replace(
            kind=inspect.Parameter.KEYWORD_ONLY,
            annotation=_described(argument.annotation, texts.get(argument.name)),
            # An argument that is not given differs from null, and the schema must not print "= null".
            default=strawberry.UNSET if argument.default is None else argument.default,
        )
        for argument in arguments
    }
    if unknown := texts.keys() - distinct.keys():
        raise TypeError(f"no such arguments: {sorted(unknown)}; there are {sorted(distinct)}")
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parent = inspect.Parameter("parent", kind, annotation=Annotated[Any, StrawberryParent()])
    info = inspect.Parameter("info", kind, annotation=Info)
    signature = inspect.Signature([parent, info, *distinct.values()])
    resolve.__signature__ = signature
    resolve.__annotations__ = {name: p.annotation for name, p in signature.parameters.items()}


def _described(kind: Any, text: Text | None) -> Any:
    if text is None:
        return kind
    return Annotated[kind, strawberry.argument(description=text) if isinstance(text, str) else text]
