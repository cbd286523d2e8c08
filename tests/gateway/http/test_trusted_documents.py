"""Documents of manifests: named in each protocol, in each mode, loaded anew while the gateway runs, and compiled."""

import asyncio
import json
import logging
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from connectors.secret_files import UnusableFile
from gateway.documents_settings import DocumentsSettings
from gateway.engine import Engine, plans
from gateway.errors import CODES
from gateway.http.persisted_queries import PersistedQueries
from gateway.http.request import GraphQLRequest
from gateway.http.trusted_documents import TrustedDocuments
from gateway.live_settings import LiveSettings
from gateway.manifests import documents_in, sha256_id
from gateway.settings_file import WrongSettings, load
from resolvers.viewer import Viewer, ViewerKind
from schema import build_schema
from tests.gateway.http.manifest_writers import FOLDER, MADE, installed, manifests_made, run
from tests.gateway.http.small_graph import small_graph
from tests.gateway.test_settings import SYSTEMS, write
from tests.stack import Stack, stacked

TOOLS = sorted(path.stem for path in MADE.glob("*.json"))
UNKNOWN = "query Unknown { outages(first: 1) { nodes { id } } }"
MODES = {"anonymous": "open", "subscriber": "only", "agent": "preferred", "admin": "open"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifests as the three tools made them, and one that changes."""
    made = tmp_path_factory.mktemp("manifests")
    for tool in TOOLS:
        shutil.copy(MADE / f"{tool}.json", made)
    (made / "changing.json").write_text(json.dumps({"v1": "query V1 { me { id } }"}))
    return made


@pytest_asyncio.fixture(scope="module")
async def stack(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    documents = DocumentsSettings(
        manifest_files=tuple(folder / f"{name}.json" for name in [*TOOLS, "changing"]), reload=0.05, **MODES
    )
    live = LiveSettings(enabled=True)
    async with stacked(tmp_path_factory.mktemp("stack"), customers=4, documents=documents, live=live) as running:
        yield running


async def post(stack: Stack, who: str | None, accept: str = "application/json", **body: Any) -> tuple[int, Any]:
    headers = stack.headers(who) | {"Accept": accept}
    async with stack.session.post(f"{stack.address}/graphql", json=body, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


def code(answered: tuple[int, Any]) -> tuple[int, str]:
    status, body = answered
    return status, body["errors"][0]["extensions"]["code"]


class Lines(list[str]):
    """What is logged, and a way to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.event = asyncio.Event()

    async def have(self, word: str) -> None:
        """Wait for a line with this word."""
        async with asyncio.timeout(60):
            while not any(word in line for line in self):
                self.event.clear()
                await self.event.wait()


@contextmanager
def logged(level: int = logging.INFO) -> Iterator[Lines]:
    """Messages of the gateway about documents."""
    lines = Lines()

    def emit(record: logging.LogRecord) -> None:
        lines.append(record.getMessage())
        lines.event.set()

    handler = logging.Handler(level)
    handler.emit = emit  # type: ignore[method-assign]
    log = logging.getLogger("gateway.documents")
    before = log.level
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    try:
        yield lines
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


@pytest.mark.parametrize("tool", TOOLS)
async def test_each_tool_s_documents_are_known_by_each_of_their_names(stack: Stack, folder: Path, tool: str) -> None:
    by_id = documents_in([folder / f"{tool}.json"], 100)
    assert len(set(by_id.values())) == 2
    for given, text in by_id.items():
        variables = {"withTickets": True} if "withTickets" in text else {}
        expected = await post(stack, "admin", query=text, variables=variables)
        assert expected[1].keys() - {"extensions"} == {"data"}
        assert expected[1]["data"].keys() <= {"me", "outages"}
        answers = [
            await post(stack, "1001", documentId=given, variables=variables),
            await post(stack, "1001", documentId=sha256_id(text), variables=variables),
            await post(stack, "1001", query=text, variables=variables),
            await post(stack, "1001", documentId=given, query=text, variables=variables),
            await post(stack, "1001", extensions=apollo(given.removeprefix("sha256:")), variables=variables),
        ]
        query = {"documentId": given, "variables": json.dumps(variables)}
        headers = stack.headers("1001")
        async with stack.session.get(f"{stack.address}/graphql", params=query, headers=headers) as answer:
            answers.append((answer.status, await answer.json()))
        assert {status for status, _ in answers} == {200}
        assert len({json.dumps(body["data"]) for _, body in answers}) == 1
        assert "errors" not in answers[0][1]


def apollo(digest: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": digest}}


@pytest.mark.parametrize(
    "unknown",
    [{"query": UNKNOWN}, {"documentId": sha256_id(UNKNOWN)}, {"documentId": "x"}, {"extensions": apollo("0" * 64)}],
    ids=["text", "id", "own-id", "hash"],
)
async def test_an_unknown_document_in_each_mode(stack: Stack, unknown: dict[str, Any]) -> None:
    for accept in ("application/json", "application/graphql-response+json"):
        assert code(await post(stack, "1001", accept, **unknown)) == (403, "DOCUMENT_NOT_ALLOWED")
    assert "DOCUMENT_NOT_ALLOWED" in CODES
    for who in ("agent", "admin"):
        answered = await post(stack, who, **unknown)
        if "query" in unknown:
            assert answered[0] == 200
            assert "errors" not in answered[1]
        else:
            status = 200 if "extensions" in unknown else 400
            assert code(answered) == (status, "PERSISTED_QUERY_NOT_FOUND")
    assert code(await post(stack, None, **unknown))[1] in ("UNAUTHENTICATED", "PERSISTED_QUERY_NOT_FOUND")


async def test_what_is_no_manifest_s_is_logged_once_where_those_are_preferred(stack: Stack) -> None:
    text = "query Logged { viewer { kind } }"
    with logged(logging.WARNING) as lines:
        for _ in range(3):
            await post(stack, "agent", query=text, operationName="Logged")
            await post(stack, "admin", query=text, operationName="Logged")
            await post(stack, "agent", documentId="v1")
    assert lines == [
        f"a document of no manifest: {sha256_id(text)!r} (operation 'Logged'), from a caller of the kind agent"
    ]


async def test_what_clients_choose_does_not_flood_the_log(tmp_path: Path) -> None:
    with logged(logging.WARNING) as lines:
        (tmp_path / "m.json").write_text('{"a": "{ __typename }"}')
        settings = DocumentsSettings(manifest_files=(tmp_path / "m.json",), agent="preferred")
        trusted = TrustedDocuments(Engine(build_schema()), settings)
        await trusted.load()
        for number in range(200):
            request = GraphQLRequest(f"{{ a{number}: __typename }}", "x" * 5000 + "\n", {}, {})
            assert trusted.find(request, Viewer(ViewerKind.AGENT)) is None
    assert len(lines) == 60
    assert max(map(len, lines)) < 400
    assert "\n" not in "".join(lines)


async def test_somebody_without_a_token_learns_nothing_by_a_published_document(stack: Stack) -> None:
    assert code(await post(stack, None, documentId="v1")) == (401, "UNAUTHENTICATED")


async def test_over_a_websocket_it_is_the_same(stack: Stack) -> None:
    url = f"{stack.address.replace('http', 'ws')}/graphql"
    async with asyncio.timeout(30), stack.session.ws_connect(url, protocols=["graphql-transport-ws"]) as socket:
        token = f"Bearer {stack.token('1001')}"
        await socket.send_json({"type": "connection_init", "payload": {"Authorization": token}})
        assert (await socket.receive_json())["type"] == "connection_ack"
        await socket.send_json({"id": "1", "type": "subscribe", "payload": {"documentId": "v1"}})
        answer = await socket.receive_json()
        assert (answer["type"], answer["payload"]["data"]) == ("next", {"me": {"id": "Customer:1001"}})
        assert (await socket.receive_json())["type"] == "complete"
        await socket.send_json({"id": "2", "type": "subscribe", "payload": {"query": UNKNOWN}})
        answer = await socket.receive_json()
        assert (answer["type"], answer["payload"][0]["extensions"]["code"]) == ("error", "DOCUMENT_NOT_ALLOWED")


async def test_a_changed_manifest_is_loaded_without_a_restart(stack: Stack, folder: Path) -> None:
    async def change(content: str, lines: Lines, word: str) -> None:
        lines.clear()
        fresh = folder / "fresh.json"
        fresh.write_text(content)
        os.replace(fresh, folder / "changing.json")
        await lines.have(word)

    assert (await post(stack, "1001", documentId="v1"))[0] == 200
    with logged() as lines:
        await change(json.dumps({"v2": "query V2 { me { id name } }"}), lines, "are loaded")
        assert (await post(stack, "1001", documentId="v2"))[1]["data"]["me"]["id"] == "Customer:1001"
        assert code(await post(stack, "1001", documentId="v1")) == (403, "DOCUMENT_NOT_ALLOWED")
        await change("{", lines, "is not JSON")
        assert "the documents from before stay in use" in lines[0]
        assert (await post(stack, "1001", documentId="v2"))[0] == 200
        await change(json.dumps({"v1": "query V1 { me { id } }"}), lines, "are loaded")
        assert (await post(stack, "1001", documentId="v1"))[0] == 200


async def test_documents_are_compiled_when_they_are_loaded_and_need_no_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled, count = plans.compiled, 0

    def counted(*arguments: Any) -> Any:
        nonlocal count
        count += 1
        return compiled(*arguments)

    monkeypatch.setattr(plans, "compiled", counted)
    home = "query H($a: Boolean!) { me { id name @include(if: $a) } } query O { me { id } } mutation M { __typename }"
    (tmp_path / "m.json").write_text(json.dumps({"home": home}))
    documents = DocumentsSettings(manifest_files=(tmp_path / "m.json",), subscriber="only")
    async with stacked(tmp_path, customers=2, documents=documents) as stack:
        assert count == 4  # two for the variable, and one for each other operation
        for number in range(40):  # more than an eighth of the cache, which is one caller's share
            await post(stack, "admin", query=f"{{ {' '.join(f'a{number}_{at}: __typename' for at in range(30))} }}")
        count = 0
        for given in (True, False):
            answered = await post(stack, "1001", documentId="home", operationName="H", variables={"a": given})
            assert ("name" in answered[1]["data"]["me"]) is given
        assert (await post(stack, "1001", documentId="home", operationName="O"))[0] == 200
        assert count == 0


async def test_a_document_that_does_not_fit_the_schema_is_named_and_the_others_are_served(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps({"old": "{ me { shoeSize } }", "good": "{ me { id } }"}))
    documents = DocumentsSettings(manifest_files=(tmp_path / "m.json",))
    with logged(logging.ERROR) as lines:
        async with stacked(tmp_path, customers=2, documents=documents) as stack:
            assert lines == [
                "the document 'old' of the manifests cannot be run: Cannot query field 'shoeSize' on type 'Customer'."
            ]
            modern = "application/graphql-response+json"
            answered = await post(stack, "1001", modern, documentId="old")
            assert code(answered) == (400, "GRAPHQL_VALIDATION_FAILED")
            assert (await post(stack, "1001", documentId="good"))[0] == 200


async def test_an_id_beside_a_text_must_be_its_own(stack: Stack) -> None:
    wrong = sha256_id("{ other }")
    text = "query V1 { me { id } }"
    for body in ({"documentId": wrong}, {"extensions": apollo(wrong.removeprefix("sha256:"))}):
        answered = await post(stack, "1001", query=text, **body)
        assert code(answered) == (400, "PERSISTED_QUERY_HASH_MISMATCH")
    assert code(await post(stack, "1001", query=text, documentId="v9")) == (400, "BAD_REQUEST")


async def test_apollo_s_store_is_asked_by_document_ids_too() -> None:
    text = "{ who }"
    persisted = PersistedQueries()
    async with small_graph(persisted=persisted) as url:
        import aiohttp

        async with aiohttp.ClientSession() as session:

            async def ask(**body: Any) -> tuple[int, Any]:
                async with session.post(url, json=body) as answer:
                    return answer.status, await answer.json()

            assert code(await ask(documentId=sha256_id(text))) == (400, "PERSISTED_QUERY_NOT_FOUND")
            assert await ask(documentId=sha256_id(text), query=text) == (200, {"data": {"who": "agent"}})
            assert await ask(documentId=sha256_id(text)) == (200, {"data": {"who": "agent"}})
            assert await ask(extensions=apollo(sha256_id(text)[7:])) == (200, {"data": {"who": "agent"}})
            assert code(await ask(documentId=7)) == (400, "BAD_REQUEST")
            async with session.get(url, params={"documentId": sha256_id(text)}) as answer:
                assert await answer.json() == {"data": {"who": "agent"}}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "is empty"),
        ("[]", "is no manifest: it must be a JSON object"),
        ('{"a": 1}', "'a': must be a document under its id"),
        ('{"": "{ me { id } }"}', "'': must be a document under its id"),
        ('{"sha256:00": "{ me { id } }"}', "'sha256:00' is not the hash of its document, which is 'sha256:"),
        ('{"format": "other"}', "has another format than 'apollo-persisted-query-manifest', version 1"),
        ('{"format": "apollo-persisted-query-manifest", "version": 1}', "operations: must be a list"),
        (
            '{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "a"}]}',
            "operations.0: must have the texts id and body",
        ),
        (
            '{"a": "{ __typename }", "b": "{ me { id } }", "c": "{ viewer { kind } }"}',
            "have 3 documents; documents.most",
        ),
    ],
)
def test_a_manifest_that_cannot_be_used_is_named(tmp_path: Path, content: str, why: str) -> None:
    (tmp_path / "m.json").write_text(content)
    with pytest.raises(WrongSettings) as caught:
        load(write(tmp_path, f'{SYSTEMS}\n[documents]\nmanifest_files = ["m.json"]\nmost = 2\n'))
    (problem,) = caught.value.problems
    assert "documents.manifest_files" in problem
    assert why in problem


