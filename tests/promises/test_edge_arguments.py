"""Every argument of the schema takes values at the edge of its type, and none of them is an unexpected error."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    build_client_schema,
    get_introspection_query,
    get_named_type,
    is_leaf_type,
)

from gateway.settings import GraphQLSettings, LiveSettings
from gateway.writes_settings import WritesSettings
from sandbox.data import shapes
from tests.edges import NAMED_TEXTS, TIMES
from tests.stack import Stack, stacked

NUMBERS: Final = [0, -1, 1, 1000, 1001, 2**31 - 1, 2**31, -(2**31) - 1, 3_000_000_000, 2**53 + 1, 2**63, 2**64, 10**40]
TIMES_OF: Final = [
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
    "0001-01-01",
    "9999-12-31T23:59:59.999999-14:00",
    "9999-12-31T23:59:59Z",
    "2026-02-30T00:00:00Z",
    "2026-11-29T24:00:00Z",
    "2016-12-31T23:59:60Z",
    "2026-11-29t10:00:00z",
    "2026-11-29T10:00:00+23:59",
    "2026-11-29T10:00:00+24:00",
    "2026-W48-7",
    "20261129",
    "1970-01-01T00:00:00.0000000000001Z",
]
EDGES: Final[dict[str, list[Any]]] = {
    "Int": [*NUMBERS, 1.0, 1.5, 1e308, -0.0],
    "Float": [*NUMBERS, 1.5, 1e308, -0.0, 5e-324],
    "DateTime": [*TIMES_OF, 0, 1e18],
    "Date": [*[one[:10] for one in TIMES_OF], "0000-00-00", "10000-01-01", *TIMES_OF],
    "Decimal": ["0", "-0", "1e999999", "1e-999999", "NaN", "Infinity", "9" * 200, "0.1", "", *NUMBERS, 1.5],
    "Boolean": [True, False, 0, 1, "true"],
}
TEXTUAL: Final = [
    *NAMED_TEXTS,
    *NUMBERS,
    1.5,
    1e20,
    "Customer:",
    ":",
    "Customer:1001",
    "Bill:1",
    "MTox",
    "OTk5OTk5OTk5OjE",
]
ODD: Final = [None, [], {}, [[]], {"a": 1}, [None], True]
SAMPLES: Final = {
    "customer": '"1001"',
    "account": '"BA-1001-1"',
    "node": '"Customer:1001"',
}


class Argument(NamedTuple):
    """An argument, or an attribute of an input object: where it is, and what a request around it looks like."""

    place: str
    path: tuple[str, ...]
    field: str
    name: str
    type: str
    edges: list[Any]
    others: dict[str, Any]
    inner: str
    selection: str
    operation: str = "query"


def selection_of(kind: Any) -> str:
    """Leaves of an object type, or of the nodes in a connection."""
    named = get_named_type(kind)
    if is_leaf_type(named):
        return ""
    if not isinstance(named, GraphQLObjectType):
        return "{ __typename }"
    leaves = [name for name, one in named.fields.items() if is_leaf_type(get_named_type(one.type)) and not one.args]
    if "nodes" in named.fields:
        return "{ totalCount pageInfo { endCursor } nodes " + selection_of(named.fields["nodes"].type) + " }"
    return "{ " + " ".join(["__typename", *leaves]) + " }"


def edges_of(kind: Any) -> list[Any]:
    named = get_named_type(kind)
    if isinstance(named, GraphQLEnumType):
        values: list[Any] = [*named.values, "NONE", "", 0]
    else:
        values = EDGES.get(named.name, TEXTUAL)
    bare = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    if isinstance(bare, GraphQLList):
        return [[], values[:1], values, [values[0]] * 1001, *values, *ODD]
    return [*values, *ODD]


def base_of(kind: Any, name: str) -> Any:
    """A value that is right."""
    bare = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    if isinstance(bare, GraphQLList):
        return [base_of(bare.of_type, name)]
    if isinstance(bare, GraphQLEnumType):
        return next(iter(bare.values))
    if isinstance(bare, GraphQLInputObjectType):
        return {key: base_of(one.type, key) for key, one in bare.fields.items() if isinstance(one.type, GraphQLNonNull)}
    known = {"Int": 1, "DateTime": "2026-11-29T00:00:00Z", "Date": "2026-11-29", "Decimal": "1.00", "Boolean": True}
    return known.get(bare.name, "EUR" if bare.name == "CurrencyCode" else "1001" if bare.name == "ID" else "text")


def arguments(schema: GraphQLSchema) -> Iterator[Argument]:
    """Every argument of every field that a query or a mutation can reach, the shortest way."""
    assert schema.query_type is not None
    ways: dict[str, tuple[str, ...]] = {schema.query_type.name: ()}
    order = [schema.query_type]
    for one in order:
        for name, field in one.fields.items():
            named = get_named_type(field.type)
            if isinstance(named, GraphQLObjectType) and named.name not in ways:
                if needed := [arg for arg, found in field.args.items() if isinstance(found.type, GraphQLNonNull)]:
                    value = SAMPLES.get(name, '"1001"') if needed == ["id"] else None
                    if value is None:
                        continue
                    ways[named.name] = (*ways[one.name], f"{name}(id: {value})")
                else:
                    ways[named.name] = (*ways[one.name], name)
                order.append(named)
        for name, field in one.fields.items():
            yield from _of_field(one, name, field, ways[one.name], "query")
    if schema.mutation_type is not None:
        for name, field in schema.mutation_type.fields.items():
            yield from _of_field(schema.mutation_type, name, field, (), "mutation")


def _of_field(one: Any, name: str, field: Any, way: tuple[str, ...], operation: str) -> Iterator[Argument]:
    needed = {arg: base_of(kind.type, arg) for arg, kind in field.args.items() if isinstance(kind.type, GraphQLNonNull)}
    for arg, kind in field.args.items():
        place, chosen = f"{one.name}.{name}({arg})", selection_of(field.type)
        others = {key: value for key, value in needed.items() if key != arg}
        named = get_named_type(kind.type)
        yield Argument(place, way, name, arg, str(kind.type), edges_of(kind.type), others, "", chosen, operation)
        if isinstance(named, GraphQLInputObjectType):
            for key, inner in named.fields.items():
                place = f"{one.name}.{name}({arg}.{key})"
                edges = [{**base_of(named, arg), key: value} for value in edges_of(inner.type)]
                yield Argument(place, way, name, arg, str(kind.type), edges, others, key, chosen, operation)


def literal(value: Any) -> str:
    """The value in a document, as far as GraphQL can write it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {literal(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return json.dumps(value)


def request(one: Argument, value: Any, *, as_literal: bool) -> dict[str, Any]:
    """A GraphQL request with this value for the argument."""
    others = "".join(f", {key}: {_other(found)}" for key, found in one.others.items())
    shown = literal(value) if as_literal else "$v"
    inner = f"{one.field}({one.name}: {shown}{others}) {one.selection}"
    for step in reversed(one.path):
        inner = f"{step} {{ {inner} }}"
    head = one.operation if as_literal else f"{one.operation}($v: {one.type})"
    return {"query": f"{head} {{ {inner} }}", "variables": {} if as_literal else {"v": value}}


def _other(value: Any) -> str:
    return value if isinstance(value, str) and value.isupper() and len(value) > 3 else literal(value)


async def post(stack: Stack, body: dict[str, Any], who: str) -> dict[str, Any]:
    raw = json.dumps(body).encode()
    headers = {**stack.headers(who), "Content-Type": "application/json"}
    async with stack.session.post(f"{stack.address}/graphql", data=raw, headers=headers) as answer:
        found: dict[str, Any] = await answer.json()
        assert answer.status != 500, (body, found)
        return found


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
async def test_no_value_of_any_argument_is_an_unexpected_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graphql = GraphQLSettings(introspection="everyone")
    writes = WritesSettings(enabled=True, in_process=True)
    tried, unexpected, answered = 0, [], set()
    async with stacked(tmp_path, customers=3, graphql=graphql, writes=writes) as stack:
        schema = build_client_schema((await stack.ask(get_introspection_query())).clean())
        found = list(arguments(schema))
        chosen = random.Random(TIMES)
        for one in found:
            edges = one.edges if TIMES > 1 else [one.edges[0], *chosen.sample(one.edges, min(4, len(one.edges)))]
            for value in edges:
                for as_literal in (False, True) if TIMES > 1 else (chosen.random() < 0.3,):
                    answer = await post(
                        stack, request(one, value, as_literal=as_literal), chosen.choice(["agent", "1001"])
                    )
                    tried += 1
                    codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
                    if "INTERNAL" in codes:
                        unexpected.append(f"{one.place} = {value!r:.80}")
                    if not codes & {"GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "BAD_REQUEST"}:
                        answered.add(one.place)
                if TIMES == 1 and value is not edges[0] and one.place in answered:
                    break
    assert unexpected == []
    assert len(found) > 60
    assert {one.place for one in found} - answered == set()  # each was executed with some value
    with capsys.disabled():
        if TIMES > 1:
            print(f"\n{len(found)} arguments and attributes of inputs, {tried} values, INTERNAL 0")


NO_JSON_LIBRARY_WRITES: Final = ["18446744073709551617", "1e308", "9007199254740993.5", "1e400", "[" * 300 + "]" * 300]


async def test_no_value_of_an_argument_of_a_subscription_is_an_unexpected_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each opens a stream, whose first lines are a comment or what is wrong; and so for a variable that nobody uses."""
    graphql, opened, tried = GraphQLSettings(introspection="everyone"), set(), 0
    async with stacked(tmp_path, customers=2, graphql=graphql, live=LiveSettings(enabled=True)) as stack:
        schema = build_client_schema((await stack.ask(get_introspection_query())).clean())
        assert schema.subscription_type is not None
        arguments = [(name, arg) for name, one in schema.subscription_type.fields.items() for arg in one.args.items()]
        headers = stack.headers("agent") | {"Accept": "text/event-stream", "Content-Type": "application/json"}
        for name, (arg, kind) in arguments:
            values = [*NO_JSON_LIBRARY_WRITES, *(json.dumps(one) for one in edges_of(kind.type))]
            for value in values if TIMES > 1 else [*NO_JSON_LIBRARY_WRITES, '["1"]']:
                query = f"subscription($v: {kind.type}) {{ {name}({arg}: $v) {{ __typename }} }}"
                body = f'{{"query": {json.dumps(query)}, "variables": {{"v": {value}, "unused": [{value}]}}}}'
                async with stack.session.post(f"{stack.address}/graphql", data=body, headers=headers) as answer:
                    first = (await answer.content.readuntil(b"\n\n")).decode()
                assert answer.status == 200, (name, value[:80])
                assert "INTERNAL" not in first, (name, value[:80], first)
                if first == ":\n\n":
                    opened.add(name)
                tried += 1
        assert opened == set(schema.subscription_type.fields)
    if TIMES > 1:
        with capsys.disabled():
            print(f"\n{len(arguments)} arguments of subscriptions, {tried} values, INTERNAL 0")


KNOWN: Final[list[tuple[str, str | None]]] = [
    ('{ outages(since: "0001-01-01T00:00:00+14:00") { totalCount } }', "GRAPHQL_VALIDATION_FAILED"),
    ('{ outages(until: "9999-12-31T23:59:59-14:00") { totalCount } }', "GRAPHQL_VALIDATION_FAILED"),
    ('{ outages(since: "0001-01-01T00:00:00Z") { totalCount } }', None),
]


async def test_a_time_that_is_none_in_utc_is_the_callers_mistake(tmp_path: Path) -> None:
    async with stacked(tmp_path, customers=2) as stack:
        for document, code in KNOWN:
            answer = await stack.ask(document)
            assert [error["extensions"]["code"] for error in answer.errors] == ([code] if code else []), document


WHOLE: Final[list[tuple[str, str | None]]] = [
    ("9007199254740993", "9007199254740993"),
    ("18446744073709551617", "18446744073709551617"),
    ("9007199254740993.0", "9007199254740993"),
    ("9.007199254740993e15", "9007199254740993"),
    ("1e20", "100000000000000000000"),
    ("1001.0", "1001"),
    ("9007199254740993.5", None),
    ("4503599627370497.0000001", None),
    ("1.5", None),
    ("1e400", None),
    ("NaN", None),
]


async def test_an_id_that_is_written_as_a_number_is_that_number_or_an_error(tmp_path: Path) -> None:
    async with stacked(tmp_path, customers=2) as stack:
        headers = {**stack.headers("agent"), "Content-Type": "application/json"}
        for written, asked in WHOLE:
            body = '{"query": "query($id: ID!) { customer(id: $id) { id } }", "variables": {"id": ' + written + "}}"
            async with stack.session.post(f"{stack.address}/graphql", data=body, headers=headers) as answer:
                found = await answer.json()
            calls = [call["keys"] for call in found.get("extensions", {}).get("upstream", ())]
            assert calls == ([[asked]] if asked else []), written
            if asked is None:
                assert {error["extensions"]["code"] for error in found["errors"]} <= {"BAD_USER_INPUT", "BAD_REQUEST"}


async def test_a_number_beyond_the_int_of_graphql_is_null_where_it_stands(tmp_path: Path) -> None:
    document = "{ outages(first: 50) { nodes { id severity } } }"
    async with stacked(tmp_path, customers=2) as stack:
        before = {one["id"]: one["severity"] for one in (await stack.ask(document)).clean()["outages"]["nodes"]}
        key = next(iter(before))
        for number, shown in ((3_000_000_000, None), (-3_000_000_000, None), (2**31 - 1, 2**31 - 1), (2, 2)):
            stack.rewrite("ticketing", shapes.PROBLEM, key.removeprefix("Outage:"), priority=number)
            after = {one["id"]: one["severity"] for one in (await stack.ask(document)).clean()["outages"]["nodes"]}
            assert after == {**before, key: shown}
