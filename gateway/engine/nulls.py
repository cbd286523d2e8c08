"""What errors make null in an answer, and which of them are told. Worked out at its end, where there are any errors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from graphql import GraphQLError, GraphQLNonNull, located_error

from gateway.engine.careful import Step
from gateway.engine.plan import Block, FieldPlan


@dataclass(eq=False, slots=True)
class Made:
    """A block that was made: its values, and into which dictionaries of which other block they go."""

    block: Block
    values: list[Any]
    above: "Made | None"
    places: Sequence[dict[str, Any]]
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


def told(data: Any, failures: Sequence[Failure]) -> tuple[dict[str, Any] | None, list[GraphQLError]]:
    """The answer without what errors make null, and the errors, as graphql-core collects them.

    They come in the order in which they happened; what happens below something that is null already is not told.
    """
    errors: list[GraphQLError] = []
    nulls: set[tuple[Step, ...]] = set()
    for one in failures:
        path = (*one.made.path_to(one.value), *one.path)
        position = _nulled(one.plan, path)
        if not any(position[:size] in nulls for size in range(len(position) + 1)):
            nulls.add(position)
            errors.append(located_error(one.error, one.plan.nodes, path))
    for position in nulls:
        data = _without(data, position)
    return data, errors


def _nulled(plan: FieldPlan | None, path: tuple[Step, ...]) -> tuple[Step, ...]:
    """What an error of this field makes null: the nearest thing around it that may be, () for the whole answer."""
    while plan is not None:
        field = len(path)
        while isinstance(path[field - 1], int):
            field -= 1
        nearest, kind = 0, cast(Any, plan.type)
        for size in range(field, len(path) + 1):
            if isinstance(kind, GraphQLNonNull):
                kind = kind.of_type
            else:
                nearest = size
            kind = getattr(kind, "of_type", None)  # of a list, the items
        if nearest:
            return path[:nearest]
        plan, path = plan.above() if plan.above else None, path[: field - 1]
    return ()


def _without(data: Any, position: Sequence[Step]) -> Any:
    """The answer with null at this place, where there still is one."""
    if not position:
        return None
    around = data
    for step in position[:-1]:
        if around is None:
            return data
        around = around[step]
    if around is not None:
        around[position[-1]] = None
    return data
