"""The portal in one visit; each part of it has a longer test of its own beside this file."""

import re

from playwright.async_api import Route, expect

from tests.browser import needs_chromium
from tests.portal.conftest import PATIENCE, Tab, needs_portal
from tests.portal.test_bills import pay_with_two_clicks_and_the_answer_lost
from tests.portal.test_home import OLD_AND_INCOMPLETE
from tests.stack import Stack

pytestmark = [needs_chromium, needs_portal]


async def test_from_a_cut_off_link_over_a_home_without_billing_to_a_payment(tab: Tab, portal: Stack) -> None:
    link, bills = tab.page.get_by_role("link", exact=True, name="Home"), tab.card("Bills and balance")
    await tab.page.route_web_socket("**/graphql", lambda _: None)  # what is followed would be read again at once
    await tab.sign_in(path="/bills/%E0%A4%A")
    await tab.see("This bill does not exist, or it is not yours.")

    shapes: list[int] = []

    async def hold_and_say(route: Route) -> None:
        await tab.page.wait_for_selector(".card .skeleton")
        shapes.append(await tab.page.locator(".card .skeleton").count())
        answer = await route.fetch()
        await route.fulfill(response=answer, json={**await answer.json(), "extensions": OLD_AND_INCOMPLETE})

    await tab.page.route("**/graphql", hold_and_say, times=1)
    portal.systems["billing"].stop()
    before = len(tab.operations)
    await link.click()
    await expect(bills.get_by_text("We cannot show your bills right now.")).to_be_visible(timeout=PATIENCE)
    assert (shapes, tab.operations[before:]) == ([4], ["PortalHome"])
    await expect(tab.card("Services").get_by_text("Fibre 500")).to_be_visible()
    await expect(tab.card("Services").get_by_text("As of 2 minutes ago")).to_be_visible()
    await expect(tab.card("Support").get_by_text("This list may not be complete.")).to_be_visible()
    await expect(tab.card("Usage").get_by_text("As of")).to_have_count(0)
    portal.reset()
    before = len(tab.operations)
    await bills.get_by_role("button", name="Try again").click()
    await expect(bills.get_by_text("Bill 1001-1-2026-11")).to_be_visible(timeout=PATIENCE)
    assert tab.operations[before:] == ["HomeAccountsAgain"]

    await tab.page.get_by_role("link", name="Bills", exact=True).click()
    await tab.page.get_by_role("link", name=re.compile("1001-2-2026-10")).click()
    await pay_with_two_clicks_and_the_answer_lost(tab, portal)
    await link.click()
    await expect(bills.get_by_text("Nothing to pay.")).to_be_visible(timeout=PATIENCE)