def test_two_manifests_must_agree(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"x": "{ me { id } }"}')
    (tmp_path / "b.json").write_text('{"x": "{ me { name } }"}')
    with pytest.raises(UnusableFile, match=r"b\.json: 'x' is another document than in .*a\.json"):
        documents_in([tmp_path / "a.json", tmp_path / "b.json"], 10)


def test_a_mode_needs_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match=r"documents\.agent.*should be 'open', not 'only', without documents\.mani"):
        load(write(tmp_path, f'{SYSTEMS}\n[documents]\nagent = "only"\n'))


@pytest.mark.long
async def test_the_manifests_are_what_the_tools_write_today(tmp_path: Path) -> None:
    made = await manifests_made(tmp_path)
    assert made == {tool: (MADE / f"{tool}.json").read_text() for tool in TOOLS}


@pytest.mark.long
async def test_apollo_client_asks_for_a_published_document_and_sends_no_text(stack: Stack) -> None:
    node = await installed()
    given = {
        "endpoint": f"{stack.address}/graphql",
        "token": stack.token("1001"),
        "manifest": str(MADE / "apollo.json"),
        "document": str(FOLDER / "src/documents/home.graphql"),
    }
    code, said = await run(node, "apollo.mjs", json.dumps(given), cwd=FOLDER)
    assert code == 0, said
    assert json.loads(said) == {"me": "Customer:1001", "sent": [["extensions", "operationName", "variables"]]}


@pytest.mark.long
async def test_a_thousand_documents_are_compiled_before_the_first_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = [text for tool in TOOLS for text in documents_in([MADE / f"{tool}.json"], 100).values()]
    texts = {f"d{number}": f"# {number}\n{written[number % len(written)]}" for number in range(1000)}
    (tmp_path / "m.json").write_text(json.dumps(texts))
    documents = DocumentsSettings(manifest_files=(tmp_path / "m.json",), subscriber="only")
    with logged() as lines:
        async with stacked(tmp_path, customers=2, documents=documents) as stack:
            with capsys.disabled():
                print(*lines, sep="\n")
            assert lines[0].startswith("1000 documents of 1 manifests are loaded")

            def compiled(*_: Any) -> Any:
                raise AssertionError("nothing is compiled any more")

            monkeypatch.setattr(plans, "compiled", compiled)
            for given, text in texts.items():
                variables = {"withTickets": False} if "withTickets" in text else {}
                assert "errors" not in (await post(stack, "1001", documentId=given, variables=variables))[1]
