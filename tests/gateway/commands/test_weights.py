"""Every weight that `schema.graphql` prints is what the estimate counts for that field, and nothing else is counted."""

from functools import cache
from typing import Any, Final, NamedTuple

from graphql import (
    FieldDefinitionNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_introspection_type,
    is_required_argument,
    parse,
    print_type,
    value_from_ast_untyped,
)
from graphql import build_schema as read_schema

from gateway.commands.schema_file import printed
from gateway.engine import Estimate
from gateway.engine.cost import Cost
from gateway.engine.limits import PageSizes
from resolvers.paging import DEFAULT_PAGE, MAX_PAGE
from schema import build_schema


@cache
def declared() -> GraphQLSchema:
    """The schema, as it is printed."""
    return read_schema(printed())


@cache
def served() -> GraphQLSchema:
    return build_schema().graphql


ROOTS: Final = {"Query": "query", "Mutation": "mutation", "Subscription": "subscription"}


class Place(NamedTuple):
    """Where an object of a type is in a document: what comes before its fields and behind them, and the variables."""

    operation: str
    before: str = "{ "
    behind: str = " }"
    variables: str = ""


def called(name: str, field: GraphQLField, given: str = "") -> tuple[str, str]:
    """A field with its required arguments, as variables, and the declarations of these."""
    needed = {key: one.type for key, one in field.args.items() if is_required_argument(one) and f"{key}:" not in given}
    arguments = ", ".join([*(f"{key}: ${name}_{key}" for key in needed), *([given] if given else [])])
    return f"{name}({arguments})" if arguments else name, "".join(f" ${name}_{key}: {of}" for key, of in needed.items())


@cache
def places() -> dict[str, Place]:
    """The shortest way to each type that has fields."""
    found = {kind: Place(operation) for kind, operation in ROOTS.items()}
    ahead = list(found)
    for name in ahead:
        kind: Any = declared().type_map[name]
        for field_name, field in kind.fields.items():
            below: Any = get_named_type(field.type)
            if not is_composite_type(below):
                continue
            text, variables = called(field_name, field)
            way = found[name]
            here = Place(way.operation, f"{way.before}{text} {{ ", f" }}{way.behind}", way.variables + variables)
            concrete = declared().get_possible_types(below) if isinstance(below, GraphQLInterfaceType) else ()
            ways = {
                one.name: here._replace(before=f"{here.before}... on {one.name} {{ ", behind=f" }}{here.behind}")
                for one in concrete
            }
            for reached, place in ({below.name: here} | ways).items():
                if reached not in found:
                    found[reached] = place
                    ahead.append(reached)
    return found


@cache
def fields() -> list[tuple[str, str]]:
    return [
        (kind.name, name)
        for kind in declared().type_map.values()
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not is_introspection_type(kind)
        for name in kind.fields
    ]


@cache
def estimate(place: Place, selected: str, more: str = "") -> Estimate:
    variables = place.variables + more
    named = f"({variables})" if variables else ""
    document = parse(f"{place.operation} Q{named} {place.before}{selected}{place.behind}")
    [operation] = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    cost = Cost(served(), document, operation, PageSizes(DEFAULT_PAGE, MAX_PAGE))  # as an `Engine` makes it
    return cost.of({"nodes_ids": ["Bill:1"]})


def besides(one: Estimate) -> int:
    """The cost but for values and rows."""
    return one.cost - one.values - sum(system.rows for system in one.systems.values())


def directives(field: GraphQLField) -> dict[str, dict[str, Any]]:
    """The printed directives of a field with their arguments; those that are not given have their defaults."""
    assert isinstance(field.ast_node, FieldDefinitionNode)
    found = {}
    for node in field.ast_node.directives or ():
        definition = declared().get_directive(node.name.value)
        assert definition
        defaults = {name: argument.default_value for name, argument in definition.args.items()}
        given = {argument.name.value: value_from_ast_untyped(argument.value) for argument in node.arguments or ()}
        found[node.name.value] = defaults | given
    return found


