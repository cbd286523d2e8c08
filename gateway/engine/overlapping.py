"""The rule that fields with one key in the answer can be merged, in time linear in the fields, fragments written out.

It refuses what graphql-core's OverlappingFieldsCanBeMergedRule refuses, which compares fields in pairs. All fields that
meet under one key are compared with the first of them, which is enough, as "equal" is transitive:

- Their types have the same shape, whatever their parents are.
- Name and arguments are the same among the fields of each object type, together with those of interfaces and unions:
  fields of two different object types never meet in one object.

Then the same holds for what is selected below all of them. For a document that is valid otherwise: its fragments exist
and have no cycle.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_leaf_type,
    print_ast,
)
from graphql.utilities.sort_value_node import sort_value_node

from gateway.engine.turns import Work

_MOST_ERRORS: Final = 20

_FIELDS_AT_ONCE: Final = 100
"""Fields that are looked at between two interruptions."""


class _Field(NamedTuple):
    node: FieldNode
    parent: GraphQLNamedType | None
    type: GraphQLOutputType | None


_Selected = tuple[SelectionSetNode, GraphQLNamedType | None]


def overlapping(schema: GraphQLSchema, document: DocumentNode) -> Work[list[GraphQLError]]:
    """An error for each key whose fields cannot be merged, at most `_MOST_ERRORS`."""
    check = _Check(schema, document)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            root: list[_Selected] = [(definition.selection_set, schema.get_root_type(definition.operation))]
            yield from check.shapes(root, ())
            yield from check.sources(root, ())
    return check.errors[:_MOST_ERRORS]


class _Check:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self.errors: list[GraphQLError] = []
        self._sources: dict[int, str] = {}
        self._seen = 0

    def shapes(self, selected: Sequence[_Selected], path: tuple[str, ...]) -> Work[None]:
        """Whether the types under each key have one shape."""
        for key, fields in self._by_key(selected).items():
            yield from self._interruption(len(fields))
            known = [one for one in fields if one.type is not None]
            for one in known[1:]:
                if not _are_alike(known[0].type, one.type):
                    reason = f"they return conflicting types '{known[0].type}' and '{one.type}'"
                    self._conflict((*path, key), reason, known[0].node, one.node)
                    break
            else:
                yield from self.shapes(_below(fields), (*path, key))

    def sources(self, selected: Sequence[_Selected], path: tuple[str, ...]) -> Work[None]:
        """Whether fields that may meet in one object have one name and the same arguments."""
        for key, fields in self._by_key(selected).items():
            yield from self._interruption(len(fields))
            for group in _that_meet(fields):
                first = group[0].node
                for one in group[1:]:
                    if one.node is not first and (reason := self._difference(first, one.node)):
                        self._conflict((*path, key), reason, first, one.node)
                        break
                else:
                    yield from self.sources(_below(group), (*path, key))

    def _interruption(self, fields: int) -> Iterator[None]:
        self._seen += fields
        if self._seen >= _FIELDS_AT_ONCE:
            self._seen = 0
            yield

    def _by_key(self, selected: Sequence[_Selected]) -> Mapping[str, list[_Field]]:
        found: dict[str, list[_Field]] = {}
        spread: set[str] = set()
        for selection_set, parent in selected:
            self._collect(selection_set, parent, found, spread)
        return found

    def _collect(
        self,
        selected: SelectionSetNode,
        parent: GraphQLNamedType | None,
        found: dict[str, list[_Field]],
        spread: set[str],
    ) -> None:
        for node in selected.selections:
            if isinstance(node, FieldNode):
                field = (
                    parent.fields.get(node.name.value)  # not __typename: it has no type for graphql-core's rule either
                    if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType)
                    else None
                )
                key = node.alias.value if node.alias else node.name.value
                found.setdefault(key, []).append(_Field(node, parent, field.type if field else None))
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                within = self._schema.get_type(condition.name.value) if condition else parent
                self._collect(node.selection_set, within, found, spread)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                spread.add(node.name.value)
                fragment = self._fragments[node.name.value]
                within = self._schema.get_type(fragment.type_condition.name.value)
                self._collect(fragment.selection_set, within, found, spread)

    def _difference(self, one: FieldNode, other: FieldNode) -> str | None:
        if one.name.value != other.name.value:
            return f"'{one.name.value}' and '{other.name.value}' are different fields"
        if (one.arguments or other.arguments) and self._arguments(one) != self._arguments(other):
            return "they have differing arguments"
        return None

    def _arguments(self, node: FieldNode) -> str:
        """The arguments in a form in which equal ones are equal texts."""
        known = self._sources.get(id(node))
        if known is None:
            written = sorted(
                f"{one.name.value}: {print_ast(sort_value_node(one.value))}" for one in node.arguments or ()
            )
            known = self._sources[id(node)] = "\n".join(written)
        return known

    def _conflict(self, path: tuple[str, ...], reason: str, one: FieldNode, other: FieldNode) -> None:
        if len(self.errors) >= _MOST_ERRORS:
            return
        for key in reversed(path[1:]):
            reason = f"subfields '{key}' conflict because {reason}"
        message = (
            f"Fields '{path[0]}' conflict because {reason}."
            " Use different aliases on the fields to fetch both if this was intentional."
        )
        if not any(error.message == message for error in self.errors):
            self.errors.append(GraphQLError(message, [one, other]))


def _below(fields: Sequence[_Field]) -> list[_Selected]:
    return [
        (one.node.selection_set, get_named_type(one.type) if one.type is not None else None)
        for one in fields
        if one.node.selection_set is not None
    ]


def _that_meet(fields: Sequence[_Field]) -> list[Sequence[_Field]]:
    """The fields in groups, for each object type with those of no object type; a field may be in several."""
    if len(fields) == 1:
        return [fields]
    by_object: dict[GraphQLObjectType, list[_Field]] = {}
    others: list[_Field] = []
    for one in fields:
        if isinstance(one.parent, GraphQLObjectType):
            by_object.setdefault(one.parent, []).append(one)
        else:
            others.append(one)
    return [[*others, *group] for group in by_object.values()] or [others]


def _are_alike(one: GraphQLOutputType | None, other: GraphQLOutputType | None) -> bool:
    """Whether values of both types have one shape: equal lists and non-nulls around equal leaves or any objects."""
    while one is not other:
        for wrapper in (GraphQLList, GraphQLNonNull):
            if isinstance(one, wrapper) or isinstance(other, wrapper):
                if not (isinstance(one, wrapper) and isinstance(other, wrapper)):
                    return False
                one, other = one.of_type, other.of_type
                break
        else:
            return not (is_leaf_type(one) or is_leaf_type(other))
    return True
