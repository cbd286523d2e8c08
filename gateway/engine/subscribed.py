"""What a subscription is about: the one field at its root, and its arguments."""

from collections.abc import Mapping
from typing import Any

import msgspec
from graphql import FragmentDefinitionNode, GraphQLError, GraphQLSchema, OperationDefinitionNode
from graphql.execution.collect_fields import FragmentDetails, collect_fields
from graphql.execution.values import VariableValues, get_argument_values

from gateway.engine.prepared import Prepared
from gateway.engine.refusals import refuse


class Subscribed(msgspec.Struct, frozen=True):
    """The field at the root of a subscription, and its arguments by their names in the schema."""

    field: str
    arguments: Mapping[str, Any]


def subscribed(
    schema: GraphQLSchema, prepared: Prepared, operation: OperationDefinitionNode, variables: VariableValues
) -> Subscribed | list[GraphQLError]:
    """What a subscription is about with these variables, or the errors for which it can never succeed."""
    root = schema.get_root_type(operation.operation)
    assert root is not None  # noqa: S101  # validation made sure
    definitions = [one for one in prepared.document.definitions if isinstance(one, FragmentDefinitionNode)]
    fragments = {one.name.value: FragmentDetails(one) for one in definitions}
    try:
        grouped = collect_fields(schema, fragments, variables, root, operation).grouped_field_set
        details = [one for each in grouped.values() for one in each]
        name = details[0].node.name.value if len(details) == 1 else None
        if name is None or name.startswith("__"):
            message = "A subscription must select exactly one field, and not leave it out by @skip or @include."
            return [refuse(message, "GRAPHQL_VALIDATION_FAILED")]
        return Subscribed(name, get_argument_values(root.fields[name], details[0].node, variables))
    except GraphQLError as error:  # a null for a variable that has a default
        return [refuse(error.message, "BAD_USER_INPUT", error)]
