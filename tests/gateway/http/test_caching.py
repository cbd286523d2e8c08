"""Answers that caches may keep: of persisted documents that are the same for everybody, and of nothing else."""

import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from graphql import build_schema as read_schema
from zstandard import ZstdDecompressor

from gateway.documents_settings import DocumentsSettings
from gateway.scope_settings import ScopeSettings
from gateway.settings import GraphQLSettings
from tests.stack import Stack, stacked

SHARED = {
    "list": "query L($first: Int) { outages(first: $first) { totalCount pageInfo { endCursor } nodes { ...O } } }"
    " fragment O on Outage { __typename id name state startedAt ... { isOpen } }",
    "edges": "{ outages(first: 2) { edges { cursor node { name } } } __typename }",
    "one": "query One($id: ID!) { outage(id: $id) { name severity } }",
}
OWN = {
    "me": "{ me { id } outages { nodes { name } } }",
    "services": "{ outages { nodes { name affectedServices { totalCount } } } }",
    "tickets": "{ outages { nodes { name tickets { nodes { id } } } } }",
    "node": '{ node(id: "Outage:1") { id ... on Outage { name } } }',
    "type": "{ __typename }",
    "schema": "{ __schema { queryType { name } } }",
    "bill": '{ bill(id: "BILL-1001-1-07") { number } }',
}
KEPT = "private, max-age=10"


@pytest_asyncio.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    folder = tmp_path_factory.mktemp("caching")
    async with stacked(folder, customers=4, documents=manifest(folder)) as running:
        yield running


def manifest(folder: Path, **more: Any) -> DocumentsSettings:
    (folder / "m.json").write_text(json.dumps(SHARED | OWN))
    return DocumentsSettings(manifest_files=(folder / "m.json",), **more)


async def get(stack: Stack, who: str = "1001", **given: str) -> tuple[int, Any, bytes]:
    """Status, headers and body of a GET; `given` are parameters, and headers where a name has a capital."""
    headers = {"Authorization": f"Bearer {stack.token(who)}"} | {k: v for k, v in given.items() if k[0].isupper()}
    query = {name: value for name, value in given.items() if name[0].islower()}
    async with stack.session.get(f"{stack.address}/graphql", params=query, headers=headers) as answer:
        return answer.status, answer.headers, await answer.read()


async def test_what_is_the_same_for_all_is_kept_and_asked_for_again_by_its_tag(stack: Stack) -> None:
    (first, *_) = json.loads((await get(stack, documentId="list"))[2])["data"]["outages"]["nodes"]
    for document in SHARED:
        variables = json.dumps({"id": first["id"]} if document == "one" else {})
        status, headers, body = await get(stack, documentId=document, variables=variables)
        assert (status, headers["Cache-Control"], "errors" in json.loads(body)) == (200, KEPT, False)
        assert headers["Vary"] == "Accept, Accept-Encoding, Origin, Authorization"
        tag = headers["ETag"]
        for given in (tag, f'"x", {tag.removeprefix("W/")}', "*"):
            known = await get(stack, documentId=document, variables=variables, **{"If-None-Match": given})
            assert (known[0], known[2], known[1]["ETag"], known[1]["Cache-Control"]) == (304, b"", tag, KEPT)
        changed = await get(stack, documentId=document, variables=variables, **{"If-None-Match": '"x"'})
        assert (changed[0], changed[2]) == (200, body)


@pytest.mark.parametrize("document", OWN)
async def test_what_is_somebody_s_own_is_never_kept(stack: Stack, document: str) -> None:
    for who in ("1001", "agent"):
        status, headers, _ = await get(stack, who, documentId=document)
        assert (status, headers["Cache-Control"], headers.get("ETag")) == (200, "no-store", None)


async def test_only_a_persisted_document_asked_for_by_get_is_kept(stack: Stack) -> None:
    status, headers, _ = await get(stack, query=SHARED["edges"])
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    headers = stack.headers("1001")
    async with stack.session.post(f"{stack.address}/graphql", json={"documentId": "edges"}, headers=headers) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
    _, headers, _ = await get(stack, documentId="edges", **{"X-Gateway-Trace": "1"})
    assert headers["Cache-Control"] == "no-store"


