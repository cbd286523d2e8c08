"""Each client of docs/clients.md, as the page sets it up, on a page of another origin, in Chromium.

Callers of its kind may send published documents only: what is answered was asked for by the manifests' ids.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import Page, Request, expect
from starlette.applications import Starlette
from starlette.responses import FileResponse, HTMLResponse
from starlette.routing import Route

from gateway.cors_settings import CorsSettings
from gateway.documents_settings import DocumentsSettings
from gateway.files_settings import FilesSettings
from gateway.live_settings import LiveSettings
from gateway.server_settings import ServerSettings
from gateway.writes_settings import WritesSettings
from tests.browser import needs_chromium, open_chromium, open_page
from tests.clients.portal_of_the_guide import Variant, built
from tests.gateway.serving import serving
from tests.stack import Stack, stacked

MANIFESTS: Final = ("src/graph/persisted-documents.json", "relay-documents.json", "src/persisted-query-manifest.json")
CLIENTS: Final = ("apollo", "urql", "plain")
LOOPBACK: Final = ("http://127.0.0.1:*",)
BILL: Final = "Bill:BILL-1001-1-07"
WORKED_ON: Final = "Ticket:TT-1001-1"
PATIENCE: Final = 60
HTML: Final = """<!doctype html><html lang="en"><title>Portal</title><link rel="icon" href="data:,">
<body><script type="module" src="/portal.js"></script></body></html>"""


@asynccontextmanager
async def gateway_with(manifests: list[Path], folder: Path) -> AsyncIterator[Stack]:
    """A gateway that pages of this machine may call, with these documents."""
    async with stacked(
        folder,
        customers=2,
        cors=CorsSettings(origins=LOOPBACK),
        live=LiveSettings(enabled=True, origins=LOOPBACK),
        files=FilesSettings(signed_for=300.0),
        server=ServerSettings(metrics=True),
        writes=WritesSettings(enabled=True, in_process=True),
        documents=DocumentsSettings(manifest_files=tuple(manifests), subscriber="only"),
    ) as running:
        yield running


class Portal:
    """The page, and what the gateway is asked by it."""

    def __init__(self, stack: Stack, page: Page) -> None:
        self.stack, self.page = stack, page
        self.sent: list[dict[str, Any]] = []
        self.signed = ""
        self.warnings: list[str] = []
        page.on("request", self._note)
        page.on("console", lambda said: self.warnings.append(said.text) if said.type == "warning" else None)

    def _note(self, request: Request) -> None:
        if request.url.endswith("/graphql") and request.post_data:
            self.sent.append(json.loads(request.post_data))

    async def do(self, what: str, *given: str) -> Any:
        """What the page's driver (`main.tsx`) answers."""
        arguments = ", ".join(json.dumps(one) for one in given)
        return await self.page.evaluate(f"control.{what}({arguments})")

    async def notes(self) -> list[str]:
        """The notes of the ticket, as staff reads them."""
        document = "query($id: ID!) { ticket(id: $id) { notes { text } } }"
        ticket = (await self.stack.ask(document, id=WORKED_ON)).clean()["ticket"]
        return [note["text"] for note in ticket["notes"]]

    async def note(self, text: str) -> None:
        """Another client writes a note."""
        document = "mutation($input: AddTicketNoteInput!) { addTicketNote(input: $input) { userErrors { code } } }"
        given = {"idempotencyKey": text, "ticketId": WORKED_ON, "text": text}
        assert (await self.stack.ask(document, input=given)).clean() == {"addTicketNote": {"userErrors": []}}

    async def followed(self, times: int) -> None:
        """Wait until so many subscriptions are active."""
        async with asyncio.timeout(PATIENCE):
            while True:
                async with self.stack.session.get(f"{self.stack.address}/metrics") as answer:
                    active = re.findall(r"^gateway_subscriptions{.*} (.*)$", await answer.text(), re.MULTILINE)
                if sum(map(float, active)) == times:
                    return

    async def tickets(self) -> list[str]:
        """Ids of the customer's tickets."""
        document = '{ customer(id: "1001") { tickets(first: 10) { nodes { id } } } }'
        return [row["id"] for row in (await self.stack.ask(document)).clean()["customer"]["tickets"]["nodes"]]


