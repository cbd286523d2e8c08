"""Estimates the size of an answer from the operation and its variables, before anything runs.

The size is the number of leaf values (scalars and enums). A field below lists counts once per row. The length of a
list is `first` or `last` of its connection, the length of `ids`, or `ASSUMED_LIST` if no argument limits it. Fields
with @skip or @include count, and a field that several fragments select counts once for each.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInt,
    GraphQLList,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    value_from_ast_untyped,
)

from gateway.engine.limits import PageSizes

ASSUMED_LIST: Final = 5
"""Assumed rows of a list that no argument limits, such as a customer's accounts."""

_PAGE: Final = ("first", "last")
_KEYS: Final = "ids"


@dataclass(frozen=True, slots=True)
class _Length:
    """The length of a list that depends on variables: the largest of those given.

    `variables` hold a number of rows, or with `of_keys` a list of ids. `least` comes from literal arguments.
    """

    variables: tuple[str, ...]
    least: int
    pages: PageSizes
    of_keys: bool = False

    def value(self, given: Mapping[str, Any]) -> int:
        values = [given[name] for name in self.variables if given.get(name) is not None]
        if self.of_keys:
            return max((len(one) if isinstance(one, list) else 1 for one in values), default=0)
        return max(
            filter(None, (self.least, *(_rows(one, self.pages) for one in values))),
            default=0 if values else self.pages.default,
        )


_Sizes = Counter[tuple[_Length, ...]]
"""A polynomial: the factor of each product of lengths. The empty product is the part without variables."""


class Cost:
    """The estimate for one operation; compiled once, evaluated for each request's variables."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, pages: PageSizes
    ) -> None:
        """The document must be valid for the schema."""
        root = schema.get_root_type(operation.operation)
        assert root is not None  # noqa: S101  # validation made sure
        sizes = _Compiler(schema, document, pages).of(operation.selection_set, root, None)
        self._fixed = sizes.pop((), 0)
        self._variable = tuple(sizes.items())
        self._defaults = {
            one.variable.name.value: value_from_ast_untyped(one.default_value)
            for one in operation.variable_definitions or ()
            if one.default_value is not None
        }

    def values(self, variables: Mapping[str, Any] | None) -> int:
        """Estimated number of leaf values in the answer. Invalid variables count as small numbers."""
        given = {**self._defaults, **(variables or {})} if self._variable else {}
        total = self._fixed
        for lengths, count in self._variable:
            for length in lengths:
                count *= length.value(given)
            total += count
        return total


class _Compiler:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode, pages: PageSizes) -> None:
        self._schema, self._pages = schema, pages
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._known: dict[tuple[str, _Length | int | None], _Sizes] = {}

    def of(self, selected: SelectionSetNode, parent: GraphQLNamedType, page: "_Length | int | None") -> _Sizes:
        """Size of a selection on `parent`. `page` is the length of the lists in it, if it is a connection."""
        total: _Sizes = Counter()
        for node in selected.selections:
            if isinstance(node, FieldNode):
                total.update(self._field(node, parent, page))
            elif isinstance(node, InlineFragmentNode):
                total.update(self._conditional(node.type_condition, node.selection_set, parent, page))
            elif isinstance(node, FragmentSpreadNode):
                total.update(self._fragment(node.name.value, parent, page))
        return total

    def _conditional(self, condition: Any, selected: SelectionSetNode, parent: GraphQLNamedType, page: Any) -> _Sizes:
        found = self._schema.get_type(condition.name.value) if condition else parent
        return self.of(selected, found or parent, page)

    def _fragment(self, name: str, parent: GraphQLNamedType, page: "_Length | int | None") -> _Sizes:
        key = (name, page)
        if key not in self._known:
            fragment = self._fragments[name]
            self._known[key] = self._conditional(fragment.type_condition, fragment.selection_set, parent, page)
        return self._known[key]

    def _field(self, node: FieldNode, parent: GraphQLNamedType, page: "_Length | int | None") -> _Sizes:
        field = getattr(parent, "fields", {}).get(node.name.value)
        if field is None:
            return Counter({(): 1})  # __typename, and introspection, which has bounds of its own.
        named, is_list = get_named_type(field.type), isinstance(get_nullable_type(field.type), GraphQLList)
        own_page = self._page(node) if not field.args.keys().isdisjoint(_PAGE) else None
        below: _Sizes = Counter({(): 1})
        if node.selection_set is not None and is_composite_type(named):
            below = self.of(node.selection_set, named, None if is_list else own_page)
        if not is_list:
            return below
        if _KEYS in field.args:
            return _times(below, self._keys(node))
        return _times(below, next((one for one in (own_page, page) if one is not None), ASSUMED_LIST))

    def _page(self, node: FieldNode) -> _Length | int:
        values = [argument.value for argument in node.arguments or () if argument.name.value in _PAGE]
        variables = tuple(value.name.value for value in values if isinstance(value, VariableNode))
        literals = [value_from_ast_untyped(value) for value in values if not isinstance(value, VariableNode)]
        given = [rows for one in literals if (rows := _rows(one, self._pages)) is not None]
        if variables:
            return _Length(variables, max(given, default=0), self._pages)
        return max(given, default=self._pages.default)

    def _keys(self, node: FieldNode) -> _Length | int:
        value = next(argument.value for argument in node.arguments or () if argument.name.value == _KEYS)
        if isinstance(value, VariableNode):
            return _Length((value.name.value,), 0, self._pages, of_keys=True)
        ids = value_from_ast_untyped(value, {})
        return len(ids) if isinstance(ids, list) else 1


def _times(sizes: _Sizes, length: _Length | int) -> _Sizes:
    if isinstance(length, int):
        return Counter({lengths: count * length for lengths, count in sizes.items()})
    return Counter({(*lengths, length): count for lengths, count in sizes.items()})


def _rows(value: object, pages: PageSizes) -> int | None:
    """Rows of a page for this argument; None if it is null or invalid."""
    try:
        return None if value is None else max(0, min(GraphQLInt.parse_value(value), pages.most))
    except GraphQLError:
        return None
