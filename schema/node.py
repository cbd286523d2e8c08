"""Relay's Node interface."""

from typing import Any

import strawberry

from resolvers.nodes import TYPES


@strawberry.interface(description="An object with a global id. `node(id:)` finds the object by it.")
class Node:
    """Relay's Node interface."""

    id: strawberry.ID = strawberry.field(
        description="Global id: the type, a colon and the system's own id, such as Customer:1001."
    )

    @classmethod
    def resolve_type(cls, obj: Any, *_: Any) -> str:
        """The name of the record's GraphQL type."""
        return TYPES[type(obj)]


class RecordType:
    """Mixin for types that implement Node: an object is of the type if its record is of the type's class."""

    is_type_of_class = True

    @classmethod
    def is_type_of(cls, obj: Any, _info: Any) -> bool:
        """Whether `obj` is a record of this type."""
        return TYPES.get(type(obj)) == cls.__name__