def is_list(field: GraphQLField) -> bool:
    return isinstance(get_nullable_type(field.type), GraphQLList)


def measured(kind: str, name: str, given: str = "", below: str | None = None) -> tuple[int, float]:
    """What a field adds to the cost of its object, besides values and rows; and the rows of it, or of its `below`."""
    field: GraphQLField = declared().type_map[kind].fields[name]  # type: ignore[attr-defined]  # an object type
    text, more = called(name, field, given)
    named: Any = get_named_type(field.type)
    nested = get_named_type(named.fields[below].type) if below else named
    leaf = "{ __typename }" if is_composite_type(nested) else ""
    text += f" {{ {below} {leaf} }}" if below else f" {leaf}"
    place = places()[kind]
    one, objects, values, cost = estimate(place, text, more), 1, 0, 0
    if kind not in ROOTS:
        none = estimate(place, "__typename")
        objects = estimate(place, "__typename b: __typename").values - none.values
        one = estimate(place, f"__typename {text}", more)
        values, cost = none.values, besides(none)
    each, rest = divmod(one.values - values, objects)
    assert rest == 0
    return besides(one) - cost, (each - (2 if below else 1)) / (2 if leaf else 1)


def test_what_is_printed_is_what_is_counted() -> None:
    assert len(fields()) > 250
    for kind, name in fields():
        try:
            is_counted_as_printed(kind, name)
        except AssertionError as error:
            error.add_note(f"{kind}.{name}")
            raise


def is_counted_as_printed(kind: str, name: str) -> None:
    field: GraphQLField = declared().type_map[kind].fields[name]  # type: ignore[attr-defined]  # an object type
    found = directives(field)
    cost, length = measured(kind, name)
    assert cost == int(found.get("cost", {"weight": "0"})["weight"])
    size = found.get("listSize")
    if size is None:
        assert not is_list(field) or is_sized_above(kind, name)
        return
    slicing, assumed = size["slicingArguments"] or [], size["assumedSize"]
    assert set(slicing) == {"first", "last", "ids"} & set(field.args)
    lists = size["sizedFields"] or [None]
    if slicing == ["ids"]:
        assert [measured(kind, name, 'ids: ["a", "b", "c"]')[1], length] == [3, 1]
        return
    assert is_list(field) == (lists == [None])
    for below in lists:
        assert measured(kind, name, below=below)[1] == assumed
        for argument in slicing:
            assert measured(kind, name, f"{argument}: 3", below)[1] == 3
        if slicing == ["first", "last"]:
            assert measured(kind, name, "first: 3, last: 4", below)[1] == 4
    assert size["requireOneSlicingArgument"] is not bool(slicing)


def is_sized_above(kind: str, name: str) -> bool:
    """Whether every field that has this type says how long its list `name` is."""
    above = [
        declared().type_map[parent].fields[one]  # type: ignore[attr-defined]  # an object type
        for parent, one in fields()
        if get_named_type(declared().type_map[parent].fields[one].type).name == kind  # type: ignore[attr-defined]  # likewise
    ]
    sizes = [directives(field).get("listSize", {}) for field in above]
    return bool(sizes) and all(name in (size.get("sizedFields") or ()) for size in sizes)


def test_the_schema_is_the_same_but_for_the_directives() -> None:
    graph, bare = build_schema().graphql, read_schema(build_schema().as_str())
    known = {one.name for one in (*graph.directives, *bare.directives)}
    assert [one.name for one in declared().directives if one.name not in known] == ["listSize", "cost"]
    described = [one for one in declared().directives if one.name in ("cost", "listSize")]
    assert all(name in (one.description or "") for one in described for name in one.args)
    assert [print_type(one) for one in declared().type_map.values()] == [
        print_type(one) for one in bare.type_map.values()
    ]
