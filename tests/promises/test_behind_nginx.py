"""Behind a real nginx with TLS and a prefix, set up as docs/behind-a-proxy.md says: what browsers and clients touch."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from yarl import URL

from gateway.cors_settings import CorsSettings
from gateway.files_settings import FilesSettings
from gateway.live_settings import LiveSettings
from gateway.server_settings import ServerSettings
from gateway.settings import GraphQLSettings
from tests.browser import Complaints, needs_chromium, open_chromium, open_page
from tests.certificates import authority
from tests.gateway.http.test_graphiql import needs_build
from tests.nginx import as_documented, free_ports, needs_nginx, nginx
from tests.stack import Stack, stacked

pytestmark = [needs_nginx]

ME = '{ me { name } bill(id: "BILL-1001-1-05") { documents { name url signedUrl { url } } } }'


OTHER = "https://other.example"


@dataclass(frozen=True)
class Portal:
    """The gateway as clients reach it: where the proxy cuts off the prefix, and where it leaves it."""

    stack: Stack
    origin: str
    leaving: str
    session: aiohttp.ClientSession


@pytest_asyncio.fixture(scope="module")
async def portal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Portal]:
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "other").mkdir()
    cutting, leaving = free_ports(2)
    issuer = authority("tests")
    shown = issuer.signs("portal", ["127.0.0.1"])
    origin = f"https://127.0.0.1:{cutting}"
    async with stacked(
        folder,
        customers=4,
        server=ServerSettings(public_url=f"{origin}/api/"),
        graphql=GraphQLSettings(graphiql=True, introspection="everyone", deadline=30.0),
        files=FilesSettings(signed_for=300),
        live=LiveSettings(enabled=True, origins=(origin,)),
        cors=CorsSettings(origins=(OTHER,)),
    ) as stack:
        http = as_documented(stack.address, cutting, shown, folder)
        _, _, server = as_documented(stack.address, leaving, shown, folder, cuts=False).partition("}\n")
        trusting = ssl.create_default_context(cadata=issuer.pem.decode())
        connector = aiohttp.TCPConnector(ssl=trusting)
        async with nginx(folder, http + server), aiohttp.ClientSession(connector=connector) as session:
            yield Portal(stack, origin, f"https://127.0.0.1:{leaving}", session)


@pytest_asyncio.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with open_chromium() as browser:
        yield browser


async def asked(portal: Portal, base: str, document: str, **headers: str) -> dict[str, Any]:
    given = {"Authorization": f"Bearer {portal.stack.token('1001')}", **headers}
    async with portal.session.post(f"{base}/api/graphql", json={"query": document}, headers=given) as answer:
        assert answer.status == 200, await answer.text()
        found: dict[str, Any] = (await answer.json())["data"]
        return found


async def test_a_client_is_answered_and_told_addresses_that_it_can_open(portal: Portal) -> None:
    documents = []
    for base in (portal.origin, portal.leaving):
        data = await asked(portal, base, ME, **{"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"})
        (document,) = data["bill"]["documents"]
        assert document["url"].startswith(f"{portal.origin}/api/documents/Bill:BILL-1001-1-05/")
        assert document["signedUrl"]["url"].startswith(f"{document['url']}?signature=")
        documents.append(document)
        path = document["url"].removeprefix(portal.origin)
        token = {"Authorization": f"Bearer {portal.stack.token('1001')}", "Range": "bytes=0-4"}
        async with portal.session.get(URL(base + path, encoded=True), headers=token) as answer:
            assert (answer.status, await answer.read()) == (206, b"%PDF-")
        async with portal.session.get(URL(document["signedUrl"]["url"], encoded=True)) as answer:
            whole = await answer.read()
            assert (answer.status, answer.headers["Content-Length"]) == (200, str(len(whole)))
        async with portal.session.get(f"{base}/api/nothing") as answer:
            assert answer.status == 404
    direct = (await portal.stack.ask(ME, "1001")).clean()["bill"]["documents"][0]
    assert direct["url"] == documents[0]["url"]


async def test_pages_of_other_origins_may_ask(portal: Portal) -> None:
    asking = {"Origin": OTHER, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "range"}
    for base in (portal.origin, portal.leaving):
        for path in ("/api/graphql", "/api/documents/Bill:1/1"):
            async with portal.session.options(f"{base}{path}", headers=asking) as answer:
                assert answer.headers["Access-Control-Allow-Origin"] == OTHER, path


async def test_what_is_asked_of_the_process_itself_needs_no_prefix(portal: Portal) -> None:
    for path in ("/healthz", "/api/healthz"):
        async with portal.stack.session.get(f"{portal.stack.address}{path}") as answer:
            assert answer.status == 200, path
    for path in ("/apihealthz", "/api/api/healthz", "/api"):
        async with portal.stack.session.get(f"{portal.stack.address}{path}") as answer:
            assert answer.status == 404, path


async def test_subscriptions_pass_over_both_transports(portal: Portal) -> None:
    subscription = 'subscription { ticketChanged(id: "TT-1001-1") { event } }'
    token = f"Bearer {portal.stack.token('1001')}"
    for base in (portal.origin, portal.leaving):
        async with portal.session.ws_connect(
            f"{base}/api/graphql".replace("https", "wss"),
            protocols=["graphql-transport-ws"],
            headers={"Origin": portal.origin},
        ) as socket:
            await socket.send_json({"type": "connection_init", "payload": {"authorization": token}})
            assert (await socket.receive_json())["type"] == "connection_ack"
            await socket.send_json({"type": "ping"})
            assert (await socket.receive_json())["type"] == "pong"
        headers = {"Authorization": token, "Accept": "text/event-stream"}
        async with portal.session.post(f"{base}/api/graphql", json={"query": subscription}, headers=headers) as answer:
            assert (answer.status, answer.content_type) == (200, "text/event-stream")
            async with asyncio.timeout(60):
                assert await answer.content.readany()


@needs_chromium
@needs_build
@pytest.mark.parametrize("how", ["origin", pytest.param("leaving", marks=pytest.mark.long)])
@pytest.mark.long
async def test_graphiql_its_assets_and_its_questions_work(portal: Portal, browser: Browser, how: str) -> None:
    base = getattr(portal, how)
    async with open_page(browser, base, trusts_all=True) as (page, complaints):
        loaded: list[tuple[int, str]] = []
        page.on("response", lambda one: loaded.append((one.status, one.url)))
        await page.goto(f"{base}/api/graphql")
        await expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("PortalHome", timeout=60_000)
        await page.get_by_role("button", name="Execute query").click()
        await expect(page.locator(".graphiql-response .view-lines")).to_contain_text("Ivan Svensson", timeout=60_000)
        assert {status for status, _ in loaded} == {200}
        assert all(url.startswith(f"{base}/api/") for _, url in loaded), loaded
        assert any("/api/graphiql/" in url and ".worker-" in url for _, url in loaded), loaded
        assert complaints == Complaints()


@needs_chromium
@pytest.mark.long
async def test_a_page_shows_a_bill_in_a_frame_and_a_link_opens_it(portal: Portal, browser: Browser) -> None:
    """In a browser that knows no token, on a page of the portal's."""
    (document,) = (await asked(portal, portal.origin, ME))["bill"]["documents"]
    address = document["signedUrl"]["url"]
    (attachment,) = (
        await asked(portal, portal.origin, '{ ticket(id: "TT-1001-1") { attachments { mimeType signedUrl { url } } } }')
    )["ticket"]["attachments"][:1]
    async with open_page(browser, portal.origin, trusts_all=True) as (page, complaints):
        html = f"""<a href={json.dumps(address)}>Your bill</a> <iframe src={json.dumps(address)}></iframe>
          <img src={json.dumps(attachment["signedUrl"]["url"])} alt="Photo">"""

        async def portal_page(route: Any) -> None:
            await route.fulfill(content_type="text/html", body=html)

        await page.route(f"{portal.origin}/bills", portal_page)
        async with page.expect_response(lambda one: one.url == address) as framed:
            await page.goto(f"{portal.origin}/bills")
        assert (await (await framed.value).header_value("content-disposition") or "").startswith("inline")
        assert await page.get_by_alt_text("Photo").evaluate("(image) => image.decode().then(() => image.naturalWidth)")
        async with page.expect_response(lambda one: one.url == address) as opened:
            await page.get_by_text("Your bill").click()
        answer = await opened.value
        assert (answer.status, await answer.header_value("content-type")) == (200, "application/pdf")
        assert await answer.header_value("set-cookie") is None
        foreign = [one for one in complaints.foreign_requests if not one.startswith("chrome")]  # its viewer of PDF
        assert foreign == complaints.page_errors == []
