"""The selection of an operation: by GraphQL type, the attributes of records that the selected fields are made of.

The union over all places of a type is sent to the systems as a projection (docs/contributing.md, rule 7). Fields with
@skip or @include count as selected: reading an attribute too many is cheaper than a second plan.
"""

from collections import defaultdict
from collections.abc import Mapping, Set
from typing import Any

from graphql import (
    SKIP,
    FieldNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    VisitorAction,
    get_named_type,
    visit,
)

from gateway.engine.declared import DEFINITION, NEEDS, READS, Reads
from gateway.engine.prepared import Prepared

Selection = Mapping[str, frozenset[str]]
"""Names of record attributes by GraphQL type name."""


class _Collect(Visitor):
    def __init__(self, schema: GraphQLSchema, types: TypeInfo, withheld: Set[tuple[str, str]]) -> None:
        super().__init__()
        self._schema, self._types, self._withheld = schema, types, withheld
        self.found: defaultdict[str, set[str]] = defaultdict(set)

    def enter_field(self, node: FieldNode, *_: Any) -> VisitorAction:
        """Note the field's type, and the attributes that the field needs of its parent's record."""
        parent = self._types.get_parent_type()
        if parent is not None and (parent.name, node.name.value) in self._withheld:
            return SKIP
        reached = get_named_type(self._types.get_type())
        for object_type in self._possible(reached):
            self.found.setdefault(object_type.name, set())
            if (nodes := object_type.fields.get("nodes")) is not None:
                self.found.setdefault(get_named_type(nodes.type).name, set())
        for object_type in self._possible(parent):
            field = object_type.fields.get(node.name.value)
            # Introspection's own fields are not Strawberry's: they reach no record.
            if field is not None and DEFINITION in field.extensions:
                self._note(object_type.name, field.extensions[DEFINITION], node)
        return None

    def _note(self, type_name: str, definition: Any, node: FieldNode) -> None:
        """Note the attributes that a field declares (`NEEDS`); without a declaration, the one of its name."""
        needs: frozenset[str] | None = definition.metadata.get(NEEDS)
        self.found[type_name].update({definition.python_name} if needs is None else needs)
        reads: Reads | None = definition.metadata.get(READS)
        if reads is None:
            return
        for argument in node.arguments or ():
            self.found[reads.type_name].update(reads.by_argument.get(argument.name.value, ()))

    def _possible(self, parent: GraphQLNamedType | None) -> list[GraphQLObjectType]:
        if isinstance(parent, GraphQLObjectType):
            return [parent]
        if isinstance(parent, GraphQLInterfaceType):
            return list(self._schema.get_possible_types(parent))
        return []


def selection_of(
    schema: GraphQLSchema,
    prepared: Prepared,
    operation: OperationDefinitionNode,
    withheld: Set[tuple[str, str]] = frozenset(),
) -> Selection:
    """The selection of one operation, with all fragments of the document, without `withheld` fields (type and name)."""
    types = TypeInfo(schema)
    collect = _Collect(schema, types, withheld)
    others = [one for one in prepared.operations.values() if one is not operation]
    for definition in prepared.document.definitions:
        if definition not in others:
            visit(definition, TypeInfoVisitor(types, collect))
    return {name: frozenset(attributes) for name, attributes in collect.found.items()}
