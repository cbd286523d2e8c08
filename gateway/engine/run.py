"""One operation run by its plan, breadth first: a block at once, then all edges that leave it side by side."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from graphql import (
    GraphQLError,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLResolveInfoHelpers,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    located_error,
)
from graphql.execution.values import VariableValues, get_argument_values
from graphql.pyutils import Path, is_awaitable
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_arguments

from gateway.engine.builders import Build
from gateway.engine.careful import Careful, FieldFailure, Nulled, Step
from gateway.engine.plan import Block, FieldPlan, Plan, Selected
from resolvers.links import NO_LINK

_HELPERS: Final = GraphQLResolveInfoHelpers(gather=lambda some: asyncio.gather(*some), track=lambda _some: None)
_GONE: Final = object()
"""In place of a value that makes what is around it null."""


@dataclass(frozen=True, slots=True)
class Named:
    """In place of a record of which only the id is known."""

    id: Any


@dataclass(eq=False, slots=True)
class Made:
    """A block that was made: its values, and into which dictionaries of which other block they go."""

    block: Block
    values: list[Any]
    above: "Made | None"
    places: Sequence[dict[str, Any]]
    number: int
    gone: set[int] = field(default_factory=set)
    """Ids of dictionaries of this block that an edge below made null."""
    _paths: dict[int, tuple[int, tuple[Step, ...]]] | None = None

    def path_to(self, value: int) -> list[Step]:
        """Where the value with this number stands in the answer."""
        if self.above is None or self.block.reached_by is None:
            return []
        return [*self.above.path_of(self.places[value]), self.block.reached_by.key]

    def path_of(self, place: dict[str, Any]) -> list[Step]:
        """Where a dictionary of this block stands in the answer."""
        if self._paths is None:
            self._paths = {}
            for number, value in enumerate(self.values):
                self._note(number, value, ())
        number, path = self._paths[id(place)]
        return [*self.path_to(number), *path]

    def _note(self, number: int, value: Any, path: tuple[Step, ...]) -> None:
        assert self._paths is not None  # noqa: S101  # called by path_of only
        if isinstance(value, dict):
            if id(value) not in self._paths:
                self._paths[id(value)] = (number, path)
                for key, one in value.items():
                    self._note(number, one, (*path, key))
        elif isinstance(value, list):
            for place, one in enumerate(value):
                self._note(number, one, (*path, place))


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of one value of a block; `path` is inside the value."""

    made: Made
    value: int
    error: Exception
    plan: FieldPlan
    path: tuple[Step, ...]


class _Infos(dict[int, GraphQLResolveInfo[Any]]):
    """By field number, made when somebody looks."""

    def __init__(self, make: Callable[[int], GraphQLResolveInfo[Any]]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, number: int) -> GraphQLResolveInfo[Any]:
        info = self[number] = self._make(number)
        return info


