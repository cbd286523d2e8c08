"""One operation run by its plan, breadth first: a block at once, then all edges that leave it side by side.

An edge starts with its loads, and is finished when they are there; nothing else is a task. What is found together is
built together, so that what follows from it is loaded together.
"""

import asyncio
import logging
import operator
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
from graphql import GraphQLError, GraphQLSchema
from graphql.execution.values import VariableValues
from graphql.pyutils import is_awaitable

from gateway.engine.bound_steps import BoundSteps, Infos
from gateway.engine.built import BuiltBlock
from gateway.engine.codegen import Build
from gateway.engine.declared import Context, EarlyLoader, Edge, Loader
from gateway.engine.failures import Completion, Failure, apply_failures
from gateway.engine.plan import Block, EdgeField, MutationField, Plan

logger = logging.getLogger(__package__)


class Outcome(msgspec.Struct, frozen=True):
    """What came of an operation. `executed` is false where it could not start (variables that do not fit)."""

    data: dict[str, Any] | None
    errors: list[GraphQLError]
    executed: bool


@dataclass(frozen=True, slots=True)
class Compiled:
    """A plan with its generated functions, and what every run of it needs of the engine."""

    plan: Plan
    blocks: Callable[..., list[Build]]
    steps: BoundSteps
    schema: GraphQLSchema
    absent: object


@dataclass(eq=False, slots=True)
class _StartedEdge:
    """One edge for all objects of a block: where each value goes, and by which key it is waited for."""

    edge_field: EdgeField
    above: BuiltBlock
    places: Sequence[dict[str, Any]]
    values: list[Any]
    subjects: Sequence[Any]
    step: Callable[[Any], Any] | None = None
    loading: "dict[Any, asyncio.Future[Any]]" = field(default_factory=dict)
    waiting: list[tuple[int, Any]] = field(default_factory=list)
    """Numbers of values with their keys; where each key has an entry of its own, with what those wait for."""
    same_loads: list[tuple[EdgeField, Sequence[dict[str, Any]]]] = field(default_factory=list)
    """Other edges of the same objects to leaves of the same records."""


@dataclass(frozen=True, slots=True)
class _OnlyId:
    """In place of an object of which only the id is known."""

    id: Any


