"""What a client may send: how much, how fast, in which shape. Each bound through a socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from gateway.http.edge import RESERVED, TICK
from gateway.server_settings import ConnectionLimits, ServerSettings
from tests.gateway.http.raw import PATIENCE, Answered, Raw, ask, connection
from tests.gateway.serving import serving

GET = b"GET / HTTP/1.1\r\nHost: here\r\n"
MIB = 1024 * 1024
POST = b"POST / HTTP/1.1\r\nHost: here\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Says how long the body was. `/early` answers without reading it, `/large` at length."""
    request = Request(scope, receive)
    path = request.url.path
    size = 0 if path == "/early" else len(await request.body())
    await JSONResponse("a" * 50_000 if path == "/large" else size)(scope, receive, send)


@asynccontextmanager
async def bounded(trusted: tuple[str, ...] = (), most_in_all: int | None = None, **limits: Any) -> AsyncIterator[str]:
    """The address of a server with these limits."""
    given = ServerSettings.model_validate({"limits": limits, "trusted_proxies": trusted})
    async with serving(app, given=given, most_in_all=most_in_all) as address:
        yield address


def code(answered: Answered) -> tuple[int, str]:
    """Status and code of a refusal, which must be one as all others are."""
    assert answered.header("content-type") == "application/json; charset=utf-8"
    assert answered.header("x-content-type-options") == "nosniff"
    assert answered.header("connection") == "close"
    (error,) = json.loads(answered.body)["errors"]
    return answered.status, error["extensions"]["code"]


async def sent_until_refused(raw: Raw, part: bytes, most: int) -> tuple[int, Answered]:
    """How many bytes could be sent, a part at a time, and the refusal. It may be cut off while it goes on."""
    answering = asyncio.create_task(raw.answer())
    sent = 0
    with suppress(ConnectionError):
        while sent < most and not answering.done():
            await raw.send(part)
            sent += len(part)
            await asyncio.sleep(0)
    return sent, await answering


@pytest.mark.parametrize(
    ("begins", "part", "expected"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nX: ", b"a" * 1000, 431, id="a value"),
        pytest.param(b"GET / HTTP/1.1\r\n", b"a" * 1000, 431, id="a name"),
        pytest.param(GET, b"X-A: b\r\n" * 100, 431, id="headers"),
        pytest.param(b"GET /", b"a" * 1000, 414, id="an address"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n", b"5;" + b"a" * 1000, 400, id="an extension"),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1;%s\r\nx\r\n" % (b"a" * 999), 400, id="extensions"
        ),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: b\r\n" * 100, 431, id="trailers"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"a" * 1000, 400, id="a trailer"),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\nX: " % (MIB, b"a" * MIB),
            b"a" * 100_000,
            400,
            id="a trailer after a large body",
        ),
        pytest.param(GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\nX: ", b"a" * 1000, 431, id="of an upgrade"),
    ],
)
async def test_nothing_goes_on_without_end(begins: bytes, part: bytes, expected: int) -> None:
    """Refused once it is as large as the settings allow, and not only when it is complete."""
    async with bounded() as address, connection(address) as raw:
        await raw.send(begins)
        sent, answered = await sent_until_refused(raw, part, most=16 * 1024 * 1024)
    assert code(answered) == (expected, "BAD_REQUEST" if expected == 400 else "REQUEST_TOO_LARGE")
    assert sent < 4 * 1024 * 1024, "what the sockets hold, not what is read"


