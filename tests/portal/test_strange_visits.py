"""What comes from elsewhere: links of others, cut-off addresses, texts that are code or too long."""

import re

import pytest
from playwright.async_api import Route, expect

from tests.browser import needs_chromium
from tests.portal.conftest import AGENT, IVAN, PATIENCE, Tab, needs_portal
from tests.portal.test_bills import open_bill, payments
from tests.stack import Stack

pytestmark = [needs_chromium, needs_portal]

FOR_CUSTOMERS, FOR_THE_DESK = "This page is for customers.", "This page is for those who work at the service desk."
NO_FINER_THAN_CENTS = {"1.005": False, "0": False, "0,00": False, "1e3": False, " 1,50 ": True, "84.70": True}


@pytest.mark.long
async def test_a_link_that_was_cut_off_leads_to_nothing_and_breaks_nothing(tab: Tab) -> None:
    await tab.sign_in(path="/bills/%E0%A4%A")
    await tab.see("This bill does not exist, or it is not yours.")
    await expect(tab.page.get_by_role("link", name="Contact details")).to_be_visible()


@pytest.mark.long
@pytest.mark.parametrize(
    ("person", "path", "told"),
    [
        (AGENT, "/bills", FOR_CUSTOMERS),
        (AGENT, "/contact", FOR_CUSTOMERS),
        (AGENT, "/tickets/new", FOR_CUSTOMERS),
        (IVAN, "/customers/Customer:1002", FOR_THE_DESK),
        (IVAN, "/outages", FOR_THE_DESK),
    ],
)
async def test_a_link_of_somebody_else_says_whom_it_is_for(tab: Tab, person: str, path: str, told: str) -> None:
    await tab.sign_in(person, path)
    await expect(tab.page.get_by_role("heading", level=1, name="Not for you")).to_be_visible(timeout=PATIENCE)
    await tab.see(told)


@pytest.mark.long
async def test_a_page_that_cannot_be_drawn_says_so_and_the_others_stay(tab: Tab) -> None:
    async def with_no_currency(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, body=(await answer.text()).replace('"EUR"', '"E?"'))

    await tab.page.route("**/graphql", with_no_currency, times=1)
    await tab.page.route_web_socket("**/graphql", lambda _: None)  # what is followed would be read again at once
    await tab.sign_in()
    await expect(tab.page.get_by_role("heading", level=1, name="Something went wrong")).to_be_visible(timeout=PATIENCE)
    await tab.page.get_by_role("link", name="Contact details").click()
    await expect(tab.page.get_by_role("heading", level=1, name="Contact details")).to_be_visible(timeout=PATIENCE)


@pytest.mark.long
async def test_code_and_words_without_end_are_text_on_a_narrow_page(tab: Tab) -> None:
    page, code = tab.page, '<img src="x" onerror="document.title=1">'
    await page.set_viewport_size({"width": 390, "height": 844})
    await tab.sign_in(path="/tickets/new")
    await page.get_by_label("In a few words").fill(code + "W" * 150)
    await page.get_by_label("What happened?").fill(code + "x" * 400)
    await page.get_by_role("button", name="Open the case").click()
    await expect(page.get_by_role("heading", level=1, name=code)).to_be_visible(timeout=PATIENCE)
    await page.get_by_label("Write to us").fill(code + "y" * 400)
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("list", name="Conversation")).to_contain_text(code + "y", timeout=PATIENCE)
    assert await page.locator("main img").count() == 0
    assert await page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.long
async def test_what_is_confirmed_is_what_is_paid(tab: Tab, portal: Stack) -> None:
    await open_bill(tab, "1001-1-2026-11")
    field = tab.page.get_by_label("Amount")
    for text, is_amount in NO_FINER_THAN_CENTS.items():
        await field.fill(text)
        assert await field.evaluate("field => field.checkValidity()") is is_amount, text
    await field.fill("1.005")
    await tab.page.get_by_role("button", name="Continue").click()
    await expect(tab.page.get_by_role("button", name=re.compile("Pay .* now"))).to_have_count(0)
    assert payments(portal) == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("today", "said"), [("2026-11-25", "We expect to solve it by"), ("2027-01-10", "We wanted to")]
)
async def test_an_expectation_that_is_over_is_none(tab: Tab, today: str, said: str) -> None:
    await tab.page.clock.set_fixed_time(f"{today}T12:00:00Z")
    await tab.sign_in(path="/tickets/Ticket:TT-1001-1")
    await tab.see(said)


@pytest.mark.long
@pytest.mark.parametrize("width", [800, 390])
async def test_every_page_can_be_chosen_at_every_width(tab: Tab, width: int) -> None:
    await tab.page.set_viewport_size({"width": width, "height": 844})
    await tab.sign_in(AGENT)
    links = tab.page.get_by_role("navigation").get_by_role("link")
    await expect(links).not_to_have_count(0, timeout=PATIENCE)
    for link in await links.all():
        await expect(link).to_be_in_viewport(ratio=1)
