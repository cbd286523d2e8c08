"""Two executors, one operation: whether the compiled one gives graphql-core's answer, errors included.

Which of several errors below a null is told depends, where they have to be waited for, on which comes first. There
ours must be some of those that graphql-core meets (`watched`), with one among them that makes just that place null.
Errors that happen without waiting have one order, and those of fields that are no edges are compared in it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode, GraphQLError, GraphQLObjectType, OperationDefinitionNode

from gateway.engine import Engine, Explanation, Prepared
from gateway.engine.declared import DEFINITION, EDGE
from gateway.engine.limits import Limits
from resolvers.loader import NO_LINK
from schema import Graph
from tests.gateway.engine.operations import Operation
from tests.gateway.engine.watched import Position, watched

Told = tuple[Any, ...]

Context = Callable[[Prepared], Any]
"""Makes the context of a run, with `calls`: what loaders or ports were asked."""

LIMITS = Limits(
    max_depth=100,
    max_fields=100_000,
    max_aliases=10_000,
    max_tokens=100_000,
    max_root_fields=1000,
    max_variable_values=10**9,
    max_values=10**9,
    max_uncompiled_values=10**9,
    max_calls=10**9,
    max_rows=10**9,
    max_answer_bytes=10**12,
    max_errors=10**9,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine gives, and the context that it was given."""

    data: Any
    errors: list[GraphQLError]
    context: Any


class Pair:
    """The compiled executor and graphql-core over one schema."""

    def __init__(self, build: Callable[[], Graph]) -> None:
        self.ours = Engine(build(), limits=LIMITS, absent=NO_LINK)
        self.core = Engine(build(), limits=LIMITS, absent=NO_LINK, compiling=False)
        types = [one for one in self.core.core_schema.type_map.values() if isinstance(one, GraphQLObjectType)]
        self._edges = {
            name
            for one in types
            for name, field in one.fields.items()
            if EDGE in getattr(field.extensions.get(DEFINITION), "metadata", {})
        }

    def prepared(self, operation: Operation) -> tuple[Prepared, OperationDefinitionNode]:
        """The document as the engines need it, and the one operation in it."""
        prepared = self.ours.prepare(operation.document)
        assert isinstance(prepared, Prepared), (operation.document, prepared)
        one = self.ours.operation(prepared, None)
        assert not isinstance(one, GraphQLError)
        return prepared, one

    def planned(self, operation: Operation) -> bool:
        """Whether a plan runs the operation."""
        told = self.ours.explain(*self.prepared(operation), operation.variables)
        return isinstance(told, Explanation) and told.fallback is None

    async def answer(self, engine: Engine, operation: Operation, context: Context) -> Answer:
        """Data and errors, as the engine gives them."""
        prepared, one = self.prepared(operation)
        made = context(prepared)
        outcome = await engine.execute(prepared, one, operation.variables, made)
        return Answer(outcome.data, outcome.errors, made)

    async def difference(self, operation: Operation, context: Context, seen: Callable[[Answer, Answer], None]) -> str:
        """How the answers differ; empty where they do not. `seen` is shown both."""
        ours = await self.answer(self.ours, operation, context)
        core = await self.answer(self.core, operation, context)
        seen(ours, core)
        if ordered(ours.data) != ordered(core.data):
            return f"data: {operation}\nours {ours.data}\ncore {core.data}"
        if _writes(ours) != _writes(core):
            return f"writes: {operation}\nours {_writes(ours)}\ncore {_writes(core)}"
        if not core.errors and _noted(ours) != _noted(core):
            return f"noted: {operation}\nours {_noted(ours)}\ncore {_noted(core)}"
        mine, theirs = by_position(ours), by_position(core)
        if mine.keys() != theirs.keys():
            return f"errors: {operation}\nours {mine}\ncore {theirs}"
        if list(map(told, ours.errors)) == list(map(told, core.errors)):
            return ""
        differing = [place for place in mine if sorted(mine[place], key=repr) != sorted(theirs[place], key=repr)]
        with watched() as watch:
            await self.answer(self.core, operation, context)
        for place in differing:
            met = [one for one in watch.seen if one.position[: len(place)] == place]
            causes = [told(one.error) for one in met if one.position == place]
            fits = (
                len({one.stretch for one in met}) > 1
                and set(mine[place]) <= {told(one.error) for one in met}
                and len(set(mine[place])) == len(mine[place])
                and any(one in causes for one in mine[place])
            )
            if not fits:
                return f"errors at {place}: {operation}\nours {mine[place]}\ncore {theirs[place]}\nmet {met}"
        # What is wrong with an edge's arguments or keys is met when it is followed, by graphql-core at other times.
        plain = [one for one in watch.seen if not (_fields_of(one.error) & self._edges)]
        stretches = {told(one.error): one.stretch for one in plain}
        if _by_stretch(ours, core, stretches) != _by_stretch(core, ours, stretches):
            return f"order of errors: {operation}\nours {ours.errors}\ncore {core.errors}\nmet {watch.seen}"
        return ""


def _writes(answer: Answer) -> list[Any]:
    """What was written, in order, where the context takes writes."""
    return getattr(answer.context, "writes", [])


def _noted(answer: Answer) -> Any:
    """What was read in full by scopes whose use is noted, where the context keeps it."""
    return getattr(answer.context, "unmasked", None)


def ordered(value: Any) -> Any:
    """The same with the order of keys to be seen, and NaN equal to itself."""
    if isinstance(value, dict):
        return [(key, ordered(one)) for key, one in value.items()]
    if isinstance(value, list):
        return [ordered(one) for one in value]
    return (type(value).__name__, repr(value))


def told(error: GraphQLError) -> Told:
    """What of an error must be the same."""
    return (
        tuple(error.path or ()),
        error.message,
        tuple((place.line, place.column) for place in error.locations or ()),
        "TypeError" if isinstance(error.original_error, TypeError) else type(error.original_error).__name__,
    )


def _fields_of(error: GraphQLError) -> set[str]:
    """Names of the fields that an error is of."""
    return {node.name.value for node in error.nodes or () if isinstance(node, FieldNode)}


def _by_stretch(answer: Answer, other: Answer, stretches: dict[Told, int]) -> dict[int, list[Told]]:
    """The errors that both tell, in order, of each stretch of code without waiting."""
    both = set(map(told, other.errors))
    found: dict[int, list[Told]] = {}
    for one in map(told, answer.errors):
        if one in both and one in stretches:
            found.setdefault(stretches[one], []).append(one)
    return found


def by_position(answer: Answer) -> dict[Position, list[Told]]:
    """Errors by the place that is null along their paths."""
    found: dict[Position, list[Told]] = {}
    for error in answer.errors:
        found.setdefault(_null_on(answer.data, error.path or ()), []).append(told(error))
    return found


def _null_on(data: Any, path: Iterable[str | int]) -> Position:
    passed: list[str | int] = []
    for step in path:
        if data is None:
            break
        data = data[step]
        passed.append(step)
    return tuple(passed)
