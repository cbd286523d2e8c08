"""Each page at each width, light and dark: axe finds nothing, nothing is cut off, and the keyboard gets everywhere."""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser import needs_chromium
from tests.graphiql import axe
from tests.portal.conftest import AGENT, IVAN, PATIENCE, Tab, needs_portal, tab_of
from tests.stack import Stack

pytestmark = [needs_chromium, needs_portal]

PAGES = {
    IVAN: {
        "": "Bills and balance",
        "/bills": "Bill 1001-1-2026-11",
        "/bills/Bill:BILL-1001-1-07": "What it is for",
        "/tickets": "No connection in the evenings",
        "/tickets/Ticket:TT-1001-1": "Conversation",
        "/tickets/new": "What is it about?",
        "/contact": "E-mail",
        "/nowhere": "There is no page at this address.",
    },
    AGENT: {
        "": "Find a customer",
        "/customers?text=svensson": "Ivan Svensson",
        "/customers/Customer:1001": "Accounts and open bills",
        "/operations": "Open bills by month",
        "/outages": "Whom to call",
        "/status": "Operations, the dearest first",
        "/tickets/Ticket:TT-1001-1": "Only for us",
    },
}


async def violations(page: Page) -> list[Any]:
    found: list[Any] = await page.evaluate(
        "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>"
        " violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => [id, html, failureSummary])))"
    )
    return found


async def goes_well(tab: Tab, width: int, name: str) -> None:
    page = tab.page
    if folder := os.environ.get("PORTAL_SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
    assert await violations(page) == [], name
    assert await page.evaluate("document.documentElement.scrollWidth") <= width, name
    assert await page.get_by_role("heading", level=1).count() == 1, name
    assert await page.get_by_role("main").count() == 1, name


@pytest.mark.long
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1440, 800, 390])
async def test_every_page(chromium: Browser, portal: Stack, width: int, dark: bool) -> None:
    for person, pages in PAGES.items():
        async with tab_of(chromium, portal.address, width=width, dark=dark) as tab:
            await tab.page.goto(f"{portal.address}/portal")
            await tab.page.evaluate(f"{axe()};0")
            shown = f"{width}-{'dark' if dark else 'light'}-{person[:4]}"
            await goes_well(tab, width, f"{shown}-sign-in")
            await tab.page.get_by_role("button", name=person).click()
            await tab.page.get_by_role("heading", level=1).first.wait_for()
            for path, text in pages.items():
                if path:  # as a link of the portal's does: so axe stays
                    await tab.page.evaluate("path => history.pushState(null, '', '/portal' + path)", path)
                await tab.see(text)
                await expect(tab.page.locator(".skeleton")).to_have_count(0, timeout=PATIENCE)
                await goes_well(tab, width, f"{shown}{path.split('?')[0].replace('/', '-').replace(':', '-')}")


@pytest.mark.long
async def test_a_home_without_a_system(chromium: Browser, portal: Stack) -> None:
    portal.systems["billing"].stop()
    portal.systems["crm"].stop()
    async with tab_of(chromium, portal.address, width=390, dark=True) as tab:
        await tab.sign_in()
        await tab.see("We cannot show your bills right now.")
        await tab.page.evaluate(f"{axe()};0")
        await goes_well(tab, 390, "390-dark-sick")


@pytest.mark.long
async def test_the_keyboard_gets_to_the_content_and_to_the_next_page(tab: Tab) -> None:
    page = tab.page
    await tab.sign_in()
    await expect(page.get_by_role("heading", level=1)).to_be_focused(timeout=PATIENCE)
    await page.reload()
    await tab.see("Fibre 500")
    await page.keyboard.press("Tab")
    skip = page.get_by_role("button", name="Skip to the content")
    await expect(skip).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="All bills")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1, name="Bills")).to_be_focused(timeout=PATIENCE)
    assert await page.title() == "Bills · OptiCom"
    await page.get_by_role("button", name="Use dark colours").press("Enter")
    assert await page.evaluate("document.documentElement.dataset.theme") == "dark"