class Run:
    """One execution. `start` gives the outcome."""

    def __init__(self, compiled: Compiled, context: Context, variables: VariableValues) -> None:
        plan = compiled.plan
        self._plan, self._steps, self._compiled = plan, compiled.steps, compiled
        self._context, self._variables = context, variables
        self._subjects: dict[int, list[Any]] = {number: [] for number in plan.below}
        self._places: dict[int, list[dict[str, Any]]] = {number: [] for number in plan.below}
        self._infos = Infos(plan, compiled.schema, context, variables)
        self._values = compiled.steps.values(context, variables, self._infos)
        self._builds = compiled.blocks(self._values, self._subjects, self._places, self._infos)
        self._failures: list[Failure] = []
        self._pending = 0
        self._ready: deque[_StartedEdge] = deque()
        self._woken: asyncio.Future[None] | None = None

    def start(self, root: Any) -> Outcome | Coroutine[Any, Any, Outcome]:
        """The outcome, or where edges were followed, what waits for it."""
        top = self._built(self._plan.blocks[0], [root], None, ())
        if self._plan.mutation is not None:
            return self._mutated(self._plan.mutation, root, top)
        self._start_edges(top)
        return self._finished(top) if self._pending else self._outcome(top)

    async def _mutated(self, field: MutationField, root: Any, top: BuiltBlock) -> Outcome:
        found = await self._resolved(field, root)
        self._start_edges(self._place(field, [found], top, top.values))
        return await self._finished(top)

    async def _resolved(self, field: MutationField, root: Any) -> Any:
        """What the resolver answers, or its error."""
        try:
            found = self._steps.resolver(field, self._infos, self._variables)(root)
            return await found if is_awaitable(found) else found
        except Exception as error:  # noqa: BLE001  # whatever it raises is this field's error
            return error

    async def _finished(self, top: BuiltBlock) -> Outcome:
        while self._pending:
            if not self._ready:
                self._woken = asyncio.get_running_loop().create_future()
                await self._woken
            started = self._ready.popleft()
            self._pending -= 1
            self._start_edges(self._finish(started))
        return self._outcome(top)

    def _outcome(self, top: BuiltBlock) -> Outcome:
        data, errors = apply_failures(top.values[0], self._failures) if self._failures else (top.values[0], [])
        return Outcome(data, errors, executed=True)

    def _start_edges(self, built: BuiltBlock) -> None:
        """Start the edges out of a block."""
        for fields in built.block.loads:
            started: _StartedEdge | None = None
            for one in fields:
                subjects, places = self._subjects[one.number], self._places[one.number]
                if not subjects:
                    continue
                if started is not None and started.waiting and _are_same(subjects, started.subjects):
                    started.same_loads.append((one, places.copy()))
                else:
                    self._pending += 1
                    started = self._start_edge(one, subjects.copy(), places.copy(), built)
                    self._wait(started)
                subjects.clear()
                places.clear()

    def _start_edge(
        self, field: EdgeField, subjects: Sequence[Any], places: Sequence[dict[str, Any]], above: BuiltBlock
    ) -> _StartedEdge:
        """One edge for all objects that have it: each key once, in one load."""
        edge = field.edge
        started = _StartedEdge(field, above, places, [None] * len(subjects), subjects)
        bound = self._steps.edge(field, self._context, self._variables)
        if isinstance(bound, Exception):
            started.values = [bound] * len(subjects)
            return started
        key_of, started.step = bound
        try:
            loader: Loader = self._context.loader(edge.loader)
        except Exception as error:  # noqa: BLE001  # a loader that cannot be made: the field's error, for each object
            started.values = [error] * len(subjects)
            return started
        load, loading, waiting = loader.load, started.loading, started.waiting
        many, per_key = edge.many, edge.per_key
        for number, subject in enumerate(subjects):
            try:
                key = key_of(subject)
                if key is None:
                    continue
                if not many:
                    if key not in loading:
                        loading[key] = load(key)
                elif per_key:
                    key = [_loading(load, loading, one) for one in _keys(key)]
                else:
                    key = list(_keys(key))  # looked at twice
                    for one in key:
                        if one not in loading:
                            loading[one] = load(one)
                waiting.append((number, key))
            except Exception as error:  # noqa: BLE001  # also of a key that no loader takes: this object's error
                started.values[number] = error
        early, ahead = self._plan.below[field.number].early
        if (early or ahead) and any(not one.done() for one in loading.values()):
            self._start_early(edge, early, [one.expect for one in ahead], list(loading))
        return started

    def _wait(self, started: _StartedEdge, _done: object = None) -> None:
        """Ready when nothing is pending any more: loads of one batch are there together, so that one is listened to."""
        for one in started.loading.values():
            if not one.done():
                one.add_done_callback(partial(self._wait, started))
                return
        self._ready.append(started)
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    def _finish(self, started: _StartedEdge) -> BuiltBlock:
        """The block of what was found, in its places. In the order of the fields, as errors are told in that."""
        found = {key: one.exception() or one.result() for key, one in started.loading.items()}
        built = self._place(
            started.edge_field, self._found(started, found, started.step), started.above, started.places
        )
        for one, places in started.same_loads:
            bound = self._steps.edge(one, self._context, self._variables)
            values = [bound] * len(places) if isinstance(bound, Exception) else self._found(started, found, bound[1])
            self._place(one, values, started.above, places)
        return built

    def _found(self, started: _StartedEdge, found: Mapping[Any, Any], step: Callable[[Any], Any] | None) -> list[Any]:
        """The value of each object, before anything is selected of it."""
        values, absent, edge = started.values.copy(), self._compiled.absent, started.edge_field.edge
        if edge.per_key:
            for number, entries in started.waiting:
                values[number] = [_entry(one, absent) for one in entries]
            return values
        many = edge.many
        for number, key in started.waiting:
            one = _gathered([found[each] for each in key]) if many else found[key]
            if isinstance(one, Exception):
                values[number] = one
            elif one is not absent:
                if step is None:
                    values[number] = one
                    continue
                try:
                    values[number] = step(one)
                except Exception as error:  # noqa: BLE001  # whatever it raises is this field's error
                    values[number] = error
        return values

    def _place(
        self,
        field: EdgeField | MutationField,
        values: Sequence[Any],
        above: BuiltBlock,
        places: Sequence[dict[str, Any]],
    ) -> BuiltBlock:
        built = self._built(self._plan.below[field.number], values, above, places)
        key = field.key
        for place, value in zip(places, built.values, strict=True):
            place[key] = value
        return built

    def _start_early(
        self,
        over: Edge,
        early: Sequence[EdgeField],
        ahead: Sequence[Callable[[Any, Sequence[Any]], None]],
        keys: Sequence[Any],
    ) -> None:
        """What the records will be asked for can be asked for beside them, where their keys are enough."""
        try:
            loader: EarlyLoader = self._context.loader(over.loader)
            keys = loader.foreseen(keys)
            if not keys:
                return
            for field in early:
                bound = self._steps.edge(field, self._context, self._variables)
                if not isinstance(bound, Exception):
                    with suppress(Exception):  # a key that cannot be made: an error when the edge is followed
                        self._context.loader(field.edge.loader).expect([bound[0](_OnlyId(key)) for key in keys])
            for expect in ahead:
                expect(self._context, keys)
        except Exception:  # a fault in what is only a shortcut: the operation goes the whole way
            logger.exception("%s could not be begun with early", over.loader.__name__)

    def _built(
        self, block: Block, found: Sequence[Any], above: BuiltBlock | None, places: Sequence[dict[str, Any]]
    ) -> BuiltBlock:
        """The block's values: all at once where they are as promised, else one by one."""
        built = BuiltBlock(block, [], above, places)
        build = self._builds[block.number]
        try:
            built.values = [build(one) for one in found]
        except Exception:  # noqa: BLE001  # completed anew, with an eye on errors
            for field in block.edges:
                self._subjects[field.number].clear()
                self._places[field.number].clear()
            completion = self._completion()
            built.values = [completion.completed(built, number, one) for number, one in enumerate(found)]
            self._failures += completion.failures
        return built

    def _completion(self) -> Completion:
        return Completion(
            self._values,
            self._subjects,
            self._places,
            self._infos,
            self._compiled.schema,
            lambda field: self._steps.arguments(field, self._variables),
        )


