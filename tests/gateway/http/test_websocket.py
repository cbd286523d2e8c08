"""graphql-transport-ws, as raw clients meet it: each message, each close code, and each limit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from graphql import GraphQLError
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gateway.auth.tokens import SignedIn
from gateway.http.admission import TOO_MUCH_UNFINISHED
from gateway.http.origins import is_allowed
from gateway.live.subscription import Message
from gateway.server_settings import ServerSettings
from resolvers.errors import BadInput
from resolvers.viewer import ViewerKind
from tests.following import until
from tests.gateway.http.live_graph import LiveGraph, live_graph
from tests.gateway.http.raw import connection


@pytest_asyncio.fixture(scope="module")
async def _served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LiveGraph]:
    async with live_graph(tmp_path_factory.mktemp("live"), operations=3, connections_per_caller=3) as served:
        yield served


@pytest_asyncio.fixture
async def graph(_served: LiveGraph) -> LiveGraph:
    """With nobody connected any more."""
    await _served.feed.has(0)
    _served.feed.refusal, _served.feed.told_at_once = [], []
    return _served


def tick(number: str, value: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "type": "next", "payload": {"data": {"ticked": value}, **more}}


async def test_a_subscription_is_told_until_its_client_completes_it(graph: LiveGraph) -> None:
    started = graph.counted("gateway_subscriptions_started_total", transport="websocket")
    async with graph.client() as client:
        await client.subscribe("a")
        await client.subscribe("b", "subscription B($ids: [Int!]) { ticked(ids: $ids) }", variables={"ids": [1]})
        await graph.feed.has(2)
        assert [one.variables for one in graph.feed.subscriptions] == [{}, {"ids": [1]}]
        assert {one.subscriber.viewer.customer_ids for one in graph.feed.subscriptions} == {("1001",)}
        assert graph.counted("gateway_subscriptions", transport="websocket") == 2
        graph.feed.tell(1)
        assert [await client.next(), await client.next()] == [tick("a", 1), tick("b", 1)]

        await client.send(id="a", type="complete")
        await graph.feed.has(1)
        graph.feed.tell(2)
        assert await client.next() == tick("b", 2)
        await client.subscribe("a")
        await graph.feed.has(2)
        assert await client.is_alive()
    await graph.feed.has(0)
    assert graph.counted("gateway_subscriptions_started_total", transport="websocket") == started + 3
    assert graph.counted("gateway_subscriptions", transport="websocket") == 0
    assert graph.counted("gateway_subscriptions_ended_total", transport="websocket", reason="client") >= 3


async def test_what_a_feed_tells_while_it_is_asked_comes_too(graph: LiveGraph) -> None:
    graph.feed.told_at_once = [b'{"data":{"ticked":7}}']
    async with graph.client() as client:
        await client.subscribe("a")
        assert await client.next() == tick("a", 7)


async def test_queries_and_mutations_are_answered_once(graph: LiveGraph) -> None:
    async with graph.client() as client:
        await client.subscribe("q", "query A($n: String!) { hello(name: $n) } query B { who }",
                               operationName="A", variables={"n": "Ö"})  # fmt: skip
        assert await client.next() == {"id": "q", "type": "next", "payload": {"data": {"hello": "Hello Ö"}}}
        assert await client.next() == {"id": "q", "type": "complete"}
        before = graph.seen.bumps
        await client.subscribe("q", "mutation { bump }")
        assert (await client.next())["payload"] == {"data": {"bump": before + 1}}
        assert await client.next() == {"id": "q", "type": "complete"}
        await client.subscribe("f", "{ outage }")
        answered = await client.next()
        assert (answered["type"], answered["payload"]["data"]) == ("next", {"outage": None})
        assert answered["payload"]["errors"][0]["extensions"]["code"] == "UPSTREAM_TIMEOUT"
        assert (await client.next())["type"] == "complete"


@pytest.mark.parametrize(
    ("query", "more", "code"),
    [
        ("{", {}, "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query A { who } query B { who }", {}, "OPERATION_RESOLUTION_FAILURE"),
        ("query($n: String!) { hello(name: $n) }", {"variables": {"n": 4}}, "BAD_USER_INPUT"),
    ],
)
async def test_what_can_never_succeed_is_an_error_without_complete(
    graph: LiveGraph, query: str, more: dict[str, Any], code: str
) -> None:
    async with graph.client() as client:
        await client.subscribe("a", query, **more)
        error = await client.next()
        assert (error["id"], error["type"]) == ("a", "error")
        assert [one["extensions"]["code"] for one in error["payload"]] == [code]
        assert await client.is_alive()
        await client.subscribe("a", "{ who }")
        assert (await client.next())["payload"] == {"data": {"who": "customer"}}


async def test_what_the_feed_refuses_is_an_error(graph: LiveGraph) -> None:
    graph.feed.refusal = [GraphQLError("ids", original_error=BadInput("ids has 5 entries too many"))]
    async with graph.client() as client:
        await client.subscribe("a")
        error = await client.next()
        assert (error["type"], error["payload"][0]["message"]) == ("error", "ids has 5 entries too many")
        assert await client.is_alive()


async def test_an_operation_that_takes_too_long_may_succeed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.http.operations.GRACE", 0.0)
    async with live_graph(tmp_path, deadline=0.05) as graph, graph.client() as client:
        await client.subscribe("a", "{ forever }")
        answer = await client.next()
        assert (answer["type"], answer["payload"]["errors"][0]["extensions"]["code"]) == ("next", "DEADLINE_EXCEEDED")
        assert await client.next() == {"id": "a", "type": "complete"}


@pytest.mark.parametrize("hangs_up", [False, True])
async def test_a_query_ends_when_nobody_wants_it_and_a_mutation_goes_on(tmp_path: Path, hangs_up: bool) -> None:
    async with live_graph(tmp_path) as graph:
        async with graph.client() as client:
            await client.subscribe("q", "{ forever }")
            await asyncio.wait_for(graph.seen.waiting.wait(), 20)
            graph.seen.waiting.clear()
            await client.subscribe("m", "mutation { slowBump }")
            await asyncio.wait_for(graph.seen.waiting.wait(), 20)
            if not hangs_up:
                await client.send(id="q", type="complete")
                await client.send(id="m", type="complete")
                assert await client.is_alive()
        await asyncio.wait_for(graph.seen.cancelled.wait(), 20)
        assert graph.seen.bumps == 0
        graph.seen.go_on.set()
        await graph.live.finish()
        assert graph.seen.bumps == 1


async def test_an_id_is_free_again_while_the_mutation_that_had_it_goes_on(tmp_path: Path) -> None:
    async with live_graph(tmp_path) as graph, graph.client() as client:
        await client.subscribe("m", "mutation { slowBump }")
        await asyncio.wait_for(graph.seen.waiting.wait(), 20)
        await client.send(id="m", type="complete")
        await client.subscribe("m")
        await graph.feed.has(1)
        graph.seen.go_on.set()
        await graph.live.finish()
        assert graph.seen.bumps == 1
        graph.feed.tell(1)
        assert await client.next() == tick("m", 1)


async def test_the_token_may_come_in_the_header(graph: LiveGraph) -> None:
    async with graph.socket(additional_headers=graph.bearer("1002")) as client:
        await client.send(type="connection_init")
        assert await client.next() == {"type": "connection_ack"}
        await client.subscribe("a")
        await graph.feed.has(1)
        assert graph.feed.subscriptions[0].subscriber.viewer.customer_ids == ("1002",)
        assert graph.feed.subscriptions[0].subscriber.token is None


async def test_without_a_token_nothing_private_is_answered(graph: LiveGraph) -> None:
    async with graph.socket() as client:
        await client.send(type="connection_init")
        assert await client.next() == {"type": "connection_ack"}
        await client.subscribe("a")
        error = await client.next()
        assert (error["type"], error["payload"][0]["extensions"]["code"]) == ("error", "UNAUTHENTICATED")
        await client.subscribe("b", "{ __typename }")
        assert (await client.next())["payload"] == {"data": {"__typename": "Query"}}


async def test_switched_off_is_said(tmp_path: Path) -> None:
    async with live_graph(tmp_path, enabled=False) as graph, graph.client() as client:
        await client.subscribe("a")
        error = await client.next()
        assert (error["type"], error["payload"][0]["extensions"]["code"]) == ("error", "NOT_SUPPORTED")
        assert "switched off" in error["payload"][0]["message"]


INIT = '{"type":"connection_init"}'


@pytest.mark.parametrize(
    ("messages", "code", "says"),
    [
        (["{"], 4400, "Invalid message"),
        (["3"], 4400, "Invalid message"),
        (['{"id":"a"}'], 4400, "Invalid message"),
        (['{"type":"nonsense"}'], 4400, "unknown type 'nonsense'"),
        (['{"type":"ping","payload":{"a":' + "[" * 20_000 + "]" * 20_000 + "}}"], 4400, "recursion"),
        (['{"type":"ping","payload":{"a":0e99999999999999999999}}'], 4400, "exponent of more than 18 digits"),
        ([f'{{"type":"{"ö" * 200}"}}'], 4400, "..."),
        (['{"type":"connection_init","payload":"x"}'], 4400, "Invalid message"),
        ([b'{"type":"connection_init"}'], 4400, "not binary"),
        ([INIT, '{"type":"subscribe","payload":{"query":"{ who }"}}'], 4400, "needs an id"),
        ([INIT, '{"type":"subscribe","id":"a"}'], 4400, "'query' is missing"),
        ([INIT, '{"type":"subscribe","id":"a","payload":{"query":1}}'], 4400, "'query' must be"),
        (['{"type":"subscribe","id":"a","payload":{"query":"{ who }"}}'], 4401, "Unauthorized"),
        (['{"type":"ping","payload":{"authorization":"Bearer x"}}'], 4401, "Unauthorized"),
        (['{"type":"connection_init","payload":{"authorization":"Bearer x"}}'], 4403, "not a signed JSON Web Token"),
        (['{"type":"connection_init","payload":{"AUTHORIZATION":5}}'], 4403, "'Authorization: Bearer <token>'"),
        ([INIT, INIT], 4429, "Too many initialisation requests"),
    ],
)
async def test_close_codes(graph: LiveGraph, messages: list[str | bytes], code: int, says: str) -> None:
    async with graph.socket() as client:
        for message in messages:
            await client.connection.send(message)
        closed, reason = await client.closed()
        assert closed == code
        assert says in reason
        assert len(reason.encode()) <= 123


async def test_an_id_in_use_is_4409(graph: LiveGraph) -> None:
    async with graph.client() as client:
        await client.subscribe("ä" * 100)
        await client.subscribe("ä" * 100, "{ who }")
        code, reason = await client.closed()
        assert (code, reason[:15]) == (4409, "Subscriber for ")
    await graph.feed.has(0)


async def test_another_subprotocol_is_4406(graph: LiveGraph) -> None:
    for offered in ([], ["graphql-ws"]):
        async with graph.socket(subprotocols=offered or None) as client:
            assert await client.closed() == (4406, "Subprotocol not acceptable: offer graphql-transport-ws")


async def test_lines_of_subprotocols_are_one_list(graph: LiveGraph) -> None:
    """RFC 9110, 5.3: the client's own line, and one before or after it."""
    line = [("Sec-WebSocket-Protocol", "graphql-ws, x")]
    async with graph.socket(additional_headers=line) as client:
        await client.send(type="connection_init", payload=graph.bearer())
        assert await client.next() == {"type": "connection_ack"}


