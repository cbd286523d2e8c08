"""Scalars and enums on their way out: what may pass as it is, and what must be coerced."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any, Final

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLLeafType,
    specified_scalar_types,
)
from graphql.pyutils import Undefined, inspect, is_iterable
from strawberry.schema.types.base_scalars import DateTimeDefinition

from gateway.engine.declared import DEFINITION

_TESTS: Final = {
    "String": "{v}.__class__ is str",
    "ID": "{v}.__class__ is str",
    "Boolean": "{v}.__class__ is bool",
    "Int": "{v}.__class__ is int and -2147483648 <= {v} <= 2147483647",
    "Float": "{v}.__class__ is float and -1.7976931348623157e308 <= {v} <= 1.7976931348623157e308",
}
"""When a value of a built-in scalar is its own coerced form, in Python."""

Coerce = Callable[[Any], Any]


class NullForNonNull(TypeError):
    """A null where the schema promises none."""


def coercion(leaf: GraphQLLeafType) -> Coerce:
    """The leaf's own coercion of one value that is not null; raises what graphql-core raises."""

    def coerce(value: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        if value is Undefined:
            raise NullForNonNull("There is no value.")
        coerced = leaf.coerce_output_value(value)
        if coerced is Undefined or coerced is None:
            raise TypeError(
                f"Expected `{inspect(leaf)}.coerce_output_value({inspect(value)})` to return non-nullable value,"
                f" returned: {inspect(coerced)}"
            )
        return coerced

    return coerce


def expression(leaf: GraphQLLeafType, number: int, names: dict[str, Any], v: str) -> str:
    """Python that coerces the value in the variable `v`, which is not null; what it uses is put into `names`."""
    names[f"L{number}"] = coercion(leaf)
    slow = f"L{number}({v})"
    if leaf.name in _TESTS and specified_scalar_types.get(leaf.name) is leaf:
        return f"({v} if {_TESTS[leaf.name].format(v=v)} else {slow})"
    if isinstance(leaf, GraphQLEnumType) and (table := _members(leaf)):
        names[f"E{number}"], names[f"C{number}"] = table
        return f"(E{number}[{v}._name_] if {v}.__class__ is C{number} else {slow})"
    if leaf.extensions.get(DEFINITION) is DateTimeDefinition:  # written by isoformat(), and by nothing else
        names["datetime"] = datetime
        return f"({v}.isoformat() if {v}.__class__ is datetime else {slow})"
    return slow


def _members(leaf: GraphQLEnumType) -> tuple[dict[str, str], type[Enum]] | None:
    """The enum's members by their Python names, coerced once for all; None for what is no Python enum."""
    members = getattr(leaf, "wrapped_cls", None)
    if not (isinstance(members, type) and issubclass(members, Enum)):
        return None
    try:
        return {name: leaf.coerce_output_value(member) for name, member in members.__members__.items()}, members
    except (ValueError, GraphQLError):
        return None


def listed(value: Any, place: str) -> Any:
    """The value, which must be a list. Raises GraphQLError."""
    if not is_iterable(value):
        raise GraphQLError(f"Expected Iterable, but did not find one for field '{place}'.")
    return value
