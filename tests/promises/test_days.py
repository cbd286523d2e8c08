"""A due date is the same day for everybody: on the page, and as docs/portal-developers.md formats it."""

import re
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import expect

from gateway.http.graphiql import STATIC_FOLDER
from gateway.settings import GraphQLSettings
from tests.browser import Complaints, needs_chromium, open_chromium, open_page
from tests.stack import stacked

DOCUMENT: Final = Path(__file__).parents[2] / "docs/portal-developers.md"
ZONES: Final = {
    "Pacific/Pago_Pago": -11,
    "America/Los_Angeles": -8,
    "America/Sao_Paulo": -3,
    "Europe/Prague": 1,
    "Asia/Kolkata": 5.5,
    "Pacific/Kiritimati": 14,
}
"""Time zones with their hours ahead of UTC in December, from one of the last to the first."""

DAY: Final = "2026-12-12"
OFFSET: Final = f"() => -new Date('{DAY}T12:00:00Z').getTimezoneOffset() / 60"


def formatting() -> str:
    """What the documentation formats a `dueDate` with."""
    line = re.search(r"^new Intl.*\.format\(new Date\(dueDate\)\)", DOCUMENT.read_text(), re.MULTILINE)
    assert line is not None
    return f"(dueDate) => {line.group()}"


@needs_chromium
@pytest.mark.long
async def test_a_due_date_is_the_same_in_six_time_zones(tmp_path: Path) -> None:
    assert (STATIC_FOLDER / "index.html").is_file(), "gateway/static is not built: run `make setup`"
    graphql = GraphQLSettings(graphiql=True, introspection="everyone")
    shown: dict[str, tuple[list[str], str]] = {}
    async with (
        stacked(tmp_path, customers=2, graphql=graphql) as stack,
        open_chromium() as browser,
        open_page(browser, stack.address) as (page, complaints),
    ):
        await page.goto(f"{stack.address}/graphql")
        editor = page.locator(".graphiql-query-editor .view-lines")
        await expect(editor).to_contain_text("PortalHome")  # the first tab: the page is there
        await page.get_by_role("tab", name="UsageGlance").click()
        await expect(editor).to_contain_text("UsageGlance")
        devtools = await page.context.new_cdp_session(page)
        for zone, hours in ZONES.items():
            await devtools.send("Emulation.setTimezoneOverride", {"timezoneId": zone})
            assert await page.evaluate(OFFSET) == hours
            async with page.expect_response(f"{stack.address}/graphql"):
                await page.get_by_role("button", name="Execute query").click()
            answer = page.locator(".graphiql-response .view-lines")
            await expect(answer).to_contain_text("dueDate")
            days = re.findall(r'"dueDate":\s*"([^"]*)"', (await answer.inner_text()).replace("\xa0", " "))
            shown[zone] = days, await page.evaluate(formatting(), DAY)
        assert complaints == Complaints()
    assert shown == dict.fromkeys(ZONES, (["2026-11-11"], "12 December 2026"))