class Run:
    """One execution. `data` and `errors` are the answer when `execute` has ended."""

    def __init__(
        self,
        plan: Plan,
        bind: Callable[..., list[Build]],
        schema: GraphQLSchema,
        converter: GraphQLCoreConverter,
        context: Any,
        variables: VariableValues,
    ) -> None:
        self._plan, self._schema, self._converter = plan, schema, converter
        self._context, self._variables = context, variables
        count = len(plan.fields)
        self._subjects: list[list[Any]] = [[] for _ in range(count)]
        self._places: list[list[dict[str, Any]]] = [[] for _ in range(count)]
        self._infos = _Infos(self._info)
        self._values = [self._value(one) for one in plan.fields]
        self._builds = bind(self._values, self._subjects, self._places, self._infos)
        self._blocks: list[Made] = []
        self._failures: list[Failure] = []

    async def execute(self, root: Any) -> tuple[dict[str, Any] | None, list[GraphQLError]]:
        """The answer's data, None where the whole of it is, and the errors in it."""
        top = self._root(root)
        await self._leave(top)
        data: dict[str, Any] | None = top.values[0]
        if not self._failures:
            return data, []
        errors = [self._error(one) for one in self._failures]
        data = self._without_gone()
        return data, _told_once(self._plan, data, errors)

    def _root(self, root: Any) -> Made:
        block = self._plan.blocks[0]
        made = Made(block, [], None, (), 0)
        self._blocks.append(made)
        try:
            made.values = [self._builds[0](root)]
        except Exception:  # noqa: BLE001  # looked at again, carefully
            self._forget(block)
            careful = self._careful()
            plan = next(iter(block.selected.by_type.values()))
            try:
                made.values = [careful.object(plan, root, None, [])]
            except Nulled as nulled:
                self._failures.append(Failure(made, 0, nulled.error, nulled.plan, nulled.path))
                made.values = [None]
            except GraphQLError as error:
                self._failures.append(Failure(made, 0, error, plan.fields[0], ()))
                made.values = [None]
            self._failures[:0] = [Failure(made, 0, one.error, one.plan, one.path) for one in careful.failures]
        return made

    async def _leave(self, made: Made) -> None:
        """Follow the edges out of a block, side by side, and those out of what they lead to."""
        ways = []
        for plan in made.block.edges:
            subjects, places = self._subjects[plan.number], self._places[plan.number]
            if subjects:
                ways.append(self._follow(plan, subjects.copy(), places.copy(), made))
                subjects.clear()
                places.clear()
        if len(ways) == 1:
            await ways[0]
        elif ways:
            await asyncio.gather(*ways)

    async def _follow(
        self, plan: FieldPlan, subjects: Sequence[Any], places: Sequence[dict[str, Any]], above: Made
    ) -> None:
        """One edge for all objects that have it: one load, then the block of what was found."""
        made = self._make(self._plan.by_edge[plan.number], await self._found(plan, subjects), above, places)
        for place, value in zip(places, made.values, strict=True):
            if value is _GONE:
                above.gone.add(id(place))
            else:
                place[plan.key] = value
        await self._leave(made)

    async def _found(self, plan: FieldPlan, subjects: Sequence[Any]) -> list[Any]:
        """What the edge finds per object, or the exception why not."""
        edge = plan.edge
        assert edge is not None  # noqa: S101  # only edges are followed
        try:
            arguments = self._arguments(plan)
            for_key, for_step = (one.taken(self._context, arguments) for one in (edge.key, edge.step))
        except Exception as error:  # noqa: BLE001  # arguments that cannot be used: the field's error, for each object
            return [error] * len(subjects)
        known = edge.known or _never
        wanted = [None if known(one) else _or_error(edge.key.call, one, for_key) for one in subjects]
        loader = edge.loader.of(self._context)
        keys = [one for one in wanted if one is not None and not isinstance(one, Exception)]
        distinct = dict.fromkeys(key for one in keys for key in one) if edge.many else dict.fromkeys(keys)
        loading = {key: loader.load(key) for key in distinct}
        if any(not one.done() for one in loading.values()):
            self._begin(self._plan.by_edge[plan.number], loader.foreseen(list(loading)))
            await asyncio.gather(*loading.values(), return_exceptions=True)
        found = {key: one.exception() or one.result() for key, one in loading.items()}
        step = edge.step.call
        values: list[Any] = []
        for subject, key in zip(subjects, wanted, strict=True):
            if known(subject):
                values.append(_or_error(step, subject, for_step))
            elif key is None or isinstance(key, Exception):
                values.append(key)
            elif edge.many:
                values.append(_stepped(step, [found[one] for one in key], for_step))
            elif (one := found[key]) is NO_LINK:
                values.append(None)
            else:
                values.append(one if isinstance(one, Exception) else _or_error(step, one, for_step))
        return values

    def _begin(self, block: Block, keys: Sequence[Any]) -> None:
        """What the records will be asked for can be asked for beside them, where their keys are enough."""
        if not keys:
            return
        for plan in block.same_id():
            edge = plan.edge
            assert edge is not None  # noqa: S101  # only edges are begun with
            with suppress(Exception):  # arguments that cannot be used: an error when the edge is followed
                taken = edge.key.taken(self._context, self._arguments(plan))
                edge.loader.of(self._context).expect([edge.key.call(Named(key), **taken) for key in keys])
        for _plan, ahead in block.shortcuts():
            ahead.expect(self._context, keys)

    def _make(self, block: Block, raws: Sequence[Any], above: Made, places: Sequence[dict[str, Any]]) -> Made:
        """The block's values: all at once where they are as promised, else one by one."""
        made = Made(block, [], above, places, len(self._blocks))
        self._blocks.append(made)
        build = self._builds[block.number]
        try:
            made.values = [build(raw) for raw in raws]
        except Exception:  # noqa: BLE001  # looked at again, carefully
            self._forget(block)
            made.values = [self._carefully(made, number, raw) for number, raw in enumerate(raws)]
        return made

    def _carefully(self, made: Made, number: int, raw: Any) -> Any:
        plan = made.block.reached_by
        assert plan is not None  # noqa: S101  # the root is made by _root
        careful = self._careful()
        try:
            value = careful.value(plan.type, raw, plan, [])
        except Nulled as nulled:
            careful.failures.append(FieldFailure(nulled.error, nulled.plan, nulled.path))
            value = _GONE
        self._failures += [Failure(made, number, one.error, one.plan, one.path) for one in careful.failures]
        return value

    def _forget(self, block: Block) -> None:
        for plan in block.edges:
            self._subjects[plan.number].clear()
            self._places[plan.number].clear()

    def _careful(self) -> Careful:
        return Careful(self._values, self._subjects, self._places, self._infos, self._schema)

    def _without_gone(self) -> dict[str, Any] | None:
        """Take away what an edge made null, from the deepest block up."""
        for made in reversed(self._blocks):
            if not made.gone:
                continue
            for number, value in enumerate(made.values):
                kind = made.block.reached_by.type if made.block.reached_by else GraphQLNonNull(made.block.selected.type)
                left = _pruned(value, kind, made.block.selected, made.gone)
                if left is value:
                    continue
                made.values[number] = left
                if made.above is None or made.block.reached_by is None:
                    return None
                if left is _GONE:
                    made.above.gone.add(id(made.places[number]))
                else:
                    made.places[number][made.block.reached_by.key] = left
        data: dict[str, Any] | None = self._blocks[0].values[0]
        return data

    def _error(self, failure: Failure) -> GraphQLError:
        path = [*failure.made.path_to(failure.value), *failure.path]
        return located_error(failure.error, failure.plan.nodes, path)

    def _value(self, plan: FieldPlan) -> Callable[[Any], Any]:
        """The function that gives a field's value from its object, with this request's arguments."""
        step = plan.step
        if plan.kind == "edge" and plan.edge and plan.edge.known and is_leaf_type(get_named_type(plan.type)):
            step = plan.edge.step
        if step is None and plan.kind != "resolver":
            return _never
        try:
            if step is not None:
                taken = step.taken(self._context, self._arguments(plan))
                return partial(step.call, **taken) if taken else step.call
            resolve, info = plan.core.resolve, self._infos[plan.number]
            given = self._coerced(plan)
        except Exception as error:  # noqa: BLE001  # arguments that cannot be used: the field's error, for each object
            return partial(_raise, error)
        assert resolve is not None  # noqa: S101  # that is what makes it a resolver
        return lambda subject: resolve(subject, info, **given)

    def _coerced(self, plan: FieldPlan) -> dict[str, Any]:
        if not plan.core.args and not plan.nodes[0].arguments:
            return {}
        return get_argument_values(plan.core, plan.nodes[0], self._variables)

    def _arguments(self, plan: FieldPlan) -> dict[str, Any]:
        """The field's arguments as Strawberry gives them to a resolver."""
        given = self._coerced(plan)
        if not given or plan.definition is None:
            return {}
        return convert_arguments(
            given, plan.definition.arguments, self._converter.scalar_registry, self._converter.config
        )

    def _info(self, number: int) -> GraphQLResolveInfo[Any]:
        """What functions of types get as `info` at a field; at the root (-1) it says who asks for what operation."""
        plan = self._plan.fields[number] if number >= 0 else None
        root = self._plan.blocks[0].selected.type
        assert isinstance(root, GraphQLObjectType)  # noqa: S101  # the query type
        return GraphQLResolveInfo(
            plan.nodes[0].name.value if plan else "",
            plan.nodes if plan else [],
            plan.type if plan else root,
            plan.parent if plan else root,
            Path(None, plan.key if plan else "", None),
            self._schema,
            dict(self._plan.fragments),
            None,
            self._plan.operation,
            self._variables,
            self._context,
            is_awaitable,
            None,
            _HELPERS,
        )