def _are_same(some: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether these are the very same objects: equal ones may have different keys."""
    return len(some) == len(others) and all(map(operator.is_, some, others))


def _keys(several: Any) -> Iterable[Any]:
    """Keys of one object. Raises TypeError where they are none."""
    if not isinstance(several, Iterable):
        raise TypeError(f"These should be several keys, and are: {several!r}.")
    return several


def _loading(
    load: "Callable[[Any], asyncio.Future[Any]]", loading: "dict[Any, asyncio.Future[Any]]", key: Any
) -> "asyncio.Future[Any] | Exception":
    """What one of several keys waits for; the same for equal ones. An exception where it cannot be loaded."""
    try:
        if key not in loading:
            loading[key] = load(key)
        return loading[key]
    except Exception as error:  # noqa: BLE001  # also of a key that no loader takes: this entry's error
        return error


def _entry(loaded: "asyncio.Future[Any] | Exception", absent: object) -> Any:
    """What one of several keys found, or its error."""
    found = loaded if isinstance(loaded, Exception) else loaded.exception() or loaded.result()
    return None if found is absent else found


def _gathered(found: Sequence[Any]) -> Any:
    """What was found of many, without the gaps; one that failed fails them all."""
    for one in found:
        if isinstance(one, Exception):
            return one
    return [one for one in found if one is not None]