async def test_the_bounds_are_exact_for_what_is_complete() -> None:
    """As many and as large as the settings say are taken; one more, or one byte more, is refused."""
    async with bounded(headers=20, header_bytes=2048, request_line=300) as address:
        assert (await ask(address, GET + b"X: b\r\n" * 19 + b"\r\n")).status == 200
        assert code(await ask(address, GET + b"X: b\r\n" * 20 + b"\r\n")) == (431, "REQUEST_TOO_LARGE")
        room = 2048 - len(b"host") - len(b"here") - 4 - len(b"x") - 4
        assert (await ask(address, GET + b"X: %s\r\n\r\n" % (b"a" * room))).status == 200
        assert code(await ask(address, GET + b"X: %s\r\n\r\n" % (b"a" * (room + 1)))) == (431, "REQUEST_TOO_LARGE")
        assert (await ask(address, GET.replace(b"/ ", b"/%s " % (b"a" * 299)) + b"\r\n")).status == 200
        answered = await ask(address, GET.replace(b"/ ", b"/%s " % (b"a" * 300)) + b"\r\n")
        assert code(answered) == (414, "REQUEST_TOO_LARGE")


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nHost: here\r\nHost: here\r\n",
        b"GET / HTTP/1.0\r\nHost: here\r\nHost: there\r\n",
        b"GET / HTTP/1.1\r\nHost: here/there\r\n",
        b"GET / HTTP/1.1\r\nHost: user@here\r\n",
        GET + b"Content-Length: 1\r\nContent-Length: 1\r\n",
        GET + b"Content-Length: 1\r\nContent-Length: 2\r\n",
        GET + b"Content-Length: 1, 1\r\n",
        GET + b"Content-Length: +1\r\n",
        GET + b"Content-Length: -1\r\n",
        GET + b"Content-Length: 99999999999999999999\r\n",
        GET + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        GET + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
        GET + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        GET + b"Transfer-Encoding: gzip, chunked\r\n",
        GET + b"Transfer-Encoding: chunked, chunked\r\n",
        GET + b"Transfer-Encoding: identity\r\n",
        GET + b"Transfer-Encoding: xchunked\r\n",
        b"GET / HTTP/1.0\r\nHost: here\r\nTransfer-Encoding: chunked\r\n",
        GET + b"Transfer-Encoding : chunked\r\n",
        GET + b" folded: 1\r\n",
        GET + b"X: a\r\n folded\r\n",
        GET + b"X: a\x00b\r\n",
        GET + b"X\x00: a\r\n",
        b"G@T / HTTP/1.1\r\nHost: here\r\n",
        b"GET  HTTP/1.1\r\nHost: here\r\n",
    ],
)
async def test_what_two_could_read_differently_is_refused(head: bytes) -> None:
    async with bounded() as address, connection(address) as raw:
        await raw.send(head + b"\r\n")
        assert code(await raw.answer()) == (400, "BAD_REQUEST")
        assert await raw.ended() == b"", "and nothing after it is read"


@pytest.mark.parametrize("version", [b"0.9", b"2.0", b"1.2"])
async def test_other_versions(version: bytes) -> None:
    async with bounded() as address:
        answered = await ask(address, b"GET / HTTP/%s\r\nHost: here\r\n\r\n" % version)
        assert code(answered)[0] in (400, 505)


async def test_a_refusal_waits_for_the_answers_before_it() -> None:
    """Else it would be taken for one of them."""
    async with bounded() as address, connection(address) as raw:
        await raw.send(GET + b"\r\n" + POST + b"Content-Length: 2\r\n\r\nab" + b"GET / HTTP/1.1\r\n\r\n")
        assert [(await raw.answer()).body for _ in range(2)] == [b"0", b"2"]
        assert code(await raw.answer()) == (400, "BAD_REQUEST")
        assert await raw.ended() == b""


@pytest.mark.parametrize("begins", [b"", b"\r\n", b"GET / HT", GET, GET + b"X: "], ids=repr)
async def test_headers_have_their_time(begins: bytes) -> None:
    """From when the connection was made; also while something comes now and then."""
    async with bounded(header_timeout=0.5) as address, connection(address) as raw:
        await raw.send(begins)
        began = asyncio.get_running_loop().time()
        answer = await raw.ended()
        assert asyncio.get_running_loop().time() - began < 0.5 + 2 * TICK + 2.0
    assert (b" 408 " in answer) == (begins.strip() != b""), answer


async def test_headers_have_their_time_also_where_they_trickle() -> None:
    """A byte now and then earns nothing, neither on a new connection nor on one that was used."""
    async with bounded(header_timeout=1.0) as address, connection(address) as raw:
        for _ in range(2):
            await raw.send(GET + b"\r\n")
            assert (await raw.answer()).status == 200
        ended = asyncio.create_task(raw.answer())
        sent = 0
        for byte in GET + b"X-Slowly: " + b"a" * 1000:
            with suppress(ConnectionError):
                await raw.send(bytes([byte]))
            sent += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(ended), 0.05)
                break
        assert code(await ended) == (408, "REQUEST_TIMEOUT")
        assert sent < 200