def _pruned(value: Any, kind: GraphQLOutputType, selected: Selected, gone: set[int]) -> Any:
    """The value without dictionaries that are gone; `_GONE` where it must not be null and is."""
    if isinstance(kind, GraphQLNonNull):
        left = _pruned(value, kind.of_type, selected, gone)
        return _GONE if left is None else left
    if isinstance(value, list) and isinstance(kind, GraphQLList):
        for place, one in enumerate(value):
            left = _pruned(one, kind.of_type, selected, gone)
            if left is _GONE:
                return None
            value[place] = left
        return value
    if not isinstance(value, dict):
        return value
    if id(value) in gone:
        return None
    for plan in _inside(selected, value):
        left = _pruned(value[plan.key], plan.type, plan.selected, gone)  # type: ignore[arg-type]  # see _inside
        if left is _GONE:
            return None
        value[plan.key] = left
    return value


def _inside(selected: Selected, value: dict[str, Any]) -> list[FieldPlan]:
    """Fields of this object that hold others of the same block. Types that can stand at one place agree on nulls."""
    found: dict[str, FieldPlan] = {}
    for one in selected.by_type.values():
        for plan in one.fields:
            if plan.selected is not None and plan.kind != "edge" and plan.key in value:
                found.setdefault(plan.key, plan)
    return list(found.values())