async def test_one_that_never_initialises_is_4408(tmp_path: Path) -> None:
    async with live_graph(tmp_path, initialise=0.1) as graph:
        async with graph.socket() as client, graph.client() as other:
            assert await client.closed() == (4408, "Connection initialisation timeout")
            assert await other.is_alive()
        assert graph.counted("gateway_connections_refused_total", reason="initialise") == 1


async def test_a_token_that_is_accepted_too_late_counts_for_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live_graph(tmp_path, initialise=0.1, connections=1) as graph:
        go_on, sign_in = asyncio.Event(), graph.live.sign_in

        async def slowly(token: str) -> SignedIn:  # as where the issuer's keys are read first
            signed_in = await sign_in(token)
            await go_on.wait()
            return signed_in

        monkeypatch.setattr(graph.live, "sign_in", slowly)
        async with graph.socket() as client:
            await client.send(type="connection_init", payload=graph.bearer())
            assert (await client.closed())[0] == 4408
        go_on.set()
        await until(lambda: not graph.live.connections.open)
        async with graph.client() as client:
            assert await client.is_alive()


async def test_a_message_that_is_too_large_is_1009(tmp_path: Path) -> None:
    async with live_graph(tmp_path, message_bytes=2000) as graph, graph.client() as client:
        await client.subscribe("a", "{ who }" + " " * 1000)
        assert (await client.next())["type"] == "next"
        assert (await client.next())["type"] == "complete"
        await client.subscribe("a", "{ who }" + " " * 3000)
        assert (await client.closed())[0] == 1009


