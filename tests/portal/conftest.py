"""The portal in a real browser, before a real gateway and the sandbox."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Request, WebSocket, expect

from gateway.files_settings import FilesSettings
from gateway.http.portal import PORTAL_FOLDER
from gateway.live_settings import LiveSettings
from gateway.live_sources import EventSource
from gateway.portal_settings import PortalSettings
from gateway.settings import GraphQLSettings
from gateway.writes_settings import WritesSettings
from tests.browser import Complaints, open_chromium, open_page
from tests.stack import Stack, stacked

PATIENCE = 60_000
"""Milliseconds until something is on the page; a machine may be slow."""

IVAN, AGENT = "Ivan Svensson", "Agent"

needs_portal = pytest.mark.skipif(
    not (PORTAL_FOLDER / "index.html").is_file(), reason="gateway/static/portal is not built: run `make setup`"
)


@dataclass
class Tab:
    """A tab with the portal: what it asked, and what it must not have done."""

    page: Page
    complaints: Complaints
    origin: str
    operations: list[str] = field(default_factory=list)
    is_connected: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/graphql"):
            self.operations.append((request.post_data_json or {}).get("operationName", ""))

    def watch(self, socket: WebSocket) -> None:
        """Two operations are followed: what is sent after the second one is told."""
        started: list[str] = []

        def sent(frame: str | bytes) -> None:
            if '"subscribe"' in str(frame):
                started.append(str(frame))
            if len(started) == 2:
                self.is_connected.set()

        socket.on("framesent", sent)

    async def connected(self) -> None:
        """Return once what changes is followed, and was read again after that."""
        async with asyncio.timeout(PATIENCE / 1000):
            await self.is_connected.wait()
        await self.page.wait_for_load_state("networkidle")

    async def sign_in(self, person: str = IVAN, path: str = "") -> None:
        await self.page.goto(f"{self.origin}/portal{path}")
        await self.page.get_by_role("button", name=person).click()

    async def see(self, text: str) -> None:
        await expect(self.page.get_by_text(text).first).to_be_visible(timeout=PATIENCE)

    def card(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name, exact=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _portal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with stacked(
        tmp_path_factory.mktemp("portal"),
        customers=20,
        graphql=GraphQLSettings(deadline=30.0),
        systems={"billing": {"profile": {"bills_name_customers": True, "payment_method": {"id": "PM-TEST"}}}},
        writes=WritesSettings(enabled=True, in_process=True, wait=1.0),
        live=LiveSettings(enabled=True, sources={"ticketing": EventSource(poll=1.0)}),
        files=FilesSettings(signed_for=300.0),
        portal=PortalSettings(enabled=True),
    ) as running:
        yield running


@pytest.fixture
def portal(_portal: Stack) -> Stack:
    """The stack that serves the portal, reset."""
    _portal.reset()
    return _portal


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with open_chromium() as browser:
        yield browser


@asynccontextmanager
async def tab_of(
    chromium: Browser, origin: str, *, width: int = 1440, dark: bool = False, also: Collection[str] = ()
) -> AsyncIterator[Tab]:
    """A tab, which must have kept to its host, and those in `also`, and to its policy when it is closed."""
    async with open_page(chromium, origin, width=width, dark=dark, also=also) as (page, complaints):
        page.set_default_timeout(PATIENCE)
        tab = Tab(page, complaints, origin)
        page.on("request", tab.note)
        page.on("websocket", tab.watch)
        yield tab
        assert complaints.foreign_requests == []
        assert complaints.page_errors == []
        assert [one for one in complaints.console_errors if "CSP" in one or "Content Security" in one] == []


@pytest_asyncio.fixture(loop_scope="session")
async def tab(chromium: Browser, portal: Stack) -> AsyncIterator[Tab]:
    async with tab_of(chromium, portal.address) as made:
        yield made
