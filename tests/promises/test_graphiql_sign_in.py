"""People sign in on GraphiQL's page at a real provider, and out: nothing is lost on the way, nothing stays."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Route, expect

from gateway.live_settings import LiveSettings
from gateway.server_settings import ServerSettings
from gateway.settings import GraphQLSettings
from tests.browser import Complaints, open_page
from tests.certificates import authority
from tests.gateway.auth.people import sign_in
from tests.graphiql import Desk, GraphiQL, by_shell, desk, needs_page
from tests.nginx import as_documented, free_ports, needs_nginx, nginx
from tests.stack import stacked

pytestmark = [pytest.mark.long, *needs_page]

WHO = "query Who { viewer { kind } me { name } }"


@pytest_asyncio.fixture(scope="module")
async def at(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with desk(tmp_path_factory.mktemp("graphiql")) as made:
        yield made


async def test_what_was_typed_is_there_after_signing_in_and_after_signing_out(at: Desk) -> None:
    async with at.page() as graphiql:
        page = graphiql.page
        await graphiql.turn_to("BillDetail")
        await graphiql.write(WHO)  # GraphiQL would store it half a second later
        await graphiql.sign_in("ivan")
        await expect(graphiql.document).to_contain_text("query Who")
        await expect(graphiql.variables).to_contain_text("BILL-1001-1-06")
        assert page.url == at.url
        assert (await graphiql.run())["data"] == {"viewer": {"kind": "CUSTOMER"}, "me": {"name": "Ivan Svensson"}}
        kept = await page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
        assert "eyJ" not in kept

        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_role("button", name="Yes, sign me out").click()
        await expect(page.get_by_test_id("signed-out")).to_be_visible()
        await expect(graphiql.document).to_contain_text("query Who")
        assert (await graphiql.run())["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"

        await graphiql.sign_in("kim")  # The provider asks again who it is.
        assert (await graphiql.run())["data"]["viewer"] == {"kind": "AGENT"}


async def test_a_reload_forgets_the_tokens(at: Desk) -> None:
    async with at.page() as graphiql:
        await graphiql.sign_in("kim")
        await graphiql.page.reload()
        await expect(graphiql.page.get_by_test_id("signed-out")).to_be_visible()


async def test_what_the_provider_refuses_is_said(at: Desk) -> None:
    async with at.page() as graphiql:
        await graphiql.page.get_by_role("button", name="Sign in").click()
        await sign_in(graphiql.page, "nobody")
        await expect(graphiql.status).to_contain_text("Signing in failed: nobody of that name")
        await expect(graphiql.page.get_by_test_id("signed-out")).to_be_visible()
        assert graphiql.page.url == at.url


async def test_a_sign_in_is_renewed_before_it_ends_and_its_end_is_said(at: Desk) -> None:
    await at.provider.tell(at.url, lifetime=20)
    try:
        async with at.page() as graphiql:
            page = graphiql.page
            async with page.expect_response(lambda one: "refresh_token" in (one.request.post_data or "")) as renewed:
                await graphiql.sign_in("kim")
            assert (await renewed.value).status == 200
            await graphiql.write(WHO)
            assert (await graphiql.run())["data"]["viewer"] == {"kind": "AGENT"}

            async def refuse(route: Route) -> None:
                await route.fulfill(status=400, json={"error": "invalid_grant", "error_description": "enough"})

            await page.route(f"{at.provider.issuer}/token", refuse)
            await expect(graphiql.status).to_contain_text("could not be renewed: enough")
            await expect(graphiql.status).to_contain_text("Your sign-in has ended.")
            await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    finally:
        await at.provider.tell(at.url)


@needs_nginx
async def test_all_of_it_works_behind_a_prefix(at: Desk, tmp_path: Path) -> None:
    [port] = free_ports(1)
    origin = f"https://127.0.0.1:{port}"
    issuer, url = authority("tests"), f"{origin}/api/graphql"
    graphql = GraphQLSettings(graphiql=True, introspection="everyone")
    server = ServerSettings(public_url=f"{origin}/api/")
    live = LiveSettings(enabled=True, origins=(origin,))
    async with stacked(tmp_path, graphql=graphql, server=server, live=live, auth=at.provider.auth) as stack:
        await at.provider.tell(url)
        http = as_documented(stack.address, port, issuer.signs("portal", ["127.0.0.1"]), tmp_path)
        opened = open_page(at.browser, origin, trusts_all=True, also=[at.provider.issuer], width=390, height=844)
        async with nginx(tmp_path, http), opened as (page, complaints):
            await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
            await page.goto(url)
            graphiql = GraphiQL(page)
            await expect(page.get_by_test_id("signed-out")).to_be_visible()
            await expect(graphiql.document).not_to_be_empty()
            await graphiql.turn_to("OpsDashboard")
            await graphiql.sign_in("kim")
            assert page.url == url
            stack.systems["billing"].switches.merge({"errorRate": 1})
            assert len((await graphiql.run())["errors"]) == 50
            await expect(graphiql.errors).to_contain_text("50 \N{MULTIPLICATION SIGN}")
            await expect(graphiql.plan.first).to_be_visible()
            stack.reset()
            command, link = await graphiql.curl(), await graphiql.link()
            assert link.startswith(f"{url}#document=")
            assert complaints == Complaints()
            answer = await by_shell(command.replace("curl ", "curl -sk ", 1), "wrong")
            assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
            await page.goto("about:blank")
            await page.goto(link)
            await expect(graphiql.document).to_contain_text("query OpsDashboard")
            assert page.url == url
    await at.provider.tell(at.url)