async def test_an_answer_with_an_error_is_not_kept(stack: Stack) -> None:
    stack.systems["ticketing"].stop()
    try:
        status, headers, body = await get(stack, documentId="list")
        assert (status, headers["Cache-Control"]) == (200, "no-store")
        assert json.loads(body)["errors"]
    finally:
        stack.reset()


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"documents": {"caching": "public"}}, ("public, max-age=10", "Accept, Accept-Encoding, Origin")),
        ({"documents": {"caching": "off"}}, ("no-store", "Accept, Authorization")),
        (
            {"scopes": ScopeSettings(fields={"Outage.name": (("usage:read",),)})},
            ("no-store", "Accept, Authorization"),
        ),
        (
            {"systems": {"ticketing": {"auth": {"kind": "forward"}}}},
            ("no-store", "Accept, Authorization"),
        ),
    ],
    ids=["public", "off", "scoped", "forwarded"],
)
async def test_the_settings_say_who_keeps_it(tmp_path: Path, more: dict[str, Any], expected: tuple[str, str]) -> None:
    documents = manifest(tmp_path, **more.pop("documents", {}))
    async with stacked(tmp_path, customers=2, documents=documents, **more) as stack:
        _, headers, _ = await get(stack, documentId="edges")
        assert (headers["Cache-Control"], headers["Vary"]) == expected


async def test_the_schema_can_be_fetched_by_whoever_may_read_it(stack: Stack) -> None:
    url = f"{stack.address}/schema.graphql"
    file = (Path(__file__).parents[3] / "schema.graphql").read_text()
    async with stack.session.get(url) as answer:
        assert (answer.status, answer.content_type, await answer.text()) == (200, "text/plain", file)
        assert answer.headers["Cache-Control"] == "private, no-cache"
        read_schema(file)
        tag = answer.headers["ETag"]
    async with stack.session.get(url, headers={"If-None-Match": tag}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")
    async with stack.session.head(url) as answer:
        assert (answer.status, answer.headers["ETag"]) == (200, tag)
    async with stack.session.post(url) as answer:
        assert answer.status == 405


@pytest.mark.parametrize(
    ("rule", "statuses"),
    [
        ("nobody", (403, 403, 403)),
        ("staff", (401, 403, 200)),
        ("signed-in", (401, 200, 200)),
    ],
)
async def test_the_rule_of_introspection_is_the_schema_s(
    tmp_path: Path, rule: Any, statuses: tuple[int, int, int]
) -> None:
    scopes = ScopeSettings(fields={"Query.customers": (("usage:read",),)})
    async with stacked(tmp_path, customers=2, graphql=GraphQLSettings(introspection=rule), scopes=scopes) as stack:
        for who, expected in zip((None, "1001", "agent"), statuses, strict=True):
            async with stack.session.get(f"{stack.address}/schema.graphql", headers=stack.headers(who)) as answer:
                assert answer.status == expected
                text = await answer.text()
                if expected == 200:  # what the settings tighten is shown
                    assert "search: String" in text
                    assert '@requiresScopes(scopes: [["usage:read"]])' in text.partition("  customers(")[2][:900]
                else:
                    wanted = "UNAUTHENTICATED" if expected == 401 else "INTROSPECTION_DISABLED"
                    assert json.loads(text)["errors"][0]["extensions"]["code"] == wanted


@pytest.mark.parametrize(
    ("accepts", "coding"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.5, gzip", "gzip"),
        ("zstd;q=0, gzip;q=0.1", "gzip"),
        ("x-gzip", "gzip"),
        ("br", None),
        ("zstd;q=0", None),
        (f"{'a' * 500}, zstd", "zstd"),
    ],
)
async def test_answers_are_compressed_as_the_client_takes_them(stack: Stack, accepts: str, coding: str | None) -> None:
    query = "{ __schema { types { name description } } }"
    headers = stack.headers("agent") | {"Accept-Encoding": accepts}
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.post(f"{stack.address}/graphql", json={"query": query}, headers=headers) as answer,
    ):
        body = await answer.read()
        assert answer.headers.get("Content-Encoding") == coding
        assert answer.headers["Vary"] == "Accept, Authorization, Accept-Encoding"
    if coding is not None:
        body = ZstdDecompressor().decompress(body) if coding == "zstd" else gzip.decompress(body)
    assert json.loads(body)["data"]


@pytest.mark.parametrize("accept", ["application/graphql+json", "application/graphql", "text/json; charset=utf-8"])
async def test_what_older_clients_accept_is_answered_in_json(stack: Stack, accept: str) -> None:
    headers = stack.headers("agent") | {"Accept": accept}
    body = {"query": "{ __typename }"}
    for path in ("/graphql", "/graphql/"):
        async with stack.session.post(f"{stack.address}{path}", json=body, headers=headers) as answer:
            assert (answer.status, answer.content_type) == (200, "application/json")
            assert (await answer.json())["data"] == {"__typename": "Query"}
