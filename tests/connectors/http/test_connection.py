"""Systems whose answers are dear to read: what they cost is their own call, and nobody else's time."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler

from connectors.errors import Garbled
from connectors.http.client import HttpClient
from connectors.http.connection import MOST_FRAMING, MOST_INTERIM, Connector
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


@contextmanager
def read_in_each_turn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many bytes aiohttp is given to parse in each turn of the event loop, those of answers' pieces together."""
    loop, turns, is_over = asyncio.get_running_loop(), [0], False
    parse = ResponseHandler.data_received

    def counted(self: ResponseHandler, data: bytes) -> None:
        turns[-1] += len(data)
        parse(self, data)

    def turn() -> None:
        turns.append(0)
        if not is_over:
            loop.call_soon(turn)

    monkeypatch.setattr(ResponseHandler, "data_received", counted)
    turn()
    try:
        yield turns
    finally:
        is_over = True
        monkeypatch.undo()


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
GZIP_WITH_A_NAME = b"\x1f\x8b\x08\x08\0\0\0\0\0\x03"


def chunks(body: bytes) -> bytes:
    """Each byte in a chunk of its own."""
    return b"".join(b"1\r\n%c\r\n" % byte for byte in body)


@pytest.mark.parametrize(
    ("coding", "sent", "body"),
    [
        (b"", chunks(b"[" + b" " * 50_000 + b"]"), b"[]"),
        (b"", b"1;a=b\r\n \r\n" * 30_000 + chunks(b"[]"), b"[]"),
        # The name in gzip's header is of any length, and nothing of the body itself comes.
        (b"Content-Encoding: gzip\r\n", chunks(GZIP_WITH_A_NAME + b"a" * 50_000), b""),
    ],
    ids=["bytes", "extensions", "gzip"],
)
async def test_tiny_chunks_are_read_in_turns(
    coding: bytes, sent: bytes, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """256 KB of them, which come at once, took 30 to 100 ms, for each connection; of gzip without end, seconds."""
    answer = CHUNKED + coding + b"\r\n" + sent + b"0\r\n\r\n"
    async with system(lambda writer: writer.write(answer)) as client:
        with read_in_each_turn(monkeypatch) as turns:
            asked = (client.send(Request.get("/x"), lambda answer: answer.body.replace(b" ", b"")) for _ in range(2))
            assert await asyncio.gather(*asked) == [body, body]
    assert sum(turns) == 2 * len(answer)
    assert max(turns) <= 2 * MOST_FRAMING


async def test_chunks_that_a_reader_of_a_file_leaves_unread_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    body = bytes(range(256)) * 100
    async with system(lambda writer: writer.write(CHUNKED + b"\r\n" + chunks(body) + b"0\r\n\r\n")) as client:
        with read_in_each_turn(monkeypatch) as turns:
            async with client.stream("/x") as file:
                assert file is not None
                parts = [await anext(file)]
                while any(turns[-10:]):  # noqa: ASYNC110  # until nothing is read any more, which is no event
                    await asyncio.sleep(0)
                assert sum(turns) < 40_000
                parts += [part async for part in file]
    assert b"".join(parts) == body


@pytest.mark.parametrize("body", [b"[]", b"[" + b" " * 20_000 + b"]"])
async def test_answers_that_nobody_asked_for_end_the_connection(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some hundred of 256 KB of them, which took 70 ms, are read at most. The one that was asked for is the answer."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    async with system(lambda writer: writer.write(answer + ANSWER * 5000)) as client:
        with read_in_each_turn(monkeypatch) as turns:
            for _ in range(2):
                assert await client.send(Request.get("/x"), lambda answer: answer.body) == body
    assert sum(turns) <= 2 * (len(body) + 8 * 1024 + 100)


@pytest.mark.parametrize("end", [b"zz\r\n", b"0\r\nA: " + b"b" * 100_000, b"0\r\n" + b"A: b\r\n" * 1000])
async def test_a_body_that_is_no_http_is_garbled_at_once(end: bytes) -> None:
    """Bad chunks and trailers, after the head was read: they were a timeout."""
    has_begun = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + b"\r\n2\r\n[]\r\n")
        await has_begun.wait()
        writer.write(end)

    async with system(answer) as client, client.stream("/x") as file:
        assert file is not None
        assert await anext(file) == b"[]"
        has_begun.set()
        with pytest.raises(Garbled, match="no HTTP"):
            await anext(file)
