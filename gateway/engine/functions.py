"""What the fields of a plan do with their objects. What takes no variable and no viewer is made once for a plan."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from operator import attrgetter
from typing import Any, Final

from graphql import GraphQLObjectType, GraphQLResolveInfo, GraphQLResolveInfoHelpers, GraphQLSchema
from graphql.execution.values import VariableValues, get_argument_values
from graphql.pyutils import Path, is_awaitable
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_arguments

from gateway.engine.declared import Step
from gateway.engine.plan import FieldPlan, Plan

Value = Callable[[Any], Any]
"""From an object to one field's value."""

Way = tuple[Value, Value | None]
"""Of an edge: from an object to the key, and from what was found to the field's value; None where that is it."""

_HELPERS: Final = GraphQLResolveInfoHelpers(gather=lambda some: asyncio.gather(*some), track=lambda _some: None)


class Infos(dict[int, GraphQLResolveInfo[Any]]):
    """What functions of types get as `info`, by field number (-1: the root), made when somebody looks."""

    def __init__(self, plan: Plan, schema: GraphQLSchema, context: Any, variables: VariableValues) -> None:
        super().__init__()
        self._plan, self._schema, self._context, self._variables = plan, schema, context, variables

    def __missing__(self, number: int) -> GraphQLResolveInfo[Any]:
        plan = self._plan.fields[number] if number >= 0 else None
        root = self._plan.blocks[0].selected.type
        assert isinstance(root, GraphQLObjectType)  # noqa: S101  # the query type
        info = self[number] = GraphQLResolveInfo(
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
        return info


class Functions:
    """The functions of one plan. Arguments that cannot be used are the field's error, for each of its objects."""

    def __init__(self, plan: Plan, converter: GraphQLCoreConverter) -> None:
        self._converter = converter
        self._values: list[Value | None] = [None] * len(plan.fields)
        self._open: list[FieldPlan] = []
        self._ways: dict[int, Way] = {}
        nothing = VariableValues({}, {})
        for one in plan.fields:
            if one.kind == "edge" and not _varies(one):
                way = self._way(one, None, nothing)
                if not isinstance(way, Exception):
                    self._ways[one.number] = way
            if one.kind not in ("step", "resolver") and not (one.edge and one.edge.known):
                continue
            value = None if _varies(one) else self._value(one, None, None, nothing)
            if value is None or isinstance(value, Exception):
                # An error is made anew for each request: a kept one would keep, by its traceback, all who met it.
                self._open.append(one)
            else:
                self._values[one.number] = value

    def values(self, context: Any, variables: VariableValues, infos: Infos) -> list[Value | None]:
        """Per field number what gives its value from its object; None for attributes, and edges that are followed."""
        found = self._values.copy()
        for one in self._open:
            value = self._value(one, infos, context, variables)
            found[one.number] = partial(_raise, value) if isinstance(value, Exception) else value
        return found

    def way(self, plan: FieldPlan, context: Any, variables: VariableValues) -> Way | Exception:
        """How an edge gets from its objects to keys, and from what is found to values."""
        return self._ways.get(plan.number) or self._way(plan, context, variables)

    def _way(self, plan: FieldPlan, context: Any, variables: VariableValues) -> Way | Exception:
        edge = plan.edge
        assert edge is not None  # noqa: S101  # asked for edges only
        try:
            arguments = self.arguments(plan, variables)
            return self._key(edge.key, context, arguments), self._step(edge.step, context, arguments)
        except Exception as error:  # noqa: BLE001  # arguments that cannot be used
            return error

    def _value(
        self, plan: FieldPlan, infos: Infos | None, context: Any, variables: VariableValues
    ) -> Value | Exception:
        try:
            if plan.edge is not None:
                return self._step(plan.edge.step, context, self.arguments(plan, variables)) or _unchanged
            if plan.step is not None:
                return plan.step.bound(context, self.arguments(plan, variables))
            resolve, given = plan.core.resolve, self._coerced(plan, variables)
            assert infos is not None  # noqa: S101  # resolvers are made for each request
            assert resolve is not None  # noqa: S101  # that is what makes it a resolver
            info = infos[plan.number]
        except Exception as error:  # noqa: BLE001  # arguments that cannot be used
            return error
        return lambda subject: resolve(subject, info, **given)

    @staticmethod
    def _key(key: str | Step, context: Any, arguments: Mapping[str, Any]) -> Value:
        return attrgetter(key) if isinstance(key, str) else key.bound(context, arguments)

    @staticmethod
    def _step(step: str | Step | None, context: Any, arguments: Mapping[str, Any]) -> Value | None:
        if step is None:
            return None
        return partial(_attribute, attrgetter(step)) if isinstance(step, str) else step.bound(context, arguments)

    def _coerced(self, plan: FieldPlan, variables: VariableValues) -> Mapping[str, Any]:
        if not plan.core.args and not plan.nodes[0].arguments:
            return {}
        return get_argument_values(plan.core, plan.nodes[0], variables)

    def arguments(self, plan: FieldPlan, variables: VariableValues) -> dict[str, Any]:
        """The field's arguments as Strawberry gives them to a resolver. Raises where they cannot be used."""
        given = self._coerced(plan, variables)
        if not given or plan.definition is None:
            return {}
        return convert_arguments(
            dict(given), plan.definition.arguments, self._converter.scalar_registry, self._converter.config
        )


def _varies(plan: FieldPlan) -> bool:
    """Whether the next request may need other functions: another viewer, other variables, another `info`."""
    steps = [plan.edge.key, plan.edge.step] if plan.edge else [plan.step] if plan.step else []
    return (
        plan.kind == "resolver"
        or plan.takes_variables
        or any(step.takes_context for step in steps if step and not isinstance(step, str))
    )


def _attribute(read: Value, found: Any) -> Any:
    """The attribute; what was not found has none."""
    return None if found is None else read(found)


def _unchanged(found: Any) -> Any:
    return found


def _raise(error: Exception, _subject: Any) -> Any:
    raise error
