"""What GraphiQL makes of an answer: equal errors together and the way to each, the plan beside the calls."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.graphiql import Desk, GraphiQL, desk, fragment, needs_page

pytestmark = [pytest.mark.long, *needs_page]

THREE = """query Three {
  customers(first: 3) { nodes {
    id name status accounts { id bills(first: 1) { nodes { id } } } tickets { nodes { id } }
  } }
}"""


@pytest_asyncio.fixture(scope="module")
async def at(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with desk(tmp_path_factory.mktemp("graphiql")) as made:
        yield made


async def selected(graphiql: GraphiQL) -> str:
    """What is marked in the response pane, as a person would copy it."""
    await graphiql.page.evaluate("navigator.clipboard.writeText('')")
    await graphiql.page.keyboard.press("ControlOrMeta+C")
    text: str = await graphiql.page.evaluate("navigator.clipboard.readText()")
    return text


async def test_errors_that_say_the_same_are_one_line_and_lead_to_their_places(at: Desk) -> None:
    at.stack.reset()
    async with at.page(fragment(THREE)) as graphiql:
        page = graphiql.page
        await graphiql.sign_in("kim")
        await expect(graphiql.document).to_contain_text("query Three")
        for down in ("billing", "ticketing"):
            at.stack.systems[down].switches.merge({"errorRate": 1})
        body = await graphiql.run()
        messages = list(dict.fromkeys(one["message"] for one in body["errors"]))
        assert len(body["errors"]) == 6
        assert len(messages) == 2
        await expect(graphiql.errors).to_have_count(2)
        for message in messages:
            line = graphiql.errors.filter(has_text=message)
            await expect(line).to_contain_text(f"3 \N{MULTIPLICATION SIGN} {message}")
            assert (await line.inner_text()).count(message) == 1
        for field in ("accounts", "tickets"):
            line = graphiql.errors.filter(has_text="billing" if field == "accounts" else "ticketing")
            await line.get_by_text("3 places").click()
            await line.get_by_role("button", name=f"customers.nodes.2.{field}", exact=True).click()
            assert await selected(graphiql) == f'"{field}": null'
        await page.get_by_role("tab", name="PortalHome").click()
        await expect(graphiql.errors).to_have_count(0)  # They are of the other tab's answer.


async def test_the_answer_comes_first_and_what_is_drawn_is_not_in_it(at: Desk) -> None:
    at.stack.reset()
    async with at.page(fragment(THREE)) as graphiql:
        await graphiql.sign_in("kim")
        await expect(graphiql.document).to_contain_text("query Three")
        at.stack.systems["billing"].switches.merge({"errorRate": 1})
        body = await graphiql.run()
        assert list(body) == ["errors", "data", "extensions"]
        await expect(graphiql.answer).to_contain_text('"data"')
        await graphiql.page.locator(".graphiql-response .view-lines").click()
        await graphiql.page.keyboard.press("ControlOrMeta+A")
        shown = json.loads(await selected(graphiql))
        assert list(shown)[:2] == ["data", "errors"]
        assert shown["data"] == body["data"]
        [error] = shown["errors"]
        assert (error["count"], error["paths"]) == (3, [f"customers.nodes.{one}.accounts" for one in range(3)])
        assert not {"upstream", "explain"} & set(shown.get("extensions", {}))


async def test_the_plan_is_a_tree_whose_shared_calls_are_marked(at: Desk) -> None:
    at.stack.reset()
    async with at.page(fragment(THREE)) as graphiql:
        await graphiql.sign_in("kim")
        await expect(graphiql.document).to_contain_text("query Three")
        explained = (await graphiql.run())["extensions"]["explain"]
        fields = [field for step in explained["steps"] for load in step for field in load["fields"]]
        await expect(graphiql.plan.first).to_be_visible()
        names = await graphiql.page.locator(".gateway-plan code").all_inner_texts()
        assert sum(len(one.split(", ")) for one in names) == len(fields)
        accounts = graphiql.plan.filter(has_text="BillingAccountsByCustomer").last
        await expect(accounts.get_by_test_id("plan-node")).to_contain_text("BillsByAccount")
        shared = [load for step in explained["steps"] for load in step if len(load["fields"]) > 1]
        assert shared
        await expect(graphiql.page.locator(".gateway-plan .gateway-mark")).to_have_count(len(shared))

    async with at.page() as graphiql:
        await graphiql.sign_in("ivan")
        await graphiql.run()
        await expect(graphiql.page.get_by_text("a subscriber's answer carries no trace")).to_be_visible()
        await expect(graphiql.plan).to_have_count(0)
