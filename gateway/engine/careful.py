"""One block made with an eye on errors: what the generated builders cannot, one object at a time, as graphql-core does.

An error makes its field null, or where null is not allowed the nearest thing around it that may be; errors carry the
path inside the block. Edges are noted as the builders do; those of an object that became null are forgotten.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
)
from graphql.pyutils import Undefined, inspect

from gateway.engine.leaves import NullForNonNull, coercion, listed
from gateway.engine.plan import FieldPlan, ObjectPlan, Selected

Step = str | int


class Nulled(Exception):
    """A value that must not be null is: what is around it becomes null. `error` is why, `path` where, in the block."""

    def __init__(self, error: Exception, plan: FieldPlan, path: Sequence[Step]) -> None:
        super().__init__(str(error))
        self.error, self.plan, self.path = error, plan, tuple(path)


@dataclass(frozen=True, slots=True)
class FieldFailure:
    """An error at one field of one value of a block."""

    error: Exception
    plan: FieldPlan
    path: tuple[Step, ...]


@dataclass(slots=True)
class Careful:
    """Makes values of blocks; `values`, `subjects`, `places` and `infos` are what the builders get.

    `arguments` gives those of a field, or raises why they cannot be used.
    """

    values: Sequence[Any]
    subjects: Mapping[int, list[Any]]
    places: Mapping[int, list[dict[str, Any]]]
    infos: Mapping[int, Any]
    schema: GraphQLSchema
    arguments: Callable[[FieldPlan], Any]
    failures: list[FieldFailure] = field(default_factory=list)

    def value(self, kind: GraphQLOutputType, found: Any, plan: FieldPlan, path: list[Step]) -> Any:
        """What stands in the answer for `found`. Raises `Nulled` where that must not be null and is."""
        before = [len(places) for places in self.places.values()]
        try:
            made = self._any(kind, found, plan, plan.selected, path)
        except Nulled as nulled:
            if isinstance(kind, GraphQLNonNull):
                raise
            self._forget(before)
            self.failures.append(FieldFailure(nulled.error, nulled.plan, nulled.path))
            return None
        except Exception as error:  # whatever a resolver or a coercion raises is this field's error
            if isinstance(kind, GraphQLNonNull):
                raise Nulled(error, plan, path) from error
            self._forget(before)
            self.failures.append(FieldFailure(error, plan, tuple(path)))
            return None
        return made

    def _any(
        self, kind: GraphQLOutputType, found: Any, plan: FieldPlan, selected: Selected | None, path: list[Step]
    ) -> Any:
        if isinstance(found, Exception):
            raise found
        if isinstance(kind, GraphQLNonNull):
            made = self._any(kind.of_type, found, plan, selected, path)
            if made is None:
                place = f"{plan.parent.name}.{plan.nodes[0].name.value}"
                raise Nulled(NullForNonNull(f"Cannot return null for non-nullable field {place}."), plan, path)
            return made
        if found is None or found is Undefined:
            return None
        if isinstance(kind, GraphQLList):
            return self._items(kind.of_type, found, plan, path)
        if isinstance(kind, GraphQLLeafType):
            return coercion(kind)(found)
        return self.object(self._type(kind, found, plan, selected), found, plan, path)

    def _items(self, kind: GraphQLOutputType, found: Any, plan: FieldPlan, path: list[Step]) -> list[Any]:
        items = []
        for place, one in enumerate(listed(found, f"{plan.parent.name}.{plan.nodes[0].name.value}")):
            path.append(place)
            try:
                items.append(self.value(kind, one, plan, path))
            finally:
                path.pop()
        return items

    def _type(self, kind: Any, found: Any, plan: FieldPlan, selected: Selected | None) -> ObjectPlan:
        assert selected is not None  # noqa: S101  # a composite type has a selection
        if isinstance(kind, GraphQLObjectType):
            return selected.by_type[kind.name]
        name = kind.resolve_type(found, self.infos[plan.number], kind)
        if isinstance(name, str) and name in selected.by_type:
            return selected.by_type[name]
        raise GraphQLError(self._no_type(kind, name, found, plan), plan.nodes)

    def _no_type(self, kind: Any, name: Any, found: Any, plan: FieldPlan) -> str:
        """Why a record's type cannot stand there, in graphql-core's words."""
        must = (
            f"Abstract type '{kind}' must resolve to an Object type at runtime for field"
            f" '{plan.parent}.{plan.nodes[0].name.value}'"
        )
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

    def object(self, one: ObjectPlan, found: Any, plan: FieldPlan | None, path: list[Step]) -> dict[str, Any]:
        """One object's dictionary. Raises `Nulled` where a field of it must not be null and is."""
        if plan and one.type.is_type_of is not None and not one.type.is_type_of(found, self.infos[plan.number]):
            raise GraphQLError(f"Expected value of type '{one.type.name}' but got: {inspect(found)}.", plan.nodes)
        made: dict[str, Any] = {}
        before = [len(places) for places in self.places.values()]
        try:
            for field_plan in one.fields:
                path.append(field_plan.key)
                try:
                    made[field_plan.key] = self._field(one, field_plan, found, made, path)
                finally:
                    path.pop()
        except Nulled:
            self._forget(before)
            raise
        return made

    def _forget(self, sizes: Sequence[int]) -> None:
        """Edges that were noted since are of objects that are not in the answer."""
        for subjects, places, size in zip(self.subjects.values(), self.places.values(), sizes, strict=True):
            del subjects[size:], places[size:]

    def _field(self, one: ObjectPlan, plan: FieldPlan, found: Any, made: dict[str, Any], path: list[Step]) -> Any:
        if plan.kind == "typename":
            return one.type.name
        try:
            if plan.kind == "edge" and not self._is_known(plan, found):
                self.subjects[plan.number].append(found)
                self.places[plan.number].append(made)
                return None
            value = getattr(found, plan.name) if plan.kind == "attribute" else self.values[plan.number](found)
        except Exception as error:  # noqa: BLE001  # whatever it raises is this field's error
            value = error
        return self.value(plan.type, value, plan, path)

    def _is_known(self, plan: FieldPlan, found: Any) -> bool:
        """Whether the record holds already what the edge would load. Raises where arguments cannot be used."""
        self.arguments(plan)
        known = plan.edge.known if plan.edge else None
        return bool(known and known(found))