async def test_connections_of_a_caller_are_limited(graph: LiveGraph) -> None:
    async with graph.client(), graph.client(), graph.client() as last:
        async with graph.socket() as client:
            await client.send(type="connection_init", payload=graph.bearer())
            assert await client.closed() == (4429, "This caller has 3 connections open, as many as it may. Close one.")
        async with graph.client("1002") as other:
            assert await other.is_alive()
        await last.connection.close()
        async with graph.client() as client:
            assert await client.is_alive()
    assert graph.counted("gateway_connections_refused_total", reason="caller") == 1


async def test_connections_in_all_are_limited(tmp_path: Path) -> None:
    async with live_graph(tmp_path, connections=1) as graph:
        async with graph.socket(), graph.socket() as client:
            code, reason = await client.closed()
            assert (code, reason.endswith("Try again later.")) == (1013, True)
        async with graph.client() as client:
            assert await client.is_alive()


async def test_operations_of_a_connection_are_limited(graph: LiveGraph) -> None:
    async with graph.client() as client:
        for number in ("1", "2", "3", "4"):
            await client.subscribe(number)
        answer = await client.next()
        assert (answer["id"], answer["payload"]["errors"][0]["extensions"]["code"]) == ("4", "LIMIT_EXCEEDED")
        assert await client.next() == {"id": "4", "type": "complete"}
        await client.send(id="1", type="complete")
        await client.subscribe("4")
        await graph.feed.has(3)
        assert await client.is_alive()


