"""Numbers beyond GraphQL's Int and beyond what a float holds: exact, null or an error, over every transport."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.promises.test_edge_arguments import WHOLE
from tests.stack import Stack, stacked

HUGE = 3_000_000_000
ROWS = "{ totalCount pageInfo { hasNextPage } nodes { id } }"
LISTS = {
    "customers": "{ customers(first: 2) " + ROWS + " }",
    "outages": "{ outages(first: 2) " + ROWS + " }",
    "resources": '{ resources(search: "R", first: 2) ' + ROWS + " }",
    **{
        name: "{ customer(id: 1001) { " + name + "(first: 2) " + ROWS + " } }"
        for name in ("bills", "products", "services", "tickets")
    },
    "payments": "{ customer(id: 1001) { accounts { payments(first: 2) " + ROWS + " } } }",
}


@pytest_asyncio.fixture(scope="module")
async def _running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with stacked(tmp_path_factory.mktemp("numbers"), customers=20) as running:
        yield running


@pytest.fixture
def stack(_running: Stack) -> Stack:
    _running.reset()
    return _running


def lists_in(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value] if "nodes" in value else [one for inner in value.values() for one in lists_in(inner)]
    return [found for one in value for found in lists_in(one)] if isinstance(value, list) else []


@pytest.mark.parametrize(
    ("name", "who"),
    [*((name, "agent") for name in LISTS), *((name, "1001") for name in LISTS if "customer(" in LISTS[name])],
)
async def test_a_total_beyond_graphqls_int_is_null_and_the_rows_stay(stack: Stack, name: str, who: str) -> None:
    right = lists_in((await stack.ask(LISTS[name], who)).clean())
    assert any(one["totalCount"] for one in right)
    for system in stack.systems.values():
        system.switches.high_total = HUGE
    found = lists_in((await stack.ask(LISTS[name], who)).clean())
    for one, whole in zip(found, right, strict=True):
        assert one["nodes"] == whole["nodes"]
        assert one["pageInfo"] == whole["pageInfo"]
        assert one["totalCount"] in (None, whole["totalCount"])  # or the number of the rows that were read


async def over_websocket(stack: Stack, query: str, variables: str) -> Any:
    """The first answer."""
    payload = f'{{"query": {orjson.dumps(query).decode()}, "variables": {variables}}}'
    async with connect(
        f"{stack.address.replace('http', 'ws')}/graphql",
        subprotocols=["graphql-transport-ws"],  # type: ignore[list-item]  # a str in all but name
    ) as socket:
        hello = {"type": "connection_init", "payload": {"authorization": stack.headers("agent")["Authorization"]}}
        await socket.send(orjson.dumps(hello).decode())
        assert orjson.loads(await socket.recv()) == {"type": "connection_ack"}
        await socket.send(f'{{"id": "1", "type": "subscribe", "payload": {payload}}}')
        answer = orjson.loads(await socket.recv())
    return {"errors": answer["payload"]} if answer["type"] == "error" else answer["payload"]


async def over_sse(stack: Stack, query: str, variables: str) -> Any:
    """The first answer, from a stream of events."""
    body = f'{{"query": {orjson.dumps(query).decode()}, "variables": {variables}}}'
    headers = {**stack.headers("agent"), "Content-Type": "application/json", "Accept": "text/event-stream"}
    async with stack.session.post(f"{stack.address}/graphql", data=body, headers=headers) as answer:
        text = await answer.text()
    data = next((line[5:] for line in text.splitlines() if line.startswith("data:")), text)
    return orjson.loads(data)


@pytest.mark.parametrize("over", [over_websocket, over_sse])
@pytest.mark.parametrize(("written", "asked"), [one for one in WHOLE if one[0] != "NaN"])
async def test_an_id_that_is_written_as_a_number_is_that_number_or_an_error(
    stack: Stack, over: Any, written: str, asked: str | None
) -> None:
    found = await over(stack, "query($id: ID!) { customer(id: $id) { id } }", f'{{"id": {written}}}')
    queries = [one["query"] for one in stack.systems["crm"].requests]
    assert [parse_qs(one)["id"] for one in queries] == ([[asked]] if asked else [])
    if asked is None:
        assert {error["extensions"]["code"] for error in found["errors"]} <= {"BAD_USER_INPUT", "BAD_REQUEST"}


async def test_what_is_no_number_of_json_ends_the_connection(stack: Stack) -> None:
    with pytest.raises(ConnectionClosed, match="4400"):
        await over_websocket(stack, "query($id: ID!) { customer(id: $id) { id } }", '{"id": NaN}')
    refused = await over_sse(stack, "query($id: ID!) { customer(id: $id) { id } }", '{"id": NaN}')
    assert [error["extensions"]["code"] for error in refused["errors"]] == ["BAD_REQUEST"]
