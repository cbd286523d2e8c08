"""Estimates what an operation costs from its document and variables, before anything runs.

The size of an answer is the number of its values: each leaf, object and list counts 1, also one that is empty or null,
and what is below a list counts once per row. The length of a list is `first` or `last` of its connection, the length of
`ids`, or `ASSUMED_LIST` if no argument limits it. Fields with @skip or @include count, and a field that several
fragments select counts once for each.

Calls to systems are estimated from the edges. Edges with one loader and the same arguments, apart from those of a page,
load together if they are equally deep: a call for each `KEYS_OF_CALL` keys, or `ROWS_OF_CALL` rows. Lists that differ
only in `since` or another condition count separately, although many are loaded once: the estimate is above the calls.
What a loader asks besides, such as whose a record is, counts with its keys; the look-up of ids, where systems have ids
of their own, with its rows. A resolver that is a coroutine may ask every system once.
"""

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLInt,
    GraphQLList,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    print_ast,
    value_from_ast_untyped,
)

from gateway.engine.declared import DEFINITION, EDGE, Edge
from gateway.engine.limits import PageSizes

ASSUMED_LIST: Final = 5
"""Assumed rows of a list that no argument limits, such as a customer's accounts; and keys of an edge with many."""

KEYS_OF_CALL: Final = 200
"""Keys that one call is assumed to carry: a list of ids has its place in an address."""

ROWS_OF_CALL: Final = 1000
"""Rows that one call is assumed to answer."""

CALL: Final = 100
"""What a call to a system costs, in values of an answer."""

WRITE: Final = 500
"""What a field at the root of a mutation costs: it reads, writes, and reads again."""

_REMEMBERED: Final = 32
"""Most estimates of one operation that are remembered, by the lengths that its variables give."""

PAGE: Final = ("first", "last")
"""Arguments with a number of rows: of a connection, or of a list."""

KEYS: Final = "ids"
"""The argument of a list with an entry for each row."""

_SAME_LOAD: Final = frozenset({"first", "last", "after", "before", "id", "ids"})
"""Arguments with other values of which edges still load together."""


class Upstream(msgspec.Struct, frozen=True):
    """What an operation is estimated to ask of one system."""

    calls: int
    rows: int


class Estimate(msgspec.Struct, frozen=True):
    """What an operation is estimated to cost with its variables.

    `values` is the size of the answer. `systems` are those that are asked, by name; the name `any` stands for records
    by ids that say themselves whose they are. `cost` is all of it in one number, of which a value and a row are 1.
    """

    values: int
    systems: Mapping[str, Upstream]
    cost: int
    calls: int
    """The most of one system."""
    rows: int
    """The most of one system."""

    def document(self) -> dict[str, Any]:
        """The cost as a JSON object: in all, the answer's values, and calls and rows by system."""
        systems = {name: {"calls": one.calls, "rows": one.rows} for name, one in self.systems.items()}
        return {"cost": self.cost, "values": self.values, "systems": systems}


ANY: Final = "any"

Besides = Mapping[str, Mapping[str, int]]
"""By system, how many calls of other systems, or of itself, each call of it costs besides."""


class Upstreams(NamedTuple):
    """What is known of the systems that edges ask.

    `served_by`: the system that answers in place of the one that an edge names, where that is another.
    """

    besides: Besides = {}
    served_by: Mapping[str, str] = {}

    def serving(self, name: str) -> str:
        """The system that answers for the one that an edge names."""
        return self.served_by.get(name, name)


_NOTHING: Final = Upstreams()
_NOTHING_BESIDES: Final[Mapping[str, int]] = {}


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


class _Load(NamedTuple):
    """What is loaded together: keys, and rows for them."""

    system: str
    loader: str
    step: int
    arguments: str
    of_rows: bool = False


_Counted = _Load | None
"""What is counted: keys or rows of a load, or None for values of the answer."""

_Sizes = Counter[tuple[_Counted, tuple[_Length, ...]]]
"""Polynomials: for each that is counted the factor of each product of lengths. The empty product has no variables."""

_VALUE: Final[tuple[None, tuple[()]]] = (None, ())