async def test_the_tokens_end_ends_the_connection(tmp_path: Path) -> None:
    async with live_graph(tmp_path) as graph, graph.client(lifetime=2) as client:
        await client.subscribe("a")
        assert await client.closed() == (4403, "The token has expired: connect again with a new one.")
        await graph.feed.has(0)
        assert graph.counted("gateway_subscriptions_ended_total", transport="websocket", reason="token") == 1


async def test_a_token_that_has_ended_connects_nobody(graph: LiveGraph) -> None:
    async with graph.socket() as client:  # within the seconds by which clocks may differ
        await client.send(type="connection_init", payload=graph.bearer(lifetime=-1))
        assert await client.closed() == (4403, "The token has expired: connect again with a new one.")


async def test_a_fresh_token_in_a_ping_lasts_longer(tmp_path: Path) -> None:
    async with live_graph(tmp_path, keeps_tokens=True) as graph, graph.client(lifetime=2) as client:
        await client.subscribe("a")
        await graph.feed.has(1)
        (followed,) = graph.feed.subscriptions
        fresh = graph.bearer(lifetime=60)
        await client.send(type="ping", payload={"authorization": fresh["Authorization"]})
        assert await client.next() == {"type": "pong"}
        assert graph.feed.subscriptions == [followed]
        assert f"Bearer {followed.subscriber.token}" == fresh["Authorization"]
        ended = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(2.5, ended.set_result, None)  # when the first token has ended
        await ended
        graph.feed.tell(1)
        assert await client.next() == tick("a", 1)


async def test_a_fresh_token_that_allows_less_ends_what_it_does_not_allow(tmp_path: Path) -> None:
    async with live_graph(tmp_path, keeps_tokens=True) as graph, graph.client() as client:
        await client.subscribe("a")
        await graph.feed.has(1)
        graph.feed.refusal = [GraphQLError("", original_error=BadInput("not with this token"))]
        await client.send(type="ping", payload=graph.bearer(lifetime=60))
        assert (await client.next())["type"] == "error"
        assert await client.next() == {"type": "pong"}
        assert graph.feed.subscriptions == []
        assert graph.counted("gateway_subscriptions", transport="websocket") == 0


