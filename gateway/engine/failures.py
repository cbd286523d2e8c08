"""Errors: completes values with error handling, and sets the nulls that errors cause.

Blocks that the generated code cannot make are completed here value by value, as graphql-core does it. An error makes
its field null, or the nearest nullable field or list item around it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from graphql import (
    GraphQLError,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    located_error,
)
from graphql.pyutils import Undefined, inspect, is_iterable

from gateway.engine.allowance import Allowance, AnswerTooLarge
from gateway.engine.built import BuiltBlock, PathStep
from gateway.engine.codegen import NullForNonNull, coercion
from gateway.engine.kept_errors import kept
from gateway.engine.plan import (
    AttributeField,
    EdgeField,
    MutationField,
    ObjectPlan,
    PlannedField,
    Selected,
    TypenameField,
    ValueField,
    WithheldField,
)
from gateway.engine.turns import Work

_OBJECTS_AT_ONCE: Final = 10
"""Objects that are completed between two interruptions."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error in one value of a block. `path` is relative to the value."""

    built: BuiltBlock
    value: int
    error: Exception
    field: PlannedField
    path: tuple[PathStep, ...]


class NullInNonNull(Exception):
    """A non-null value is null, so that its parent becomes null. `path` is relative to the block's value."""

    def __init__(self, error: Exception, field: PlannedField, path: Sequence[PathStep]) -> None:
        super().__init__(str(error))
        self.error, self.field, self.path = error, field, tuple(path)