def _told_once(plan: Plan, data: Any, errors: Sequence[GraphQLError]) -> list[GraphQLError]:
    """Of errors below something that became null, only the one that made it so: the others are about what is gone."""
    told: dict[tuple[Step, ...], GraphQLError] = {}
    for error in errors:
        path = tuple(error.path or ())
        position = _null_on(data, path)
        if position not in told or (
            _nulls(plan, tuple(told[position].path or ())) != position and _nulls(plan, path) == position
        ):
            told[position] = error
    return list(told.values())


def _nulls(plan: Plan, path: tuple[Step, ...]) -> tuple[Step, ...]:
    """What an error at this path makes null: the nearest thing around it that may be."""
    selected, kind, nearest = plan.blocks[0].selected, None, 0
    for size, step in enumerate(path, 1):
        if isinstance(step, str):
            found = next(one for made in selected.by_type.values() for one in made.fields if one.key == step)
            kind, selected = found.type, found.selected or selected
        else:
            kind = getattr(kind.of_type if isinstance(kind, GraphQLNonNull) else kind, "of_type", None)
        if not isinstance(kind, GraphQLNonNull):
            nearest = size
    return path[:nearest]


def _null_on(data: Any, path: tuple[Step, ...]) -> tuple[Step, ...]:
    """How far along the path the answer is not null."""
    for size, step in enumerate(path):
        if data is None:
            return path[:size]
        data = data[step]
    return path


def _never(_subject: Any) -> bool:
    return False


def _raise(error: Exception, _subject: Any) -> Any:
    raise error


def _or_error(call: Callable[..., Any], subject: Any, taken: dict[str, Any]) -> Any:
    try:
        return call(subject, **taken)
    except Exception as error:  # noqa: BLE001  # whatever it raises is this field's error
        return error


def _stepped(call: Callable[..., Any], found: list[Any], taken: dict[str, Any]) -> Any:
    """The step of an edge with many keys, on what was found; one that failed fails them all."""
    for one in found:
        if isinstance(one, Exception):
            return one
    return _or_error(call, [one for one in found if one is not None], taken)
