"""The page about the gateway's state: for the desk, live, and of what was really asked."""

import aiohttp
import pytest
from playwright.async_api import expect

from gateway.portal_settings import PortalSettings
from tests.conftest import contract
from tests.portal.conftest import AGENT, PATIENCE, Tab, needs_portal
from tests.stack import Stack, stacked

COUNTS = "/status/counts"


async def counted(stack: Stack, who: str | None) -> tuple[int, dict[str, object]]:
    async with stack.session.get(f"{stack.address}{COUNTS}", headers=stack.headers(who)) as answer:
        return answer.status, await answer.json()


async def test_the_counts_are_for_the_desk(portal: Stack) -> None:
    status, refused = await counted(portal, "1001")
    assert (status, refused["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")  # type: ignore[index]
    status, refused = await counted(portal, None)
    assert (status, refused["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")  # type: ignore[index]
    status, found = await counted(portal, "admin")
    assert (status, found["workers"]) == (200, 1)
    async with portal.session.post(f"{portal.address}{COUNTS}", headers=portal.headers("admin")) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


@needs_portal
async def test_what_is_asked_is_seen(tab: Tab, portal: Stack) -> None:
    await tab.page.goto(f"{tab.origin}/status")
    await tab.page.get_by_role("button", name=AGENT).click()
    operations = tab.card("Operations, the dearest first")
    await expect(operations).to_be_visible(timeout=PATIENCE)
    (await portal.ask(contract("PortalHome"), "1001")).clean()
    row = operations.get_by_role("row").filter(has=tab.page.get_by_role("rowheader", name="PortalHome"))
    await expect(row.get_by_role("cell").nth(0)).to_have_text("1", timeout=PATIENCE)
    billing = tab.card("Systems").get_by_role("row").filter(has_text="Billing")
    await expect(billing).to_contain_text("answers")
    await expect(billing).to_contain_text("closed")


@needs_portal
@pytest.mark.parametrize(
    "portal_settings", [PortalSettings(), PortalSettings(status=True)], ids=["off", "status alone"]
)
async def test_it_is_off_unless_set_and_needs_no_portal(
    tmp_path_factory: pytest.TempPathFactory, portal_settings: PortalSettings
) -> None:
    async with (
        stacked(tmp_path_factory.mktemp("status"), customers=2, portal=portal_settings) as stack,
        aiohttp.ClientSession() as session,
        session.get(f"{stack.address}/status") as answer,
    ):
        if not portal_settings.status:
            assert answer.status == 404
            assert (await counted(stack, "agent"))[0] == 404
            return
        assert (answer.status, answer.url.path) == (200, "/portal/status")
        assert '"onlyStatus": true' in (await answer.text()).replace('"onlyStatus":true', '"onlyStatus": true')
