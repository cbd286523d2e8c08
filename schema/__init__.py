"""The GraphQL schema: Strawberry types that only declare what clients see."""

from collections.abc import Sequence
from typing import Any

import strawberry
from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, is_introspection_type
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

import schema.enums  # noqa: F401  # first: the enums are declared before fields name them
from schema.guards import describe_guards
from schema.leaves import SCALARS
from schema.mutation import Mutation
from schema.query import Query
from schema.subscription import Subscription


class Graph(strawberry.Schema):
    """The schema. It logs no errors: `gateway.errors` logs them when it presents them to clients."""

    @property
    def graphql(self) -> GraphQLSchema:
        """As graphql-core has it; Strawberry has no public name for the schema that it wraps."""
        return self._schema

    def process_errors(self, *_: Any) -> None:
        """Do nothing: Strawberry would log the errors here."""


def build_schema(
    extensions: Sequence[type[SchemaExtension]] = (),
    query: type[Any] = Query,
    mutation: type[Any] | None = Mutation,
    subscription: type[Any] | None = Subscription,
) -> Graph:
    """The schema with these extensions. Raises `TypeError` if an argument has no description."""
    config = StrawberryConfig(auto_camel_case=True, scalar_map=SCALARS)
    graph = Graph(query=query, mutation=mutation, subscription=subscription, extensions=list(extensions), config=config)
    if missing := _undescribed(graph.graphql):
        raise TypeError(f"no description in the field's arguments={{...}}: {', '.join(missing)}")
    for kind in graph.graphql.type_map.values():
        if isinstance(kind, GraphQLObjectType):
            for field in kind.fields.values():
                describe_guards(field)
    return graph


def _undescribed(schema: GraphQLSchema) -> list[str]:
    """Arguments without a description, as in `Customer.bills(state:)`."""
    return [
        f"{kind.name}.{name}({argument}:)"
        for kind in schema.type_map.values()
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not is_introspection_type(kind)
        for name, field in kind.fields.items()
        for argument, declared in field.args.items()
        if not declared.description
    ]
