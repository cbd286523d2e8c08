"""Under overload an operation is refused with its head, and nothing of HTTP is lost by it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Network

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from gateway.cors_settings import CorsSettings
from gateway.http.admission import Admission, Arrival
from gateway.http.admitted_requests import CORS, LONGEST_BODY, STATE
from gateway.http.client_address import ClientAddresses
from gateway.http.cors import Cors
from gateway.http.trusted_proxies import TrustedProxies
from gateway.http.turns import AT_ONCE
from gateway.http.write_coalescing import HttpProtocol
from gateway.server_settings import ConnectionLimits, LoadLimits, ServerSettings
from tests.gateway.http.raw import Raw, connection
from tests.gateway.serving import serving

PROBE = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
ASK = b"POST /graphql HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"
LONGEST = 1000


class Overloaded(Admission):
    """Refuses everything until `is_over`."""

    def __init__(self, address_of: Callable[[Scope], str]) -> None:
        super().__init__(LoadLimits(), address_of=address_of)
        self.is_shedding, self.is_over = True, False
        self.refused: list[str] = []
        """Addresses of those who were refused."""
        self.came_to_wait = 0
        self.turn = 0
        """How often the event loop has turned since `count_turns`."""
        self.refused_in: Counter[int] = Counter()
        """How many were refused in each of these turns."""

    def count_turns(self) -> None:
        self.turn += 1
        if not self.is_over:
            asyncio.get_running_loop().call_soon(self.count_turns)

    def enter(self) -> bool:
        return self.is_over and super().enter()

    def turns_away(self, address: str) -> bool:
        self.refused.append(address)
        self.refused_in[self.turn] += 1
        return True

    def wait(self, one: Arrival, address: str) -> None:
        self.came_to_wait += 1
        super().wait(one, address)

    def end(self) -> None:
        self.is_shedding, self.is_over = False, True


@dataclass
class App:
    """Answers what starts."""

    begun: list[bytes] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        if scope["path"] != "/healthz":
            self.begun.append(body)
        await PlainTextResponse("done")(scope, receive, send)


@asynccontextmanager
async def overloaded(given: ServerSettings | None = None) -> AsyncIterator[tuple[Overloaded, App, Raw]]:
    """A process that refuses everything, and a connection over which something was answered already."""
    async with overloaded_at(given) as (admission, app, address), answered_before(address) as raw:
        yield admission, app, raw


@asynccontextmanager
async def answered_before(address: str) -> AsyncIterator[Raw]:
    async with connection(address) as raw:
        await raw.send(PROBE)
        assert (await raw.answer()).status == 200
        yield raw


@asynccontextmanager
async def overloaded_at(
    given: ServerSettings | None = None, http: type[HttpProtocol] = HttpProtocol
) -> AsyncIterator[tuple[Overloaded, App, str]]:
    """Such a process, and its address."""
    proxies = TrustedProxies([IPv4Network("127.0.0.1/32")])
    admission, app = Overloaded(ClientAddresses(proxies, "X-Forwarded-For")), App()
    cors = Cors(CorsSettings(origins=("https://portal.example",)), lambda _scope: None)
    state = {STATE: admission, LONGEST_BODY: LONGEST, CORS: cors}
    try:
        async with serving(app, http, state=state, given=given) as address:
            yield admission, app, address
    finally:
        admission.close()


async def test_the_answer_is_the_same_as_to_whoever_would_have_waited() -> None:
    async with overloaded() as (admission, app, raw):
        await raw.send(ASK.replace(b"\r\n\r\n", b"\r\nOrigin: https://other.example\r\n\r\n"))
        usual = await raw.answer()
        assert admission.came_to_wait == 1
        await raw.send(ASK)
        refused = await raw.answer()
        assert admission.came_to_wait == 1
        assert (refused.status, refused.body) == (usual.status, usual.body)
        assert refused.header("Retry-After") == "1"
        assert {*refused.head.split("\r\n")} == {*usual.head.split("\r\n")} - {"vary: Origin"}
        admission.end()
        await raw.send(ASK)
        assert (await raw.answer()).body == b"done"
        assert app.begun == [b"{}"]


async def test_what_comes_within_a_moment_is_read_together_and_probes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.http.turns.MOMENT", 1.0)
    async with overloaded_at() as (admission, _, address), AsyncExitStack() as stack:
        asking = [await stack.enter_async_context(answered_before(address)) for _ in range(5)]
        admission.count_turns()
        for raw in asking:
            await raw.send(ASK[:10])
            await raw.send(ASK[10:])
        async with answered_before(address):
            assert admission.refused == []
        assert [(await raw.answer()).status for raw in asking] == [503] * 5
        assert [*admission.refused_in.values()] == [5]


async def test_a_connection_that_was_idle_is_not_closed_while_its_request_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.http.turns.MOMENT", 2.5)  # the edge looks at it twice meanwhile
    async with overloaded(ServerSettings(limits=ConnectionLimits(keep_alive=1))) as (_, _, raw):
        await raw.send(ASK)
        assert (await raw.answer()).status == 503


async def test_what_comes_first_over_a_connection_is_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its time for a head runs, and its place may be another's."""
    monkeypatch.setattr("gateway.http.turns.MOMENT", 100.0)
    async with overloaded_at() as (admission, _, address), connection(address) as raw:
        await raw.send(ASK)
        assert (await raw.answer()).status == 503
        assert admission.came_to_wait == 1


