"""The GraphiQL page, in a real browser and over real HTTP, in front of a small graph of its own."""

import json
import re
import socket
from asyncio import create_task
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import strawberry
import uvicorn
from playwright.async_api import Browser, Dialog, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.http.graphiql import STATIC_FOLDER, GraphiQLPage
from tests.browser import Complaints, needs_chromium, open_chromium, open_page
from tests.promises.test_contract import OWN

needs_build = pytest.mark.skipif(
    not (STATIC_FOLDER / "index.html").is_file(), reason="gateway/static is not built: run `make setup`"
)

OPERATIONS = Path(__file__).resolve().parents[3] / "web" / "src" / "operations"
CONTRACT = Path(__file__).resolve().parents[4] / "shared" / "contract" / "operations"

TOKENS = {"subscriber 1001": "token-of-1001", "agent": "token-of-agent", "admin": "token-of-admin"}

EXAMPLES = json.loads((OPERATIONS.parent / "examples.json").read_text())
MUTATIONS = [
    "OpenTicket",
    "AddTicketNote",
    "AddInternalNote",
    "AssignTicket",
    "CloseTicket",
    "ReopenTicket",
    "PayBill",
    "UpdateContact",
]

# Two calls at once, then one that waited for both and got no answer: three calls in two steps, 130 ms.
UPSTREAM = [
    {
        "system": "crm",
        "method": "GET",
        "path": "/tmf-api/customerManagement/v4/customer?id=1001,1002",
        "keys": ["1001", "1002"],
        "status": 200,
        "startMs": 2.5,
        "durationMs": 40.0,
        "bytes": 2210,
        "loader": "CustomerById",
    },
    {
        "system": "billing",
        "method": "GET",
        "path": "/tmf-api/accountManagement/v4/billingAccount?relatedParty.id=1001",
        "keys": ["1001"],
        "status": 200,
        "startMs": 3.0,
        "durationMs": 57.0,
        "bytes": 512,
        "loader": "AccountsByCustomer",
        "shared": True,
    },
    {
        "system": "ticketing",
        "method": "GET",
        "path": "/tmf-api/troubleTicket/v4/troubleTicket?status=inProgress",
        "keys": [],
        "status": None,
        "error": "timeout",
        "startMs": 60.0,
        "durationMs": 70.0,
        "bytes": 0,
        "loader": "TicketsByCustomer",
    },
]


# GraphiQL stores its tabs half a second after a change; wait_for_function cannot be used: the policy forbids eval.
WAIT_FOR_TABS = """(good) => new Promise((done) => {
  const timer = setInterval(() => {
    const stored = localStorage.getItem("graphiql:tabState");
    if (stored !== null && good(stored)) { clearInterval(timer); done(); }
  }, 20);
})"""
STORED_WITH = f"(text) => ({WAIT_FOR_TABS})((stored) => stored.includes(text))"
STORED_WITHOUT_PORTAL_HOME = f"({WAIT_FOR_TABS})((stored) => !stored.includes('PortalHome'))"
TABS_STORED_ANEW = f"localStorage.removeItem('graphiql:tabState'); ({WAIT_FOR_TABS})(() => true)"


@strawberry.type
class LastError:
    message: str
    at: str


@strawberry.type
class System:
    name: str
    domain: str
    driver: str
    status: str
    latency_ms: float
    last_error: LastError | None = None


@strawberry.type
class Customer:
    id: strawberry.ID


@strawberry.type
class Viewer:
    kind: str
    roles: list[str]
    customer: Customer | None = None


@strawberry.type
class Query:
    @strawberry.field
    def systems(self) -> list[System]:
        return [System(name="plant-register", domain="inventory", driver="tmf", status="UP", latency_ms=3.25)]

    @strawberry.field
    def viewer(self) -> Viewer:
        return Viewer(kind="AGENT", roles=["support"])


@strawberry.input
class CloseTicketInput:
    idempotency_key: str
    ticket_id: strawberry.ID
    reason: str | None = None


@strawberry.type
class Ticket:
    id: strawberry.ID
    status: str
    resolved_at: str | None = None


@strawberry.type
class UserError:
    code: str
    message: str
    path: list[str]


@strawberry.type
class CloseTicketPayload:
    ticket: Ticket | None
    user_errors: list[UserError]


@strawberry.type
class Mutation:
    @strawberry.mutation
    def close_ticket(self, input: CloseTicketInput) -> CloseTicketPayload:  # noqa: A002  # the argument's name
        return CloseTicketPayload(ticket=Ticket(id=input.ticket_id, status="CLOSED"), user_errors=[])


SCHEMA = strawberry.Schema(Query, Mutation)


