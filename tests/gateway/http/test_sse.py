"""Streams of events, as raw clients meet them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio
from graphql import GraphQLError

from gateway.http.media_types import EVENTS, RESPONSE_JSON
from gateway.live.subscription import Message
from resolvers.errors import BadInput
from tests.gateway.http.live_graph import PATIENCE, LiveGraph, live_graph

URQL = f"{RESPONSE_JSON}, application/graphql+json, application/json, {EVENTS}, multipart/mixed"


@pytest_asyncio.fixture(scope="module")
async def _served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LiveGraph]:
    async with live_graph(tmp_path_factory.mktemp("live"), connections_per_caller=3) as served:
        yield served


@pytest_asyncio.fixture
async def graph(_served: LiveGraph) -> LiveGraph:
    """With nobody connected any more."""
    await _served.feed.has(0)
    _served.feed.refusal = []
    return _served


class Stream:
    """A stream that is read event by event."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def block(self) -> str:
        """What comes until the next empty line; empty at the end."""
        async with asyncio.timeout(PATIENCE):
            lines = []
            while line := (await self.answer.content.readline()).decode().rstrip("\n"):
                lines.append(line)
            return "\n".join(lines)

    async def event(self) -> Any:
        """The answer of the next `next`, or "complete". Comments are passed over."""
        while (block := await self.block()).startswith(":"):
            pass
        if block == "event: complete\ndata:":
            return "complete"
        kind, data = block.split("\n")
        assert (kind, data[:6]) == ("event: next", "data: ")
        return orjson.loads(data[6:])


@asynccontextmanager
async def asking(
    graph: LiveGraph,
    query: str = "subscription { ticked }",
    *,
    accept: str = EVENTS,
    headers: dict[str, str] | None = None,
    method: str = "POST",
) -> AsyncIterator[Stream]:
    sent = {"Accept": accept, **(graph.bearer() if headers is None else headers)}
    given = {"json": {"query": query}} if method == "POST" else {"params": {"query": query}}
    async with (
        aiohttp.ClientSession(headers=sent) as session,
        session.request(method, graph.url, **given) as answer,  # type: ignore[arg-type]  # one of the two
    ):
        yield Stream(answer)


@pytest.mark.parametrize(("method", "accept"), [("POST", EVENTS), ("GET", EVENTS), ("POST", URQL)])
async def test_a_subscription_is_told_until_its_client_leaves(graph: LiveGraph, method: str, accept: str) -> None:
    async with asking(graph, accept=accept, method=method, headers=graph.bearer() | {"Accept-Encoding": "gzip"}) as one:
        assert one.answer.status == 200
        assert one.answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert one.answer.headers["Cache-Control"] == "no-store"
        assert one.answer.headers["X-Accel-Buffering"] == "no"
        assert "Content-Encoding" not in one.answer.headers
        assert await one.block() == ":"
        await graph.feed.has(1)
        graph.feed.tell(1)
        assert await one.event() == {"data": {"ticked": 1}}
        for number in (2, 3):
            graph.feed.tell(number)
        assert [await one.event(), await one.event()] == [{"data": {"ticked": 2}}, {"data": {"ticked": 3}}]
        for number in (4, 5):
            graph.feed.tell(number, "the same")
        assert await one.event() == {"data": {"ticked": 5}, "extensions": {"skipped": 1}}
        assert graph.counted("gateway_subscriptions", transport="sse") == 1
    await graph.feed.has(0)
    assert graph.counted("gateway_subscriptions_ended_total", transport="sse", reason="client") >= 1


@pytest.mark.parametrize("accept", [URQL, f"{EVENTS}, application/json", "*/*"])
async def test_a_query_is_answered_in_json_where_that_is_taken(graph: LiveGraph, accept: str) -> None:
    async with asking(graph, "{ who }", accept=accept) as one:
        assert "json" in one.answer.headers["Content-Type"]
        assert await one.answer.json(content_type=None) == {"data": {"who": "customer"}}


async def test_a_query_is_one_event_where_only_that_is_taken(graph: LiveGraph) -> None:
    async with asking(graph, "{ who long }", headers=graph.bearer() | {"Accept-Encoding": "gzip"}) as one:
        assert (one.answer.status, one.answer.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
        assert "Content-Encoding" not in one.answer.headers
        assert (await one.event())["data"]["who"] == "customer"
        assert await one.event() == "complete"
        assert await one.block() == ""


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("", "BAD_REQUEST"),
        ("query($n: String!) { hello(name: $n) }", "BAD_USER_INPUT"),
    ],
)
async def test_what_is_wrong_is_one_event(graph: LiveGraph, query: str, code: str) -> None:
    async with asking(graph, query) as one:
        assert (one.answer.status, one.answer.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
        answer = await one.event()
        assert ([error["extensions"]["code"] for error in answer["errors"]], "data" in answer) == ([code], False)
        assert await one.event() == "complete"


async def test_what_the_feed_refuses_is_one_event(graph: LiveGraph) -> None:
    graph.feed.refusal = [GraphQLError("", original_error=BadInput("too many ids"))]
    async with asking(graph, accept=URQL) as one:
        assert (await one.event())["errors"][0]["message"] == "too many ids"
        assert await one.event() == "complete"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}])
