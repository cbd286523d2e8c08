"""Runs a plan breadth first: a block at once, then all its edges concurrently.

An edge starts its loads and is finished when they are done; no edge is a task. What was loaded together is built
together, so that the edges below are loaded together.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, Final

import msgspec
from graphql import GraphQLError, GraphQLSchema
from graphql.execution.values import VariableValues
from graphql.pyutils import is_awaitable

from gateway.engine.allowance import Allowance, AnswerTooLarge
from gateway.engine.bound_steps import BoundSteps, Infos, KeyAndStep
from gateway.engine.built import BuiltBlock
from gateway.engine.codegen import Build, LongList
from gateway.engine.declared import Context, EarlyLoader, Edge, Loader
from gateway.engine.failures import Completion, Failure, apply_failures
from gateway.engine.kept_errors import kept
from gateway.engine.limits import AnswerLimits
from gateway.engine.plan import Block, EdgeField, MutationField, Plan
from gateway.engine.refusals import ASK_FOR_LESS, refuse
from gateway.engine.started_edge import StartedEdge
from gateway.engine.turns import SLICE, Work, in_turns, turn

logger = logging.getLogger(__package__)

_PREFETCHED: Final = 1000
"""Most keys for which edges are prefetched: with more, the calls saved are few, and the work is not interrupted."""


_NOTHING: Final[Mapping[int, list[Any]]] = {}


class Outcome(msgspec.Struct, frozen=True):
    """The result of an operation. `executed` is false if it could not start, for example because of its variables."""

    data: dict[str, Any] | None
    errors: list[GraphQLError]
    executed: bool
    more_errors: int = 0
    """Errors beyond the most that an answer may have, which are only counted."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A plan with its generated functions, and what every run needs of the engine."""

    plan: Plan
    blocks: Sequence[Callable[..., list[Build]]]
    """What makes the function of each block (`codegen.generated`)."""
    characters: int
    """Length of the generated code."""
    steps: BoundSteps
    schema: GraphQLSchema
    absent: object
    bytes: Sequence[int]
    """By number of a block, about how many bytes each of its values has as JSON (`codegen.block_bytes`)."""


@dataclass(frozen=True, slots=True)
class _OnlyId:
    """Stands for an object of which only the id is known."""

    id: Any