@pytest.mark.long
@pytest.mark.timeout(900)  # the first time, the packages are installed
@needs_chromium
@pytest.mark.parametrize("variant", ["graphql-16", "graphql-17", "apollo-manifest"])
async def test_each_client_of_the_guide_works_from_another_origin(tmp_path: Path, variant: Variant) -> None:
    folder = await built(tmp_path, variant)
    manifests = [folder / one for one in MANIFESTS if (folder / one).exists()]
    assert manifests == [folder / one for one in MANIFESTS[: 3 if variant == "apollo-manifest" else 2]]
    pages = [
        Route("/", lambda _: HTMLResponse(HTML)),
        Route("/portal.js", lambda _: FileResponse(folder / "made/portal.js")),
    ]
    async with (
        gateway_with(manifests, tmp_path) as stack,
        serving(Starlette(routes=pages)) as origin,
        open_chromium() as browser,
        open_page(browser, origin, also=[stack.address]) as (page, complaints),
    ):
        portal = Portal(stack, page)
        page.set_default_timeout(PATIENCE * 1000)
        await page.goto(f"{origin}/?gateway={stack.address}&token={stack.token('1001')}")
        await page.wait_for_function("window.control")
        for client in CLIENTS:
            await lists_and_reads_again(portal, client)
            await shows_the_rest_where_a_system_is_down(portal, client)
            await writes_once(portal, client)
            await is_told(portal, client)
            await opens_the_bill(portal, client)
        await shows_the_bill_in_a_frame(portal)
        await gets_what_is_late_alone(portal)
        await relay_does_all_of_it(portal)
        assert [body for body in portal.sent if body.get("query")] == []
        assert (complaints.foreign_requests, complaints.page_errors) == ([], [])
        assert (complaints.console_errors, portal.warnings) == ([], [])
        unknown = await portal.do("text", "{ me { id } }")
        assert unknown == [None, "DOCUMENT_NOT_ALLOWED"]


async def lists_and_reads_again(portal: Portal, client: str) -> None:
    expected = await portal.tickets()
    assert len(expected) == 3
    assert await portal.do("pages", client) == [expected[:2], expected], client
    notes = await portal.do("notes", client, WORKED_ON)
    assert notes == [note for note in await portal.notes() if note in notes], client  # staff reads more
    assert len(notes) >= 2, client


async def shows_the_rest_where_a_system_is_down(portal: Portal, client: str) -> None:
    portal.stack.systems["billing"].stop()
    down = await portal.do("home", client)
    portal.stack.reset()
    up = await portal.do("home", client)
    assert (up["name"], up["bills"], up.get("code")) == ("Ivan Svensson", 2, None), client
    assert down == {"name": "Ivan Svensson", "bills": None, "code": "UPSTREAM_UNAVAILABLE"}, client


async def writes_once(portal: Portal, client: str) -> None:
    """The answer of the first try is lost; the second has the same key."""
    text = f"{client} notes it"
    said = await portal.do("lostNote", client, WORKED_ON, text)
    assert "Failed to fetch" in said, client
    assert text in await portal.do("note", client, WORKED_ON, f"{client} presses again")
    assert [note for note in await portal.notes() if note.startswith(client)] == [text]
    assert await portal.page.evaluate("sessionStorage.length") == 0


async def is_told(portal: Portal, client: str) -> None:
    await portal.do("follow", client, WORKED_ON)
    await portal.followed(1 + CLIENTS.index(client))
    await portal.note(f"staff to {client}")
    assert await portal.do("told", client, f"staff to {client}")


async def opens_the_bill(portal: Portal, client: str) -> None:
    starts, address = await portal.do("file", client, BILL)
    assert starts == ["%PDF-", "%PDF-"], client
    portal.signed = address


async def shows_the_bill_in_a_frame(portal: Portal) -> None:
    async with portal.page.expect_response(portal.signed) as opened:
        await portal.do("frame", portal.signed)
    answer = await opened.value
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("inline")
    assert "authorization" not in answer.request.headers


async def gets_what_is_late_alone(portal: Portal) -> None:
    portal.stack.systems["billing"].switches.latency_ms = 2500
    await portal.do("home", "plain")
    portal.stack.reset()
    first, rest = await portal.do("stages")
    assert (first["bills"], first["code"]) == (None, "UPSTREAM_TIMEOUT")
    assert (rest["bills"], rest.get("code")) == (2, None)


async def relay_does_all_of_it(portal: Portal) -> None:
    page = portal.page
    rows = page.get_by_role("listitem")
    portal.stack.systems["billing"].stop()
    await portal.do("relay")
    await expect(page.get_by_role("alert")).to_have_text("UPSTREAM_UNAVAILABLE")
    await expect(rows).to_have_count(2)
    await expect(page.get_by_role("heading")).to_have_text("Ivan Svensson")

    portal.stack.reset()
    await portal.do("leave")
    await portal.followed(3)
    await portal.do("relay")
    await expect(rows).to_have_count(2)
    await page.get_by_role("button", name="More tickets").click()
    await expect(rows).to_have_count(3)

    row = rows.filter(has_text="staff to plain")
    async with page.expect_response(lambda got: _variables(got.request) == {"id": WORKED_ON}):
        await row.get_by_role("button", name="Read again").click()
    await portal.followed(4)
    await portal.note("staff to relay")
    await expect(row).to_contain_text("staff to relay")

    await portal.do("lose")
    await row.get_by_role("button", name="Add a note").click()
    await expect(row.get_by_role("status")).to_be_attached()
    await row.get_by_role("button", name="Find out").click()
    await expect(row.get_by_role("status")).to_have_count(0)
    assert (await portal.notes()).count("It happened again.") == 1

    await page.get_by_role("button", name="84.70").click()
    bill = page.get_by_role("link", name="The bill")
    await expect(bill).to_have_attribute("href", re.compile("blob:"))


def _variables(sent: Request) -> Any:
    return json.loads(sent.post_data or "{}").get("variables")