@dataclass
class Gateway:
    """The stand-in's address and what it was sent, introspection apart."""

    origin: str = ""
    received: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.origin}/graphql"

    async def answer(self, request: Request) -> Response:
        body = await request.json()
        result = await SCHEMA.execute(body["query"], body.get("variables"), operation_name=body.get("operationName"))
        answer: dict[str, Any] = {"data": result.data}
        if result.errors:
            answer["errors"] = [error.formatted for error in result.errors]
        if body.get("operationName") != "IntrospectionQuery":
            sent = {"operation": body["operationName"], "variables": body.get("variables")}
            self.received.append({**request.headers, **sent})
            if request.headers.get("x-gateway-trace") == "1" and "agent" in request.headers.get("authorization", ""):
                incomplete = [{"path": ["customer", "bills"], "system": "billing", "rows": 1}]
                warnings = [{"system": "crm", "message": "rows name the customer asked for otherwise"}]
                answer["extensions"] = {"upstream": UPSTREAM, "incomplete": incomplete, "warnings": warnings}
        return JSONResponse(answer, media_type="application/graphql-response+json")


@asynccontextmanager
async def serve(page: GraphiQLPage) -> AsyncIterator[Gateway]:
    gateway = Gateway()

    async def endpoint(request: Request) -> Response:
        return page.response(request) if request.method == "GET" else await gateway.answer(request)

    app = Starlette(routes=[Route("/graphql", endpoint, methods=["GET", "POST"]), *page.routes()])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gateway.origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        running = create_task(server.serve(sockets=[listener]))
        try:
            yield gateway
        finally:
            server.should_exit = True
            await running


@pytest_asyncio.fixture(loop_scope="session")
async def gateway() -> AsyncIterator[Gateway]:
    async with serve(GraphiQLPage(demo_tokens=TOKENS)) as gateway:
        yield gateway


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with open_chromium() as browser:
        yield browser


@asynccontextmanager
async def opened(browser: Browser, gateway: Gateway, **view: Any) -> AsyncIterator[tuple[Page, Complaints]]:
    async with open_page(browser, gateway.origin, **view) as (page, complaints):
        await page.goto(gateway.url)
        await expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("PortalHome")
        yield page, complaints
        assert complaints == Complaints()


async def run(page: Page, tab: str) -> None:
    await page.get_by_role("tab", name=tab).click()
    await expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text(tab)
    await page.get_by_role("button", name="Execute query").click()


@needs_chromium
@needs_build
@pytest.mark.long
async def test_a_query_runs_and_its_upstream_calls_show(browser: Browser, gateway: Gateway) -> None:
    async with opened(browser, gateway) as (page, _):
        assert await page.get_by_role("tab").all_inner_texts() == list(EXAMPLES)
        await page.get_by_role("tab", name="BillDetail").click()
        variables = page.get_by_role("region", name="Variables").locator(".graphiql-editor:not(.hidden) .view-lines")
        await expect(variables).to_contain_text(f'"id": "{EXAMPLES["BillDetail"]["variables"]["id"]}"')
        await run(page, "SystemStatus")

        await expect(page.locator(".graphiql-response .view-lines")).to_contain_text("plant-register")
        panel = page.get_by_role("region", name="Upstream calls of the last answer")
        await expect(panel.get_by_test_id("upstream-totals")).to_have_text(
            "3 calls, 2 sequential steps, 130 ms upstream"
        )
        lacking = panel.get_by_test_id("incomplete")
        await expect(lacking).to_have_text("customer.bills lacks 1 row that billing sent and nobody can read.")
        await expect(panel).to_contain_text("crm: rows name the customer asked for otherwise")
        rows = panel.locator("tbody tr")
        assert [text.split("\t")[0].strip() for text in await rows.all_inner_texts()] == [
            "crm",
            "billing",
            "ticketing",
        ]
        await expect(rows.nth(0)).to_contain_text("customer?id=1001,1002")
        await expect(rows.nth(2)).to_contain_text("timeout")
        await expect(rows.filter(has_text="shared")).to_contain_text("AccountsByCustomer")
        # The third call began when the second ended: its bar stands to the right of both others.
        boxes = [await rows.nth(i).get_by_role("img").bounding_box() for i in range(3)]
        first, second, third = (box for box in boxes if box is not None)
        assert third["x"] >= second["x"] + second["width"] - 1 > first["x"] + first["width"]

        await panel.get_by_role("button", name="Upstream calls").click()
        await expect(rows.nth(0)).to_be_hidden()
    assert [(sent["operation"], sent["authorization"], sent["x-gateway-trace"]) for sent in gateway.received] == [
        ("SystemStatus", "Bearer token-of-agent", "1")
    ]