async def test_without_a_good_token_it_is_refused_as_a_query_is(graph: LiveGraph, headers: dict[str, str]) -> None:
    async with asking(graph, headers=headers) as one:
        assert one.answer.status == 401
        assert one.answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert (await one.event())["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert await one.event() == "complete"


async def test_a_token_that_has_ended_opens_no_stream(graph: LiveGraph) -> None:
    async with asking(graph, headers=graph.bearer(lifetime=-1)) as one:  # within the seconds by which clocks may differ
        assert one.answer.status == 401
        assert "expired" in (await one.event())["errors"][0]["message"]


async def test_a_subscription_that_takes_no_events_is_told_what_to_do(graph: LiveGraph) -> None:
    async with asking(graph, accept="application/json") as one:
        answer = await one.answer.json()
        assert one.answer.status == 406
        assert answer["errors"][0]["extensions"]["code"] == "NOT_ACCEPTABLE"
        assert "text/event-stream" in answer["errors"][0]["message"]


async def test_switched_off_is_said(tmp_path: Path) -> None:
    async with live_graph(tmp_path, enabled=False) as graph, asking(graph) as one:
        assert (await one.event())["errors"][0]["extensions"]["code"] == "NOT_SUPPORTED"
        assert await one.event() == "complete"


async def test_the_tokens_end_completes_the_stream(tmp_path: Path) -> None:
    async with live_graph(tmp_path) as graph, asking(graph, headers=graph.bearer(lifetime=2)) as one:
        assert await one.event() == "complete"
        assert await one.block() == ""
        await graph.feed.has(0)
        assert graph.counted("gateway_subscriptions_ended_total", transport="sse", reason="token") == 1


async def test_comments_keep_it_alive(tmp_path: Path) -> None:
    async with live_graph(tmp_path, ping=0.1) as graph, asking(graph) as one:
        assert [await one.block() for _ in range(4)] == [":"] * 4


async def test_connections_are_limited(graph: LiveGraph) -> None:
    async with asking(graph), asking(graph), graph.client():
        async with asking(graph) as one:
            assert (one.answer.status, one.answer.headers["Retry-After"]) == (429, "5")
            error = (await one.event())["errors"][0]
            assert error["message"] == "This caller has 3 connections open, as many as it may. Close one."
            assert error["extensions"] == {"code": "LIMIT_EXCEEDED", "retryable": True}
        async with asking(graph, headers=graph.bearer("1002")) as other:
            assert other.answer.status == 200


async def test_connections_in_all_are_limited(tmp_path: Path) -> None:
    async with live_graph(tmp_path, connections=1) as graph:
        async with graph.client("1002"), asking(graph) as one:
            assert one.answer.status == 503
        async with asking(graph) as one:
            assert one.answer.status == 200


async def test_a_client_that_does_not_read_is_cut_off(tmp_path: Path) -> None:
    async with live_graph(tmp_path, send=0.5) as graph, asking(graph) as one:
        await graph.feed.has(1)
        large = Message(b'{"data":"%s"}' % (b"x" * 1_000_000))
        for number in range(20):  # more than fits into the buffers of two sockets on one machine
            graph.feed.subscriptions[0].tell(f"Thing:{number}", large)
        await graph.feed.has(0)
        assert graph.counted("gateway_subscriptions_ended_total", transport="sse", reason="not reading") == 1
        with pytest.raises(aiohttp.ClientError):
            await one.answer.read()


async def test_clients_are_asked_to_reconnect_when_the_server_ends(tmp_path: Path) -> None:
    async with live_graph(tmp_path, prompt=False, leave=0.3) as graph, asking(graph) as one:
        assert await one.block() == ":"
        await graph.feed.has(1)
        assert graph.server is not None
        graph.server.should_exit = True
        retry = await one.block()
        assert retry.startswith("retry: ")
        assert 1000 <= int(retry.removeprefix("retry: ")) <= 5000
        assert await one.event() == "complete"
        assert await one.block() == ""
        await graph.feed.has(0)
        assert graph.counted("gateway_subscriptions_ended_total", transport="sse", reason="restart") == 1