@dataclass(slots=True)
class Completion:
    """Completes values of blocks. `values`, `subjects`, `places` and `infos` are those of the generated code.

    The `allowance` says how many errors are told: of the others there is only the null. What is made is taken off it.

    `arguments` returns a field's arguments or raises, and `withheld` the error of a field that the caller may not read.
    Edges, and what is read in full (`noted`), are noted as in the generated code, except edges of objects that became
    null. The errors are in `failures`.
    """

    values: Sequence[Any]
    subjects: Mapping[int, list[Any]]
    places: Mapping[int, list[dict[str, Any]]]
    infos: Mapping[int, Any]
    schema: GraphQLSchema
    arguments: Callable[[ValueField], Any]
    withheld: Callable[[WithheldField], Exception]
    noted: Mapping[int, list[Any]]
    allowance: Allowance
    failures: list[Failure] = field(default_factory=list)
    _met: list[tuple[Exception, PlannedField, tuple[PathStep, ...]]] = field(default_factory=list)

    def completed(self, built: BuiltBlock, number: int, found: Any) -> Work[Any]:
        """The answer's value for `found`, the block's value at this position; None if an error makes it null."""
        reached_by, selected = built.block.reached_by, built.block.selected
        before = self._sizes()
        try:
            if reached_by is not None:
                return (yield from self._value(reached_by.type, found, reached_by, []))
            assert selected is not None  # noqa: S101  # the root is an object
            return (yield from self._object(selected.by_type[selected.type.name], found, None, []))
        except NullInNonNull as error_above:
            self._forget(before)
            # Not only counted: it makes null what is above this block.
            self._met.append((error_above.error, error_above.field, error_above.path))
            return None
        finally:
            self.failures += [Failure(built, number, *one) for one in self._met]
            self._met.clear()

    def _value(self, kind: GraphQLOutputType, found: Any, field: ValueField, path: list[PathStep]) -> Work[Any]:
        """The answer's value for `found`. Raises `NullInNonNull` for a null of a non-null type."""
        if isinstance(found, Exception):  # not raised, which would make a cycle of it and the frames here
            if isinstance(kind, GraphQLNonNull):
                raise NullInNonNull(found, field, path)
            self._note(found, field, path)
            return None
        before = self._sizes()
        try:
            return (yield from self._complete(kind, found, field, path))
        except NullInNonNull as error_above:
            if isinstance(kind, GraphQLNonNull):
                raise
            self._forget(before)
            self._note(error_above.error, error_above.field, error_above.path)
        except AnswerTooLarge:
            raise
        except Exception as error:  # noqa: BLE001  # any exception of a resolver or coercion is this field's error
            kept(error)
            if isinstance(kind, GraphQLNonNull):
                raise NullInNonNull(error, field, path) from None
            self._forget(before)
            self._note(error, field, path)
        return None

    def _note(self, error: Exception, field: PlannedField, path: Sequence[PathStep]) -> None:
        """Keep an error whose place is null already, if it may be told."""
        if self.allowance.takes_error():
            self._met.append((error, field, tuple(path)))
        else:
            error.__traceback__ = None  # whose frames hold it

    def _complete(self, kind: GraphQLOutputType, found: Any, field: ValueField, path: list[PathStep]) -> Work[Any]:
        if isinstance(found, Exception):
            raise found
        if isinstance(kind, GraphQLNonNull):
            made = yield from self._complete(kind.of_type, found, field, path)
            if made is None:
                raise NullInNonNull(
                    NullForNonNull(f"Cannot return null for non-nullable field {_place(field)}."), field, path
                )
            return made
        if found is None or found is Undefined:
            return None
        if isinstance(kind, GraphQLList):
            return (yield from self._items(kind.of_type, found, field, path))
        if isinstance(kind, GraphQLLeafType):
            made = coercion(kind)(found)
            if field.mask is not None:
                made = field.mask(made)
            if isinstance(made, str):
                self.allowance.sized.append(len(made))
            return made
        assert field.selected is not None  # noqa: S101  # a composite type has a selection
        return (yield from self._object(self._type(kind, found, field, field.selected), found, field, path))

    def _items(self, kind: GraphQLOutputType, found: Any, field: ValueField, path: list[PathStep]) -> Work[list[Any]]:
        if not is_iterable(found):
            raise GraphQLError(f"Expected Iterable, but did not find one for field '{_place(field)}'.")
        items = []
        for place, one in enumerate(found):
            path.append(place)
            try:
                items.append((yield from self._value(kind, one, field, path)))
                if not place % _OBJECTS_AT_ONCE:
                    yield
            finally:
                path.pop()
        return items

    def _type(self, kind: Any, found: Any, field: ValueField, selected: Selected) -> ObjectPlan:
        if isinstance(kind, GraphQLObjectType):
            return selected.by_type[kind.name]
        name = kind.resolve_type(found, self.infos[field.number], kind)
        if isinstance(name, str) and name in selected.by_type:
            return selected.by_type[name]
        raise GraphQLError(self._no_type(kind, name, found, field), field.nodes)

    def _no_type(self, kind: Any, name: Any, found: Any, field: ValueField) -> str:
        """The message for a record whose type is not possible, as graphql-core writes it."""
        must = f"Abstract type '{kind}' must resolve to an Object type at runtime for field '{_place(field)}'"
        if name is None:
            return (
                f"{must}. Either the '{kind}' type should provide a 'resolve_type' function or each possible type"
                " should provide an 'is_type_of' function."
            )
        if not isinstance(name, str):
            received = f"received '{inspect(name)}', which is not a valid Object type name."
            return f"{must} with value {inspect(found)}, {received}"
        known = self.schema.get_type(name)
        if known is None:
            return f"Abstract type '{kind}' was resolved to a type '{name}' that does not exist inside the schema."
        if not isinstance(known, GraphQLObjectType):
            return f"Abstract type '{kind}' was resolved to a non-object type '{name}'."
        return f"Runtime Object type '{known}' is not a possible type for '{kind}'."

    def _object(
        self, one: ObjectPlan, found: Any, field: ValueField | None, path: list[PathStep]
    ) -> Work[dict[str, Any]]:
        """One object's dictionary. Raises `NullInNonNull` if a non-null field is null."""
        if field and one.type.is_type_of is not None and not one.type.is_type_of(found, self.infos[field.number]):
            raise GraphQLError(f"Expected value of type '{one.type.name}' but got: {inspect(found)}.", field.nodes)
        made: dict[str, Any] = {}
        if one.noted:
            self.noted[one.number].append(found)
        self.allowance.sized.append(one.bytes)
        self.allowance.check()
        before = self._sizes()
        try:
            for planned in one.fields:
                path.append(planned.key)
                try:
                    made[planned.key] = yield from self._field(one, planned, found, made, path)
                finally:
                    path.pop()
        except NullInNonNull:
            self._forget(before)
            raise
        return made

    def _sizes(self) -> list[int]:
        return [len(places) for places in self.places.values()]

    def _forget(self, sizes: Sequence[int]) -> None:
        """Remove the edges noted since then: their objects are not in the answer."""
        for subjects, places, size in zip(self.subjects.values(), self.places.values(), sizes, strict=True):
            del subjects[size:], places[size:]

    def _field(
        self, one: ObjectPlan, field: PlannedField, found: Any, made: dict[str, Any], path: list[PathStep]
    ) -> Work[Any]:
        if isinstance(field, TypenameField):
            return one.type.name
        assert isinstance(field, ValueField)  # noqa: S101  # there is no other field
        if isinstance(field, MutationField):
            return None
        if isinstance(field, WithheldField):
            return (yield from self._value(field.type, self.withheld(field), field, path))
        try:
            if isinstance(field, EdgeField) and not self._is_known(field, found):
                self.subjects[field.number].append(found)
                self.places[field.number].append(made)
                return None
            if isinstance(field, AttributeField):
                value = getattr(found, field.attribute)
            else:
                value = self.values[field.number](found)
        except Exception as error:  # noqa: BLE001  # whatever it raises is this field's error
            value = kept(error)
        return (yield from self._value(field.type, value, field, path))

    def _is_known(self, field: EdgeField, found: Any) -> bool:
        """Whether the record already holds what the edge would load. Raises if the arguments cannot be used."""
        self.arguments(field)
        return bool(field.edge.known and field.edge.known(found))


