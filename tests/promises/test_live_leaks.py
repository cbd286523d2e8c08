"""Nobody is told what is not theirs: all subscriptions, with everything that can be selected, and events that lie."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
import pytest
from graphql import GraphQLObjectType, get_named_type
from websockets.asyncio.client import ClientConnection, connect

from connectors.events.settings import EventSource
from gateway.live_settings import LiveLimits, LiveSettings
from resolvers.changes import FOLLOWED
from resolvers.context import Loader
from sandbox.data import shapes
from tests.promises.test_leaks import SCHEMA, edges, foreign, walked, walks
from tests.stack import Stack

SECRET: Final = "a-secret-in-the-path"
PATIENCE: Final = 60.0

WHERE: Final = {
    "Ticket": ("ticketing", shapes.TICKET, "troubleTicket", "TroubleTicket"),
    "Outage": ("ticketing", shapes.PROBLEM, "serviceProblem", "ServiceProblem"),
    "Bill": ("billing", shapes.BILL, "customerBill", "CustomerBill"),
    "Payment": ("billing", shapes.PAYMENT, "payment", "Payment"),
}
"""Domain, resource, its name in an event, and the beginning of the event's."""


class Client:
    """A WebSocket with many subscriptions, and what came over it."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.texts: list[str] = []
        self.things: dict[str, set[str]] = {}
        """By subscription: what it was told about."""
        self._come = asyncio.Condition()

    async def subscribe(self, number: str, document: str) -> None:
        self.things[number] = set()
        await self.connection.send(
            orjson.dumps({"id": number, "type": "subscribe", "payload": {"query": document}}).decode()
        )

    async def listen(self) -> None:
        async for text in self.connection:
            assert isinstance(text, str)
            message = orjson.loads(text)
            assert message["type"] in ("next", "ping"), message
            if message["type"] == "ping":
                await self.connection.send('{"type":"pong"}')
                continue
            self.texts.append(text)
            (value,) = message["payload"]["data"].values()
            async with self._come:
                self.things[message["id"]].add(value["thing"])
                self._come.notify_all()

    async def told(self, numbers: list[str], things: set[str]) -> None:
        """Wait until these subscriptions were told about all these things."""
        async with asyncio.timeout(PATIENCE), self._come:
            await self._come.wait_for(lambda: all(things <= self.things[number] for number in numbers))


@asynccontextmanager
async def client(stack: Stack, who: str) -> AsyncIterator[Client]:
    async with connect(
        f"{stack.address.replace('http', 'ws')}/graphql",
        subprotocols=["graphql-transport-ws"],  # type: ignore[list-item]  # a str in all but name
        max_size=None,
    ) as connection:
        hello = {"type": "connection_init", "payload": {"authorization": stack.headers(who)["Authorization"]}}
        await connection.send(orjson.dumps(hello).decode())
        assert orjson.loads(await connection.recv()) == {"type": "connection_ack"}
        made = Client(connection)
        listening = asyncio.create_task(made.listen())
        try:
            yield made
        finally:
            listening.cancel()


def documents(field: str, depth: int) -> Iterator[str]:
    """Selections that together follow every path of `depth` edges from what is followed."""
    root: Any = SCHEMA.subscription_type
    payload = get_named_type(root.fields[field].type)
    assert isinstance(payload, GraphQLObjectType)
    for name, kind, _ in edges(payload):
        yield from (
            f"subscription {{ {field} {{ thing: {name}Id event {name} {{ {walk} }} }} }}" for walk in walks(kind, depth)
        )


async def everything(stack: Stack, kind: str) -> list[dict[str, Any]]:
    domain, path, *_ = WHERE[kind]
    async with stack.session.get(f"{stack.systems[domain].url}{path}?limit=2000") as answer:
        rows: list[dict[str, Any]] = await answer.json()
    return rows


_numbers = itertools.count()


async def post(stack: Stack, kind: str, key: str) -> None:
    """An event that says the thing is 1001's, whosever it is."""
    domain, _, name, event = WHERE[kind]
    lie = [{"id": "1001", "role": "customer", "@referredType": "Customer"}]
    body = {
        "eventId": f"E{next(_numbers)}",
        "eventType": f"{event}AttributeValueChangeEvent",
        "event": {name: {"id": key, "relatedParty": lie, "payer": lie[0], "name": "a lie"}},
    }
    async with stack.session.post(f"{stack.address}/events/{domain}/{SECRET}", json=body) as answer:
        assert answer.status == 204, await answer.text()


def is_own(kind: str, row: dict[str, Any]) -> bool:
    return "1001" in row["id"] if kind != "Outage" else True


@pytest.mark.parametrize("depth", [2, pytest.param(3, marks=pytest.mark.long)])
@pytest.mark.parametrize("field", FOLLOWED)
async def test_nobody_is_told_what_is_not_theirs(tmp_path: Path, field: str, depth: int) -> None:
    told, mine, leaks = await followed(tmp_path, field, depth)
    assert told <= mine
    assert leaks == []


async def test_the_walk_finds_what_ownership_hides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def everything_is_shown(_loader: Any, found: Any) -> Any:
        return found

    monkeypatch.setattr(Loader, "visible", everything_is_shown)
    assert (await followed(tmp_path, "outageChanged", 1))[2]


async def followed(folder: Path, field: str, depth: int) -> tuple[set[str], set[str], list[str]]:
    """What 1001 was told about when everything changed, what of it is 1001's, and where something of others stood."""
    kind = FOLLOWED[field].type_name
    domain = WHERE[kind][0]
    live = LiveSettings(
        enabled=True,
        limits=LiveLimits(operations=2000, message_bytes=1_000_000, messages_per_second=1000),
        sources={domain: EventSource(secret=SECRET, poll=0, events_per_second=10_000)},
    )
    async with walked(folder, live=live) as stack:
        rows = await everything(stack, kind)
        others = await foreign(stack)
        mine = {f"{kind}:{row['id']}" for row in rows if is_own(kind, row)}
        theirs = {f"{kind}:{row['id']}" for row in rows} - mine
        async with client(stack, "agent") as agent, client(stack, "1001") as own:
            await agent.subscribe("all", f"subscription {{ {field} {{ thing: {kind.lower()}Id }} }}")
            numbers = []
            for number, document in enumerate(documents(field, depth)):
                numbers.append(str(number))
                await own.subscribe(numbers[-1], document)
            await ready(stack, 1 + len(numbers))
            for thing in sorted(theirs):
                await post(stack, kind, thing.partition(":")[2])
            await agent.told(["all"], theirs)
            for thing in sorted(mine):
                await post(stack, kind, thing.partition(":")[2])
            await agent.told(["all"], mine)
            await own.told(numbers, {"Outage:SP-1"} if kind == "Outage" else mine)
            told = {thing for things in own.things.values() for thing in things}
            return told, mine, [place for text in own.texts for place in others.in_text(payload(text))]


def payload(text: str) -> str:
    return orjson.dumps(orjson.loads(text)["payload"]).decode()


async def ready(stack: Stack, subscriptions: int) -> None:
    """Wait until all have begun."""
    wanted = f'gateway_subscriptions{{transport="websocket"}} {float(subscriptions)}'
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{stack.address}/metrics") as answer:
                if wanted in await answer.text():
                    return
