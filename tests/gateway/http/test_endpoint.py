"""The endpoint, over real HTTP: shapes, media types, status codes, limits, errors, hanging up."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import graphql
import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse
from yarl import URL

from connectors.errors import ConnectorError
from gateway import engine
from gateway.auth.access import SignInRequiredError
from gateway.auth.refusals import AuthUnavailableError
from gateway.engine.limits import Limits
from gateway.errors import CODES, RequestError
from gateway.http import operations as graphql_http
from resolvers.errors import PublicError
from resolvers.viewer import ANONYMOUS, Viewer, ViewerKind
from tests.gateway.http.small_graph import AGENT, Seen, small_graph

RESPONSE_JSON = "application/graphql-response+json"
JSON = "application/json"


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


@pytest.fixture(scope="module")
async def url() -> AsyncIterator[str]:
    async with small_graph() as address:
        yield address


async def ask(
    client: aiohttp.ClientSession, url: str, query: str, accept: str = RESPONSE_JSON, **parameters: Any
) -> tuple[int, dict[str, Any]]:
    async with client.post(url, json={"query": query, **parameters}, headers={"Accept": accept}) as answer:
        return answer.status, await answer.json(content_type=None)


def codes(body: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in body["errors"]]


async def test_post_answers_with_data(client: aiohttp.ClientSession, url: str) -> None:
    status, body = await ask(client, url, "query($n: String!) { hello(name: $n) }", variables={"n": "Ana"})
    assert (status, body) == (200, {"data": {"hello": "Hello Ana"}})


async def test_get_answers_queries(client: aiohttp.ClientSession, url: str) -> None:
    query = {"query": "query A($n: String!) { hello(name: $n) } query B { who }", "variables": '{"n": "Ö&"}'}
    async with client.get(url, params={**query, "operationName": "A"}) as answer:
        assert (answer.status, await answer.json()) == (200, {"data": {"hello": "Hello Ö&"}})
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Vary"] == "Accept, Authorization"


@pytest.mark.parametrize("accept", [RESPONSE_JSON, JSON])
async def test_a_mutation_by_get_is_refused_and_not_run(client: aiohttp.ClientSession, accept: str) -> None:
    seen = Seen()
    async with small_graph(seen) as url:
        async with client.get(url, params={"query": "mutation { bump }"}, headers={"Accept": accept}) as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "POST")
            assert codes(await answer.json(content_type=None)) == ["METHOD_NOT_ALLOWED"]
        assert seen.bumps == 0
        assert await ask(client, url, "mutation { bump }") == (200, {"data": {"bump": 1}})


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*;q=0.2, text/html", JSON),
        (JSON, JSON),
        (RESPONSE_JSON, RESPONSE_JSON),
        (f"{JSON}, {RESPONSE_JSON}", RESPONSE_JSON),
        (f"{RESPONSE_JSON};q=0.3, {JSON};q=0.9", JSON),
        (f"{RESPONSE_JSON}; charset=utf-8, {JSON};q=0.9", RESPONSE_JSON),
        (f"{RESPONSE_JSON}, */*;q=0.1", RESPONSE_JSON),
        (f"{JSON};q=0, */*", RESPONSE_JSON),
        (f"multipart/mixed;deferSpec=20220824, {RESPONSE_JSON}, {JSON}", RESPONSE_JSON),
    ],
)
async def test_accept_chooses_the_media_type(
    client: aiohttp.ClientSession, url: str, accept: str | None, answered: str
) -> None:
    headers = {"Accept": accept} if accept else None
    async with client.post(
        url, json={"query": "{ who }"}, headers=headers, skip_auto_headers=() if accept else ("Accept",)
    ) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, f"{answered}; charset=utf-8")


@pytest.mark.parametrize("accept", ["text/html", "image/*", f"{JSON};q=0", f"{JSON}; charset=latin1", f"{JSON};q=x"])
async def test_what_cannot_be_answered_is_406(client: aiohttp.ClientSession, url: str, accept: str) -> None:
    status, body = await ask(client, url, "{ who }", accept)
    assert (status, codes(body)) == (406, ["NOT_ACCEPTABLE"])


@pytest.mark.parametrize(
    ("query", "parameters", "code"),
    [
        ("{", {}, "GRAPHQL_PARSE_FAILED"),
        ("{ node { } }", {}, "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("fragment F on Query { who }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query A { who } query B { who }", {}, "OPERATION_RESOLUTION_FAILURE"),
        ("query A { who }", {"operationName": "C"}, "OPERATION_RESOLUTION_FAILURE"),
        ("query($n: String!) { hello(name: $n) }", {}, "BAD_USER_INPUT"),
        ("query($n: String!) { hello(name: $n) }", {"variables": {"n": 4}}, "BAD_USER_INPUT"),
    ],
)
async def test_what_cannot_be_executed_is_400_or_200_by_media_type(
    client: aiohttp.ClientSession, url: str, query: str, parameters: dict[str, Any], code: str
) -> None:
    for accept, expected in ((RESPONSE_JSON, 400), (JSON, 200)):
        status, body = await ask(client, url, query, accept, **parameters)
        assert (status, set(codes(body))) == (expected, {code})
        assert "data" not in body


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"query": "\xff"}', "not JSON"),
        (b"[" * 5000, "not JSON"),
        (b"3", "must be a JSON object"),
        (b'[{"query": "{ who }"}]', "Batches are not supported"),
        (b"{}", "'query' is missing"),
        (b'{"query": ""}', "'query' is missing"),
        (b'{"query": {}}', "'query' must be a string"),
        (b'{"query": "{ who }", "operationName": 1}', "'operationName' must be"),
        (b'{"query": "{ who }", "variables": "{}"}', "'variables' must be an object"),
        (b'{"query": "{ who }", "variables": []}', "'variables' must be an object"),
        (b'{"query": "{ who }", "extensions": false}', "'extensions' must be an object"),
    ],
)
async def test_a_wrong_body_is_400(client: aiohttp.ClientSession, url: str, body: bytes, says: str) -> None:
    for accept in (JSON, RESPONSE_JSON):
        headers = {"Content-Type": JSON, "Accept": accept}
        async with client.post(url, data=body, headers=headers) as answer:
            answered = await answer.json(content_type=None)
            assert (answer.status, codes(answered)) == (400, ["BAD_REQUEST"])
            assert says in answered["errors"][0]["message"]


@pytest.mark.parametrize(
    "parameters",
    [[], [("query", "")], [("query", "{ who }"), ("variables", "x")], [("query", "{ who }"), ("query", "{ node }")]],
)
async def test_a_wrong_query_string_is_400(
    client: aiohttp.ClientSession, url: str, parameters: list[tuple[str, str]]
) -> None:
    async with client.get(url, params=parameters) as answer:
        assert (answer.status, codes(await answer.json())) == (400, ["BAD_REQUEST"])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=latin1"},
        {"Content-Type": JSON, "Content-Encoding": "gzip"},
    ],
)
async def test_only_plain_json_is_read(client: aiohttp.ClientSession, headers: dict[str, str]) -> None:
    seen = Seen()
    async with small_graph(seen) as url:
        body = b'{"query": "mutation { bump }"}'
        if "Content-Encoding" in headers:
            body = gzip.compress(body)
        async with client.post(url, data=body, headers=headers, skip_auto_headers=["Content-Type"]) as answer:
            assert (answer.status, codes(await answer.json())) == (415, ["UNSUPPORTED_MEDIA_TYPE"])
        assert seen.bumps == 0


async def test_other_methods_are_405(client: aiohttp.ClientSession, url: str) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        async with client.request(method, url, json={"query": "{ who }"}) as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "GET, POST")
            assert codes(await answer.json()) == ["METHOD_NOT_ALLOWED"]


async def test_a_large_body_is_413_announced_or_not(client: aiohttp.ClientSession) -> None:
    query = "{ who }"
    whole = json.dumps({"query": query}).encode()

    async def pieces(body: bytes) -> AsyncIterator[bytes]:
        for at in range(0, len(body), 10):
            yield body[at : at + 10]

    async with small_graph(limits=Limits(max_body_bytes=len(whole))) as url:
        for extra, status in ((b"", 200), (b" ", 413)):
            for body in (whole + extra, pieces(whole + extra)):  # With Content-Length, and in chunks without.
                async with client.post(url, data=body, headers={"Content-Type": JSON}) as answer:
                    assert answer.status == status
                    if status == 413:
                        assert codes(await answer.json()) == ["REQUEST_TOO_LARGE"]


async def test_a_large_body_is_refused_before_it_is_sent(url: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    writer.write(
        f"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\nContent-Length: 9999999\r\n\r\n".encode()
    )
    assert await asyncio.wait_for(reader.readline(), 5) == b"HTTP/1.1 413 Request Entity Too Large\r\n"
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    ("lines", "answered"),
    [
        (["text/html;q=0.1", RESPONSE_JSON], RESPONSE_JSON),
        ([f"{RESPONSE_JSON};q=0.5", f"{JSON}, image/*"], JSON),
        (["", JSON], JSON),
        (["", ""], JSON),
        ([f"{JSON};q=0", "*/*"], RESPONSE_JSON),
        (["text/html", "image/*"], None),
    ],
)
async def test_lines_of_accept_are_one_list(
    client: aiohttp.ClientSession, url: str, lines: list[str], answered: str | None
) -> None:
    """RFC 9110, 5.3."""
    headers = [("Accept", line) for line in lines]
    async with client.post(url, json={"query": "{ who }"}, headers=headers) as answer:
        assert (answer.status, answer.content_type) == ((200, answered) if answered else (406, JSON))


async def test_a_byte_order_mark_is_no_part_of_the_body(client: aiohttp.ClientSession, url: str) -> None:
    body, headers = b'\xef\xbb\xbf{"query": "{ who }"}', {"Content-Type": JSON}
    async with client.post(url, data=body, headers=headers) as answer:
        assert (answer.status, (await answer.json())["data"]) == (200, {"who": "agent"})


async def test_many_byte_order_marks_are_no_json_and_cost_no_more_than_other_bytes(
    client: aiohttp.ClientSession, url: str
) -> None:
    body = b"\xef\xbb\xbf" * 2000 + b'{"query": "{ who }"}'  # more than Python calls deep
    async with client.post(url, data=body, headers={"Content-Type": JSON}) as answer:
        told = (await answer.json())["errors"][0]["message"]
        assert (answer.status, "malformed" in told) == (400, True), told


async def test_bytes_that_are_not_utf8_are_refused_wherever_they_are(client: aiohttp.ClientSession, url: str) -> None:
    """In a body and in the query string alike; a replacement character that somebody wrote is a character."""
    body = b'{"query": "query($n: String!) { hello(name: $n) }", "variables": {"n": "\xff"}}'
    async with client.post(url, data=body, headers={"Content-Type": JSON}) as answer:
        told = (await answer.json())["errors"][0]["message"]
        assert (answer.status, "has bytes that are not UTF-8" in told) == (400, True)
    for written, status in (("%FF", 400), ("%EF%BF%BD", 200)):
        query = f"query=query($n:String!)%7Bhello(name:$n)%7D&variables=%7B%22n%22:%22{written}%22%7D"
        async with client.get(URL(f"{url}?{query}", encoded=True)) as answer:
            assert (answer.status, answer.status == 200 or "must be UTF-8" in await answer.text()) == (status, True)


async def test_a_number_that_nothing_holds_is_refused_like_what_is_no_json(
    client: aiohttp.ClientSession, url: str
) -> None:
    for number in (f"0e{'9' * 20}", f"1e-{'9' * 20}", "9" * 5000):
        body = f'{{"query": "{{ who }}", "variables": {{"n": {number}}}}}'.encode()
        async with client.post(url, data=body, headers={"Content-Type": JSON}) as answer:
            (error,) = (await answer.json())["errors"]
            assert (answer.status, error["extensions"]["code"]) == (400, "BAD_REQUEST"), error


async def test_lines_of_other_lists_are_one_list(client: aiohttp.ClientSession, url: str) -> None:
    """Of encodings that are accepted, and of those that a body has."""
    headers = [("Accept-Encoding", "br"), ("Accept-Encoding", "gzip")]
    async with client.post(url, json={"query": "{ long }"}, headers=headers) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
    body = b'{"query": "{ who }"}'
    for lines, status in ((["identity", "identity"], 200), (["identity", "gzip"], 415)):
        headers = [("Content-Type", JSON), *(("Content-Encoding", line) for line in lines)]
        async with client.post(url, data=body, headers=headers) as answer:
            assert answer.status == status


async def test_large_answers_are_compressed(client: aiohttp.ClientSession, url: str) -> None:
    headers = {"Accept-Encoding": "gzip"}
    async with client.post(url, json={"query": "{ long }"}, headers=headers) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert await answer.json() == {"data": {"long": "x" * 5000}}
    async with client.post(url, json={"query": "{ who }"}, headers=headers) as answer:
        assert "Content-Encoding" not in answer.headers


FRAGMENT_BOMB = "{ ...F0 } " + " ".join(f"fragment F{i} on Query {{ ...F{i + 1} ...F{i + 1} }}" for i in range(20))
FRAGMENT_CHAIN = "{ ...F0 } " + " ".join(f"fragment F{i} on Query {{ ...F{i + 1} }}" for i in range(500))


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("{ node { below { below { below { name } } } } }", "5 levels deep; the limit is 4"),
        ("{ node { ...F } } fragment F on Node { below { below { below { name } } } }", "5 levels deep"),
        ("{ a: who b: who c: who d: who }", "4 aliases, with fragments written out; the limit is 3"),
        ("{ who hello node { name } outage bug mistake }", "6 fields at its root; the limit is 5"),
        (FRAGMENT_BOMB + " fragment F20 on Query { who }", "1048576 fields, with fragments written out"),
        ("{" + " who" * 5000 + "}", "more than 5000 tokens"),
        ("{ who } fragment F on Node {" + " name" * 501 + "}", "The fragment 'F' selects 501 fields"),
        (FRAGMENT_CHAIN + " fragment F500 on Query { who }", "too deeply"),
    ],
)
async def test_documents_over_a_limit_are_refused_with_the_numbers(
    client: aiohttp.ClientSession, query: str, says: str
) -> None:
    async with small_graph(limits=Limits(max_tokens=5000, max_depth=4, max_aliases=3, max_root_fields=5)) as url:
        status, body = await ask(client, url, query)
        assert status == 400
        assert set(codes(body)) <= {"LIMIT_EXCEEDED", "GRAPHQL_PARSE_FAILED"}
        assert says in body["errors"][0]["message"]


async def test_variables_of_very_many_values_are_refused_before_they_are_read(
    client: aiohttp.ClientSession, url: str
) -> None:
    """Each takes microseconds, in one turn."""
    document = "query($n: String!) { hello(name: $n) }"
    for more, too_many in ([1] * 4998, False), ([1] * 4999, True), ([[{"a": [1] * 3000}]] * 2, True):
        async with client.post(url, json={"query": document, "variables": {"n": "you", "more": more}}) as answer:
            body = await answer.json()
            assert body.get("data") == (None if too_many else {"hello": "Hello you"}), body
            assert not too_many or codes(body) == ["LIMIT_EXCEEDED"]


async def test_a_fragment_cycle_is_a_validation_error(client: aiohttp.ClientSession, url: str) -> None:
    status, body = await ask(client, url, "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }")
    assert (status, codes(body)) == (400, ["GRAPHQL_VALIDATION_FAILED"])
    assert "Cannot spread fragment" in body["errors"][0]["message"]


async def test_one_failed_field_costs_that_field(
    client: aiohttp.ClientSession, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    status, body = await ask(client, url, "{ who outage mistake bug unwritable impostor { name } thing { name } }")
    assert status == 200
    failed = ("outage", "mistake", "bug", "unwritable", "impostor", "thing")
    assert body["data"] == {"who": "agent", **dict.fromkeys(failed)}
    errors = {error["path"][0]: error for error in body["errors"]}
    assert errors["outage"] == {
        "message": "The billing system took too long to answer. Ask for less, or try again in a moment.",
        "locations": [{"line": 1, "column": 7}],
        "path": ["outage"],
        "extensions": {"code": "UPSTREAM_TIMEOUT", "system": "billing", "retryable": True},
    }
    assert errors["mistake"]["message"] == "first must be at most 100, not 5000"
    assert errors["mistake"]["extensions"] == {"code": "BAD_USER_INPUT", "retryable": False}
    logged = {record.getMessage() for record in caplog.records if record.name == "gateway.errors"}
    for name in failed[2:]:
        assert errors[name]["message"].startswith("An unexpected error happened in the gateway.")
        assert errors[name]["extensions"]["code"] == "INTERNAL"
        assert any(errors[name]["extensions"]["id"] in line for line in logged)
    assert "secret" not in json.dumps(body)
    assert [record.exc_info is not None for record in caplog.records if record.name == "gateway.errors"] == [True] * 4


async def test_an_argument_that_fails_while_its_field_runs_is_the_callers(
    client: aiohttp.ClientSession, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    query = "query($n: String) { hello(name: $n) }"  # Valid, as the argument has a default; but null is not a String!.
    status, body = await ask(client, url, query, variables={"n": None})
    assert (status, body["data"], codes(body)) == (200, None, ["BAD_USER_INPUT"])
    assert "'name'" in body["errors"][0]["message"]
    assert caplog.records == []


async def test_a_null_at_the_root_is_an_executed_answer(client: aiohttp.ClientSession, url: str) -> None:
    status, body = await ask(client, url, "{ fatal }")
    assert (status, body["data"], codes(body)) == (200, None, ["INTERNAL"])


async def test_a_fault_outside_of_fields_is_500_in_json(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(request: Request) -> Viewer:
        raise RuntimeError("secret")

    async with small_graph(authenticate=broken) as url:
        status, body = await ask(client, url, "{ who }")
    assert (status, codes(body)) == (500, ["INTERNAL"])
    assert "secret" not in json.dumps(body)
    assert body["errors"][0]["extensions"]["id"] in caplog.text


async def test_the_contexts_extensions_are_the_answers(client: aiohttp.ClientSession) -> None:
    seen = Seen()
    async with small_graph(seen) as url:
        _status, body = await ask(client, url, "{ traced }")
    assert body == {"data": {"traced": "traced"}, "extensions": {"upstream": [{"system": "crm"}]}}
    assert [context.closes for context in seen.contexts] == [1]


async def test_hanging_up_cancels_the_operation() -> None:
    seen = Seen()
    async with small_graph(seen) as url:
        _reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        body = b'{"query": "{ forever }"}'
        head = f"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await asyncio.wait_for(seen.waiting.wait(), 5)
        assert not seen.cancelled.is_set()
        writer.close()
        await asyncio.wait_for(seen.cancelled.wait(), 5)
        await asyncio.wait_for(seen.closed.wait(), 5)
        assert [context.closes for context in seen.contexts] == [1]


@pytest.mark.parametrize(("accept", "status"), [(RESPONSE_JSON, 504), (JSON, 200)])
async def test_an_operation_that_never_ends_is_ended(
    client: aiohttp.ClientSession, accept: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphql_http, "GRACE", 0.05)
    seen = Seen()
    async with small_graph(seen, deadline=0.05) as url:
        answered, body = await ask(client, url, "{ forever }", accept)
        async with asyncio.timeout(5):
            await seen.cancelled.wait()
        assert [context.closes for context in seen.contexts] == [1]
    assert answered == status
    assert body == {
        "errors": [
            {
                "message": "The answer took longer than a request may take. Ask for less, or try again later.",
                "extensions": {"code": "DEADLINE_EXCEEDED", "retryable": True},
            }
        ]
    }


async def anonymous(request: Request) -> Viewer:
    return ANONYMOUS


async def subscriber(request: Request) -> Viewer:
    return Viewer(ViewerKind.CUSTOMER, ("1001",))


@pytest.mark.parametrize(
    "query",
    [
        "{ who }",
        "{ ...F } fragment F on Query { ...G } fragment G on Query { who }",
        "{ ... { who } }",
        "{ no }",
        "mutation { bump }",
        "query A { __typename } query B { who }",
        "query($guess: Nodes) { __typename }",
        "{ __typename @guess }",
        "{ __typename } fragment F on Node { name }",
        "{" + " who" * 1000 + "}",
    ],
)
async def test_without_a_token_nothing_but_typename_is_public(client: aiohttp.ClientSession, query: str) -> None:
    seen = Seen()
    async with small_graph(seen, authenticate=anonymous) as url:
        for accept in (JSON, RESPONSE_JSON):
            async with client.post(url, json={"query": query}, headers={"Accept": accept}) as answer:
                assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
                assert codes(await answer.json(content_type=None)) == ["UNAUTHENTICATED"]
        assert seen.contexts == []
        assert await ask(client, url, "{ __typename }") == (200, {"data": {"__typename": "Query"}})


async def test_where_the_schema_is_public_only_what_exists_is_private(client: aiohttp.ClientSession) -> None:
    async with small_graph(authenticate=anonymous, introspection_for="everyone") as url:
        for query in ("{ who }", "{" + " who" * 1000 + "}", "{ __typename hello }", "mutation { bump }"):
            status, body = await ask(client, url, query)
            assert (status, codes(body)) == (401, ["UNAUTHENTICATED"])
        status, body = await ask(client, url, "{ no }")
        assert (status, codes(body)) == (400, ["GRAPHQL_VALIDATION_FAILED"])


async def test_who_is_not_signed_in_pushes_no_document_out(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def by_header(request: Request) -> Viewer:
        return AGENT if "authorization" in request.headers else ANONYMOUS

    parsed: list[str] = []

    def parse(source: str, **options: Any) -> Any:
        parsed.append(source)
        return graphql.parse(source, **options)

    monkeypatch.setattr(engine, "CACHED_BYTES", 1_000_000)
    monkeypatch.setattr(engine, "parse", parse)
    signed_in = {"Authorization": "Bearer agent"}
    async with small_graph(authenticate=by_header) as url:
        async with client.post(url, json={"query": "{ who }"}, headers=signed_in) as answer:
            assert await answer.json() == {"data": {"who": "agent"}}
        for place in range(30):
            query = f"{{ name{place}: __typename }}"
            assert (await ask(client, url, query))[1] == {"data": {f"name{place}": "Query"}}
        async with client.post(url, json={"query": "{ who }"}, headers=signed_in) as answer:
            assert await answer.json() == {"data": {"who": "agent"}}
    assert parsed.count("{ who }") == 1


@pytest.mark.parametrize(
    ("introspection_for", "authenticate", "status"),
    [
        ("everyone", anonymous, 200),
        ("signed-in", anonymous, 401),
        ("signed-in", subscriber, 200),
        ("staff", subscriber, 400),
        ("staff", None, 200),
        ("nobody", None, 400),
    ],
)
async def test_who_may_read_the_schema(
    client: aiohttp.ClientSession, introspection_for: str, authenticate: Any, status: int
) -> None:
    options = {"authenticate": authenticate} if authenticate else {}
    async with small_graph(introspection_for=introspection_for, **options) as url:
        answered, body = await ask(client, url, "{ __schema { queryType { name } } }")
        assert answered == status
        if status == 200:
            assert body == {"data": {"__schema": {"queryType": {"name": "Query"}}}}
        else:
            assert codes(body) == [{400: "INTROSPECTION_DISABLED", 401: "UNAUTHENTICATED"}[status]]


async def test_a_browser_gets_the_page_and_programs_do_not(client: aiohttp.ClientSession) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    async with small_graph(page=lambda request: HTMLResponse("<h1>Graph</h1>")) as url:
        async with client.get(url, headers=browser) as answer:
            assert (answer.status, await answer.text()) == (200, "<h1>Graph</h1>")
        async with client.get(url, params={"query": "{ who }"}, headers=browser) as answer:
            assert await answer.json() == {"data": {"who": "agent"}}
        async with client.get(url) as answer:
            assert answer.status == 400


def test_every_code_of_an_error_is_in_the_table() -> None:
    def all_of(base: type[Exception]) -> set[Any]:
        return {base}.union(*(all_of(one) for one in base.__subclasses__()))

    used = {one.code for base in (ConnectorError, PublicError, RequestError) for one in all_of(base)}
    assert used - set(CODES) == set()
    assert {"UPSTREAM_TIMEOUT", "FORBIDDEN", AuthUnavailableError.code, SignInRequiredError.code} <= used
