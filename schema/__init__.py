"""What clients see: thin Strawberry types, declarations only."""

from collections.abc import Sequence
from typing import Any

import strawberry
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

import schema.enums  # noqa: F401  # first: the enums are declared before fields name them
from schema.query import Query


class Graph(strawberry.Schema):
    """The schema. Errors are logged where they are presented to clients (`gateway.errors`), once and not twice."""

    def process_errors(self, *_: Any) -> None:
        """Nothing here."""


def build_schema(extensions: Sequence[type[SchemaExtension]] = ()) -> Graph:
    """The graph, with the extensions that its host needs."""
    return Graph(query=Query, extensions=list(extensions), config=StrawberryConfig(auto_camel_case=True))
