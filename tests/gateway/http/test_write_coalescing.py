"""What is written in a turn of the event loop leaves at its end, in one piece; nothing is lost, and little is held."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf
from typing import Any, ClassVar, cast

from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from gateway.http.write_coalescing import MAX_BUFFERED, CoalescingTransport, HttpProtocol, LoopTurns
from tests.gateway.serving import serving

_CHUNK = bytes(30_000)
_CHUNKS = 200

writes: list[list[int]] = []
"""Sizes of the parts that each write to a connection had."""


class _Written:
    """A connection that notes what is written to it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        writes.append([len(data)])
        self._transport.write(data)

    def writelines(self, parts: list[bytes]) -> None:
        writes.append([len(part) for part in parts])
        self._transport.writelines(parts)


class _Noting(HttpProtocol):
    turns: ClassVar = LoopTurns(longest=inf)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(cast(asyncio.Transport, _Written(transport)))


class _LongTurns(_Noting):
    turns: ClassVar = LoopTurns(longest=-inf, rest=inf)


async def _chunks() -> AsyncIterator[bytes]:
    for _ in range(_CHUNKS):
        yield _CHUNK


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    response: Response = PlainTextResponse(scope["path"])
    if scope["path"] == "/many":
        response = StreamingResponse(_chunks(), headers={"Content-Length": str(len(_CHUNK) * _CHUNKS)})
    await response(scope, receive, send)


@asynccontextmanager
async def _asking(
    *paths: str, close: bool = False, protocol: type[HttpProtocol] = _Noting
) -> AsyncIterator[asyncio.StreamReader]:
    """A connection on which these were asked for in one go."""
    async with serving(_app, protocol) as address:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        writes.clear()
        ending = "Connection: close\r\n" if close else ""
        writer.write("".join(f"GET {path} HTTP/1.1\r\nHost: here\r\n{ending}\r\n" for path in paths).encode())
        yield reader
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
    return await reader.readexactly(length)


async def test_an_answer_is_written_once() -> None:
    """Head and body are one write, and so one system call."""
    async with _asking("/a") as reader:
        assert await _answer(reader) == b"/a"
    assert [len(parts) for parts in writes] == [1]


async def test_answers_come_in_order() -> None:
    """Requests that were sent without waiting are answered one after the other, each whole."""
    async with _asking("/a", "/b", "/c") as reader:
        assert [await _answer(reader) for _ in range(3)] == [b"/a", b"/b", b"/c"]


async def test_long_turns_are_not_waited_for() -> None:
    """Once an answer had to wait for long, the next ones leave as they are written."""
    async with _asking("/a", "/b", protocol=_LongTurns) as reader:
        assert [await _answer(reader) for _ in range(2)] == [b"/a", b"/b"]
    assert [len(parts) for parts in writes] == [1, 1]


async def test_a_connection_that_ends_with_its_answer() -> None:
    """What was written before a connection is closed still leaves."""
    async with _asking("/a", close=True) as reader:
        assert (await reader.read()).endswith(b"\r\n\r\n/a")


async def test_a_stream_is_not_held() -> None:
    """Who writes much in one turn is not held up to the turn's end: the client may not keep up."""
    async with _asking("/many") as reader:
        assert await _answer(reader) == _CHUNK * _CHUNKS
    assert max(map(sum, writes)) < MAX_BUFFERED + len(_CHUNK)


async def test_a_client_that_is_gone() -> None:
    """What is held for a connection that closes before the turn ends goes nowhere, and is nobody's error."""

    class Closing(asyncio.Transport):
        closing = False

        def is_closing(self) -> bool:
            return self.closing

    errors: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: errors.append(context))
    transport = Closing()
    CoalescingTransport(transport, LoopTurns(longest=inf)).write(b"too late")
    transport.closing = True
    turn = loop.create_future()
    loop.call_soon(turn.set_result, None)
    await turn
    assert errors == []  # Closing cannot be written to at all


async def test_what_comes_after_is_written_after() -> None:
    """Whatever else a protocol does with its connection, what it wrote before comes first."""
    said: list[bytes | str] = []

    class Saying(asyncio.Transport):
        def is_closing(self) -> bool:
            return False

        def writelines(self, parts: Any) -> None:
            said.extend(parts)

        def write_eof(self) -> None:
            said.append("end")

        def close(self) -> None:
            said.append("closed")

    transport = CoalescingTransport(Saying(), LoopTurns(longest=inf))
    transport.write(b"1")
    transport.writelines([b"2", b"3"])
    assert said == []
    transport.write_eof()
    transport.write(b"4")
    transport.close()
    assert said == [b"1", b"2", b"3", "end", b"4", "closed"]
