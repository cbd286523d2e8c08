"""Signing in and out at a real OpenID provider: tokens in memory, renewed, and nothing of one person for the next."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route, expect

from gateway.live_settings import LiveSettings
from gateway.portal_settings import PortalSettings
from gateway.settings import GraphQLSettings
from tests.browser import needs_chromium
from tests.gateway.auth.people import PeopleProvider, people_provider, sign_in
from tests.portal.conftest import PATIENCE, Tab, needs_portal, tab_of
from tests.stack import stacked

pytestmark = [pytest.mark.long, needs_chromium, needs_portal]


@dataclass(frozen=True)
class Served:
    address: str
    provider: PeopleProvider


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(people_provider())
        made = stacked(
            tmp_path_factory.mktemp("sign-in"),
            customers=4,
            auth=provider.auth,
            graphql=GraphQLSettings(deadline=30.0),
            live=LiveSettings(enabled=True),
            portal=PortalSettings(enabled=True),
        )
        address = (await stack.enter_async_context(made)).address
        await provider.tell(f"{address}/portal")
        yield Served(address, provider)


@pytest_asyncio.fixture(loop_scope="session")
async def tab(chromium: Browser, served: Served) -> AsyncIterator[Tab]:
    async with tab_of(chromium, served.address, also=[served.provider.issuer]) as made:
        yield made


async def go_in(tab: Tab, login: str, path: str = "") -> None:
    if path:
        await tab.page.goto(f"{tab.origin}/portal{path}")
    await tab.page.get_by_role("main").get_by_role("button", name="Sign in").click()
    await sign_in(tab.page, login)


async def test_in_out_and_somebody_else(tab: Tab) -> None:
    page = tab.page
    await go_in(tab, "ivan", "/tickets?from=mail")
    await expect(page.get_by_text("No connection in the evenings")).to_be_visible(timeout=PATIENCE)
    assert page.url == f"{tab.origin}/portal/tickets?from=mail"
    kept = await page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
    assert "eyJ" not in kept

    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_role("button", name="Yes, sign me out").click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=PATIENCE)
    assert page.url == f"{tab.origin}/portal"
    assert await page.get_by_text("No connection in the evenings").count() == 0

    await go_in(tab, "kim")  # the provider asks again who it is
    await expect(page.get_by_role("heading", name="Service desk")).to_be_visible(timeout=PATIENCE)
    assert await page.get_by_text("Ivan").count() == 0


async def test_what_the_provider_refuses_is_said(tab: Tab) -> None:
    await go_in(tab, "nobody", "/")
    await expect(tab.page.get_by_role("alert")).to_contain_text("Signing in did not work.", timeout=PATIENCE)


async def test_it_is_renewed_before_it_ends_and_its_end_is_said(tab: Tab, served: Served) -> None:
    await served.provider.tell(f"{served.address}/portal", lifetime=20)
    try:
        async with tab.page.expect_response(lambda one: "refresh_token" in (one.request.post_data or "")) as renewed:
            await go_in(tab, "ivan", "/")
        assert (await renewed.value).status == 200

        async def refuse(route: Route) -> None:
            await route.fulfill(status=400, json={"error": "invalid_grant"})

        await tab.page.route(f"{served.provider.issuer}/token", refuse)
        await expect(tab.page.get_by_role("alert")).to_contain_text("your session ended", timeout=PATIENCE)
    finally:
        await served.provider.tell(f"{served.address}/portal")