async def test_an_idle_connection_is_kept_and_closed() -> None:
    async with bounded(header_timeout=0.2, keep_alive=1) as address, connection(address) as raw:
        await raw.send(GET + b"\r\n")
        assert (await raw.answer()).status == 200
        began = asyncio.get_running_loop().time()
        assert await raw.ended() == b""
        assert asyncio.get_running_loop().time() - began > 0.9


@pytest.mark.parametrize("framing", [b"Content-Length: 100\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n1\r\n"])
async def test_bodies_have_their_time(framing: bytes) -> None:
    async with bounded(body_timeout=0.3) as address:
        assert code(await ask(address, POST + framing + b"a")) == (408, "REQUEST_TIMEOUT")


async def test_a_slow_body_has_its_time_as_long_as_it_keeps_the_rate() -> None:
    async with bounded(body_timeout=0.2, body_rate=100.0) as address, connection(address) as raw:
        await raw.send(POST + b"Content-Length: 500\r\n\r\n")
        for _ in range(4):
            await raw.send(b"a" * 100)  # enough for a second, each
            await asyncio.sleep(0.3)
        await raw.send(b"a" * 100)
        assert (await raw.answer()).body == b"500"


async def test_a_body_that_nobody_wants_is_not_read_without_end() -> None:
    """Its request is answered; the connection is cut off after some of it, or some time."""
    async with bounded(body_timeout=0.3) as address:
        for data in (b"", b"a" * 1_000_000):
            async with connection(address) as raw:
                await raw.send(POST.replace(b"/", b"/early", 1) + b"Content-Length: 10000000000\r\n\r\n")
                assert (await raw.answer()).status == 200
                with suppress(ConnectionError):
                    await raw.send(data)
                assert await raw.ended() == b""


async def test_requests_sent_ahead_are_all_answered_and_few_are_kept() -> None:
    """A thousand in one go; a client that reads no answer is read from no more."""
    count = 500
    async with bounded() as address, connection(address) as raw:
        await raw.send((GET + b"\r\n") * count)
        assert [(await raw.answer()).status for _ in range(count)] == [200] * count
    async with bounded(send_timeout=1.0) as address, connection(address, kept=4096) as raw:
        sent = 0
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while True:
                    await raw.send((GET.replace(b"/", b"/large", 1) + b"\r\n") * 1000)
                    sent += 1000
        assert sent > 1000, "cut off, not waited for"
        assert raw.writer.is_closing() or raw.reader.exception() is not None


async def test_probes_are_answered_when_all_places_are_taken() -> None:
    """Others are told so. Whoever asks something keeps its place."""
    async with bounded(connections=3, body_timeout=PATIENCE) as address:
        kept = [connection(address) for _ in range(3)]
        raws = [await one.__aenter__() for one in kept]
        for raw in raws:
            await raw.send(GET + b"\r\n")
            assert (await raw.answer()).status == 200
            await raw.send(POST + b"Content-Length: 2\r\n\r\na")
        assert code(await ask(address, GET + b"\r\n")) == (503, "OVERLOADED")
        silent = [connection(address) for _ in range(3 * RESERVED)]
        for one in silent:
            await one.__aenter__()
        for path in (b"/healthz", b"/readyz?x"):
            answered = await ask(address, GET.replace(b"/ ", path + b" ") + b"\r\n")
            assert (answered.status, answered.header("connection")) == (200, "close")
        for raw in raws:
            await raw.send(b"a")
            assert (await raw.answer()).body == b"2"
        for one in (*kept, *silent):
            await one.__aexit__(None, None, None)


