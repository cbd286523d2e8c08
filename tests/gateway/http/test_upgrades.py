"""A request that offers another protocol is answered as if it did not; only to WebSockets is a connection upgraded."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from gateway.http.write_coalescing import HttpProtocol
from tests.gateway.serving import serving

PATIENCE = 20.0

OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"
"""As the JDK's HttpClient and curl --http2 send it."""

BODY = b"GET /smuggled HTTP/1.1\r\nHost: inner\r\n\r\n"
"""What would be a request if it were not a body."""

ANNOUNCED = b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n5\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (BODY[:5], len(BODY) - 5, BODY[5:])


class _Heard(HttpProtocol):
    """Says when so many bytes have come."""

    expected: ClassVar = 0
    heard: ClassVar = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        _Heard.expected -= len(data)
        if _Heard.expected <= 0:
            _Heard.heard.set()


@dataclass
class Connected:
    """An application that says what it was asked, and one connection to it."""

    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    address: str = ""
    reader: asyncio.StreamReader = None  # type: ignore[assignment]  # set by `connect`
    writer: asyncio.StreamWriter = None  # type: ignore[assignment]  # as above

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            while (message := await receive())["type"] == "websocket.receive":
                await send({"type": "websocket.send", "text": message["text"]})
            return
        request = Request(scope, receive)
        body = await request.body()
        self.requests.append((request.method, request.url.path, body))
        self.headers.append(dict(request.headers))
        if request.url.path == "/slow":
            await self.go_on.wait()
        await JSONResponse([request.method, request.url.path, body.decode()])(scope, receive, send)

    async def connect(self) -> None:
        await self.close()
        self.requests.clear()
        port = int(self.address.rpartition(":")[2])
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)

    async def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            await self.writer.wait_closed()

    async def send(self, *parts: bytes) -> None:
        """Write parts that the server reads one by one: it has read each before the next is sent."""
        for part in parts:
            _Heard.expected, _Heard.heard = len(part), asyncio.Event()
            self.writer.write(part)
            async with asyncio.timeout(PATIENCE):
                await _Heard.heard.wait()

    async def answer(self) -> tuple[bytes, bytes]:
        """The next answer's head and body."""
        async with asyncio.timeout(PATIENCE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
            length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
            return head, await self.reader.readexactly(length)

    async def rest(self) -> bytes:
        """What else comes until the server closes the connection."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()


@pytest_asyncio.fixture
async def connected(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Connected]:
    made = Connected()
    async with serving(made, _Heard) as address:
        made.address = address
        await made.connect()
        yield made
        await made.close()
    if not any(one.levelno >= logging.WARNING for one in caplog.records):
        return
    pytest.fail(f"logged: {[one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]}")


def post(path: bytes, body: bytes = ANNOUNCED, offer: bytes = OFFER) -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: here\r\n%s%s" % (path, offer, body)


@pytest.mark.parametrize("body", [ANNOUNCED, CHUNKED], ids=["announced", "chunked"])
async def test_one_request_and_one_answer_wherever_its_bytes_are_split(connected: Connected, body: bytes) -> None:
    """At each point of the bytes, on one connection that is kept alive: one answer each, which has the body."""
    data = post(b"/graphql", body)
    for point in range(1, len(data)):
        await connected.send(data[:point], data[point:])
        head, answered = await connected.answer()
        assert answered == JSONResponse(["POST", "/graphql", BODY.decode()]).body, point
        assert b"connection: close" not in head
    assert connected.requests == [("POST", "/graphql", BODY)] * (len(data) - 1)


async def test_byte_by_byte(connected: Connected) -> None:
    await connected.send(*(bytes([byte]) for byte in post(b"/graphql", CHUNKED)))
    await connected.answer()
    assert connected.requests == [("POST", "/graphql", BODY)]


async def test_requests_that_are_sent_without_waiting_are_answered_in_order(connected: Connected) -> None:
    """An offer in the middle of a pipeline, and several in one."""
    plain = post(b"/plain", offer=b"")
    data = plain + post(b"/a") + post(b"/b", CHUNKED) + b"GET /c HTTP/1.1\r\nHost: here\r\n" + OFFER + b"\r\n" + plain
    for size in (len(data), 1, 7, 64):
        await connected.connect()
        await connected.send(*(data[start : start + size] for start in range(0, len(data), size)))
        for _ in range(5):
            await connected.answer()
        expected = [(b"/plain", BODY), (b"/a", BODY), (b"/b", BODY), (b"/c", b""), (b"/plain", BODY)]
        assert [(path.encode(), body) for _, path, body in connected.requests] == expected


async def test_the_application_sees_the_request_without_the_offer(connected: Connected) -> None:
    """Its other headers are as they came, and the answer may ask for the body first."""
    offer = OFFER + b"Expect: 100-continue\r\nAccept: a/b\r\nAccept: c/d\r\nX-Empty:\r\n"
    head, _, body = post(b"/a?b=%20c", offer=offer).partition(b"\r\n\r\n")
    await connected.send(head + b"\r\n\r\n")
    async with asyncio.timeout(PATIENCE):
        assert await connected.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    await connected.send(body)
    await connected.answer()
    assert connected.requests == [("POST", "/a", BODY)]
    (headers,) = connected.headers
    assert "upgrade" not in headers
    assert (headers["x-empty"], headers["host"]) == ("", "here")


@pytest.mark.parametrize(
    "offer",
    [
        b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
        b"Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n",
        b"Connection: close\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n",
        b"Upgrade: h2c\r\nConnection: upgrade\r\nUpgrade: TLS/1.0\r\n",
    ],
)
async def test_other_offers(connected: Connected, offer: bytes) -> None:
    """A POST is no handshake of a WebSocket, either."""
    await connected.send(post(b"/a", offer=offer))
    head, _ = await connected.answer()
    assert head.startswith(b"http/1.1 200")
    assert connected.requests == [("POST", "/a", BODY)]


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_a_connection_that_ends_with_its_answer(connected: Connected, version: bytes) -> None:
    offer = OFFER.replace(b"Upgrade,", b"Upgrade, close,")
    await connected.send(post(b"/a", offer=offer).replace(b"HTTP/1.1", b"HTTP/" + version, 1))
    _, body = await connected.answer()
    assert (body, await connected.rest()) == (JSONResponse(["POST", "/a", BODY.decode()]).body, b"")


async def test_a_tunnel_is_refused_and_nothing_after_it_is_read(connected: Connected) -> None:
    """CONNECT gets its answer after those before it, and the connection ends with it."""
    data = (
        b"GET /slow HTTP/1.1\r\nHost: here\r\n\r\n"
        b"CONNECT inner:443 HTTP/1.1\r\nHost: inner:443\r\nContent-Length: 3\r\n\r\n" + BODY
    )
    for point in range(1, len(data)):
        await connected.connect()
        connected.go_on.clear()
        await connected.send(data[:point], data[point:])
        connected.go_on.set()
        assert (await connected.answer())[1] == JSONResponse(["GET", "/slow", ""]).body
        head, body = await connected.answer()
        assert (body, b"connection: close" in head) == (JSONResponse(["CONNECT", "/", ""]).body, True)
        assert await connected.rest() == b""
        assert [path for _, path, _ in connected.requests] == ["/slow", "/"], point


HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: here\r\n%sUpgrade: %s\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.mark.parametrize(
    "connection", [b"Connection: Upgrade\r\n", b"Connection: upgrade\r\nConnection: keep-alive\r\n"]
)
async def test_a_websocket_is_still_upgraded_to(connected: Connected, connection: bytes) -> None:
    """Wherever its handshake is split, and where the list of the header Connection has two lines."""
    data = HANDSHAKE % (connection, b"WebSocket")
    for point in range(1, len(data)):
        await connected.connect()
        await connected.send(data[:point], data[point:])
        async with asyncio.timeout(PATIENCE):
            assert (await connected.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        connected.writer.write(b"\x81\x82\x00\x00\x00\x00hi")
        async with asyncio.timeout(PATIENCE):
            assert await connected.reader.readexactly(4) == b"\x81\x02hi"


async def test_a_websocket_does_not_cut_off_an_answer_under_way(connected: Connected) -> None:
    """Then it is answered as the GET that it is, in its turn."""
    await connected.send(
        b"GET /slow HTTP/1.1\r\nHost: here\r\n\r\n" + HANDSHAKE % (b"Connection: Upgrade\r\n", b"websocket")
    )
    connected.go_on.set()
    assert [(await connected.answer())[1] for _ in range(2)] == [
        JSONResponse(["GET", "/slow", ""]).body,
        JSONResponse(["GET", "/graphql", ""]).body,
    ]


async def test_trailers_are_no_headers(connected: Connected) -> None:
    """Who may write the end of a body says nothing about who asks."""
    chunked = CHUNKED.removesuffix(b"\r\n") + b"Authorization: Bearer x\r\n\r\n"
    for offer in (b"", OFFER):
        await connected.send(post(b"/a", chunked, offer))
        await connected.answer()
    seen: list[Any] = [headers.get("authorization") for headers in connected.headers]
    assert seen == [None, None]