class Cost:
    """The estimate for one operation; compiled once, evaluated for each request's variables."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        pages: PageSizes,
        withheld: Set[tuple[str, str]] = frozenset(),
        upstreams: Upstreams = _NOTHING,
    ) -> None:
        """The document must be valid for the schema. `withheld` fields (type and name) are null, and load nothing."""
        root = schema.get_root_type(operation.operation)
        assert root is not None  # noqa: S101  # validation made sure
        sizes = _Compiler(schema, document, pages, withheld, upstreams).of(operation.selection_set, root, None, 1)
        self._lengths = tuple({length: None for _, lengths in sizes for length in lengths})
        place = {length: number for number, length in enumerate(self._lengths)}
        self._sizes = [
            (counted, tuple(place[one] for one in lengths), count) for (counted, lengths), count in sizes.items()
        ]
        is_mutation = operation.operation is OperationType.MUTATION
        self._writes = WRITE * len(operation.selection_set.selections) if is_mutation else 0
        self._defaults = {
            one.variable.name.value: value_from_ast_untyped(one.default_value)
            for one in operation.variable_definitions or ()
            if one.default_value is not None
        }
        self._known: dict[tuple[int, ...], Estimate] = {}
        self._only = None if self._lengths else self._estimated(())

    def of(self, variables: Mapping[str, Any] | None) -> Estimate:
        """The estimate with these variables. Invalid variables count as small numbers."""
        if self._only is not None:
            return self._only
        given = {**self._defaults, **(variables or {})}
        lengths = tuple([one.value(given) for one in self._lengths])
        known = self._known.get(lengths)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[lengths] = self._estimated(lengths)
        return known

    def _estimated(self, lengths: tuple[int, ...]) -> Estimate:
        counts: Counter[_Counted] = Counter()
        for counted, places, count in self._sizes:
            for place in places:
                count *= lengths[place]
            counts[counted] += count
        values = counts.pop(None, 0)
        systems: dict[str, Upstream] = {}
        for load, keys in counts.items():
            if load is None or load.of_rows:
                continue
            rows = counts[load._replace(of_rows=True)]
            calls = max(1, -(-keys // KEYS_OF_CALL), -(-rows // ROWS_OF_CALL))
            so_far = systems.get(load.system, Upstream(0, 0))
            systems[load.system] = Upstream(so_far.calls + calls, so_far.rows + rows)
        asked = systems.values()
        any_system = systems.get(ANY, Upstream(0, 0))
        others = [one for name, one in systems.items() if name != ANY]
        return Estimate(
            values,
            systems,
            self._writes + values + sum(CALL * one.calls + one.rows for one in asked),
            any_system.calls + max((one.calls for one in others), default=0),
            any_system.rows + max((one.rows for one in others), default=0),
        )


class _Compiler:
    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        pages: PageSizes,
        withheld: Set[tuple[str, str]],
        upstreams: Upstreams,
    ) -> None:
        self._schema, self._pages, self._withheld, self._upstreams = schema, pages, withheld, upstreams
        self._fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        self._known: dict[tuple[str, _Length | int | None, int], _Sizes] = {}

    def of(
        self,
        selected: SelectionSetNode,
        parent: GraphQLNamedType,
        page: "_Length | int | None",
        step: int,
        seen: set[_Load] | None = None,
    ) -> _Sizes:
        """Size of a selection on `parent`, without the object itself.

        `page` is the length of the lists in it, if it is a connection. `step` is how many loads lead there, and one
        more. `seen` are the loads of leaves that the object has already: they are of the same record.
        """
        total: _Sizes = Counter()
        seen = set() if seen is None else seen
        for node in selected.selections:
            if isinstance(node, FieldNode):
                total.update(self._field(node, parent, page, step, seen))
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                total.update(self._conditional(condition, node.selection_set, parent, page, step, seen))
            elif isinstance(node, FragmentSpreadNode):
                total.update(self._fragment(node.name.value, parent, page, step))
        return total

    def _conditional(
        self,
        condition: Any,
        selected: SelectionSetNode,
        parent: GraphQLNamedType,
        page: Any,
        step: int,
        seen: set[_Load] | None,
    ) -> _Sizes:
        found = self._schema.get_type(condition.name.value) if condition else parent
        return self.of(selected, found or parent, page, step, seen)

    def _fragment(self, name: str, parent: GraphQLNamedType, page: "_Length | int | None", step: int) -> _Sizes:
        key = (name, page, step)
        if key not in self._known:
            one = self._fragments[name]
            self._known[key] = self._conditional(one.type_condition, one.selection_set, parent, page, step, None)
        return self._known[key]

    def _field(
        self, node: FieldNode, parent: GraphQLNamedType, page: "_Length | int | None", step: int, seen: set[_Load]
    ) -> _Sizes:
        field = getattr(parent, "fields", {}).get(node.name.value)
        if field is None:
            return Counter({_VALUE: 1})  # __typename, and introspection, which has bounds of its own.
        if self._withheld and (parent.name, node.name.value) in self._withheld:
            return Counter({_VALUE: 1})
        named, is_list = get_named_type(field.type), isinstance(get_nullable_type(field.type), GraphQLList)
        own_page = self._page(node) if not field.args.keys().isdisjoint(PAGE) else None
        edge = edge_of(field)
        below: _Sizes = Counter({_VALUE: 1})
        is_leaf = node.selection_set is None or not is_composite_type(named)
        if node.selection_set is not None and is_composite_type(named):
            within = None if is_list else own_page
            below.update(self.of(node.selection_set, named, within, step + (edge is not None)))
        length: _Length | int = 1
        if is_list:
            pages = (own_page, page)
            length = next((one for one in pages if one is not None), ASSUMED_LIST)
            if KEYS in field.args:
                length = self._keys(node)
            below = _times(below, length)
            below[_VALUE] += 1
        if edge is not None:
            rows = own_page if own_page is not None and not edge.many else length
            below.update(self._loads(node, edge, rows, step, seen if is_leaf else None))
        elif asks_itself(self._schema, parent, field):
            below[_Load(ANY, f"{parent.name}.{node.name.value}", step, ""), ()] += 1
        return below

    def _loads(self, node: FieldNode, edge: Edge, rows: _Length | int, step: int, seen: set[_Load] | None) -> _Sizes:
        """The keys and rows that an edge loads for one object."""
        given = sorted(print_ast(one) for one in node.arguments or () if one.name.value not in _SAME_LOAD)
        load = _Load(self._upstreams.serving(edge.system or ANY), edge.loader.__name__, step, " ".join(given))
        sizes: _Sizes = Counter()
        if seen is not None and load in seen:
            return sizes
        if seen is not None:
            seen.add(load)
        sizes[load, ()] = 1
        if edge.many:
            rows = rows if edge.per_key else ASSUMED_LIST
            sizes = _times(sizes, rows)
            rows = 1
        of_rows = {lengths: count for (_, lengths), count in _times(sizes, rows).items()}
        of_keys = {lengths: count for (_, lengths), count in sizes.items()}
        sizes.update({(load._replace(of_rows=True), lengths): count for lengths, count in of_rows.items()})
        of_ids = self._upstreams.besides.get(load.system, _NOTHING_BESIDES)
        for asked, what, keys in ((edge.besides, "besides", of_keys), (of_ids, "ids", of_rows)):
            for system, calls in asked.items():
                for number in range(calls):
                    besides = load._replace(
                        system=self._upstreams.serving(system), loader=f"{load.loader} {what} {number}"
                    )
                    for one in (besides, besides._replace(of_rows=True)):
                        sizes.update({(one, lengths): count for lengths, count in keys.items()})
        return sizes

    def _page(self, node: FieldNode) -> _Length | int:
        values = [argument.value for argument in node.arguments or () if argument.name.value in PAGE]
        variables = tuple(value.name.value for value in values if isinstance(value, VariableNode))
        literals = [value_from_ast_untyped(value) for value in values if not isinstance(value, VariableNode)]
        given = [rows for one in literals if (rows := _rows(one, self._pages)) is not None]
        if variables:
            return _Length(variables, max(given, default=0), self._pages)
        return max(given, default=self._pages.default)

    def _keys(self, node: FieldNode) -> _Length | int:
        value = next(argument.value for argument in node.arguments or () if argument.name.value == KEYS)
        if isinstance(value, VariableNode):
            return _Length((value.name.value,), 0, self._pages, of_keys=True)
        ids = value_from_ast_untyped(value, {})
        return len(ids) if isinstance(ids, list) else 1


def edge_of(field: GraphQLField) -> Edge | None:
    """The edge by which the field asks a system; None if it asks none."""
    definition = field.extensions.get(DEFINITION)
    edge: Edge | None = definition.metadata.get(EDGE) if definition is not None else None
    return edge


def asks_itself(schema: GraphQLSchema, parent: GraphQLNamedType, field: GraphQLField) -> bool:
    """Whether the field has no edge, and may ask systems by a resolver of its own. What mutations do costs `WRITE`."""
    resolver = getattr(field.extensions.get(DEFINITION), "base_resolver", None)
    return resolver is not None and resolver.is_async and edge_of(field) is None and parent is not schema.mutation_type


def _times(sizes: _Sizes, length: _Length | int) -> _Sizes:
    if isinstance(length, int):
        return Counter({one: count * length for one, count in sizes.items()})
    return Counter({(counted, (*lengths, length)): count for (counted, lengths), count in sizes.items()})


def _rows(value: object, pages: PageSizes) -> int | None:
    """Rows of a page for this argument; None if it is null or invalid."""
    try:
        return None if value is None else max(0, min(GraphQLInt.parse_value(value), pages.most))
    except GraphQLError:
        return None