async def test_a_request_that_waits_while_the_process_ends_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.http.turns.MOMENT", 0.3)
    made = list[HttpProtocol]()

    class Noted(HttpProtocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
            super().connection_made(transport)
            made.append(self)

    async with overloaded_at(http=Noted) as (admission, _, address), answered_before(address) as raw:
        await raw.send(ASK)
        async with answered_before(address):
            assert admission.refused == []
        made[0].shutdown()  # as uvicorn does it
        assert (await raw.answer()).status == 503
        assert await raw.ended() == b""


async def test_who_leaves_while_the_request_waits_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.http.turns.MOMENT", 0.1)
    async with overloaded_at() as (admission, app, address), answered_before(address) as stays:
        async with answered_before(address) as gone:
            await gone.send(ASK)
        await stays.send(ASK)
        assert (await stays.answer()).status == 503
        assert (len(admission.refused), app.begun) == (1, [])


async def test_a_body_that_comes_after_the_refusal_is_no_request() -> None:
    async with overloaded() as (admission, app, raw):
        smuggled = ASK.replace(b"{}", b"[]")
        await raw.send(ASK.replace(b"Length: 2", b"Length: %d" % len(smuggled))[:-2])
        assert (await raw.answer()).status == 503
        admission.end()
        await raw.send(smuggled[:20], smuggled[20:] + ASK)
        assert (await raw.answer()).body == b"done"
        assert app.begun == [b"{}"]


async def test_what_is_sent_ahead_is_refused_one_after_the_other() -> None:
    async with overloaded() as (admission, app, raw):
        await raw.send(ASK * 20 + PROBE + ASK)
        assert [(await raw.answer()).status for _ in range(22)] == [503] * 20 + [200, 503]
        assert (app.begun, len(admission.refused)) == ([], 22 - 1)


@pytest.mark.parametrize("path", [b"/graphql", b"/other"])
async def test_one_turn_of_the_event_loop_refuses_no_more_than_a_few(path: bytes) -> None:
    short = b"GET %s HTTP/1.1\r\nHost:\r\n\r\n" % path
    async with overloaded() as (admission, app, raw):
        admission.count_turns()
        await raw.send(short * 1000)
        assert {(await raw.answer()).status for _ in range(1000)} == {503}
        assert (len(admission.refused), app.begun) == (1000, [])
        assert max(admission.refused_in.values()) < 2 * AT_ONCE
        admission.end()
        await raw.send(ASK)
        assert (await raw.answer()).body == b"done"


async def test_whoever_a_proxy_names_is_refused() -> None:
    async with overloaded() as (admission, _, raw):
        await raw.send(ASK.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n"), ASK)
        assert [(await raw.answer()).status for _ in range(2)] == [503, 503]
        assert (admission.refused, admission.came_to_wait) == (["192.0.2.7", "127.0.0.1"], 0)


async def test_who_offers_an_upgrade_is_refused_once() -> None:
    async with overloaded() as (admission, app, raw):
        upgrade = ASK.replace(b"Host: h", b"Host: h\r\nConnection: upgrade\r\nUpgrade: h2c")
        await raw.send(upgrade, upgrade)
        assert [(await raw.answer()).status for _ in range(2)] == [503, 503]
        assert len(admission.refused) == 2
        admission.end()
        await raw.send(upgrade)
        assert (await raw.answer()).body == b"done"
        assert app.begun == [b"{}"]


async def test_a_body_that_is_longer_than_what_is_dropped_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.http.admitted_requests.IGNORED", 500)
    async with overloaded() as (admission, _, raw):
        await raw.send(ASK.replace(b"Length: 2", b"Length: 501") + b" " * 499)
        assert (await raw.answer()).status == 503
        assert admission.came_to_wait == 1


async def test_what_is_wrong_is_wrong_also_then() -> None:
    async with overloaded() as (_, _, raw):
        await raw.send(ASK.replace(b"Host: h", b"Host: h\r\nHost: i"))
        assert (await raw.answer()).status == 400
        assert await raw.ended() == b""


UNUSUAL = {
    "HEAD": b"HEAD /graphql HTTP/1.1\r\nHost: h\r\n\r\n",
    "another version": b"POST /graphql HTTP/1.0\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
    "the last one": ASK.replace(b"Host: h", b"Host: h\r\nConnection: close"),
    "in chunks": b"POST /graphql HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a long body": ASK.replace(b"Length: 2", b"Length: %d" % (LONGEST + 1)) + b" " * (LONGEST - 1),
    "another page": ASK.replace(b"Host: h", b"Host: h\r\nOrigin: https://portal.example"),
    "another address": ASK.replace(b"/graphql", b"/events"),
}


@pytest.mark.parametrize("unusual", UNUSUAL.values(), ids=UNUSUAL)
async def test_what_is_unusual_is_refused_in_the_usual_way(unusual: bytes) -> None:
    async with overloaded() as (admission, app, raw):
        await raw.send(unusual)
        if unusual.startswith(b"HEAD"):
            head = await raw.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 503 ")
        else:
            assert (await raw.answer()).status == 503
        assert (admission.came_to_wait, app.begun) == (1, [])
        if b"HTTP/1.0" in unusual or b"close" in unusual:
            assert await raw.ended() == b""
            return
        admission.end()
        await raw.send(ASK)
        assert (await raw.answer()).body == b"done"


async def test_who_waits_to_be_asked_for_the_body_is_asked_first() -> None:
    async with overloaded() as (admission, _, raw):
        await raw.send(ASK[:-2].replace(b"Host: h", b"Host: h\r\nExpect: 100-continue"))
        assert (await raw.answer()).status == 100
        await raw.send(b"{}")
        assert (await raw.answer()).status == 503
        assert admission.came_to_wait == 1