@needs_chromium
@needs_build
@pytest.mark.long
async def test_the_token_follows_the_tab_until_one_is_chosen(browser: Browser, gateway: Gateway) -> None:
    async with opened(browser, gateway) as (page, _):
        ask_as = page.get_by_label("Ask as")
        answer = page.locator(".graphiql-response .view-lines")
        await expect(ask_as.locator("option:checked")).to_have_text("subscriber 1001 (matches the tab)")

        await ask_as.select_option("subscriber 1001")
        await run(page, "SystemStatus")
        await expect(answer).to_contain_text("plant-register")
        await expect(page.get_by_text("a subscriber's answer carries no trace")).to_be_visible()

        field = page.get_by_label("Token", exact=True)
        assert await field.get_attribute("type") == "password"
        await field.fill("Bearer typed-by-hand")
        await expect(ask_as).to_have_value("own")
        await page.reload()
        await expect(page.get_by_label("Token", exact=True)).to_have_value("Bearer typed-by-hand")
        await run(page, "SystemStatus")
        await expect(answer).to_contain_text("plant-register")

        await page.get_by_role("tab", name="UsageGlance").click()
        await page.get_by_role("button", name="Headers", exact=True).click()
        await page.locator(".graphiql-editor-tool .graphiql-editor:not(.hidden) .view-lines").click()
        await page.keyboard.insert_text('{"X-Extra": "typed-into-the-pane"}')
        await page.evaluate(TABS_STORED_ANEW)
        async with page.expect_response(gateway.url):
            await page.get_by_role("button", name="Execute query").click()
        await expect(answer).to_contain_text("Cannot query field 'me'")

        kept = await page.evaluate("JSON.stringify(localStorage)")
        assert "graphiql:tabState" in kept
        assert "UsageGlance" in await page.evaluate("localStorage.getItem('graphiql:queries')")
        assert "typed-" not in kept
        assert "token-of" not in kept
    assert [(sent["authorization"], sent.get("x-extra")) for sent in gateway.received] == [
        ("Bearer token-of-1001", None),
        ("Bearer typed-by-hand", None),
        ("Bearer typed-by-hand", "typed-into-the-pane"),
    ]


@needs_chromium
@needs_build
@pytest.mark.long
async def test_a_mutation_is_asked_about_once_and_has_a_key_until_a_new_one_is_made(
    browser: Browser, gateway: Gateway
) -> None:
    asked: list[str] = []

    async def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        await (dialog.accept() if len(asked) > 1 else dialog.dismiss())

    async with opened(browser, gateway) as (page, _):
        page.on("dialog", answer)
        about, response = page.get_by_role("region", name="About this mutation"), page.locator(".graphiql-response")
        variables = page.get_by_role("region", name="Variables").locator(".graphiql-editor:not(.hidden) .view-lines")
        await expect(about).to_be_hidden()
        await run(page, "SystemStatus")
        await expect(response).to_contain_text("plant-register")
        assert asked == []

        await page.get_by_role("tab", name="CloseTicket").click()
        await expect(variables).to_contain_text("TT-1001-1")
        await expect(page.get_by_label("Ask as").locator("option:checked")).to_have_text(
            "subscriber 1001 (matches the tab)"
        )
        await run(page, "CloseTicket")
        await expect(response).to_contain_text("Not sent: nothing was changed.")
        for _ in range(2):
            async with page.expect_response(gateway.url):
                await page.get_by_role("button", name="Execute query").click()
            await expect(response).to_contain_text("CLOSED")

        first = gateway.received[-1]["variables"]["input"]["idempotencyKey"]
        stored = json.loads(await page.evaluate("localStorage.getItem('graphiql:tabState')"))["tabs"]
        keys = {
            tab["title"]: re.findall(r'"idempotencyKey": "([0-9a-f]{32})"', tab["variables"] or "") for tab in stored
        }
        assert [name for name, found in keys.items() if found] == MUTATIONS
        assert len({found for [found] in (keys[name] for name in MUTATIONS)}) == len(MUTATIONS)
        assert keys["CloseTicket"] == [first]

        await about.get_by_role("button", name="New idempotencyKey").click()
        await expect(variables).not_to_contain_text(first)
        second = re.findall(r"[0-9a-f]{32}", await variables.inner_text())[0]
        await page.evaluate(STORED_WITH, second)
        await page.reload()
        await expect(about).to_contain_text("CloseTicket changes data.")
        await run(page, "CloseTicket")
        await expect(response).to_contain_text("CLOSED")

    sent = [(one["operation"], one["variables"]) for one in gateway.received[1:]]
    example = EXAMPLES["CloseTicket"]["variables"]["input"]
    assert sent == [("CloseTicket", {"input": {**example, "idempotencyKey": key}}) for key in (first, first, second)]
    assert len(asked) == 2  # the first was declined, and after the second nothing was asked any more
    assert asked[0].startswith("CloseTicket changes data")


