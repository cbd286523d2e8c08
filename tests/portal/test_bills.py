"""Bills: a list with pages, one bill with its file, and a payment that is made once whatever becomes of its answer."""

import re

import pytest
from playwright.async_api import expect

from tests.browser import needs_chromium
from tests.portal.conftest import PATIENCE, Tab, needs_portal
from tests.stack import Stack

pytestmark = [needs_chromium, needs_portal]


def payments(portal: Stack) -> list[dict[str, object]]:
    return [one for one in portal.systems["billing"].requests if one["method"] == "POST" and "/payment" in one["path"]]


async def open_bill(tab: Tab, number: str) -> None:
    await tab.sign_in(path="/bills")
    await tab.page.get_by_role("link", name=re.compile(number)).click()
    await expect(tab.page.get_by_role("heading", level=1, name=f"Bill {number}")).to_be_focused(timeout=PATIENCE)


@pytest.mark.long
async def test_pages_charges_and_the_file(tab: Tab) -> None:
    await tab.sign_in(path="/bills")
    rows = tab.page.get_by_role("main").get_by_role("listitem")
    await expect(rows).to_have_count(10, timeout=PATIENCE)
    await tab.page.get_by_role("button", name="Show more").click()
    await expect(rows).not_to_have_count(10, timeout=PATIENCE)
    await tab.page.get_by_text("Paid", exact=True).first.click()
    await tab.page.get_by_role("link", name=re.compile("1001-1-2026-10")).click()
    await tab.see("What it is for")
    await expect(tab.page.get_by_text("Pay this bill")).to_have_count(0)
    async with tab.page.context.expect_page() as opened:
        await tab.page.get_by_role("button", name=re.compile("Open bill-")).click()
    file = await opened.value
    await file.wait_for_url("**/documents/**", timeout=PATIENCE, wait_until="commit")
    assert "token" not in file.url


async def pay_with_two_clicks_and_the_answer_lost(tab: Tab, portal: Stack) -> None:
    """Pay the bill that is shown, once."""
    portal.systems["billing"].switches.lose_answers = 1
    portal.systems["billing"].switches.late_ms = 3000
    await tab.page.get_by_role("button", name="Continue").click()
    await tab.page.get_by_role("button", name=re.compile("Pay .* now")).dblclick()
    await tab.see("We do not know yet whether this was paid.")
    await expect(tab.page.get_by_label("Amount")).to_have_count(0)
    await tab.see("Thank you.")
    assert len(payments(portal)) == 1


@pytest.mark.long
async def test_paid_once_with_the_answer_lost_and_two_clicks(tab: Tab, portal: Stack) -> None:
    await open_bill(tab, "1001-2-2026-10")
    await pay_with_two_clicks_and_the_answer_lost(tab, portal)
    await expect(tab.page.get_by_text("Nothing has been paid yet.")).to_have_count(0)
    await tab.page.get_by_role("link", name="Home", exact=True).click()
    await expect(tab.card("Bills and balance").get_by_text("Nothing to pay.")).to_be_visible(timeout=PATIENCE)


@pytest.mark.long
async def test_a_payment_without_an_outcome_is_gone_on_with_after_a_reload(tab: Tab, portal: Stack) -> None:
    await open_bill(tab, "1001-1-2026-11")
    portal.systems["billing"].switches.lose_answers = 1
    portal.systems["billing"].switches.late_ms = 3000
    await tab.page.get_by_label("Amount").fill("10.00")
    await tab.page.get_by_role("button", name="Continue").click()
    await tab.page.get_by_role("button", name="Pay €10.00 now").click()
    await tab.see("We do not know yet whether this was paid.")
    await tab.page.reload()
    await tab.see("Thank you. Your payment of €10.00")
    assert len(payments(portal)) == 1


@pytest.mark.long
async def test_a_keyboard_is_never_sent_back_to_the_top(tab: Tab, portal: Stack) -> None:
    await open_bill(tab, "1001-1-2026-11")
    press, by_role = tab.page.keyboard.press, tab.page.get_by_role
    await tab.page.get_by_label("Amount").fill("10.00")
    await press("Enter")
    await expect(by_role("button", name="Pay €10.00 now")).to_be_focused()
    await press("Tab")
    await press("Enter")  # to change the amount
    await expect(tab.page.get_by_label("Amount")).to_be_focused()
    await press("Enter")
    await press("Enter")
    await tab.see("Your payment of €10.00")
    await expect(by_role("region", name="Pay this bill")).to_be_focused()


@pytest.mark.long
async def test_what_is_wrong_is_said_beside_the_amount(tab: Tab, portal: Stack) -> None:
    await open_bill(tab, "1001-1-2026-11")
    await tab.page.get_by_label("Amount").fill("9999")
    await tab.page.get_by_role("button", name="Continue").click()
    await tab.page.get_by_role("button", name=re.compile("Pay .* now")).click()
    await tab.see("This is more than is open.")
    assert payments(portal) == []
