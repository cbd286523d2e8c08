"""What graphql-cop and GraphQL Armor look for, by their names, against the default settings: what the gateway answers.

graphql-cop (github.com/dolevf/graphql-cop) asks whether a server can be misused in these ways; GraphQL Armor
(escape.tech/graphql-armor) adds limits to servers that have none. The documents here are our own.
"""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from gateway.settings import GraphQLSettings
from tests.hostile.asking import aliased
from tests.stack import Stack, stacked


@pytest_asyncio.fixture(scope="module")
async def default(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A gateway whose `[graphql]` has nothing but defaults."""
    async with stacked(tmp_path_factory.mktemp("default"), customers=4, graphql=GraphQLSettings()) as running:
        yield running


class Sent(NamedTuple):
    """A request, by default of a subscriber and with POST and JSON."""

    body: Any = None
    method: str = "POST"
    path: str = "/graphql"
    type: str = "application/json"
    who: str | None = "1001"
    accept: str = "application/json"


def query(document: str, **more: Any) -> Sent:
    return Sent({"query": document}, **more)


def get(document: str, **more: Any) -> Sent:
    return Sent(None, "GET", "/graphql?" + urlencode({"query": document}), **more)


MUTATION: Final = 'mutation { addTicketNote(input: {idempotencyKey: "a", ticketId: "1", text: "x"}) { __typename } }'
DEEP: Final = "account { customer { bills { nodes { %s } } } }"

COP: Final[Mapping[str, tuple[Sent, int, str | None]]] = {
    "Alias Overloading": (query("{ me { " + aliased(101, "name") + " } }"), 200, "LIMIT_EXCEEDED"),
    "Array-based Query Batching": (Sent([{"query": "{ __typename }"}] * 10), 400, "BAD_REQUEST"),
    "Directive Overloading": (
        query("{ __typename " + "@aa" * 10 + " }"),
        200,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "Directive Overloading, of a known one": (
        query("{ me { name " + "@include(if: true)" * 10 + " } }"),
        200,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "Field Duplication": (query("{ me { " + "name " * 501 + "} }"), 200, "LIMIT_EXCEEDED"),
    "Introspection-based Circular Query": (
        query("{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }"),
        200,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "Circular Fragment": (
        query("{ me { ...A } } fragment A on Customer { name ...B } fragment B on Customer { ...A }"),
        200,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "Introspection": (query("{ __schema { directives { name } } }"), 400, "INTROSPECTION_DISABLED"),
    "Introspection, without a token": (
        query('{ __type(name: "Customer") { fields { name } } }', who=None),
        401,
        "UNAUTHENTICATED",
    ),
    "Field Suggestions": (query("{ me { nam } }"), 200, "GRAPHQL_VALIDATION_FAILED"),
    "GraphQL IDE": (Sent(None, "GET", "/graphql", accept="text/html", who=None), 406, "NOT_ACCEPTABLE"),
    "GraphQL IDE, /graphiql": (Sent(None, "GET", "/graphiql", accept="text/html", who=None), 404, "NOT_FOUND"),
    "GraphQL IDE, /playground": (Sent(None, "GET", "/playground", accept="text/html", who=None), 404, "NOT_FOUND"),
    "GraphQL IDE, /console": (Sent(None, "GET", "/console", accept="text/html", who=None), 404, "NOT_FOUND"),
    "Trace Mode": (query("{ __typename }"), 200, None),
    "GET Method Query Support": (get("{ __typename }"), 200, None),
    "Mutation over GET": (get(MUTATION), 405, "METHOD_NOT_ALLOWED"),
    "POST based url-encoded query": (
        Sent(urlencode({"query": "{ __typename }"}), type="application/x-www-form-urlencoded"),
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    ),
    "POST based url-encoded query, in the address": (
        Sent("", path="/graphql?" + urlencode({"query": "{ __typename }"})),
        400,
        "BAD_REQUEST",
    ),
    "POST with text/plain, which a page may send": (
        Sent(json.dumps({"query": "{ __typename }"}), type="text/plain"),
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    ),
    "Unhandled Errors Detection": (query("qwerty cop { abc }"), 200, "GRAPHQL_PARSE_FAILED"),
}
"""By graphql-cop's titles: what is sent, the status, and the code of the first error, if there is one.

Queries with GET are answered: nobody is known by a cookie, so that a page of another site asks in nobody's name.
"""

ARMOR: Final[Mapping[str, tuple[Sent, int, str | None]]] = {
    "Block Field Suggestions": (query("{ costumer { id } }"), 200, "GRAPHQL_VALIDATION_FAILED"),
    "Block Field Suggestions, of arguments": (query('{ customer(idd: "1") { id } }'), 200, "GRAPHQL_VALIDATION_FAILED"),
    "Block Field Suggestions, of types": (
        query('{ node(id: "1") { ... on Costumer { id } } }'),
        200,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "Block Field Suggestions, of values": (
        query("{ outages(state: OPENN) { nodes { id } } }"),
        200,
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "Character Limit": (query("{ __typename }" + " " * 64 * 1024), 200, "LIMIT_EXCEEDED"),
    "Cost Limit": (
        query("{ me { bills(first: 1000) { nodes { " + DEEP % DEEP % "id" + " } } } }"),
        200,
        "LIMIT_EXCEEDED",
    ),
    "Max Aliases": (query("{ " + aliased(101, "__typename") + " }"), 200, "LIMIT_EXCEEDED"),
    "Max Aliases, in fragments": (
        query("{ me { ...A } a: me { ...A } } fragment A on Customer { " + aliased(51, "name") + " }"),
        200,
        "LIMIT_EXCEEDED",
    ),
    "Max Depth": (
        query("{ me { bills { nodes { " + DEEP % DEEP % DEEP % "id" + " } } } }"),
        200,
        "LIMIT_EXCEEDED",
    ),
    "Max Directives": (
        query("{ me { " + " ".join(["... @include(if: true) { id }"] * 501) + " } }"),
        200,
        "GRAPHQL_PARSE_FAILED",
    ),
    "Max Tokens": (query("{ me { " + "id " * 2000 + "} }"), 200, "GRAPHQL_PARSE_FAILED"),
}
"""By GraphQL Armor's names for its limits, likewise."""

_LEAKS: Final = ("did you mean", "stacktrace", "traceback", '"exception"', '"tracing"', "graphiql")


async def _send(stack: Stack, sent: Sent) -> tuple[int, str]:
    headers = {**stack.headers(sent.who), "Accept": sent.accept, "X-Gateway-Trace": "1", "Content-Type": sent.type}
    body = sent.body if isinstance(sent.body, str) else json.dumps(sent.body)
    data = None if sent.method == "GET" else body
    async with stack.session.request(sent.method, stack.address + sent.path, data=data, headers=headers) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize("name", COP)
async def test_graphql_cop(default: Stack, name: str) -> None:
    await _answers(default, *COP[name])


@pytest.mark.parametrize("name", ARMOR)
async def test_graphql_armor(default: Stack, name: str) -> None:
    await _answers(default, *ARMOR[name])


async def _answers(stack: Stack, sent: Sent, status: int, code: str | None) -> None:
    answered, text = await _send(stack, sent)
    answer = json.loads(text)
    errors = answer.get("errors", [])
    assert (answered, errors[0]["extensions"]["code"] if errors else None) == (status, code), text[:500]
    assert not [leak for leak in _LEAKS if leak in text.lower()], text[:500]
    assert len(errors) <= 100
    assert code is None or not answer.get("data"), text[:500]


async def test_many_directives_are_refused_with_few_errors(default: Stack) -> None:
    """graphql-cop counts the errors: one for each directive means that each was looked at."""
    _, text = await _send(default, query("{ __typename " + "@aa" * 600 + " }"))
    assert len(json.loads(text)["errors"]) <= 100
