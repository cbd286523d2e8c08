"""Relay's Node: what has an id of its own."""

from typing import Any

import strawberry

from resolvers.nodes import TYPES


@strawberry.interface(description="An object with a global id. `node(id:)` finds the object by it.")
class Node:
    """Relay's interface."""

    id: strawberry.ID = strawberry.field(
        description="Global id: the type, a colon and the system's own id, such as Customer:1001."
    )

    @classmethod
    def resolve_type(cls, obj: Any, *_: Any) -> str:
        """The type of a record."""
        return TYPES[type(obj)]


class RecordType:
    """Mixed into types that implement Node: any record of its class is one, whatever is in it."""

    is_type_of_class = True

    @classmethod
    def is_type_of(cls, obj: Any, _info: Any) -> bool:
        """Whether `obj` is this type's record."""
        return TYPES.get(type(obj)) == cls.__name__
