"""Contact data: changed and seen, mistakes said beside the field, and nothing of it known without the CRM."""

import pytest
from playwright.async_api import expect

from tests.browser import needs_chromium
from tests.portal.conftest import PATIENCE, Tab, needs_portal
from tests.stack import Stack

pytestmark = [needs_chromium, needs_portal]


@pytest.mark.long
async def test_changed_and_seen(tab: Tab, portal: Stack) -> None:
    page = tab.page
    await tab.sign_in(path="/contact")
    await page.get_by_role("button", name="Change").click(timeout=PATIENCE)
    await page.get_by_label("Phone").fill("call me")
    await page.get_by_role("button", name="Save").click()
    await tab.see("This does not look right.")
    await expect(page.get_by_label("Phone")).to_have_attribute("aria-invalid", "true")
    await page.get_by_label("Phone").fill("+46 70 123 45 67")
    await page.get_by_role("button", name="Save").click()
    await tab.see("Your contact details were changed.")
    await expect(page.get_by_role("main").get_by_text("+46 70 123 45 67")).to_be_visible()
    seen = (await portal.ask("{ me { email phone } }", "1001")).clean()["me"]
    assert seen == {"email": "ivan.svensson1001@example.net", "phone": "+46 70 123 45 67"}


@pytest.mark.long
async def test_without_the_crm(tab: Tab, portal: Stack) -> None:
    portal.systems["crm"].stop()
    await tab.sign_in(path="/contact")
    await tab.see("We cannot show your contact details right now.")
    assert await tab.page.get_by_role("button", name="Change").count() == 0
    portal.reset()
    await tab.page.get_by_role("button", name="Try again").click()
    await tab.see("ivan.svensson1001@example.net")
