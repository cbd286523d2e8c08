"""What requests and connections leave behind is freed with its last reference: the garbage collector finds nothing.

What is left in cycles is freed tens of thousands of objects at once, in a turn of the event loop that takes as long as
nobody is answered in. Who asks differently could make others wait.
"""

import asyncio
import gc
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.conftest import contract
from tests.promises.test_kept import WRONG_PAGE
from tests.stack import Stack

_ROOMS: Final = ("gateway", "schema", "resolvers", "connectors", "uvicorn", "strawberry", "graphql")
_TIMES: Final = 5

_FEW: Final = 20
"""Objects of graphql-core's that a document may leave: tokens of one that is no GraphQL, and how variables are used."""

Way = Callable[[Stack], Awaitable[object]]


async def _portal(stack: Stack) -> None:
    (await stack.ask(contract("PortalHome"), "1001")).clean()


async def _slow(stack: Stack) -> None:
    stack.systems["crm"].switches.latency_ms = 100
    (await stack.ask("{ me { name } }", "1001")).clean()


async def _failing(stack: Stack) -> None:
    stack.systems["billing"].switches.error_rate = 1
    assert (await stack.ask(contract("PortalHome"), "1001")).errors


async def _broken(stack: Stack) -> None:
    stack.systems["billing"].switches.garbage = True
    stack.systems["ticketing"].switches.close_early = True
    assert (await stack.ask(contract("PortalHome"), "1001")).errors


async def _late(stack: Stack) -> None:
    stack.systems["crm"].switches.hang = True
    headers = stack.headers("1001") | {"X-Gateway-Deadline": "0.05"}
    body = {"query": "{ me { name tickets { nodes { id } } } }"}
    async with stack.session.post(f"{stack.address}/graphql", json=body, headers=headers) as answer:
        assert (await answer.json())["errors"]


async def _events(stack: Stack) -> None:
    headers = stack.headers("1001") | {"Accept": "text/event-stream"}
    async with stack.session.post(
        f"{stack.address}/graphql", json={"query": "{ me { name } }"}, headers=headers
    ) as answer:
        assert b"complete" in await answer.read()


async def _schema(stack: Stack) -> None:
    (await stack.ask("{ __schema { types { name } } }")).clean()


async def _refused(stack: Stack) -> None:
    assert (await stack.ask("{ me { nothing } }", "1001")).errors


async def _not_graphql(stack: Stack) -> None:
    assert (await stack.ask("{ me { name }", "1001")).errors


async def _too_deep(stack: Stack) -> None:
    assert (await stack.ask("{ me " + 20 * "{ customer " + "{ id }" + 20 * "}" + " }", "1001")).errors


async def _wrong_argument(stack: Stack) -> None:
    assert (await stack.ask(WRONG_PAGE)).errors


async def _stranger(stack: Stack) -> None:
    assert (await stack.ask("{ me { name } }", None)).status == 401


async def _probe(stack: Stack) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{stack.address}/healthz") as answer:
        assert answer.status == 200


async def _hang_up(stack: Stack) -> None:
    crm, url = stack.systems["crm"], urlsplit(stack.address)
    crm.switches.hang = True
    crm.app.hanging.clear()
    crm.app.abandoned.clear()
    _, writer = await asyncio.open_connection(url.hostname, url.port)
    token, body = stack.token("1001"), b'{"query": "{ me { name } }"}'
    head = f"POST /graphql HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {token}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    assert await asyncio.to_thread(crm.app.hanging.wait, 30)
    writer.close()
    await writer.wait_closed()
    assert await asyncio.to_thread(crm.app.abandoned.wait, 30)


async def _socket(stack: Stack) -> None:
    async with stack.session.ws_connect(f"{stack.address}/graphql", protocols=["graphql-transport-ws"]) as socket:
        await socket.send_json(
            {"type": "connection_init", "payload": {"authorization": f"Bearer {stack.token('1001')}"}}
        )
        assert (await socket.receive_json())["type"] == "connection_ack"
        await socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": "{ me { name } }"}})
        assert (await socket.receive_json())["type"] == "next"


@pytest.fixture(autouse=True)
def _not_collected_meanwhile() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


@pytest.mark.parametrize(
    "way",
    [
        *(_portal, _slow, _failing, _broken, _late, _events, _schema, _refused, _not_graphql, _too_deep),
        *(_wrong_argument, _stranger, _probe, _hang_up, _socket),
    ],
)
async def test_nothing_is_left_to_the_collector(stack: Stack, way: Way) -> None:
    await way(stack)  # the first one makes what is kept for all
    await _settled()
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    for _ in range(_TIMES):
        await way(stack)
    await _settled()
    gc.collect()
    left = Counter(f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.garbage)
    of_rooms = {kind: count for kind, count in left.items() if kind.partition(".")[0] in _ROOMS}
    assert {kind: count for kind, count in of_rooms.items() if not kind.startswith("graphql.")} == {}
    assert sum(of_rooms.values()) <= _TIMES * _FEW


async def _settled() -> None:
    """What ends with a connection has ended."""
    for _ in range(20):
        await asyncio.sleep(0)
