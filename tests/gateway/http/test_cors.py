"""Pages of other origins: which may read what, as a browser asks and is told (the Fetch standard, section 3.2)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import ValidationError
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from gateway.commands.demo_settings import settings as demo_settings
from gateway.cors_settings import CorsSettings
from gateway.http.admission import Admission
from gateway.http.cors import Cors
from gateway.live_settings import LiveSettings
from gateway.rate_settings import CallerRate, RateSettings
from gateway.server_settings import LoadLimits
from tests.gateway.http.raw import connection
from tests.gateway.serving import serving
from tests.stack import FREE, Stack, stacked

PORTAL = "https://portal.example"
ORIGINS = (PORTAL, "https://*.preview.example", "http://localhost:*", "http://[::1]:*")
ASK = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
ALLOW = "Access-Control-Allow-Origin"


@pytest_asyncio.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    cors = CorsSettings(origins=ORIGINS, headers=("X-Portal-Version",), max_age=77)
    rates = RateSettings(
        anonymous=FREE.anonymous, subscriber=CallerRate(per_second=1, burst=150), agent=FREE.agent, admin=FREE.admin
    )
    live = LiveSettings(enabled=True)
    async with stacked(tmp_path_factory.mktemp("cors"), customers=2, cors=cors, rates=rates, live=live) as running:
        yield running


async def told(stack: Stack, method: str, path: str, origin: str, **headers: str) -> tuple[int, dict[str, str]]:
    """Status, and the headers that a browser looks at."""
    async with stack.session.request(method, f"{stack.address}{path}", headers={"Origin": origin, **headers}) as answer:
        found = {name: value for name, value in answer.headers.items() if name.startswith("Access-Control")}
        return answer.status, found | {"Vary": ", ".join(answer.headers.getall("Vary", ()))}


@pytest.mark.parametrize("path", ["/graphql", "/graphql/", "/documents/Bill:1/2", "/events", "/schema.graphql"])
async def test_a_preflight_is_answered_before_anybody_signs_in(stack: Stack, path: str) -> None:
    status, found = await told(stack, "OPTIONS", path, PORTAL, **ASK)
    assert (status, found[ALLOW], found["Vary"]) == (204, PORTAL, "Origin")
    assert found["Access-Control-Max-Age"] == "77"
    assert found["Access-Control-Allow-Methods"] == "GET, HEAD, POST"
    allowed = found["Access-Control-Allow-Headers"].lower().split(", ")
    assert {"authorization", "content-type", "x-request-id", "x-gateway-trace", "x-portal-version"} <= {*allowed}
    assert "Access-Control-Allow-Credentials" not in found


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        (PORTAL, True),
        ("https://pr-7.preview.example", True),
        ("http://localhost:5173", True),
        ("http://localhost", True),
        ("http://[::1]:3000", True),
        ("http://portal.example", False),
        ("https://portal.example:8443", False),
        ("https://portal.example.evil.example", False),
        ("https://a.b.preview.example", False),
        ("https://evil.example/.preview.example", False),
        ("https://preview.example", False),
        ("http://localhost:5173.evil.example", False),
        ("null", False),
        ("https://" + "a" * 400 + ".preview.example", False),
    ],
)
async def test_who_may_read_is_matched_as_a_whole(stack: Stack, origin: str, is_allowed: bool) -> None:
    expected = origin if is_allowed else None
    status, found = await told(stack, "OPTIONS", "/graphql", origin, **ASK)
    assert (status, found.get(ALLOW), found["Vary"]) == (204, expected, "Origin")
    assert ("Access-Control-Allow-Headers" in found) is is_allowed
    status, found = await told(stack, "GET", "/graphql?query={__typename}", origin)
    assert (status, found.get(ALLOW), found["Vary"]) == (200, expected, "Accept, Authorization, Origin")


async def test_an_answer_shows_what_a_page_needs_also_where_it_is_a_refusal(stack: Stack) -> None:
    token = {"Authorization": f"Bearer {stack.token('1001')}"}
    for expected, path, headers in (
        (200, "/graphql?query={me{id}}", token),
        (401, "/graphql?query={me{id}}", {}),
        (404, "/documents/Bill:1/2", {"Authorization": f"Bearer {stack.token('agent')}"}),
        (429, "/graphql?query={me{id}}", token),
    ):
        status, found = await told(stack, "GET", path, PORTAL, **headers)
        assert (status, found[ALLOW]) == (expected, PORTAL)
        exposed = found["Access-Control-Expose-Headers"].split(", ")
        assert {"Content-Disposition", "Retry-After", "RateLimit", "X-Request-Id", "traceparent"} <= {*exposed}


async def test_a_stream_of_events_can_be_read(stack: Stack) -> None:
    headers = {"Origin": PORTAL, "Accept": "text/event-stream", "Authorization": f"Bearer {stack.token('agent')}"}
    query = {"query": "subscription { ticketChanged { event } }"}
    async with asyncio.timeout(30):
        async with stack.session.get(f"{stack.address}/graphql", params=query, headers=headers) as answer:
            assert (answer.status, answer.headers[ALLOW]) == (200, PORTAL)
            assert await answer.content.readline() == b":\n"
        async with stack.session.get(f"{stack.address}/events", headers=headers) as answer:
            assert (answer.status, answer.headers[ALLOW]) == (200, PORTAL)


async def test_what_is_no_client_s_stays_closed(stack: Stack) -> None:
    for path in ("/healthz", "/readyz", "/events/ticketing/hub"):
        _status, found = await told(stack, "GET", path, PORTAL)
        assert ALLOW not in found
        assert (await told(stack, "OPTIONS", path, PORTAL, **ASK))[0] == 405
    async with stack.session.get(f"{stack.address}/graphql?query={{__typename}}") as answer:
        assert not [name for name in answer.headers if name.startswith("Access-Control")]


async def test_it_is_closed_by_default(tmp_path: Path) -> None:
    async with stacked(tmp_path, customers=2) as stack:
        status, found = await told(stack, "OPTIONS", "/graphql", PORTAL, **ASK)
        assert (status, ALLOW in found) == (405, False)
        status, found = await told(stack, "GET", "/graphql?query={__typename}", PORTAL)
        assert (status, found) == (200, {"Vary": "Accept, Authorization"})


async def test_a_preflight_is_paid_for_and_a_page_of_any_origin_is_let_in_where_all_are(tmp_path: Path) -> None:
    rates = RateSettings(anonymous=CallerRate(per_second=1, burst=250))
    async with stacked(tmp_path, customers=2, cors=CorsSettings(origins=("*",)), rates=rates) as stack:
        asked = [await told(stack, "OPTIONS", "/graphql", "https://any.example", **ASK) for _ in range(3)]
        assert [(status, found[ALLOW]) for status, found in asked] == [(204, "*"), (204, "*"), (429, "*")]


async def test_a_page_reads_that_the_gateway_is_overloaded() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await go_on.wait()
        await PlainTextResponse("done")(scope, receive, send)

    admission = Admission(LoadLimits(under_way=1, delay=0.01))
    state = {"admission": admission, "cors": Cors(CorsSettings(origins=(PORTAL,)), lambda _scope: None)}
    try:
        async with (
            serving(app, state=state) as address,
            connection(address) as first,
            connection(address) as second,
        ):
            await first.send(b"GET /graphql HTTP/1.1\r\nHost: a\r\n\r\n")
            await begun.wait()
            await second.send(f"GET /graphql HTTP/1.1\r\nHost: a\r\nOrigin: {PORTAL}\r\n\r\n".encode())
            refused = await second.answer()
            go_on.set()
            assert (refused.status, refused.header(ALLOW)) == (503, PORTAL)
            assert "Retry-After" in (refused.header("Access-Control-Expose-Headers") or "")
    finally:
        admission.close()


@pytest.mark.parametrize(
    "wrong", ["portal.example", "https://portal.example/", "https://Portal.example", "https://a b", "https://x:*9"]
)
def test_what_is_no_origin_is_named(wrong: str) -> None:
    with pytest.raises(ValidationError, match="is no origin"):
        CorsSettings(origins=(wrong,))


@pytest.mark.parametrize("origin", ["http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:8080"])
def test_the_demo_lets_pages_on_this_machine_call(origin: str) -> None:
    cors = Cors(demo_settings(8000, 8101).cors, lambda _scope: None)
    assert (b"access-control-allow-origin", origin.encode()) in cors.marks(origin.encode())
    assert cors.marks(b"http://portal.example") == [(b"vary", b"Origin")]
