"""What a client sends comes back in no error as a whole, however it was sent; and no answer leads anywhere else."""

import json
from typing import Any

import pytest

from gateway.errors import MAX_MESSAGE, cut
from tests.gateway.http.raw import ask
from tests.stack import Stack

LONG = "x" * 7000
"""Short enough for every bound on the way to the message."""


def _messages(body: Any) -> list[str]:
    return [error["message"] for error in body["errors"]]


@pytest.mark.parametrize(
    "parameters",
    [
        {"query": f"{{ {LONG} }}"},
        {"query": f"{{ me {{ id }} }} {LONG}"},
        {"query": f'{{ node(id: "{LONG}") {{ id }} }}'},
        {"query": f'{{ customer(id: "Bill:{LONG}") {{ id }} }}'},
        {"query": f"{{ bill(id: {LONG}) {{ id }} }}"},
        {"query": f'{{ customer(id: "1001") {{ accounts {{ bills(after: "{LONG}") {{ nodes {{ id }} }} }} }} }}'},
        {"query": f"query A($a: {LONG}) {{ me {{ id }} }}"},
        {"query": f"{{ me {{ id }} }} fragment {LONG} on Customer {{ id }}"},
        {"query": f"{{ me {{ id @{LONG} }} }}"},
        {"query": "query A { me { id } } query B { me { id } }", "operationName": LONG},
        {"query": f"query {LONG} {{ me {{ id }} }} query {LONG}a {{ me {{ id }} }}"},
        {"query": "query A($a: Int) { me { bills(first: $a) { nodes { id } } } }", "variables": {"a": LONG}},
        {"query": "query A($a: [ID!]!) { nodes(ids: $a) { id } }", "variables": {"a": [{"a": LONG}]}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": LONG}}},
        {"extensions": {"persistedQuery": {"version": LONG, "sha256Hash": "a"}}},
    ],
    ids=lambda parameters: json.dumps(parameters).replace(LONG, "LONG"),
)
async def test_no_error_repeats_all_that_was_sent(stack: Stack, parameters: dict[str, Any]) -> None:
    headers = {**stack.headers("agent"), "Accept": "application/graphql-response+json"}
    async with stack.session.post(f"{stack.address}/graphql", json=parameters, headers=headers) as answer:
        body = await answer.json(content_type=None)
    messages = _messages(body)
    assert messages
    assert max(map(len, messages)) <= MAX_MESSAGE


@pytest.mark.parametrize(
    "head",
    [
        f"{'A' * 20} /graphql HTTP/1.1\r\nHost: h\r\n",
        f"GET /{LONG} HTTP/1.1\r\nHost: h\r\n",
        f"GET /graphql?query={LONG} HTTP/1.1\r\nHost: h\r\n",
        f"GET /graphql?variables={LONG}&query=a HTTP/1.1\r\nHost: h\r\n",
        f"GET /documents/{LONG}/{LONG} HTTP/1.1\r\nHost: h\r\n",
        f"GET /graphql?query=a HTTP/1.1\r\nHost: h\r\nAuthorization: {LONG} {LONG}\r\n",
        f"GET /graphql?query=a HTTP/1.1\r\nHost: h\r\nAccept: {LONG}/{LONG}\r\n",
        f"POST /graphql HTTP/1.1\r\nHost: h\r\nContent-Type: {LONG}\r\nContent-Length: 0\r\n",
        "GET /graphql HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://{LONG}\r\n",
    ],
    ids=lambda head: head.replace(LONG, "LONG").splitlines()[0],
)
async def test_no_header_and_no_address_comes_back(stack: Stack, head: str) -> None:
    answered = await ask(stack.address, head.encode() + b"\r\n")
    assert len(answered.head) + len(answered.body) < 2000
    assert answered.header("x-content-type-options") == "nosniff"
    assert max(map(len, _messages(json.loads(answered.body)))) <= MAX_MESSAGE


@pytest.mark.parametrize(
    ("path", "version", "expected"),
    [("/graphql", 12, 400), ("/elsewhere", 13, 403)],
    ids=["no version", "no endpoint"],
)
async def test_a_refused_handshake_is_taken_for_nothing_else(
    stack: Stack, path: str, version: int, expected: int
) -> None:
    answered = await ask(
        stack.address,
        f"GET {path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: {version}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode(),
    )
    assert (answered.status, answered.header("x-content-type-options")) == (expected, "nosniff")


@pytest.mark.parametrize("path", ["/healthz/", "/readyz/", "/graphql/", "//evil.example/", "/documents/a/", "/events/"])
async def test_no_answer_leads_elsewhere(stack: Stack, path: str) -> None:
    """Not even to the host that the request names, which need not be the gateway's."""
    answered = await ask(stack.address, f"GET {path} HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode())
    assert answered.status >= 400
    assert answered.header("location") is None
    assert b"evil" not in answered.body


@pytest.mark.parametrize("path", ["/graphql", "/healthz", "/readyz", "/nothing", "/documents/a/b", "/events"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS", "HEAD"])
async def test_no_answer_is_taken_for_something_else(stack: Stack, path: str, method: str) -> None:
    async with stack.session.request(method, stack.address + path, headers=stack.headers("1001")) as answer:
        assert answer.headers.getall("X-Content-Type-Options") == ["nosniff"]


def test_a_long_message_keeps_its_end() -> None:
    """Which says what would be right."""
    assert cut("a" * MAX_MESSAGE) == "a" * MAX_MESSAGE
    shortened = cut(f"The id {'x' * 10_000} is no id. Send one.")
    assert len(shortened) == MAX_MESSAGE
    assert shortened.startswith("The id xxx")
    assert shortened.endswith("xxx is no id. Send one.")