@pytest.mark.parametrize("kind", [ViewerKind.CUSTOMER, ViewerKind.AGENT])
async def test_a_fresh_token_of_somebody_else_is_4403(graph: LiveGraph, kind: ViewerKind) -> None:
    async with graph.client() as client:
        await client.send(type="ping", payload=graph.bearer("1002", kind=kind))
        code, reason = await client.closed()
        assert (code, reason) == (4403, "The fresh token is not the same caller's: connect again with it.")


async def test_a_client_that_answers_no_ping_is_disconnected(tmp_path: Path) -> None:
    async with live_graph(tmp_path, ping=0.5, pong=0.5) as graph, graph.client() as client, graph.client() as other:
        for _ in range(3):
            assert await other.next() == {"type": "ping"}
            await other.send(type="pong")
        assert await client.closed() == (4499, "No pong within 0.5 seconds: connect again.")


async def test_a_client_that_does_not_read_is_cut_off_and_skips(tmp_path: Path) -> None:
    async with live_graph(tmp_path, send=0.5) as graph, graph.client("1002") as other:
        await other.subscribe("o")
        await graph.feed.has(1)
        (well,) = graph.feed.subscriptions
        async with graph.client(lifetime=600) as client:
            await client.subscribe("a")
            await graph.feed.has(2)
            slow = next(one for one in graph.feed.subscriptions if one is not well)
            client.connection.transport.pause_reading()
            large = Message(b'{"data":"%s"}' % (b"x" * 1_000_000))
            for number in range(20):  # more than fits into the buffers of two sockets on one machine
                slow.tell(f"Thing:{number}", large)
            slow.tell("Thing:39", large)
            well.tell("Thing:1", Message(b'{"data":{"ticked":1}}'))
            assert await other.next() == tick("o", 1)
            await graph.feed.has(1)
            client.connection.transport.abort()
        assert graph.counted(
            "gateway_subscriptions_ended_total", transport="websocket", reason="not reading"
        ) == 1  # fmt: skip
        assert await other.is_alive()


MB = 1024 * 1024
LARGE = "query($n: String!) {" + "".join(f" a{number}: hello(name: $n)" for number in range(10)) + " }"


def bounded(waiting: int) -> ServerSettings:
    return ServerSettings.model_validate({"limits": {"waiting_bytes": waiting}})


async def test_an_answer_that_finds_no_room_may_succeed_later(tmp_path: Path) -> None:
    query = "query($n: String!) {" + "".join(f" a{number}: hello(name: $n)" for number in range(30)) + " }"
    async with live_graph(tmp_path, server=bounded(MB)) as graph, graph.client() as client:
        await client.subscribe("a", query, variables={"n": "x" * 50_000})
        (error,) = (await client.next())["payload"]["errors"]
        assert (error["extensions"]["code"], error["extensions"]["retryable"]) == ("OVERLOADED", True)
        assert await client.next() == {"id": "a", "type": "complete"}
        await client.subscribe("b", LARGE, variables={"n": "x" * 50_000})
        assert len((await client.next())["payload"]["data"]) == 10
        assert await client.next() == {"id": "b", "type": "complete"}


async def test_what_waits_for_one_that_does_not_read_is_bounded(tmp_path: Path) -> None:
    query = LARGE.replace("hello(name: $n)", "later").replace("($n: String!)", "")
    async with live_graph(tmp_path, server=bounded(2 * MB)) as graph, graph.client() as slow:
        for number in range(8):  # 4 MB
            await slow.subscribe(f"{number}", query)
        await until(lambda: len(graph.seen.contexts) == 8)
        slow.connection.transport.pause_reading()
        graph.seen.go_on.set()
        async with graph.client("1002") as reads:
            assert await reads.is_alive()
        slow.connection.transport.resume_reading()
        answers = []
        with suppress(ConnectionClosed):  # it is cut off, unless it has taken so much that it may go on
            answers += [(await slow.next()).get("payload", {}) for _ in range(16)]
    whole = sum("data" in answer for answer in answers)
    errors = [error["extensions"]["code"] for answer in answers for error in answer.get("errors", ())]
    assert whole <= 5
    assert (len(answers), whole + errors.count("OVERLOADED")) in ((0, 0), (16, 8))


