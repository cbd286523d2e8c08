"""A message about what changed says over each transport which of its lists lack rows, as the answer to a query does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
import pytest

from connectors.events.settings import EventSource
from gateway.live_settings import LiveSettings
from sandbox.data import shapes
from tests.stack import Stack, stacked

SECRET: Final = "a-secret-in-the-path"
LISTS: Final = "ticket { id customer { services { nodes { id } } } }"
SUBSCRIPTION: Final = f"subscription {{ ticketChanged {{ {LISTS} }} }}"


@asynccontextmanager
async def over_websocket(stack: Stack) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    address = f"{stack.address}/graphql"
    async with stack.session.ws_connect(address, protocols=["graphql-transport-ws"]) as socket:
        await socket.send_json({"type": "connection_init", "payload": stack.headers("1001")})
        assert await socket.receive_json() == {"type": "connection_ack"}
        await socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": SUBSCRIPTION}})
        yield socket


@asynccontextmanager
async def over_sse(stack: Stack) -> AsyncIterator[aiohttp.StreamReader]:
    headers = {**stack.headers("1001"), "Accept": "text/event-stream"}
    async with stack.session.post(f"{stack.address}/graphql", json={"query": SUBSCRIPTION}, headers=headers) as answer:
        assert answer.status == 200
        yield answer.content


async def message_of(stream: aiohttp.ClientWebSocketResponse | aiohttp.StreamReader) -> Any:
    if isinstance(stream, aiohttp.ClientWebSocketResponse):
        return (await stream.receive_json())["payload"]
    async for line in stream:
        if line.startswith(b"data: {"):
            return orjson.loads(line.removeprefix(b"data: "))
    raise AssertionError("the stream ended")


@pytest.mark.parametrize("transport", [over_websocket, over_sse])
async def test_a_message_says_which_lists_lack_rows(tmp_path: Path, transport: Any) -> None:
    live = LiveSettings(enabled=True, sources={"ticketing": EventSource(secret=SECRET, poll=0)})
    async with stacked(tmp_path, live=live) as stack, transport(stack) as stream:
        right = (await stack.ask("{ me { services { nodes { id } } tickets { nodes { id } } } }", "1001")).clean()["me"]
        (lost, *rest), ticket = right["services"]["nodes"], right["tickets"]["nodes"][0]
        key, own = lost["id"].partition(":")[2], ticket["id"].partition(":")[2]
        stack.systems["inventory"].switches.odd = {key: {"relatedParty": [{"id": {"x": 1}}]}}
        stack.rewrite("ticketing", shapes.TICKET, own, name="With a list that lacks a row")
        event = {
            "eventId": "E1",
            "eventType": "TroubleTicketAttributeValueChangeEvent",
            "event": {"troubleTicket": {"id": own}},
        }
        async with stack.session.post(f"{stack.address}/events/ticketing/{SECRET}", json=event) as answer:
            assert answer.status == 204
        message = await message_of(stream)
    ticket = {"id": ticket["id"], "customer": {"services": {"nodes": rest}}}
    assert message == {
        "data": {"ticketChanged": {"ticket": ticket}},
        "extensions": {
            "incomplete": [
                {"path": ["ticketChanged", "ticket", "customer", "services"], "system": "inventory", "rows": 1}
            ]
        },
    }
