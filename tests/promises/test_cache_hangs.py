"""Redis that takes connections and never answers: a moment now and then, and the systems are asked."""

import asyncio
from pathlib import Path
from typing import Final

from connectors.store.rows_in_redis import RowsInRedis, Times
from tests.stack import stacked

PRODUCTS: Final = "{ me { products { nodes { id name price { amount } } } } }"
RACED: Final = 5.0
"""Seconds: much less than as many questions would wait as are asked."""


async def test_redis_that_hangs_costs_a_moment_once_a_second(tmp_path: Path) -> None:
    silent = asyncio.Event()
    connections = 0

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await silent.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    address = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    store = RowsInRedis(address, pause=3600)
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(100):
        assert await store.look("group", ["a" * 32], "token", Times(30, 30, 3)) is None
    assert loop.time() - began < RACED  # a hundred waits would be 25 seconds
    assert connections == 1
    await store.close()
    async with stacked(tmp_path, customers=2, redis=address, cache={"products": 30}) as stack:
        assert (await stack.ask(PRODUCTS, "1001")).clean()
        assert (await stack.ask(PRODUCTS, "1001")).clean()
        assert len(stack.systems["crm"].requests) == 2
    silent.set()
    server.close()
    await server.wait_closed()
