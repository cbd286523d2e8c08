"""Subscriptions in GraphiQL, in a real browser over both transports, in front of a stand-in that says what it likes."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from gateway.auth.refusals import AuthenticationError
from gateway.http.graphiql import GraphiQLPage
from gateway.http.sse import refused
from schema import build_schema
from tests.browser import Complaints, needs_chromium, open_chromium, open_page
from tests.gateway.http.test_graphiql import TOKENS, needs_build, run
from tests.gateway.serving import serving

SCHEMA = build_schema()
WRONG_TOKEN = "The token is not a signed JSON Web Token (JWT)."

COMPLETED = (None, "The gateway ended the subscription. Run it again to go on.")
ENDINGS: dict[str, list[tuple[tuple[int, str] | None, str]]] = {
    "SSE": [COMPLETED],
    "WebSocket": [
        COMPLETED,
        (
            (1012, "The gateway restarts."),
            "Closed with 1012 (The gateway restarts). The gateway restarts. Run it again in a moment.",
        ),
        (
            (4403, "The token has ended."),
            "Closed with 4403 (The token has ended). The token was not accepted, or has ended. Choose another one in"
            " the bar above, and run it again.",
        ),
        ((4499, ""), "Closed with 4499. This code has no meaning here."),
    ],
}

pytestmark = [needs_chromium, needs_build]


def change(number: int, **extensions: Any) -> dict[str, Any]:
    """A message about a ticket."""
    ticket = {"id": f"Ticket:TT-{number}", "name": f"Fault {number}", "status": "IN_PROGRESS", "updatedAt": None}
    answer: dict[str, Any] = {"data": {"ticketChanged": {"ticket": ticket, "event": "CHANGED"}}}
    return {**answer, "extensions": extensions} if extensions else answer


@dataclass
class StandIn:
    """A gateway that sends what a test puts: a message, (code, reason) to close, or None to complete."""

    origin: str = ""
    refuse: bool = False
    to_send: asyncio.Queue[dict[str, Any] | tuple[int, str] | None] = field(default_factory=asyncio.Queue)
    subscribed: asyncio.Queue[tuple[str, str]] = field(default_factory=asyncio.Queue)
    """Operation name, and the authorization that it came with."""
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def web_socket(self, socket: WebSocket) -> None:
        await socket.accept("graphql-transport-ws")
        init = await socket.receive_json()
        assert init["type"] == "connection_init"
        if self.refuse:
            return await socket.close(4403, WRONG_TOKEN)
        await socket.send_json({"type": "connection_ack"})
        subscribe = await socket.receive_json()
        await self.subscribed.put((subscribe["payload"]["operationName"], init["payload"]["authorization"]))
        sending = asyncio.create_task(self._send(socket, subscribe["id"]))
        try:
            while True:
                await socket.receive_json()
        except WebSocketDisconnect:
            self.left.set()
        finally:
            sending.cancel()

    async def _send(self, socket: WebSocket, operation: str) -> None:
        while True:
            match await self.to_send.get():
                case (int(code), str(reason)):
                    return await socket.close(code, reason)
                case None:
                    await socket.send_json({"type": "complete", "id": operation})
                case answer:
                    await socket.send_json({"type": "next", "id": operation, "payload": answer})

    async def answer(self, request: Request) -> Response:
        body = await request.json()
        if "text/event-stream" not in request.headers["accept"]:
            result = await SCHEMA.execute(body["query"])
            return JSONResponse({"data": result.data})
        if self.refuse:
            return refused(AuthenticationError(WRONG_TOKEN))
        await self.subscribed.put((body["operationName"], request.headers["authorization"]))
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[str]:
        try:
            yield ":\n\n"
            while (answer := await self.to_send.get()) is not None:
                assert isinstance(answer, dict), "a stream has no close codes"
                yield f"event: next\ndata: {json.dumps(answer)}\n\n"
            yield "event: complete\ndata:\n\n"
        finally:
            self.left.set()


@pytest_asyncio.fixture(loop_scope="session")
async def gateway() -> AsyncIterator[StandIn]:
    page, gateway = GraphiQLPage(demo_tokens=TOKENS), StandIn()

    async def endpoint(request: Request) -> Response:
        return page.response(request) if request.method == "GET" else await gateway.answer(request)

    routes = [Route("/graphql", endpoint, methods=["GET", "POST"]), WebSocketRoute("/graphql", gateway.web_socket)]
    async with serving(Starlette(routes=[*routes, *page.routes()])) as gateway.origin:
        yield gateway


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with open_chromium() as browser:
        yield browser


@asynccontextmanager
async def following(
    browser: Browser, gateway: StandIn, transport: str
) -> AsyncIterator[tuple[Page, Locator, Complaints]]:
    """A page in which TicketChanged was run, and the panel with its events."""
    async with open_page(browser, gateway.origin) as (page, complaints):
        await page.goto(f"{gateway.origin}/graphql")
        await expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("PortalHome")
        await page.get_by_label("Subscribe over").select_option(transport)
        await run(page, "TicketChanged")
        yield page, page.get_by_role("region", name="Events of the subscription"), complaints


@pytest.mark.parametrize("transport", ["WebSocket", pytest.param("SSE", marks=pytest.mark.long)])
@pytest.mark.long
async def test_events_become_a_list_until_it_is_stopped_or_ends_and_says_why(
    browser: Browser, gateway: StandIn, transport: str
) -> None:
    async with following(browser, gateway, transport) as (page, panel, complaints):
        assert await gateway.subscribed.get() == ("TicketChanged", "Bearer token-of-1001")
        await expect(panel).to_contain_text(f"TicketChanged over {transport} as subscriber 1001")
        await expect(panel.get_by_role("status")).to_have_text("connected")
        await expect(page.locator(".graphiql-response")).to_contain_text(f"over {transport}: what comes is shown below")
        rows = panel.get_by_role("listitem")
        await expect(panel).to_contain_text("Waiting for something to happen.")

        for number in (1, 2):
            await gateway.to_send.put(change(number))
            await expect(rows).to_have_count(number)
        assert [re.sub(r"^\S+ ", "", text.splitlines()[0]) for text in await rows.all_inner_texts()] == [
            "ticketChanged CHANGED Ticket:TT-2",
            "ticketChanged CHANGED Ticket:TT-1",
        ]
        assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d\d\d", await rows.first.get_by_role("time").inner_text())
        await expect(rows.first.locator("pre")).to_contain_text('"name": "Fault 2"')
        await expect(rows.last.locator("pre")).to_be_hidden()

        await page.get_by_role("tab", name="SystemStatus").click()  # it goes on while another tab is looked at
        await gateway.to_send.put(change(3, skipped=4))
        await expect(rows.first).to_contain_text("ticketChanged CHANGED Ticket:TT-3 (4 older not told)")
        await panel.get_by_role("button", name="Clear").click()
        await expect(rows).to_have_count(0)
        await gateway.to_send.put({"data": {"ticketChanged": None}, "errors": [{"message": "Ticketing is away."}]})
        await expect(rows.first).to_contain_text("Ticketing is away.")

        await panel.get_by_role("button", name="Stop").click()
        await gateway.left.wait()
        await expect(panel.get_by_role("status")).to_have_text("stopped")
        await expect(rows).to_have_count(1)

        alert, status = panel.get_by_role("alert"), panel.get_by_role("status")
        for ending, words in ENDINGS[transport]:
            await run(page, "TicketChanged")
            await gateway.subscribed.get()
            await gateway.to_send.put(ending)
            await expect(alert).to_have_text(words)
            await expect(status).to_have_text("ended")
            await expect(panel.get_by_role("button", name="Stop")).to_be_disabled()
        await run(page, "TicketChanged")
        await gateway.subscribed.get()
        await expect(status).to_have_text("connected")
        await expect(alert).to_be_hidden()
        assert complaints == Complaints()

        gateway.refuse = True
        await run(page, "TicketChanged")
        begins = {"WebSocket": "Closed with 4403 (", "SSE": "Refused with HTTP 401: "}[transport]
        for place in (alert, page.locator(".graphiql-response")):
            await expect(place).to_contain_text(f"{begins}{WRONG_TOKEN[:-1]}")