async def test_the_idle_give_way() -> None:
    async with bounded(connections=2, body_timeout=PATIENCE) as address, connection(address) as idle:
        await idle.send(GET + b"\r\n")
        assert (await idle.answer()).status == 200
        async with connection(address) as busy:
            await busy.send(GET + b"\r\n" + POST + b"Content-Length: 2\r\n\r\na")
            assert (await busy.answer()).status == 200
            async with asyncio.timeout(PATIENCE):
                while (await ask(address, GET + b"\r\n")).status != 200:
                    pass
            assert await idle.ended() == b""
            await busy.send(b"a")
            assert (await busy.answer()).body == b"2"


async def test_the_idle_of_a_proxy_stay() -> None:
    """It may send a request at the moment in which its connection is closed."""
    async with bounded(("127.0.0.1/32",), connections=1) as address, connection(address) as idle:
        await idle.send(GET + b"\r\n")
        assert (await idle.answer()).status == 200
        loop = asyncio.get_running_loop()
        until = loop.time() + 1.3
        while loop.time() < until:
            assert (await ask(address, GET + b"\r\n")).status == 503
        await idle.send(GET + b"\r\n")
        assert (await idle.answer()).status == 200


async def test_the_silent_give_way() -> None:
    """Who connects and says nothing holds nobody up who asks."""
    async with bounded(connections=5) as address:
        silent = [connection(address) for _ in range(5)]
        raws = [await one.__aenter__() for one in silent]
        async with asyncio.timeout(PATIENCE):
            while (await ask(address, GET + b"\r\n")).status != 200:
                pass  # for a second, in which they may still ask
        assert await raws[0].ended() == b""
        for one in silent:
            await one.__aexit__(None, None, None)


@pytest.mark.parametrize(("trusted", "expected"), [((), 503), (("127.0.0.0/8",), 200)])
async def test_one_address_has_some_places_unless_it_is_a_proxys(trusted: tuple[str, ...], expected: int) -> None:
    async with bounded(trusted, connections_per_address=1) as address, connection(address) as raw:
        await raw.send(GET + b"\r\n")
        assert (await raw.answer()).status == 200
        assert (await ask(address, GET + b"\r\n")).status == expected


async def test_there_are_never_more_than_descriptors() -> None:
    async with bounded(most_in_all=1) as address, connection(address) as raw:
        await raw.send(GET + b"\r\n")
        assert (await raw.answer()).status == 200
        assert (await ask(address, GET + b"\r\n")).status == 503


def test_the_defaults_take_what_clients_send() -> None:
    """A proxy keeps its connections for 60 seconds, or would meet a reset; browsers send headers of 16 KB at most."""
    limits = ConnectionLimits()
    assert limits.keep_alive > 60
    assert limits.header_bytes >= 32 * 1024


@pytest.mark.parametrize("size", [1, 26, 400, 600, 1023, 1024, 1025, 3000])
async def test_requests_with_bodies_that_are_sent_ahead_are_all_answered(size: int) -> None:
    """Also where what is read at a time ends within the body of one that waits."""
    async with bounded() as address, connection(address) as raw:
        request = POST + b"Content-Length: %d\r\nPadding: %s\r\n\r\n" % (size, b"x" * 420) + b"b" * size
        await raw.send(request * 10)
        assert [(await raw.answer()).body for _ in range(10)] == [b"%d" % size] * 10


@pytest.mark.parametrize(
    "expects", [b"Expect:\t100-continue \r\n", b"EXPECT: other\r\nexpect: 100-Continue\r\nExpect: b\r\n"]
)
async def test_a_client_is_told_to_go_on_before_its_body(expects: bytes) -> None:
    """RFC 9110, 10.1.1: once, and in whatever case and line it asks for it."""
    async with bounded() as address, connection(address) as raw:
        await raw.send(POST + expects + b"Content-Length: 3\r\n\r\n")
        interim = await raw.answer()
        assert (interim.status, interim.body) == (100, b"")
        await raw.send(b"abc")
        answered = await raw.answer()
        assert (answered.status, answered.body) == (200, b"3")


async def test_a_client_of_http_1_0_is_not_told_to_go_on() -> None:
    """RFC 9110, 10.1.1: it would take that for the answer."""
    async with bounded() as address:
        old = POST.replace(b"1.1", b"1.0") + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"
        assert (await ask(address, old)).status == 200
