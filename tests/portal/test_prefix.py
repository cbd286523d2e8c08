"""The portal behind a prefix that a proxy leaves, and behind one that it cuts off."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from gateway.live_settings import LiveSettings
from gateway.portal_settings import PortalSettings
from gateway.server_settings import ServerSettings
from gateway.settings import GraphQLSettings
from tests.browser import needs_chromium
from tests.portal.conftest import PATIENCE, needs_portal, tab_of
from tests.stack import stacked

pytestmark = [pytest.mark.long, needs_chromium, needs_portal]


async def test_addresses_assets_and_live_work_below_it(chromium: Browser, tmp_path: Path) -> None:
    async with (
        stacked(
            tmp_path,
            customers=4,
            graphql=GraphQLSettings(deadline=30.0),
            server=ServerSettings(root_path="/shop"),
            live=LiveSettings(enabled=True),
            portal=PortalSettings(enabled=True),
        ) as stack,
        tab_of(chromium, f"{stack.address}/shop") as tab,
    ):
        await tab.sign_in(path="/bills/Bill:BILL-1001-1-07")
        await expect(tab.page.get_by_text("What it is for")).to_be_visible(timeout=PATIENCE)
        await tab.page.get_by_role("link", name="Home", exact=True).click()
        await expect(tab.card("Services").get_by_text("Fibre 500")).to_be_visible(timeout=PATIENCE)
        assert tab.page.url == f"{stack.address}/shop/portal/"
        await tab.connected()
