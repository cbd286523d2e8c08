"""No request, however it ends, leaves a coroutine behind that nobody awaits."""

import asyncio
import gc
import json
import warnings
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from gateway.http.websocket import SUBPROTOCOL
from gateway.live_settings import LiveSettings
from gateway.server_settings import LoadLimits, ServerSettings
from gateway.settings import GraphQLSettings
from tests.gateway.http.raw import connection
from tests.stack import Stack, stacked

LATENCY = 15.0
"""Milliseconds of each system: what is asked waits for several answers, one after the other."""

WRONG = '{ systems { name } me { id bills(after: "x") { nodes { id } } tickets { nodes { id } } } }'
DOCUMENTS = {
    "a plan": "{ me { id accounts { id bills { nodes { id } } } services { nodes { id site { id } } } } }",
    "a search": '{ customers(search: "a") { nodes { id bills { totalCount } } } nodes(ids: ["Bill:1", "x"]) { id } }',
    "a fallback": "{ __schema { queryType { name } } systems { name } me { bills { nodes { account { id } } } } }",
    "a wrong argument": WRONG,
    "a wrong argument in a fallback": "{ __schema { queryType { name } }" + WRONG[1:],
    "a mutation": 'mutation { addTicketNote(input: {idempotencyKey: "n", ticketId: "1", text: "x"}) { __typename } }',
}
MOMENTS = (0.0, 0.002, 0.01, 0.025, 0.04, 0.06)
"""Seconds after which the client hangs up: before, while and after the systems are asked."""


@pytest_asyncio.fixture(scope="module")
async def hasty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A gateway with a deadline that nothing keeps, where few requests may be under way."""
    graphql = GraphQLSettings(deadline=0.02, introspection="everyone")
    server = ServerSettings(load=LoadLimits(under_way=4, delay=0.02, patience=0.02))
    folder, live = tmp_path_factory.mktemp("hasty"), LiveSettings(enabled=True)
    async with stacked(folder, customers=4, graphql=graphql, server=server, live=live) as running:
        yield running


@pytest.fixture(params=["patient", "hasty"])
def asked(request: pytest.FixtureRequest, stack: Stack, hasty: Stack) -> Stack:
    found = stack if request.param == "patient" else hasty
    found.reset()
    for system in found.systems.values():
        system.switches.latency_ms = LATENCY
    return found


async def _hang_up(stack: Stack, document: str, who: str, after: float) -> None:
    body = json.dumps({"query": document}).encode()
    async with connection(stack.address) as raw:
        await raw.send(
            f"POST /graphql HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {stack.token(who)}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        await asyncio.sleep(after)


async def _leave(stack: Stack, document: str, who: str, after: float) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{stack.address}/graphql", protocols=[SUBPROTOCOL]) as socket,
    ):
        authorization = {"authorization": f"Bearer {stack.token(who)}"}
        await socket.send_json({"type": "connection_init", "payload": authorization})
        await socket.receive()
        await socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": document}})
        await asyncio.sleep(after)
        await socket.send_json({"id": "1", "type": "complete"})


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_nothing_is_left_unawaited(asked: Stack, name: str) -> None:
    document = DOCUMENTS[name]
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for who in ("1001", "agent"):
            ends = [_hang_up(asked, document, who, after) for after in MOMENTS]
            ends += [_leave(asked, document, who, after) for after in MOMENTS]
            await asyncio.gather(*ends, *(asked.ask(document, who) for _ in range(4)))
            await asked.ask("{ me { id } }", who)  # after what the others had begun
            gc.collect()
    assert [str(one.message) for one in warned if "never awaited" in str(one.message)] == []
