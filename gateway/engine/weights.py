"""The estimate's weights as directives of the schema, by the names of IBM's GraphQL Cost Directives Specification.

The definitions are the specification's (sections 7 and 8 of its draft), with all its locations; only fields of objects
have weights here. An `assumedSize` of 5 is a guess, no maximum as there, and `ids` is a list, where the specification
knows numbers only: its length is meant.

They are made of what `gateway.engine.cost` counts with. Only the printed schema has them: nothing reads them to
execute.
"""

from copy import copy
from typing import Final

import strawberry
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_introspection_type,
)
from strawberry.schema_directive import Location

from gateway.engine.cost import ASSUMED_LIST, CALL, KEYS, KEYS_OF_CALL, PAGE, ROWS_OF_CALL, WRITE, asks_itself, edge_of
from gateway.engine.declared import DEFINITION
from gateway.engine.limits import PageSizes

_OUTPUT: Final = (GraphQLObjectType, GraphQLInterfaceType)


# Strawberry gives the arguments of directives no descriptions: those of the directives say it.
@strawberry.schema_directive(
    name="cost",
    locations=[
        Location.ARGUMENT_DEFINITION,
        Location.ENUM,
        Location.FIELD_DEFINITION,
        Location.INPUT_FIELD_DEFINITION,
        Location.OBJECT,
        Location.SCALAR,
    ],
    description="What the field adds to the cost that `X-Gateway-Cost` tells, beside 1 for each value of the answer and"
    f" each row that is read. Its `weight` is {CALL} for a call to a system, and {WRITE} for a mutation. Fields of one"
    f" depth that load the same, also those of all rows of a list, share a call for each {KEYS_OF_CALL} keys or"
    f" {ROWS_OF_CALL} rows.",
)
class FieldCost:
    """`@cost`, whose weight is a text in the specification."""

    weight: str


@strawberry.schema_directive(
    name="listSize",
    locations=[Location.FIELD_DEFINITION],
    description="How many rows the cost that `X-Gateway-Cost` tells is estimated with: the largest number, or the most"
    " entries, that the `slicingArguments` give; `assumedSize` if none is given. The rows are those of the"
    " `sizedFields` of a connection, and otherwise of the field itself. `requireOneSlicingArgument` says whether an"
    " argument must be given.",
)
class ListSize:
    """`@listSize`, with what the estimate knows; what is UNSET is not printed."""

    assumed_size: int | None = strawberry.UNSET
    slicing_arguments: list[str] | None = strawberry.UNSET
    sized_fields: list[str] | None = strawberry.UNSET
    require_one_slicing_argument: bool | None = True


def weigh(schema: GraphQLSchema, pages: PageSizes) -> None:
    """Give the fields of this schema, which Strawberry made, their directives. Other schemas stay as they are."""
    kinds = [one for one in schema.type_map.values() if isinstance(one, _OUTPUT) and not is_introspection_type(one)]
    connections = {get_named_type(field.type) for kind in kinds for field in kind.fields.values() if _is_paged(field)}
    for kind in kinds:
        for field in kind.fields.values():
            edge = edge_of(field)
            calls = 1 + sum(edge.besides.values()) if edge is not None else int(asks_itself(schema, kind, field))
            weight = WRITE * (kind is schema.mutation_type) + CALL * calls
            size = _size(field, pages, sized_above=kind in connections)
            directives: list[object] = [FieldCost(weight=str(weight))] if weight else []
            directives += [size] if size else []
            if directives:
                definition = copy(field.extensions[DEFINITION])
                definition.directives = [*definition.directives, *directives]
                field.extensions = {**field.extensions, DEFINITION: definition}


def _size(field: GraphQLField, pages: PageSizes, *, sized_above: bool) -> ListSize | None:
    if _is_paged(field):
        connection = get_named_type(field.type)
        fields = connection.fields if isinstance(connection, _OUTPUT) else {}
        return ListSize(
            assumed_size=pages.default,
            slicing_arguments=[name for name in field.args if name in PAGE],
            sized_fields=[name for name, one in fields.items() if _is_list(one)],
            require_one_slicing_argument=False,
        )
    if not _is_list(field) or sized_above:
        return None
    if KEYS in field.args:
        return ListSize(slicing_arguments=[KEYS])
    return ListSize(assumed_size=ASSUMED_LIST, require_one_slicing_argument=strawberry.UNSET)


def _is_paged(field: GraphQLField) -> bool:
    """Whether it is a connection, whose lists have the length that its arguments say."""
    return not _is_list(field) and not field.args.keys().isdisjoint(PAGE)


def _is_list(field: GraphQLField) -> bool:
    return isinstance(get_nullable_type(field.type), GraphQLList)