def _place(field: PlannedField) -> str:
    return f"{field.parent.name}.{field.name}"


def apply_failures(
    data: Any, failures: Sequence[Failure], allowance: Allowance
) -> Work[tuple[dict[str, Any] | None, list[GraphQLError]]]:
    """The answer with the nulls that errors cause, and the errors that graphql-core would collect, as far as allowed.

    Errors are in the order in which they happened. Errors below a place that is already null are left out.
    """
    errors: list[GraphQLError] = []
    nulls: set[tuple[PathStep, ...]] = set()
    for number, one in enumerate(failures):
        if not number % _OBJECTS_AT_ONCE:
            yield
        path = (*one.built.path_to(one.value), *one.path)
        position = _null_position(one.field, path)
        if not any(position[:size] in nulls for size in range(len(position) + 1)):
            nulls.add(position)
            if len(errors) < allowance.limits.max_errors:
                errors.append(located_error(one.error, one.field.nodes, path))
            else:
                allowance.more_errors += 1
    for position in nulls:
        data = _with_null_at(data, position)
    return data, errors


def _null_position(field: PlannedField | None, path: tuple[PathStep, ...]) -> tuple[PathStep, ...]:
    """Path of the nearest nullable value at or around an error of this field; () for the whole answer."""
    while field is not None:
        at = len(path)
        while isinstance(path[at - 1], int):
            at -= 1
        nearest, kind = 0, cast(Any, field.type)
        for size in range(at, len(path) + 1):
            if isinstance(kind, GraphQLNonNull):
                kind = kind.of_type
            else:
                nearest = size
            kind = getattr(kind, "of_type", None)  # of a list, the items
        if nearest:
            return path[:nearest]
        field, path = field.above() if field.above else None, path[: at - 1]
    return ()


def _with_null_at(data: Any, position: Sequence[PathStep]) -> Any:
    """The answer with null at this path, unless a null is above it."""
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
