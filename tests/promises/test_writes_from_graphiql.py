"""Every mutation, and every user error, from GraphiQL in Chromium: what is answered, and what is read afterwards."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from gateway.http.graphiql import STATIC_FOLDER
from gateway.settings import GraphQLSettings, WritesSettings
from tests.browser import Complaints, needs_chromium, open_chromium, open_page
from tests.promises.test_contract import EXAMPLES, WRITING
from tests.promises.test_writes_order import EACH, REFUSED, changes
from tests.stack import Stack, stacked

STATE: Final = """{
  open: ticket(id: "TT-1001-1") { status assignee notes { text internal } }
  closed: ticket(id: "TT-1001-2") { status }
  bill(id: "BILL-1001-1-07") { remainingAmount { amount } payments { amount { amount } } }
  customer(id: "1001") { email phone tickets(first: 50) { nodes { name } } }
}"""
"""What the examples and the mistakes change, or would change, as an agent reads it."""


@pytest_asyncio.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """As the demo is, and to be changed."""
    graphql = GraphQLSettings(graphiql=True, introspection="everyone")
    writes = WritesSettings(enabled=True, in_process=True)
    async with stacked(tmp_path, customers=2, graphql=graphql, writes=writes) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def browser() -> AsyncIterator[Browser]:
    assert (STATIC_FOLDER / "index.html").is_file(), "gateway/static is not built: run `make setup`"
    async with open_chromium() as browser:
        yield browser


class GraphiQL:
    """The page, as a person uses it."""

    def __init__(self, page: Page, stack: Stack) -> None:
        self._page, self._address = page, f"{stack.address}/graphql"
        self.asked: list[str] = []
        self._variables = page.get_by_role("region", name="Variables").locator(".graphiql-editor:not(.hidden)")

    async def open(self) -> None:
        """Load it; what it asks before a mutation is answered with yes."""

        async def yes(dialog: Any) -> None:
            self.asked.append(dialog.message)
            await dialog.accept()

        self._page.on("dialog", yes)
        await self._page.goto(self._address)
        await expect(self._page.locator(".graphiql-query-editor .view-lines")).to_contain_text("PortalHome")

    async def show(self, tab: str) -> None:
        await self._page.get_by_role("tab").nth(list(EXAMPLES).index(tab)).click()
        await expect(self._page.locator(".graphiql-query-editor .view-lines")).to_contain_text(f"mutation {tab}")

    async def type(self, given: dict[str, Any]) -> None:
        """Write an input over the one that is there."""
        await self._variables.locator(".view-lines").click()
        await self._page.keyboard.press("ControlOrMeta+A")
        await self._page.keyboard.press("Delete")
        await self._page.keyboard.insert_text(json.dumps({"input": given}))
        await expect(self._variables.locator(".view-lines")).to_contain_text(given["idempotencyKey"])

    async def run(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The input that was sent, and the payload, which the page shows."""
        async with self._page.expect_response(self._address) as answered:
            await self._page.get_by_role("button", name="Execute query").click()
        answer = await answered.value
        body = await answer.json()
        assert "errors" not in body, body
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])
        [(mutation, payload)] = body["data"].items()
        shown = self._page.locator(".graphiql-response .view-lines")
        await expect(shown).to_contain_text(f'"{mutation}"')
        for error in payload["userErrors"]:
            await expect(shown).to_contain_text(error["code"])
        sent = json.loads(answer.request.post_data or "")
        return sent["variables"]["input"], payload


async def state(stack: Stack) -> dict[str, Any]:
    return (await stack.ask(STATE)).clean()


@needs_chromium
@pytest.mark.long
async def test_every_mutation_is_done_from_its_tab_and_read_afterwards(browser: Browser, stack: Stack) -> None:
    before = await state(stack)
    given, seen = {}, {}
    async with open_page(browser, stack.address) as (page, complaints):
        graphiql = GraphiQL(page, stack)
        await graphiql.open()
        for name in WRITING:
            await graphiql.show(name)
            given[name], payload = await graphiql.run()
            assert payload["userErrors"] == [], name
            assert None not in payload.values(), name
            seen[name] = await state(stack)
        assert len(graphiql.asked) == 1
        assert complaints == Complaints()

    example = {name: EXAMPLES[name]["variables"]["input"] for name in WRITING}
    assert given == {name: {**example[name], "idempotencyKey": given[name]["idempotencyKey"]} for name in WRITING}
    assert len({one["idempotencyKey"] for one in given.values()}) == len(WRITING) == 8

    def names(at: dict[str, Any]) -> set[str]:
        return {ticket["name"] for ticket in at["customer"]["tickets"]["nodes"]}

    assert names(seen["OpenTicket"]) - names(before) == {example["OpenTicket"]["name"]}
    public, internal = (
        {"text": example[name]["text"], "internal": name == "AddInternalNote"}
        for name in ("AddTicketNote", "AddInternalNote")
    )
    assert seen["AddTicketNote"]["open"]["notes"] == [*before["open"]["notes"], public]
    assert seen["AddInternalNote"]["open"]["notes"] == [*before["open"]["notes"], public, internal]
    assert before["open"]["assignee"] != seen["AssignTicket"]["open"]["assignee"] == example["AssignTicket"]["assignee"]
    assert before["open"]["status"] != seen["CloseTicket"]["open"]["status"] == "CLOSED"
    assert before["closed"]["status"] != seen["ReopenTicket"]["closed"]["status"] == "IN_PROGRESS"
    paid = [one["amount"]["amount"] for one in seen["PayBill"]["bill"]["payments"]]
    assert paid == [*(one["amount"]["amount"] for one in before["bill"]["payments"]), "10.00"]
    assert (
        before["customer"]["phone"] != seen["UpdateContact"]["customer"]["phone"] == example["UpdateContact"]["phone"]
    )
    assert seen["UpdateContact"]["customer"]["email"] == before["customer"]["email"]


@pytest.mark.long
@needs_chromium
async def test_every_user_error_is_shown_and_nothing_has_changed(browser: Browser, stack: Stack) -> None:
    tabs = {name[0].lower() + name[1:]: name for name in WRITING}
    shown: dict[str, list[tuple[str, list[str]]]] = {}
    async with open_page(browser, stack.address) as (page, complaints):
        graphiql = GraphiQL(page, stack)
        await graphiql.open()
        for code, (mutation, mistaken, _) in EACH.items():
            await graphiql.show(tabs[mutation])
            if code == "IDEMPOTENCY_KEY_REUSED":
                await graphiql.type({"idempotencyKey": code, **mistaken, "text": "One."})
                assert (await graphiql.run())[1]["userErrors"] == []
            if code in REFUSED:
                system, status = REFUSED[code]
                stack.systems[system].switches.merge({"refuseWrites": status})
            before, sent = await state(stack), changes(stack)
            await graphiql.type({"idempotencyKey": code, **mistaken})
            _, payload = await graphiql.run()
            shown[code] = [(error["code"], error["path"]) for error in payload.pop("userErrors")]
            assert set(payload.values()) == {None}, code
            assert await state(stack) == before, code
            assert changes(stack) - sent == (code in REFUSED), code
        assert complaints == Complaints()
    assert shown == {code: [(code, path)] for code, (_, _, path) in EACH.items()}
