"""Schemas that stacks use one after the other: to build one takes longer than all the rest of a stack."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from graphql import GraphQLInterfaceType, GraphQLObjectType

from schema import Graph, build_schema


class _Built:
    """A schema, and what its fields were like when it was built: an application changes nothing else of it."""

    def __init__(self) -> None:
        self.graph = build_schema()
        kinds = self.graph.graphql.type_map.values()
        fields = [
            one for kind in kinds if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
            for one in kind.fields.values()
        ]  # fmt: skip
        self._fields: list[tuple[Any, dict[str, Any]]] = [(one, dict(vars(one))) for one in fields]
        self._extensions = self.graph.extensions

    def restore(self) -> None:
        """Make it again what it was: resolvers, descriptions and extensions (scopes are among these)."""
        self.graph.extensions = self._extensions
        for field, was in self._fields:
            vars(field).clear()
            vars(field).update(was)


_FREE: Final[list[_Built]] = []


@contextmanager
def borrowed_schema() -> Iterator[Graph]:
    """A schema that is nobody else's meanwhile, as `build_schema` makes it."""
    built = _FREE.pop() if _FREE else _Built()
    yield built.graph
    built.restore()
    _FREE.append(built)
