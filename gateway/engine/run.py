"""One operation run by its plan, breadth first: a block at once, then all edges that leave it side by side."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from graphql import (
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLResolveInfoHelpers,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)
from graphql.execution.values import VariableValues, get_argument_values
from graphql.pyutils import Path, is_awaitable
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_arguments

from gateway.engine.builders import Build
from gateway.engine.careful import Careful, FieldFailure, Nulled
from gateway.engine.nulls import Failure, Made, told
from gateway.engine.plan import Block, FieldPlan, Plan
from resolvers.links import NO_LINK

_HELPERS: Final = GraphQLResolveInfoHelpers(gather=lambda some: asyncio.gather(*some), track=lambda _some: None)


@dataclass(frozen=True, slots=True)
class Named:
    """In place of a record of which only the id is known."""

    id: Any


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
        self._failures: list[Failure] = []

    async def execute(self, root: Any) -> tuple[dict[str, Any] | None, list[GraphQLError]]:
        """The answer's data, None where the whole of it is, and the errors in it."""
        top = self._make(self._plan.blocks[0], [root], None, ())
        await self._leave(top)
        data: dict[str, Any] | None = top.values[0]
        return told(data, self._failures) if self._failures else (data, [])

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
            place[plan.key] = value
        await self._leave(made)

    async def _found(self, plan: FieldPlan, subjects: Sequence[Any]) -> list[Any]:
        """What the edge finds per object, or the exception why not."""
        edge = plan.edge
        assert edge is not None  # noqa: S101  # only edges are followed
        try:
            arguments = self._arguments(plan)
            for_key, for_step = (one.taken(self._context, arguments) for one in (edge.key, edge.step))
            loader = edge.loader.of(self._context)
        except Exception as error:  # noqa: BLE001  # arguments that cannot be used: the field's error, for each object
            return [error] * len(subjects)
        known, key_of, step, many = edge.known, edge.key.call, edge.step.call, edge.many
        values: list[Any] = [None] * len(subjects)
        waiting: list[tuple[int, Any]] = []
        loading: dict[Any, asyncio.Future[Any]] = {}
        for number, subject in enumerate(subjects):
            try:
                if known is not None and known(subject):
                    values[number] = step(subject, **for_step)
                    continue
                key = key_of(subject, **for_key)
                if key is None:
                    continue
                if many:
                    key = _listed(key)
                    for one in key:
                        if one not in loading:
                            loading[one] = loader.load(one)
                elif key not in loading:
                    loading[key] = loader.load(key)
                waiting.append((number, key))
            except Exception as error:  # noqa: BLE001  # also of a key that no loader takes: this object's error
                values[number] = error
        if any(not one.done() for one in loading.values()):
            self._begin(self._plan.by_edge[plan.number], loader.foreseen(list(loading)))
            await asyncio.gather(*loading.values(), return_exceptions=True)
        found = {key: one.exception() or one.result() for key, one in loading.items()}
        for number, key in waiting:
            one = [found[each] for each in key] if many else found[key]
            if one is not NO_LINK:
                values[number] = _stepped(step, one, for_step, many=many)
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

    def _make(self, block: Block, raws: Sequence[Any], above: Made | None, places: Sequence[dict[str, Any]]) -> Made:
        """The block's values: all at once where they are as promised, else one by one."""
        made = Made(block, [], above, places)
        build = self._builds[block.number]
        try:
            made.values = [build(raw) for raw in raws]
        except Exception:  # noqa: BLE001  # looked at again, carefully
            for plan in block.edges:
                self._subjects[plan.number].clear()
                self._places[plan.number].clear()
            made.values = [self._carefully(made, number, raw) for number, raw in enumerate(raws)]
        return made

    def _carefully(self, made: Made, number: int, raw: Any) -> Any:
        plan, selected = made.block.reached_by, made.block.selected
        careful = Careful(self._values, self._subjects, self._places, self._infos, self._schema)
        try:
            if plan is None:
                value: Any = careful.object(selected.by_type[selected.type.name], raw, None, [])
            else:
                value = careful.value(plan.type, raw, plan, [])
        except Nulled as nulled:
            careful.failures.append(FieldFailure(nulled.error, nulled.plan, nulled.path))
            value = None
        self._failures += [Failure(made, number, one.error, one.plan, one.path) for one in careful.failures]
        return value

    def _value(self, plan: FieldPlan) -> Callable[[Any], Any] | None:
        """The function that gives a field's value from its object, with this request's arguments; None without one."""
        step = plan.step
        if plan.kind == "edge" and plan.edge and plan.edge.known and is_leaf_type(get_named_type(plan.type)):
            step = plan.edge.step
        if step is None and plan.kind != "resolver":
            return None
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


def _raise(error: Exception, _subject: Any) -> Any:
    raise error


def _listed(keys: Any) -> list[Any]:
    """The keys of an edge with many: each is looked at twice. Raises TypeError, in the loaders' words."""
    if not isinstance(keys, Iterable):
        raise TypeError(f"The loader.load_many() function must be called with Iterable<key> but got: {keys}.")
    return list(keys)


def _stepped(step: Callable[..., Any], found: Any, taken: dict[str, Any], *, many: bool) -> Any:
    """The step's value of what was found, or why there is none; of many, one that failed fails them all."""
    if many:
        failures = [one for one in found if isinstance(one, Exception)]
        found = failures[0] if failures else [one for one in found if one is not None]
    if isinstance(found, Exception):
        return found
    try:
        return step(found, **taken)
    except Exception as error:  # noqa: BLE001  # whatever it raises is this field's error
        return error
