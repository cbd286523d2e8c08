"""The home: one request, a card for each system, and what it does without one."""

from typing import Final

import pytest
from playwright.async_api import Route, expect

from tests.browser import needs_chromium
from tests.portal.conftest import PATIENCE, Tab, needs_portal
from tests.stack import Stack

pytestmark = [needs_chromium, needs_portal]


@pytest.mark.long
async def test_first_paint_is_one_request(tab: Tab) -> None:
    shapes: list[int] = []

    async def hold(route: Route) -> None:
        await tab.page.wait_for_selector(".card .skeleton")
        shapes.append(await tab.page.locator(".card .skeleton").count())
        await route.continue_()

    await tab.page.route("**/graphql", hold)
    await tab.page.route_web_socket("**/graphql", lambda _: None)  # what is followed is read once more when it is
    await tab.sign_in()
    await expect(tab.card("Bills and balance").get_by_text("Bill 1001-1-2026-11")).to_be_visible(timeout=PATIENCE)
    assert shapes == [4]
    assert tab.operations == ["PortalHome"]
    await expect(tab.page.get_by_role("heading", level=1)).to_contain_text(", Ivan")
    await expect(tab.page.get_by_role("meter")).to_have_count(3)
    await expect(tab.page.get_by_text("One of your services has an outage.")).to_be_visible()


@pytest.mark.long
async def test_billing_away_costs_its_cards_and_is_asked_for_again_alone(tab: Tab, portal: Stack) -> None:
    portal.systems["billing"].stop()
    await tab.sign_in()
    bills = tab.card("Bills and balance")
    await expect(bills.get_by_text("We cannot show your bills right now.")).to_be_visible(timeout=PATIENCE)
    await expect(tab.card("Services").get_by_text("Fibre 500")).to_be_visible()
    await expect(tab.card("Support").get_by_text("No connection in the evenings")).to_be_visible()
    portal.reset()
    before = len(tab.operations)
    await bills.get_by_role("button", name="Try again").click()
    await expect(bills.get_by_text("Bill 1001-1-2026-11")).to_be_visible(timeout=PATIENCE)
    again = set(tab.operations[before:]) - {"HomeTicketsAgain", "HomeServicesAgain"}
    assert again == {"HomeAccountsAgain"}
    await expect(tab.card("Usage").get_by_role("button", name="Try again")).to_be_visible()


@pytest.mark.long
async def test_what_is_late_does_not_hold_up_the_rest(tab: Tab, portal: Stack) -> None:
    portal.systems["billing"].switches.latency_ms = 2500
    await tab.sign_in()
    await expect(tab.card("Services").get_by_text("Fibre 500")).to_be_visible(timeout=PATIENCE)
    bills = tab.card("Bills and balance")
    await expect(bills.get_by_text("This takes longer than usual.")).to_be_visible(timeout=PATIENCE)
    portal.systems["billing"].switches.latency_ms = 0
    await expect(bills.get_by_text("Bill 1001-1-2026-11")).to_be_visible(timeout=PATIENCE)
    assert tab.operations.count("PortalHome") == 1
    assert "HomeAccountsAgain" in tab.operations


@pytest.mark.long
@pytest.mark.parametrize("path", ["/bills", "/tickets", "/contact"])
async def test_an_address_of_its_own_opens_its_page(tab: Tab, path: str) -> None:
    await tab.sign_in(path=path)
    titles = {"/bills": "Bills", "/tickets": "Support", "/contact": "Contact details"}
    await expect(tab.page.get_by_role("heading", level=1, name=titles[path])).to_be_visible(timeout=PATIENCE)


OLD_AND_INCOMPLETE: Final = {
    "stale": [{"system": "inventory", "paths": [["me", "services"]], "age": 130}],
    "incomplete": [{"path": ["me", "tickets"], "system": "ticketing", "rows": 1}],
}


@pytest.mark.long
async def test_what_is_old_and_what_lacks_rows_is_said(tab: Tab) -> None:
    async def say(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, json={**await answer.json(), "extensions": OLD_AND_INCOMPLETE})

    await tab.page.route("**/graphql", say, times=1)
    await tab.page.route_web_socket("**/graphql", lambda _: None)  # what is followed would be read again at once
    await tab.sign_in()
    await expect(tab.card("Services").get_by_text("As of 2 minutes ago")).to_be_visible(timeout=PATIENCE)
    await expect(tab.card("Support").get_by_text("This list may not be complete.")).to_be_visible()
    await expect(tab.card("Usage").get_by_text("As of")).to_have_count(0)
