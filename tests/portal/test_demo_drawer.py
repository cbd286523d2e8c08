"""The demo's drawer: billing stopped, ticketing slow, both healed; and what the home does meanwhile."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser import needs_chromium
from tests.gateway.commands.running import running_demo
from tests.portal.conftest import PATIENCE, needs_portal, tab_of

pytestmark = [pytest.mark.long, needs_chromium, needs_portal]


async def test_a_person_sees_what_the_portal_does_about_it(chromium: Browser, tmp_path: Path) -> None:
    demo = running_demo(tmp_path)
    running = await asyncio.to_thread(demo.__enter__)
    try:
        async with tab_of(chromium, f"http://127.0.0.1:{running.port}") as tab:
            page = tab.page
            await tab.sign_in()
            await tab.see("€84.70")
            drawer = page.get_by_role("dialog")

            async def make(system: str, what: str, then: str) -> None:
                await page.get_by_role("button", name="Demo").click()
                await drawer.get_by_role("group", name=system).get_by_role("button", name=what).click()
                await expect(drawer.get_by_role("listitem").filter(has_text=system)).to_contain_text(
                    then, timeout=PATIENCE
                )
                await drawer.get_by_role("button", name="Close").click()

            await make("Billing", "Stop", "stopped")
            await make("Ticketing", "Slow down", "slow")
            await page.reload()
            bills = tab.card("Bills and balance")
            await expect(bills.get_by_text("We cannot show your bills right now.")).to_be_visible(timeout=PATIENCE)
            await expect(tab.card("Support").get_by_text("No connection")).to_be_visible(timeout=PATIENCE)
            assert "HomeTicketsAgain" in tab.operations
            await make("Billing", "Heal", "well")
            await make("Ticketing", "Heal", "well")
            await bills.get_by_role("button", name="Try again").click()
            await expect(bills.get_by_text("€84.70").first).to_be_visible(timeout=PATIENCE)
    finally:
        await asyncio.to_thread(demo.__exit__, None, None, None)
