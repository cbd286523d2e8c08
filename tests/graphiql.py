"""GraphiQL as a person uses it: in Chromium, on a real gateway, at which people sign in."""

import asyncio
import fcntl
import json
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from playwright.async_api import Browser, Locator, Page, Response, expect

from gateway.http.graphiql import STATIC_FOLDER
from gateway.settings import GraphQLSettings
from tests.browser import Complaints, needs_chromium, open_chromium, open_page
from tests.gateway.auth.people import PeopleProvider, people_provider, sign_in
from tests.gateway.http.test_graphql_http_audit import UNREACHABLE
from tests.stack import Stack, stacked
from web.build import WEB, node_paths

needs_page = [
    needs_chromium,
    pytest.mark.skipif(
        not (STATIC_FOLDER / "index.html").is_file(), reason="gateway/static is not built: `make setup`"
    ),
]

THEIRS: Final = {
    # A tab of GraphiQL's holds its name and its cross, both buttons, in an element that says that it is the tab.
    ("nested-interactive", "graphiql-tab"),
    # The dark theme that GraphiQL gives to Monaco: the numbers of lines, and one kind of word in a document.
    ("color-contrast", "line-numbers"),
    ("color-contrast", "mtk8"),
}
"""All that axe finds inside GraphiQL and Monaco, as (rule, class of the element); nothing of it is ours to mend."""

CLIPBOARD: Final = """async () => {
  for (;;) {
    const text = await navigator.clipboard.readText();
    if (text) return text;
    await new Promise(requestAnimationFrame);
  }
}"""
"""What is in the clipboard, once something is."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A browser, the gateway and the provider."""

    browser: Browser
    stack: Stack
    provider: PeopleProvider

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"{self.stack.address}/graphql"

    @asynccontextmanager
    async def page(self, fragment: str = "", *, waits: bool = True, **view: Any) -> AsyncIterator["GraphiQL"]:
        """The page in a new profile, opened; at the end nothing may have gone to another host or against the policy.

        `waits`: until its editors are there. The browser says of each refusal (4xx) that it failed to load a resource,
        and so it did.
        """
        opened = open_page(self.browser, self.stack.address, also=[self.provider.issuer], **view)
        async with opened as (page, complaints):
            await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
            await page.goto(f"{self.url}{fragment}")
            graphiql = GraphiQL(page)
            if waits:  # GraphiQL loses what is done before its editors are there
                await expect(graphiql.document).not_to_be_empty()
            yield graphiql
            refused = [one for one in complaints.console_errors if "status of 4" in one]
            assert complaints == Complaints(console_errors=refused)


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[Desk]:
    """All of it, of two people's data and the first fifty customers'."""
    graphql = GraphQLSettings(graphiql=True, introspection="everyone")
    async with AsyncExitStack() as stack:
        provider = await stack.enter_async_context(people_provider())
        gateway = await stack.enter_async_context(stacked(folder, graphql=graphql, auth=provider.auth))
        made = Desk(await stack.enter_async_context(open_chromium()), gateway, provider)
        await provider.tell(made.url)
        yield made


class GraphiQL:
    """The opened page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.document = page.locator(".graphiql-query-editor .view-lines")
        self.answer = page.locator(".graphiql-response .view-lines")
        self.status = page.locator(".gateway-notices")
        self.errors = page.get_by_test_id("error-group")
        self.plan = page.get_by_test_id("plan-node")

    async def sign_in(self, login: str) -> None:
        """Go to the provider, and come back."""
        await self.page.get_by_role("button", name="Sign in").click()
        await sign_in(self.page, login)
        await expect(self.page.get_by_test_id("signed-in")).to_be_visible()
        await expect(self.document).not_to_be_empty()

    async def turn_to(self, tab: str) -> None:
        """Open one of the examples."""
        await self.page.get_by_role("tab", name=tab, exact=True).click()
        await expect(self.document).to_contain_text(tab)

    async def write(self, document: str) -> None:
        """Replace the document in the editor."""
        await self.document.click()
        await self.page.keyboard.press("ControlOrMeta+A")
        await self.page.keyboard.press("Delete")
        await self.page.keyboard.insert_text(document)

    async def run(self) -> dict[str, Any]:
        """Ask; what the gateway answered."""

        def is_ours(answer: Response) -> bool:
            return answer.url.endswith("/graphql") and "IntrospectionQuery" not in (
                answer.request.post_data or "IntrospectionQuery"
            )

        async with self.page.expect_response(is_ours) as answered:
            await self.page.get_by_role("button", name="Execute query").click()
        body: dict[str, Any] = await (await answered.value).json()
        return body

    async def copied(self, button: str) -> str:
        """What a button puts into the clipboard."""
        await self.page.evaluate("navigator.clipboard.writeText('')")
        await self.page.get_by_role("button", name=button).click()
        text: str = await self.page.evaluate(CLIPBOARD)
        await expect(self.status).to_contain_text("copied.")
        return text

    async def link(self) -> str:
        """The copied link."""
        return await self.copied("Copy a link")

    async def curl(self) -> str:
        """The copied command."""
        return await self.copied("Copy as a curl command")

    async def is_closed(self) -> bool:
        """Whether the pane of the variables is closed."""
        return await self.page.get_by_role("button", name="Show editor tools").is_visible()

    async def violations(self) -> set[tuple[str, str]]:
        """What axe finds that is not known to be GraphiQL's own, as (rule, the element)."""
        await self.page.evaluate(f"{axe()};0")
        found: list[Any] = await self.page.evaluate(
            "axe.run(document, {resultTypes: ['violations']}).then(({ violations }) => violations.flatMap("
            '({ id, nodes }) => nodes.map(({ html }) => [id, /^<[^>]* class="([\\w-]+)/.exec(html)?.[1] ?? html])))'
        )
        return {(rule, element) for rule, element in found} - THEIRS

    async def tab_stops(self) -> int:
        """How often the Tab key stops from the top of the page to its end."""
        stops: int = await self.page.evaluate(
            "[...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')].filter("
            "(one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility({ visibilityProperty: true })).length"
        )
        return stops

    @property
    def variables(self) -> Locator:
        """What the editor of the variables shows."""
        return self.page.get_by_role("region", name="Variables").locator(".view-lines").first


def axe() -> str:
    """axe-core's script, which the set-up of the page leaves out: installed from the lock file where it is missing."""
    script = WEB / "node_modules" / "axe-core" / "axe.min.js"
    folder = os.open(WEB, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if not script.is_file():
            command = [*map(str, node_paths()), "ci", "--ignore-scripts"]
            npm = subprocess.run(command, cwd=WEB, capture_output=True, text=True, timeout=300)
            if npm.returncode and any(sign in npm.stderr for sign in UNREACHABLE):
                pytest.skip("npm cannot reach a package registry to install axe-core")
            assert npm.returncode == 0, npm.stdout + npm.stderr
    finally:
        os.close(folder)
    return script.read_text(encoding="utf-8")


def fragment(document: str, variables: dict[str, Any] | None = None) -> str:
    """The fragment of a link to the page, made by hand."""
    return "#" + urlencode({"document": document} | ({"variables": json.dumps(variables)} if variables else {}))


async def by_shell(command: str, token: str) -> dict[str, Any]:
    """What a copied command prints, run by a real shell with this in the variable TOKEN."""
    environment = {**os.environ, "TOKEN": token}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("/bin/sh", "-c", command, env=environment, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    found: dict[str, Any] = json.loads(out)
    return found
