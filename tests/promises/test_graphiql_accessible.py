"""GraphiQL's page at each width, light and dark, and by the keyboard."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.graphiql import Desk, desk, needs_page

pytestmark = [pytest.mark.long, *needs_page]


@pytest_asyncio.fixture(scope="module")
async def at(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with desk(tmp_path_factory.mktemp("graphiql")) as made:
        yield made


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1440, 800, 390])
async def test_axe_finds_nothing_of_ours_and_nothing_is_cut_off(at: Desk, width: int, dark: bool) -> None:
    at.stack.reset()
    async with at.page(width=width, height=844, dark=dark) as graphiql:
        page = graphiql.page
        assert await graphiql.violations() == set()  # signed out
        await graphiql.sign_in("kim")
        await graphiql.turn_to("OpsDashboard")
        at.stack.systems["billing"].switches.merge({"errorRate": 1})
        await graphiql.run()
        await graphiql.errors.get_by_text("50 places").click()
        assert await graphiql.violations() == set()
        await graphiql.turn_to("PayBill")
        await expect(page.get_by_role("region", name="About this mutation")).to_be_visible()
        assert await graphiql.violations() == set()

        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await expect(page.get_by_role("main")).to_have_count(1)
        editors = await page.locator(".graphiql-editors").bounding_box()
        answer = await page.locator(".graphiql-response").bounding_box()
        assert editors is not None
        assert answer is not None
        stacked = answer["y"] >= editors["y"] + editors["height"]
        assert stacked == (width < 900)
        assert min(editors["width"], answer["width"]) > (0.9 * width if stacked else 0.4 * width)
        for button in await page.get_by_role("toolbar").get_by_role("button").all():
            await button.click(trial=True)  # nothing lies over it
        if stacked:
            await page.get_by_role("button", name="Show Documentation Explorer").click()
            await expect(page.locator(".graphiql-doc-explorer")).to_be_visible()


async def test_the_tabs_are_one_stop_and_the_arrows_turn_them(at: Desk) -> None:
    async with at.page() as graphiql:
        page = graphiql.page
        assert await graphiql.tab_stops() < 30
        await graphiql.turn_to("UsageGlance")
        chosen = page.locator(".graphiql-tab-active .graphiql-tab-button")
        for key, name in (("ArrowRight", "BillDetail"), ("ArrowLeft", "UsageGlance"), ("Home", "PortalHome")):
            await chosen.press(key)
            await expect(chosen).to_have_text(name)
            await expect(chosen).to_be_focused()
        await chosen.press("ArrowLeft")
        await expect(chosen).to_have_text("UpdateContact")
        await expect(chosen).to_be_focused()
        await chosen.press("Tab")
        await expect(page.locator(".graphiql-tab-active .graphiql-tab-close")).to_be_focused()


async def test_the_variables_are_open_where_there_are_some(at: Desk) -> None:
    async with at.page() as graphiql:
        assert await graphiql.is_closed()
        for tab, is_closed in (("BillDetail", False), ("OutageImpact", True), ("PayBill", False)):
            await graphiql.turn_to(tab)
            assert await graphiql.is_closed() == is_closed, tab
        await graphiql.turn_to("SystemStatus")
        await graphiql.page.get_by_role("button", name="Variables", exact=True).click()
        assert not await graphiql.is_closed()