async def test_skipped_messages_are_reported(graph: LiveGraph) -> None:
    async with graph.client() as client:
        await client.subscribe("a")
        await graph.feed.has(1)
        for number in (1, 2, 3):
            graph.feed.tell(number, "Tick:same")
        assert await client.next() == tick("a", 3, extensions={"skipped": 2})


async def test_a_flood_waits_and_disturbs_nobody_else(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with live_graph(tmp_path, messages_per_second=100) as graph, graph.client() as flooding:
        message = b'{"type":"pong"}'
        flood = b"\x81" + bytes([0x80 | len(message)]) + bytes(4) + message  # masked with zeros
        began = loop.time()
        flooding.connection.transport.write(flood * 1300)
        worked_off = asyncio.create_task(flooding.is_alive())
        async with graph.client("1002") as other:
            for _ in range(100):
                assert await other.is_alive()
        assert not worked_off.done()  # a hundred answers for somebody else come before the flood's end
        assert await worked_off
        assert loop.time() - began > 2.5  # 1,000 are heeded at once, and the other 300 take their time


@pytest.mark.parametrize("frame", [b"\x89", b"\x8a"], ids=["pings", "pongs"])
async def test_a_flood_of_the_transports_pings_is_1008(graph: LiveGraph, frame: bytes) -> None:
    async with graph.client() as client:
        client.connection.transport.write((frame + b"\x80" + bytes(4)) * 1000)
        assert await client.closed() == (1008, "more than 20 pings in a second")


async def test_a_message_in_endless_parts_is_1009(graph: LiveGraph) -> None:
    async with graph.client() as client:
        client.connection.transport.write(b"\x01\x80" + bytes(4) + (b"\x00\x80" + bytes(4)) * 2000)
        assert (await client.closed())[0] == 1009


async def test_an_origin_that_is_not_allowed_is_403(tmp_path: Path) -> None:
    async with live_graph(tmp_path, origins=("https://portal.example",)) as graph:
        for origin in ("https://portal.example", graph.address):
            async with graph.socket(origin=origin) as client:
                assert await client.is_alive()
        for origin in ("https://evil.example", "null"):
            with pytest.raises(InvalidStatus) as refused:
                async with graph.socket(origin=origin):
                    raise AssertionError("connected")
            assert refused.value.response.status_code == 403
            assert b"[live] origins" in refused.value.response.body


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost", True),
        ("http://localhost:5173", True),
        ("http://[::1]:80", True),
        ("http://[::1]", True),
        ("https://localhost:5173", False),
        ("http://localhost.evil.example", False),
        ("http://evil.example:80", False),
        ("null", False),
    ],
)
def test_any_port_of_an_origin(origin: str, allowed: bool) -> None:
    assert is_allowed(origin, "127.0.0.1:8000", ("http://localhost:*", "http://[::1]:*")) is allowed
    assert is_allowed(origin, "127.0.0.1:8000", ("*",))


async def test_clients_are_asked_to_reconnect_when_the_server_ends(tmp_path: Path) -> None:
    async with (
        live_graph(tmp_path, prompt=False, leave=0.3) as graph,
        graph.client() as idle,
        graph.client() as writing,
    ):
        await idle.subscribe("a")
        await graph.feed.has(1)
        await writing.subscribe("m", "mutation { slowBump }")
        await asyncio.wait_for(graph.seen.waiting.wait(), 20)
        assert graph.server is not None
        graph.server.should_exit = True
        assert await idle.closed() == (1012, "The gateway restarts: connect again.")
        graph.seen.go_on.set()
        assert (await writing.next())["payload"] == {"data": {"slowBump": 1}}
        assert await writing.next() == {"id": "m", "type": "complete"}
        assert await writing.closed() == (1012, "The gateway restarts: connect again.")


