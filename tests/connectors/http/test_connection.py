"""Systems that send interim answers: a few are passed over, without end they cost their own call and nobody's time."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from connectors.errors import Garbled
from connectors.http.client import HttpClient
from connectors.http.connection import MOST_INTERIM, Connector
from connectors.http.request import Request
from connectors.settings import System

EARLY = b"HTTP/1.1 103 Early Hints\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"


@asynccontextmanager
async def system(answer: Callable[[asyncio.StreamWriter], object]) -> AsyncIterator[HttpClient]:
    """A system that answers each request so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                if asyncio.iscoroutine(sending := answer(writer)):
                    await sending
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with aiohttp.ClientSession(connector=Connector()) as session:
            yield HttpClient("crm", System(url=f"http://127.0.0.1:{port}"), session)
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("count", [1, MOST_INTERIM])
async def test_a_few_interim_answers_are_passed_over(count: int) -> None:
    async with system(lambda writer: writer.write(EARLY * count + ANSWER)) as client:
        for _ in range(2):  # over the same connection, too
            assert await client.send(Request.get("/x"), lambda answer: answer.body) == b"[]"


async def test_one_too_many_is_no_answer() -> None:
    async with system(lambda writer: writer.write(EARLY * (MOST_INTERIM + 1) + ANSWER)) as client:
        with pytest.raises(Garbled, match=f"more than {MOST_INTERIM} interim answers"):
            await client.send(Request.get("/x"), lambda answer: answer.body)


async def test_interim_answers_without_end_end_at_once() -> None:
    """What is read of them is a few kilobytes, whatever waits: nobody else's turn is late for it."""

    async def flood(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(EARLY * 10_000)
            await writer.drain()

    async with system(flood) as client:
        began = time.process_time()
        with pytest.raises(Garbled, match="interim answers"):
            await client.send(Request.get("/x"), lambda answer: answer.body)
        assert time.process_time() - began < 1.0  # with those of before, the timeout of 3 s, all of it busy


async def test_a_large_answer_comes_whole() -> None:
    body = b"[" + b",".join([b"1"] * 500_000) + b"]"
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    async with system(lambda writer: writer.write(EARLY + head + body)) as client:
        assert await client.send(Request.get("/x"), lambda answer: answer.body) == body