class Run:
    """One execution of a plan."""

    _pending = 0
    _woken: asyncio.Future[None] | None = None

    def __init__(self, compiled: Compiled, context: Context, variables: VariableValues, allowance: Allowance) -> None:
        plan = compiled.plan
        self._plan, self._steps, self._compiled = plan, compiled.steps, compiled
        self._context, self._variables = context, variables
        self._subjects: dict[int, list[Any]] = {number: [] for number in plan.below}
        self._places: dict[int, list[dict[str, Any]]] = {number: [] for number in plan.below}
        self._infos = Infos(plan, compiled.schema, context, variables)
        self._values = compiled.steps.values(context, variables, self._infos)
        self._long_lists: list[LongList] = []
        self._allowance, size = allowance, allowance.sized.append
        objects: dict[int, Build] = {}
        self._noted: Mapping[int, list[Any]] = {one.number: [] for one in plan.noting} if plan.noting else _NOTHING
        """By number of an object's plan, the objects of which fields are read that are noted."""
        lists = self._long_lists.append
        made = (self._values, self._subjects, self._places, self._infos, lists, size, objects, self._noted)
        self._builds = [build for some in compiled.blocks for build in some(*made)]
        self._failures: list[Failure] = []
        self._gaps: list[tuple[BuiltBlock, int, str, int]] = []
        """Values that lack rows: block, number of the value, system, rows."""
        self._stale: list[tuple[BuiltBlock, int, str]] = []
        """Values that are older than they should be: block, number of the value, system."""
        self._ready: deque[StartedEdge] = deque()

    def start(self, root: Any) -> Outcome | Coroutine[Any, Any, Outcome]:
        """The outcome, or a coroutine that returns it if edges are loading, or if it takes more than a turn."""
        if self._plan.mutation is not None:
            return self._mutated(self._plan.mutation, root)
        work, until = self._begun(root), perf_counter() + SLICE
        try:
            while perf_counter() < until:
                next(work)
        except StopIteration as done:
            top: BuiltBlock = done.value
            if not self._pending and not self._failures:
                if self._noted:
                    self._tell_noted()
                return Outcome(top.values[0], [], executed=True)
            return self._finished(top)
        except AnswerTooLarge:
            return self._too_large()
        return self._continued(work)

    def _begun(self, root: Any) -> Work[BuiltBlock]:
        top = yield from self._built(self._plan.blocks[0], [root], None, ())
        if top.block.edges:
            yield from self._start_edges(top)
        return top

    async def _continued(self, work: Work[BuiltBlock]) -> Outcome:
        try:
            top = await in_turns(work)
        except AnswerTooLarge:
            return self._too_large()
        return await self._finished(top)

    async def _mutated(self, field: MutationField, root: Any) -> Outcome:
        top = await in_turns(self._built(self._plan.blocks[0], [root], None, ()))
        found = await self._resolved(field, root)
        try:
            await in_turns(self._placed(field, found, top))
        except AnswerTooLarge:
            return self._too_large()
        return await self._finished(top)

    def _placed(self, field: MutationField, found: Any, top: BuiltBlock) -> Work[None]:
        built = yield from self._place(field, [found], top, top.values)
        yield from self._start_edges(built)

    async def _resolved(self, field: MutationField, root: Any) -> Any:
        """The resolver's value, or its exception."""
        try:
            found = self._steps.resolver(field, self._infos, self._variables)(root)
            return await found if is_awaitable(found) else found
        except Exception as error:  # noqa: BLE001  # whatever it raises is this field's error
            return kept(error)

    def _too_large(self) -> Outcome:
        """No answer: what was made of it is dropped."""
        for noted in (*self._subjects.values(), *self._places.values(), self._long_lists, self._ready):
            noted.clear()
        return too_large(self._allowance.limits)

    async def _finished(self, top: BuiltBlock) -> Outcome:
        try:
            return await self._all_finished(top)
        except AnswerTooLarge:
            return self._too_large()

    async def _all_finished(self, top: BuiltBlock) -> Outcome:
        until = perf_counter() + SLICE
        while self._pending:
            if not self._ready:
                self._woken = asyncio.get_running_loop().create_future()
                await self._woken
                until = perf_counter() + SLICE
            self._pending -= 1
            for _ in self.finish(self._ready.popleft()):
                if perf_counter() > until:
                    await turn()
                    until = perf_counter() + SLICE
        if self._noted:
            self._tell_noted()
        if not self._failures and not self._gaps and not self._stale:
            return Outcome(top.values[0], [], executed=True)
        return await in_turns(self._outcome(top))

    def _tell_noted(self) -> None:
        for one in self._plan.noting:
            if objects := self._noted[one.number]:
                self._context.note_read(one.type.name, one.noted, objects)

    def _outcome(self, top: BuiltBlock) -> Work[Outcome]:
        gaps = []
        for built, number, system, rows in self._gaps:
            gaps.append((built.path_to(number), system, rows))
            yield
        stale = []
        for built, number, system in self._stale:
            stale.append((built.path_to(number), system))
            yield
        data: dict[str, Any] | None = top.values[0]
        errors: list[GraphQLError] = []
        if self._failures:
            data, errors = yield from apply_failures(data, self._failures, self._allowance)
        for path, system, rows in gaps:
            if _is_in(data, path):
                self._context.note_gap(path, system, rows)
            yield
        for path, system in stale:
            if _is_in(data, path):
                self._context.note_stale(path, system)
            yield
        return Outcome(data, errors, executed=True, more_errors=self._allowance.more_errors)

    def _start_edges(self, built: BuiltBlock) -> Work[None]:
        """Start the edges of a block.

        An argument that cannot be used is an error before anything is waited for; any other error is met in its turn.
        """
        failed: list[StartedEdge] = []
        for fields in built.block.loads:
            started: StartedEdge | None = None
            for one in fields:
                subjects, places = self._subjects[one.number], self._places[one.number]
                if not subjects:
                    continue
                noted, noted_places = subjects, places  # the generated code adds to these very lists
                subjects, places = noted.copy(), noted_places.copy()
                noted.clear()
                noted_places.clear()
                bound = self._steps.edge(one, self._context, self._variables)
                if isinstance(bound, Exception):
                    self._pending += 1
                    wrong = StartedEdge(one, built, places, [bound] * len(subjects), subjects)
                    (failed if isinstance(bound, GraphQLError) else self._ready).append(wrong)
                elif started is not None and started.waiting and started.is_of(subjects):
                    started.same_loads.append((one, bound[1], places))
                else:
                    self._pending += 1
                    started = yield from self.start_edge(one, bound, subjects, places, built)
                    self._wait(started)
                yield
        self._ready.extendleft(reversed(failed))

    def start_edge(
        self,
        field: EdgeField,
        bound: KeyAndStep,
        subjects: Sequence[Any],
        places: Sequence[dict[str, Any]],
        above: BuiltBlock,
    ) -> Work[StartedEdge]:
        """Start an edge for all objects that have it, loading each key once."""
        edge = field.edge
        key_of, step = bound
        started = StartedEdge(field, above, places, [None] * len(subjects), subjects, step)
        try:
            loader: Loader = self._context.loader(edge.loader)
        except Exception as error:  # noqa: BLE001  # a loader that cannot be made: the field's error, for each object
            started.values = [kept(error)] * len(subjects)
            return started
        yield from started.load(loader, key_of, self._allowance.limits.max_errors)
        early, prefetch = self._plan.below[field.number].early
        if (
            (early or prefetch)
            and len(started.loading) <= _PREFETCHED
            and any(not one.done() for one in started.loading.values())
        ):
            self._start_early(edge, early, [one.expect for one in prefetch], list(started.loading))
        return started

    def _wait(self, started: StartedEdge, _done: object = None) -> None:
        """Mark the edge as ready when its loads are done. Loads of a batch end together, so one callback is enough."""
        for one in started.loading.values():
            if not one.done():
                one.add_done_callback(partial(self._wait, started))
                return
        self._ready.append(started)
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    def finish(self, started: StartedEdge) -> Work[None]:
        """Build the block of what was found, put its values into the answer in the order of the fields, and go on."""
        found, absent = (yield from started.results()), self._compiled.absent
        values = yield from started.found(found, started.step, absent)
        built = yield from self._place(started.edge_field, values, started.above, started.places)
        alike = [built]
        for one, step, places in started.same_loads:
            values = yield from started.found(found, step, absent)
            alike.append((yield from self._place(one, values, started.above, places)))
        if self._context.has_gaps:
            self._gaps += [(built, number, system, rows) for number, system, rows in started.gaps(found)]
            stale, system = started.stale(found, self._context.is_stale), started.edge_field.edge.system or ""
            self._stale += [(one, number, system) for one in alike for number in stale]
        if built.block.edges:
            yield from self._start_edges(built)

    def _place(
        self,
        field: EdgeField | MutationField,
        values: Sequence[Any],
        above: BuiltBlock,
        places: Sequence[dict[str, Any]],
    ) -> Work[BuiltBlock]:
        built = yield from self._built(self._plan.below[field.number], values, above, places)
        key = field.key
        for place, value in zip(places, built.values, strict=True):
            place[key] = value
        return built

    def _start_early(
        self,
        over: Edge,
        early: Sequence[EdgeField],
        prefetch: Sequence[Callable[[Any, Sequence[Any]], None]],
        keys: Sequence[Any],
    ) -> None:
        """Prefetch edges of the records that are being loaded, as far as their keys are enough."""
        try:
            loader: EarlyLoader = self._context.loader(over.loader)
            keys = loader.likely_keys(keys)
            if not keys:
                return
            for field in early:
                bound = self._steps.edge(field, self._context, self._variables)
                if not isinstance(bound, Exception):
                    with suppress(Exception):  # a key that cannot be made becomes an error when the edge is followed
                        self._context.loader(field.edge.loader).expect([bound[0](_OnlyId(key)) for key in keys])
            for expect in prefetch:
                expect(self._context, keys)
        except Exception:  # prefetching is optional: the edges are loaded later
            logger.exception("Prefetching for %s failed", over.loader.__name__)

    def _built(
        self, block: Block, found: Sequence[Any], above: BuiltBlock | None, places: Sequence[dict[str, Any]]
    ) -> Work[BuiltBlock]:
        """Build the block's values by the generated code; if one is unexpected, complete all of them one by one."""
        built = BuiltBlock(block, [], above, places)
        build, allowance = self._builds[block.number], self._allowance
        allowed = allowance.bytes
        allowance.sized.append(len(found) * self._compiled.bytes[block.number])
        try:
            if len(found) == 1 or len(found) <= block.at_once:
                built.values = [build(one) for one in found]
                allowance.check()
            else:
                for start in range(0, len(found), block.at_once):
                    allowance.check()
                    built.values += [build(one) for one in found[start : start + block.at_once]]
                    yield
                allowance.check()
            if self._long_lists:
                yield from self._fill_long_lists(block.at_once)
                allowance.check()
        except AnswerTooLarge:
            raise
        except Exception:  # noqa: BLE001  # completed again, with error handling
            self._long_lists.clear()
            allowance.sized.clear()
            allowance.bytes = allowed
            for field in block.edges:
                self._subjects[field.number].clear()
                self._places[field.number].clear()
            completion = self._completion()
            built.values = []
            for number, one in enumerate(found):
                built.values.append((yield from completion.completed(built, number, one)))
            self._failures += completion.failures
            completion.failures.clear()  # frames of the errors' tracebacks hold the completion
        return built

    def _fill_long_lists(self, at_once: int) -> Work[None]:
        """Make the items of lists that the generated code left empty. There may be long lists in them, in turn."""
        while self._long_lists:
            made, found, items = self._long_lists.pop()
            for start in range(0, len(found), at_once):
                made += items(found[start : start + at_once])
                self._allowance.check()
                yield

    def _completion(self) -> Completion:
        return Completion(
            self._values,
            self._subjects,
            self._places,
            self._infos,
            self._compiled.schema,
            lambda field: self._steps.arguments(field, self._variables),
            lambda field: field.guard.error(self._context.rights),
            self._noted,
            self._allowance,
        )


MakeRun = Callable[[Compiled, Context, VariableValues, Allowance], Run]
"""Makes the run of one part of an operation."""


def too_large(limits: AnswerLimits) -> Outcome:
    """The outcome of an operation whose answer became too large."""
    what = f"The answer would be larger than {limits.max_answer_bytes} bytes, which is the limit."
    return Outcome(None, [refuse(f"{what} {ASK_FOR_LESS}", "LIMIT_EXCEEDED")], executed=True)


def _is_in(data: Any, path: Sequence[str | int]) -> bool:
    """Whether a value stands at this path of the answer: none is below a null."""
    for step in path:
        if data is None:
            return False
        data = data[step]
    return data is not None
