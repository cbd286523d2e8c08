"""The functions of a plan's fields with their arguments bound: once per plan, or per request if they depend on it."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from operator import attrgetter
from typing import Any, Final

from graphql import GraphQLResolveInfo, GraphQLResolveInfoHelpers, GraphQLSchema
from graphql.execution.values import VariableValues, get_argument_values
from graphql.pyutils import Path, is_awaitable
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_arguments

from gateway.engine.declared import Step
from gateway.engine.kept_errors import kept
from gateway.engine.plan import EdgeField, Plan, PlannedField, ResolverField, StepField, ValueField

Value = Callable[[Any], Any]
"""A function from an object to the value of one field."""

KeyAndStep = tuple[Value, Value | None]
"""Of an edge: functions from an object to its key, and from what was found to the field's value (None: unchanged)."""

_HELPERS: Final = GraphQLResolveInfoHelpers(gather=lambda some: asyncio.gather(*some), track=lambda _some: None)


class Infos(dict[int, GraphQLResolveInfo[Any]]):
    """The `info` for `is_type_of` and `resolve_type`, by field number (-1 for the root), made on demand."""

    def __init__(self, plan: Plan, schema: GraphQLSchema, context: Any, variables: VariableValues) -> None:
        super().__init__()
        self._plan, self._schema, self._context, self._variables = plan, schema, context, variables

    def __missing__(self, number: int) -> GraphQLResolveInfo[Any]:
        field, root = self._plan.fields[number] if number >= 0 else None, self._plan.root
        info = self[number] = GraphQLResolveInfo(
            field.name if field else "",
            field.nodes if field else [],
            field.type if field else root,
            field.parent if field else root,
            Path(None, field.key if field else "", field.parent.name if field else None),
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
        return info


class BoundSteps:
    """The bound functions of one plan. Arguments that cannot be used are an error of the field for each object."""

    def __init__(self, plan: Plan, converter: GraphQLCoreConverter) -> None:
        self._converter = converter
        self._values: list[Value | None] = [None] * len(plan.fields)
        self._per_request: list[StepField | ResolverField | EdgeField] = []
        self._edges: dict[int, KeyAndStep] = {}
        nothing = VariableValues({}, {})
        for one in plan.fields:
            if isinstance(one, EdgeField) and not _differs_by_request(one):
                bound = self._edge(one, None, nothing)
                if not isinstance(bound, Exception):
                    self._edges[one.number] = bound
            if isinstance(one, StepField | ResolverField) or (isinstance(one, EdgeField) and one.edge.known):
                value = None if _differs_by_request(one) else self._value(one, None, None, nothing)
                if value is None or isinstance(value, Exception):
                    # Errors are made for each request: the traceback of a stored one would keep the requests' objects.
                    self._per_request.append(one)
                else:
                    self._values[one.number] = value

    def values(self, context: Any, variables: VariableValues, infos: Infos) -> list[Value | None]:
        """By field number, the function from object to value; None for attributes and for edges that load."""
        found = self._values.copy()
        for one in self._per_request:
            value = self._value(one, infos, context, variables)
            found[one.number] = partial(_raise, value) if isinstance(value, Exception) else value
        return found

    def edge(self, field: EdgeField, context: Any, variables: VariableValues) -> KeyAndStep | Exception:
        """The key and step functions of an edge, or the error of its arguments."""
        return self._edges.get(field.number) or self._edge(field, context, variables)

    def _edge(self, field: EdgeField, context: Any, variables: VariableValues) -> KeyAndStep | Exception:
        try:
            arguments = self.arguments(field, variables)
            return _key(field.edge.key, context, arguments), _step(field.edge.step, context, arguments)
        except Exception as error:  # noqa: BLE001  # arguments that cannot be used
            return kept(error)

    def _value(
        self,
        field: StepField | ResolverField | EdgeField,
        infos: Infos | None,
        context: Any,
        variables: VariableValues,
    ) -> Value | Exception:
        try:
            if isinstance(field, StepField):
                return field.step.bound(context, self.arguments(field, variables))
            if isinstance(field, EdgeField):
                return _step(field.edge.step, context, self.arguments(field, variables)) or _unchanged
            assert infos is not None  # noqa: S101  # resolvers are made for each request
            return self.resolver(field, infos, variables)
        except Exception as error:  # noqa: BLE001  # arguments that cannot be used
            return kept(error)

    def resolver(self, field: ValueField, infos: Infos, variables: VariableValues) -> Value:
        """The field's resolver with its arguments bound. Raises if they cannot be used."""
        resolve, given = field.core.resolve, self._coerced(field, variables)
        assert resolve is not None  # noqa: S101  # Strawberry's fields all have one
        info = infos[field.number]
        return lambda subject: resolve(subject, info, **given)

    def _coerced(self, field: ValueField, variables: VariableValues) -> Mapping[str, Any]:
        if not field.core.args and not field.nodes[0].arguments:
            return {}
        return get_argument_values(field.core, field.nodes[0], variables)

    def arguments(self, field: ValueField, variables: VariableValues) -> dict[str, Any]:
        """The field's arguments as Strawberry passes them to a resolver. Raises if they cannot be used."""
        given = self._coerced(field, variables)
        if not given or field.definition is None:
            return {}
        return convert_arguments(
            dict(given), field.definition.arguments, self._converter.scalar_registry, self._converter.config
        )


def _differs_by_request(field: PlannedField) -> bool:
    """Whether the functions depend on the request: on its viewer, its variables or its `info`."""
    if field.takes_variables or isinstance(field, ResolverField):
        return True
    if isinstance(field, StepField):
        return field.step.takes_context
    steps = (field.edge.key, field.edge.step) if isinstance(field, EdgeField) else ()
    return any(step.takes_context for step in steps if step is not None and not isinstance(step, str))


def _key(key: str | Step, context: Any, arguments: Mapping[str, Any]) -> Value:
    return attrgetter(key) if isinstance(key, str) else key.bound(context, arguments)


def _step(step: str | Step | None, context: Any, arguments: Mapping[str, Any]) -> Value | None:
    if step is None:
        return None
    return partial(_attribute, attrgetter(step)) if isinstance(step, str) else step.bound(context, arguments)


def _attribute(read: Value, found: Any) -> Any:
    """The attribute of what was found; None if nothing was found."""
    return None if found is None else read(found)


def _unchanged(found: Any) -> Any:
    return found


def _raise(error: Exception, _subject: Any) -> Any:
    raise error
