"""What GraphiQL shows as a link and as a command: exactly that, whatever is in it, and no token."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.graphiql import Desk, by_shell, desk, fragment, needs_page

pytestmark = [pytest.mark.long, *needs_page]

NASTY = """query Odd($id: ID!) { # it's "quoted", $HOME, `whoami`, !!, \\ and \\' and %20&=+#
  node(id: $id) { id __typename } # Åse 💡
}"""
ODD_ID = "Customer:it's \"$HOME\" `id` \\ ' 💡"


@pytest_asyncio.fixture(scope="module")
async def at(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with desk(tmp_path_factory.mktemp("graphiql")) as made:
        yield made


async def arguments(command: str) -> list[str]:
    """What a real shell would give to curl."""
    shown = 'curl() { for one in "$@"; do printf \'%s\\0\' "$one"; done; }\n' + command
    process = await asyncio.create_subprocess_exec("/bin/sh", "-c", shown, env={"TOKEN": "t-0"}, stdout=-1)
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode().split("\0")[:-1]


async def test_a_command_says_the_same_as_the_page_whatever_quotes_are_in_it(at: Desk) -> None:
    async with at.page(fragment(NASTY, {"id": ODD_ID})) as graphiql:
        await expect(graphiql.document).to_contain_text("query Odd")
        without = await arguments(await graphiql.curl())
        await graphiql.page.get_by_label("Token").fill("not-to-be-copied")
        command = await graphiql.curl()
    assert "not-to-be-copied" not in command
    address, *rest = await arguments(command)
    assert address == at.url
    assert rest[-2] == "--data-raw"
    body = {"query": NASTY, "operationName": "Odd", "variables": {"id": ODD_ID}}
    assert json.loads(rest[-1]) == json.loads(without[-1]) == body
    assert "Authorization: Bearer t-0" in rest
    assert not [one for one in without if "Authorization" in one]
    assert (await by_shell(command, "wrong"))["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_variables_with_comments_are_copied_and_those_that_cannot_be_read_are_said(at: Desk) -> None:
    async with at.page(fragment("query Q($id: ID!) { node(id: $id) { id } }", {"id": "Customer:1"})) as graphiql:
        await expect(graphiql.variables).to_contain_text("Customer:1")
        for text, expected in (('{"id": "a" /* why */, }', {"id": "a"}), ("[1]", None), ('{"id": ', None)):
            await graphiql.variables.click()
            await graphiql.page.keyboard.press("ControlOrMeta+A")
            await graphiql.page.keyboard.press("Delete")
            await graphiql.page.keyboard.insert_text(text)
            if expected:
                assert json.loads((await arguments(await graphiql.curl()))[-1])["variables"] == expected
            else:
                await graphiql.page.get_by_role("button", name="Copy as a curl command").click()
                await expect(graphiql.status).to_contain_text("The variables are no JSON object")


async def test_a_subscriptions_command_asks_for_a_stream(at: Desk) -> None:
    async with at.page(fragment("subscription S { ticketChanged { event } }")) as graphiql:
        await expect(graphiql.document).to_contain_text("subscription S")
        given = await arguments(await graphiql.curl())
    assert given[0] == "-N"
    assert "Accept: text/event-stream" in given


async def test_a_link_brings_back_what_was_shared_and_leaves_the_visitors_tabs(at: Desk) -> None:
    async with at.page(fragment(NASTY, {"id": ODD_ID})) as graphiql:
        page = graphiql.page
        await expect(graphiql.document).to_contain_text("query Odd")
        link = await graphiql.link()
        tabs = await page.get_by_role("tab").all_inner_texts()
        assert tabs[:2] == ["Odd", "PortalHome"]
        assert (link.partition("#")[0], "Odd" in link.partition("#")[2]) == (at.url, True)
        await page.reload()
        await expect(graphiql.document).to_contain_text("query Odd")
        assert await page.get_by_role("tab").all_inner_texts() == tabs

        await graphiql.write("query Mine { __typename }")
        await expect(page.get_by_role("tab", name="Mine")).to_be_visible()
        await page.goto(link)  # of the same page: only the fragment changes
        await expect(graphiql.document).to_contain_text("query Odd")
        await expect(page.get_by_role("tab", name="Odd")).to_have_attribute("aria-selected", "true")
        assert await graphiql.link() == link
        assert page.url == at.url


async def test_what_is_too_long_for_a_link_is_said(at: Desk) -> None:
    async with at.page(fragment(f"query Long {{ __typename }} # {'x' * 9000}")) as graphiql:
        await expect(graphiql.document).to_contain_text("query Long")
        await graphiql.page.get_by_role("button", name="Copy a link").click()
        await expect(graphiql.status).to_contain_text("Too long for a link: document and variables may have 8,000")
