"""The demo, live: what changes in one browser tab shows in another, over each transport, and in `gateway events`."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser import Complaints, needs_chromium, open_chromium, open_page
from tests.gateway.commands.running import ROOT, Running, environment, running_demo
from tests.gateway.http.test_graphiql import needs_build, run


@asynccontextmanager
async def opened(browser: Browser, demo: Running, transport: str) -> AsyncIterator[tuple[Page, Locator]]:
    """A page that will subscribe over this transport, and its list of events."""
    origin = f"http://127.0.0.1:{demo.port}"
    async with open_page(browser, origin) as (page, complaints):
        page.on("dialog", lambda dialog: dialog.accept())
        await page.goto(f"{origin}/graphql")
        await expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("PortalHome")
        await page.get_by_label("Subscribe over").select_option(transport)
        yield page, page.get_by_role("region", name="Events of the subscription")
        assert complaints == Complaints()


@asynccontextmanager
async def events(demo: Running) -> AsyncIterator[asyncio.StreamReader]:
    """What `gateway events` prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "events", "--url", f"http://127.0.0.1:{demo.port}"),
        cwd=ROOT,
        env=environment(demo.folder),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        assert (await asyncio.wait_for(process.stderr.readline(), 30)).startswith(b"Following")
        yield process.stdout
    finally:
        process.terminate()
        await process.communicate()


async def line_with(lines: asyncio.StreamReader, *words: str) -> None:
    """Read on until a line has all the words."""
    while not set(words) <= set((line := await asyncio.wait_for(lines.readline(), 30)).decode().split()):
        assert line, f"it ended without a line with {words}"


async def follow(pages: list[tuple[Page, Locator]], name: str) -> None:
    for page, panel in pages:
        await run(page, name)
        await expect(panel).to_contain_text(name)
        await expect(panel.get_by_role("status")).to_have_text("connected")


async def administer(demo: Running, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """An admin call to the ticketing system."""
    address = f"http://127.0.0.1:{demo.sandbox_port + 3}/_sandbox/{path}"
    async with aiohttp.request(method, address, json=body) as answer:
        assert answer.ok
        return await answer.json()


@pytest.mark.long
@needs_chromium
@needs_build
async def test_what_changes_shows_in_two_tabs_and_on_the_terminal(tmp_path: Path) -> None:
    with running_demo(tmp_path) as demo:
        async with (
            events(demo) as lines,
            open_chromium() as browser,
            opened(browser, demo, "WebSocket") as socket,
            opened(browser, demo, "SSE") as stream,
        ):
            newest = [panel.get_by_role("listitem").first for _, panel in (socket, stream)]
            await follow([socket, stream], "TicketChanged")
            await run(stream[0], "AddTicketNote")
            for row in newest:
                await expect(row).to_contain_text("ticketChanged CHANGED Ticket:TT-1001-1")
            await line_with(lines, "ticketing", "Ticket:TT-1001-1", "changed", "hub")

            await follow([socket, stream], "OutageChanged")
            begun = (await administer(demo, "POST", "outages", {"cabinet": 1}))["id"]
            for row in newest:
                await expect(row).to_contain_text(f"outageChanged CREATED Outage:{begun}")
            await line_with(lines, f"Outage:{begun}", "created", "hub")
            await administer(demo, "DELETE", f"outages/{begun}")
            for row in newest:
                await expect(row).to_contain_text(f"outageChanged RESOLVED Outage:{begun}")
