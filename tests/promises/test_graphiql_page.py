"""GraphiQL's page in one go; each part of it has longer tests of its own in test_graphiql_*.py."""

from pathlib import Path

from playwright.async_api import expect

from tests.graphiql import by_shell, desk, fragment, needs_page

pytestmark = needs_page

MINE = "query Mine($first: Int) { customers(first: $first) { nodes { name accounts { id } } } }"


async def test_from_a_link_and_signed_out_to_grouped_errors_a_plan_and_a_command(tmp_path: Path) -> None:
    async with (
        desk(tmp_path) as at,
        at.page(fragment(MINE, {"first": 50}), waits=False, width=800, height=600) as graphiql,
    ):
        page = graphiql.page
        await expect(page.get_by_test_id("signed-out")).to_contain_text("You are signed out.")
        await graphiql.sign_in("kim")
        await expect(page.get_by_test_id("signed-in")).to_have_text("Signed in as Kim Agent")
        await expect(graphiql.document).to_contain_text("query Mine")
        await expect(graphiql.variables).to_contain_text('"first": 50')
        assert page.url == at.url

        at.stack.systems["billing"].switches.merge({"errorRate": 1})
        body = await graphiql.run()
        assert len(body["errors"]) == 50
        [error] = {one["message"] for one in body["errors"]}
        await expect(graphiql.errors).to_have_count(1)
        await expect(graphiql.errors).to_contain_text(f"50 \N{MULTIPLICATION SIGN} {error}")
        assert await graphiql.tab_stops() < 30
        await graphiql.errors.get_by_text("50 places").click()
        await graphiql.errors.get_by_role("button", name="customers.nodes.49.accounts", exact=True).click()
        await expect(graphiql.answer).to_contain_text(body["data"]["customers"]["nodes"][49]["name"])
        await expect(graphiql.plan.filter(has_text="BillingAccountsByCustomer").last).to_contain_text("1 call")
        assert await graphiql.violations() == set()

        command, link = await graphiql.curl(), await graphiql.link()
        assert link == f"{at.url}{fragment(MINE, {'first': 50})}"
        kept = await page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
        assert "eyJ" not in kept + command + link  # as each JWT begins
        answer = await by_shell(command, "wrong")
        assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
