"""One operation run by its plan, breadth first: a block at once, then all edges that leave it side by side.

An edge takes off with its loads, and lands when they are there; nothing else is a task. What lands together is made
together, so that what follows from it is loaded together.
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

from gateway.engine.builders import Build
from gateway.engine.careful import Careful, FieldFailure, Nulled
from gateway.engine.declared import Context, EarlyLoader, Edge, Loader
from gateway.engine.functions import Functions, Infos
from gateway.engine.nulls import Failure, Made, told
from gateway.engine.plan import Block, FieldPlan, Plan

logger = logging.getLogger(__package__)

Loading = dict[Any, "asyncio.Future[Any]"]


@dataclass(eq=False, slots=True)
class _Flight:
    """One edge on its way for all objects of a block: where each value goes, and by which key it is waited for."""

    plan: FieldPlan
    above: Made
    places: Sequence[dict[str, Any]]
    values: list[Any]
    step: Callable[[Any], Any] | None
    subjects: Sequence[Any]
    waiting: list[tuple[int, Any]] = field(default_factory=list)
    loading: Loading = field(default_factory=dict)
    also: list[tuple[FieldPlan, Sequence[dict[str, Any]]]] = field(default_factory=list)
    """Other edges of the same objects to leaves of the same records."""


@dataclass(frozen=True, slots=True)
class _Named:
    """In place of an object of which only the id is known."""

    id: Any


class Outcome(msgspec.Struct, frozen=True):
    """What came of an operation. `executed` is false where it could not start (variables that do not fit)."""

    data: dict[str, Any] | None
    errors: list[GraphQLError]
    executed: bool


class Run:
    """One execution. `start` gives the outcome."""

    def __init__(
        self,
        plan: Plan,
        bind: Callable[..., list[Build]],
        functions: Functions,
        schema: GraphQLSchema,
        absent: object,
        context: Context,
        variables: VariableValues,
    ) -> None:
        self._plan, self._functions, self._schema = plan, functions, schema
        self._absent, self._context, self._variables = absent, context, variables
        self._subjects: dict[int, list[Any]] = {number: [] for number in plan.by_edge}
        self._places: dict[int, list[dict[str, Any]]] = {number: [] for number in plan.by_edge}
        self._infos = Infos(plan, schema, context, variables)
        self._values = functions.values(context, variables, self._infos)
        self._builds = bind(self._values, self._subjects, self._places, self._infos)
        self._failures: list[Failure] = []
        self._away = 0
        self._landed: deque[_Flight] = deque()
        self._news: asyncio.Future[None] | None = None

    def start(self, root: Any) -> Outcome | Coroutine[Any, Any, Outcome]:
        """The outcome, or where edges were followed, what waits for it."""
        top = self._make(self._plan.blocks[0], [root], None, ())
        self._leave(top)
        return self._followed(top) if self._away else self._outcome(top)

    async def _followed(self, top: Made) -> Outcome:
        while self._away:
            if not self._landed:
                self._news = asyncio.get_running_loop().create_future()
                await self._news
            landed = self._landed.popleft()
            self._away -= 1
            self._leave(self._arrive(landed))
        return self._outcome(top)

    def _outcome(self, top: Made) -> Outcome:
        data, errors = told(top.values[0], self._failures) if self._failures else (top.values[0], [])
        return Outcome(data, errors, executed=True)

    def _leave(self, made: Made) -> None:
        """Let the edges out of a block take off."""
        for plans in made.block.loads:
            flight: _Flight | None = None
            for plan in plans:
                subjects, places = self._subjects[plan.number], self._places[plan.number]
                if not subjects:
                    continue
                if flight is not None and flight.step is not _unused and _are_same(subjects, flight.subjects):
                    flight.also.append((plan, places.copy()))
                else:
                    self._away += 1
                    flight = self._take_off(plan, subjects.copy(), places.copy(), made)
                    self._wait(flight)
                subjects.clear()
                places.clear()

    def _take_off(
        self, plan: FieldPlan, subjects: Sequence[Any], places: Sequence[dict[str, Any]], above: Made
    ) -> _Flight:
        """One edge for all objects that have it: each key once, in one load."""
        edge = plan.edge
        assert edge is not None  # noqa: S101  # only edges are followed
        way = self._functions.way(plan, self._context, self._variables)
        if isinstance(way, Exception):
            return _Flight(plan, above, places, [way] * len(subjects), _unused, subjects)
        key_of, step = way
        flight = _Flight(plan, above, places, [None] * len(subjects), step, subjects)
        try:
            loader: Loader = self._context.loader(edge.loader)
        except Exception as error:  # noqa: BLE001  # a loader that cannot be made: the field's error, for each object
            flight.values = [error] * len(subjects)
            return flight
        load, loading, waiting, many = loader.load, flight.loading, flight.waiting, edge.many
        for number, subject in enumerate(subjects):
            try:
                key = key_of(subject)
                if key is None:
                    continue
                if not many:
                    if key not in loading:
                        loading[key] = load(key)
                else:
                    key = list(_keys(key))  # looked at twice
                    for one in key:
                        if one not in loading:
                            loading[one] = load(one)
                waiting.append((number, key))
            except Exception as error:  # noqa: BLE001  # also of a key that no loader takes: this object's error
                flight.values[number] = error
        early, ahead = self._plan.by_edge[plan.number].early
        if (early or ahead) and any(not one.done() for one in loading.values()):
            self._begin(edge, early, [one.expect for one in ahead], list(loading))
        return flight

    def _wait(self, flight: _Flight, _done: object = None) -> None:
        """Land when nothing is pending any more: loads of one batch are there together, so that one is listened to."""
        for one in flight.loading.values():
            if not one.done():
                one.add_done_callback(partial(self._wait, flight))
                return
        self._landed.append(flight)
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def _arrive(self, flight: _Flight) -> Made:
        """The block of what was found, in its places. In the order of the fields, as errors are told in that."""
        found = {key: one.exception() or one.result() for key, one in flight.loading.items()}
        made = self._place(flight.plan, self._found(flight, found, flight.step), flight.above, flight.places)
        for plan, places in flight.also:
            way = self._functions.way(plan, self._context, self._variables)
            values = [way] * len(places) if isinstance(way, Exception) else self._found(flight, found, way[1])
            self._place(plan, values, flight.above, places)
        return made

    def _found(self, flight: _Flight, found: Mapping[Any, Any], step: Callable[[Any], Any] | None) -> list[Any]:
        """The value of each object, before anything is selected of it."""
        values, absent = flight.values.copy(), self._absent
        many = flight.plan.edge is not None and flight.plan.edge.many
        for number, key in flight.waiting:
            one = _gathered([found[each] for each in key]) if many else found[key]
            if isinstance(one, Exception):
                values[number] = one
            elif one is absent:
                continue
            elif step is None:
                values[number] = one
            else:
                try:
                    values[number] = step(one)
                except Exception as error:  # noqa: BLE001  # whatever it raises is this field's error
                    values[number] = error
        return values

    def _place(self, plan: FieldPlan, values: Sequence[Any], above: Made, places: Sequence[dict[str, Any]]) -> Made:
        made = self._make(self._plan.by_edge[plan.number], values, above, places)
        key = plan.key
        for place, value in zip(places, made.values, strict=True):
            place[key] = value
        return made

    def _begin(
        self,
        over: Edge,
        early: Sequence[FieldPlan],
        ahead: Sequence[Callable[[Any, Sequence[Any]], None]],
        keys: Sequence[Any],
    ) -> None:
        """What the records will be asked for can be asked for beside them, where their keys are enough."""
        try:
            loader: EarlyLoader = self._context.loader(over.loader)
            keys = loader.foreseen(keys)
            if not keys:
                return
            for plan in early:
                way = self._functions.way(plan, self._context, self._variables)
                if plan.edge is not None and not isinstance(way, Exception):
                    with suppress(Exception):  # a key that cannot be made: an error when the edge is followed
                        self._context.loader(plan.edge.loader).expect([way[0](_Named(key)) for key in keys])
            for expect in ahead:
                expect(self._context, keys)
        except Exception:  # a fault in what is only a shortcut: the operation goes the whole way
            logger.exception("%s could not be begun with early", over.loader.__name__)

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
        careful = Careful(
            self._values,
            self._subjects,
            self._places,
            self._infos,
            self._schema,
            lambda plan: self._functions.arguments(plan, self._variables),
        )
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


def _are_same(some: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether these are the very same objects: equal ones may have different keys."""
    return len(some) == len(others) and all(map(operator.is_, some, others))


def _unused(_found: Any) -> Any:
    """In place of the step of an edge that finds nothing."""
    raise AssertionError


def _keys(several: Any) -> Iterable[Any]:
    """Keys of one object. Raises TypeError where they are none."""
    if not isinstance(several, Iterable):
        raise TypeError(f"These should be several keys, and are: {several!r}.")
    return several


def _gathered(found: Sequence[Any]) -> Any:
    """What was found of many, without the gaps; one that failed fails them all."""
    for one in found:
        if isinstance(one, Exception):
            return one
    return [one for one in found if one is not None]