@needs_chromium
@needs_build
@pytest.mark.long
async def test_own_tabs_stay_until_the_examples_are_asked_for(browser: Browser, gateway: Gateway) -> None:
    async with opened(browser, gateway) as (page, _):
        await page.get_by_role("button", name="Close Tab").first.click()
        await page.evaluate(STORED_WITHOUT_PORTAL_HOME)
        await page.reload()
        await expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("UsageGlance")
        assert await page.get_by_role("tab").all_inner_texts() == list(EXAMPLES)[1:]

        page.on("dialog", lambda dialog: dialog.accept())
        await page.get_by_role("button", name="Reset examples").click()
        await expect(page.get_by_role("tab")).to_have_text(list(EXAMPLES), use_inner_text=True)


@needs_chromium
@needs_build
@pytest.mark.long
async def test_the_side_panels_open_under_the_policy(browser: Browser, gateway: Gateway) -> None:
    async with opened(browser, gateway, dark=True) as (page, _):
        await run(page, "SystemStatus")
        await expect(page.locator(".graphiql-response .view-lines")).to_contain_text("plant-register")
        panels = {"Documentation Explorer": "Query", "GraphiQL Explorer": "systems", "History": "SystemStatus"}
        for panel, expected in panels.items():
            await page.get_by_role("button", name=f"Show {panel}").click()
            await expect(page.locator(".graphiql-plugin")).to_contain_text(expected)


@needs_build
async def test_the_page_and_its_assets_carry_strict_headers(gateway: Gateway) -> None:
    async with aiohttp.ClientSession(gateway.origin) as client:
        policies = []
        for _ in range(2):
            async with client.get("/graphql") as response:
                html = await response.text()
                assert response.status == 200
                assert response.content_type == "text/html"
                assert response.headers["Cache-Control"] == "no-store"
                assert response.headers["Referrer-Policy"] == "no-referrer"
                policies.append(response.headers["Content-Security-Policy"])
        script_src = next(part for part in policies[0].split("; ") if part.startswith("script-src"))
        assert script_src == "script-src 'self'"
        assert policies[0] != policies[1], "the nonce must be new in every answer"

        addresses = [f"/{one}" for one in re.findall(r'(?:src|href)="(graphiql/[^"]+)"', html)]
        assert [address.rsplit(".", 1)[1] for address in addresses] == ["css", "js"]
        for address, media_type in zip(addresses, ["text/css", "text/javascript"], strict=True):
            async with client.get(address) as response:
                assert response.content_type == media_type
                assert response.headers["Content-Encoding"] == "gzip"
                assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
                assert await response.read() == (STATIC_FOLDER / Path(address).name).read_bytes()
            async with client.get(address, headers={"Accept-Encoding": "identity"}) as response:
                assert "Content-Encoding" not in response.headers
        for address in ("/graphiql/index.html", f"{addresses[1]}.gz", "/graphiql/%2e%2e%2fgraphiql.py"):
            async with client.get(address) as response:
                assert response.status == 404, address


async def test_nothing_in_the_settings_can_leave_its_element(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<script type="application/json">%CONFIG%</script>')
    tokens = {"</script><img src=x onerror=alert(1)>": "a&b<!--"}
    async with serve(GraphiQLPage(tmp_path, tokens)) as gateway, aiohttp.request("GET", gateway.url) as response:
        html = await response.text()
        policy = response.headers["Content-Security-Policy"]
    block = html.removeprefix('<script type="application/json">').removesuffix("</script>")
    assert not set("<>&") & set(block)
    config = json.loads(block)
    assert config["demoTokens"] == tokens
    assert config["endpoint"] == "graphql"
    assert f"style-src 'self' 'nonce-{config['styleNonce']}'" in policy


async def test_a_page_that_is_not_built_says_what_to_do(tmp_path: Path) -> None:
    async with serve(GraphiQLPage(tmp_path)) as gateway, aiohttp.request("GET", gateway.url) as response:
        assert response.status == 503
        assert "Run `make setup`" in await response.text()


@pytest.mark.skipif(not CONTRACT.is_dir(), reason="the contract's folder ../shared is not beside this repository")
@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - OWN))
def test_the_example_is_the_contracts_document(name: str) -> None:
    assert (OPERATIONS / f"{name}.graphql").read_text() == (CONTRACT / f"{name}.graphql").read_text()


def test_every_document_is_an_example() -> None:
    assert sorted(path.stem for path in OPERATIONS.glob("*.graphql")) == sorted(EXAMPLES)
