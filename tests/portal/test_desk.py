"""The desk: a customer found, a case answered as the customer looks on, the overview and its plots, whom to call."""

import pytest
from playwright.async_api import Browser, expect

from tests.browser import needs_chromium
from tests.portal.conftest import AGENT, PATIENCE, Tab, needs_portal, tab_of
from tests.stack import Stack

pytestmark = [needs_chromium, needs_portal]


@pytest.mark.long
async def test_a_case_is_answered_and_the_customer_sees_it_at_once(tab: Tab, chromium: Browser, portal: Stack) -> None:
    async with tab_of(chromium, portal.address) as desk:
        page = desk.page
        await desk.sign_in(AGENT, "/customers")
        await page.get_by_label("Search customers").fill("1001-1-2026-11")
        await page.get_by_role("button", name="Search").click()
        await page.get_by_role("link", name="Ivan Svensson").click(timeout=PATIENCE)
        await expect(page.get_by_role("heading", level=1, name="Ivan Svensson")).to_be_visible(timeout=PATIENCE)
        await page.get_by_role("link", name="No connection in the evenings").click()
        await tab.sign_in(path="/tickets/Ticket:TT-1001-1")
        await tab.connected()
        await page.get_by_label("Only for us").check(timeout=PATIENCE)
        await page.get_by_label("Write to the customer").fill("He is a patient man.")
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_text("He is a patient man.").first).to_be_visible(timeout=PATIENCE)
        await expect(page.get_by_label("Write to the customer")).to_have_value("")
        await page.get_by_label("Only for us").uncheck()
        await page.get_by_label("Write to the customer").fill("It works again.")
        await page.get_by_role("button", name="Send").click()
        await tab.see("It works again.")
        assert await tab.page.get_by_text("He is a patient man.").count() == 0


@pytest.mark.long
async def test_the_overview_and_whom_to_call(tab: Tab, portal: Stack) -> None:
    page = tab.page
    await tab.sign_in(AGENT, "/operations")
    await expect(page.get_by_role("img", name="Open bills by month")).to_be_visible(timeout=PATIENCE)
    await page.get_by_text("As a table").first.click()
    months = page.get_by_role("table").first.get_by_role("row")
    await expect(months.filter(has_text="Nov 26")).to_contain_text("€")
    await page.get_by_role("link", name="Outages", exact=True).click()
    northgate = page.get_by_role("region", name="Broadband outage at Northgate 1")
    await expect(northgate.get_by_role("link", name="Ivan Svensson")).to_be_visible(timeout=PATIENCE)
    portal.systems["billing"].stop()
    await page.get_by_role("link", name="Customers", exact=True).click()
    await page.goto(f"{tab.origin}/portal/customers/Customer:1001")
    await tab.see("We cannot show the bills right now.")
    await tab.see("Fibre 500")