async def test_who_floods_for_too_long_is_4429(tmp_path: Path) -> None:
    async with live_graph(tmp_path, messages_per_second=20, flood=0.5) as graph, graph.client() as flooding:
        message = b'{"type":"pong"}'
        flood = b"\x81" + bytes([0x80 | len(message)]) + bytes(4) + message  # masked with zeros
        flooding.connection.transport.write(flood * 230)  # 200 at once, and the rest takes 1.5 s
        async with graph.client("1002") as other:
            assert await flooding.closed() == (4429, "More than 20 messages a second for 0.5 seconds")
            assert await other.is_alive()


async def test_who_floods_on_after_the_end_is_cut_off(graph: LiveGraph) -> None:
    host, port = urlsplit(graph.address).hostname, urlsplit(graph.address).port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(
        b"GET /graphql HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
        b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")

    async def flood() -> None:
        with suppress(OSError):
            while not writer.is_closing():
                writer.write((b"\x81\x82" + bytes(4) + b"[]") * 1000)  # no message of the protocol
                await writer.drain()

    flooding, heard = asyncio.create_task(flood()), b""
    async with asyncio.timeout(6):  # it does not answer the close frame, for which uvicorn would wait 10 seconds
        with suppress(OSError):
            while more := await reader.read(4096):
                heard += more
    assert heard[2:4] == (4400).to_bytes(2, "big")
    writer.transport.abort()
    await flooding


async def test_of_too_many_who_do_not_initialise_the_oldest_give_way(tmp_path: Path) -> None:
    async with live_graph(tmp_path, uninitialised=2) as graph, graph.client() as client:
        async with graph.socket() as first, graph.socket() as second, graph.socket() as third:
            code, reason = await first.closed()
            assert (code, reason) == (4408, "Connection initialisation timeout: too many others wait, too")
            for one in (second, third):
                await one.send(type="connection_init", payload=graph.bearer("1002"))
                assert await one.next() == {"type": "connection_ack"}
        assert graph.counted("gateway_connections_refused_total", reason="initialise") == 1
        assert await client.is_alive()


@pytest.mark.parametrize(
    "head", [b"GET /graphql HTTP/1.1\r\nCookie: a=%s" % (b"a" * 8192), b"GET /graphql?%s HTTP/1.1" % (b"a" * 8192)]
)
async def test_a_handshake_with_a_longer_line_than_may_be_is_answered(graph: LiveGraph, head: bytes) -> None:
    async with connection(graph.address) as raw:
        await raw.send(head + b"\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        answered = await raw.answer()
        assert (answered.status, answered.header("connection")) == (431, "close")
        assert b"REQUEST_TOO_LARGE" in answered.body
        assert await raw.ended() == b""


async def test_a_text_that_is_none_leaves_no_stack_in_the_log(
    graph: LiveGraph, caplog: pytest.LogCaptureFixture
) -> None:
    async with graph.socket() as client:
        await client.connection.send(b"\xff", text=True)
        assert (await client.closed())[0] == 1007
    assert caplog.records == []


async def test_messages_that_are_not_complete_are_bounded_for_all_connections_together(tmp_path: Path) -> None:
    """Those of WebSockets count as parts of requests do, whether they are parts of a frame or of a message."""
    given = ServerSettings.model_validate({"limits": {"unfinished_bytes": 1024 * 1024}})
    of_a_frame = b"\x81\xfe\xff\xff" + bytes(4) + b" " * 60_000
    of_a_message = b"".join(bytes((head, 0xFE, 0x75, 0x30, *bytes(4))) + b" " * 30_000 for head in (1, 0))
    async with live_graph(tmp_path, server=given) as graph, AsyncExitStack() as stack:
        oldest, *others, newest = [await stack.enter_async_context(graph.socket()) for _ in range(24)]
        for one in (oldest, *others, newest):
            stack.callback(one.connection.transport.abort)
            await one.send(type="connection_init")
            assert await one.next() == {"type": "connection_ack"}
        oldest.connection.transport.write(of_a_frame)
        assert await newest.is_alive(), "by now that is read"
        for number, one in enumerate(others):
            one.connection.transport.write(of_a_frame if number % 2 else of_a_message)
        assert await oldest.closed() == (1013, TOO_MUCH_UNFINISHED)
        newest.connection.transport.write(of_a_message + bytes((0x80, 0x80, *bytes(4))))
        assert (await newest.closed())[0] == 4400, "it is complete, and no message"
