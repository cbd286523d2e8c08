"""What is sent a second time, and what is not: by the request, by the operation that it is for, and by what failed."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import copy_context
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from connectors.errors import ConnectorError, Refused, Rejected, TimedOut, Unreachable
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.http.scope import Operation, current_operation
from connectors.settings import System
from tests.connectors.canned import Canned, canned, never

SESSION = {
    "kind": "session",
    "username": "gateway",
    "password": "secret",
    "login_path": "/login",
    "verify_path": "/verify",
}


def read(answer: Answer) -> str:
    return f"{answer.status} {answer.body.decode()}"


@asynccontextmanager
async def speaking(server: Canned, **settings: Any) -> AsyncIterator[HttpClient]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield HttpClient("ticketing", System.model_validate({"url": server.url, **settings}), session)


class Lost:
    """Closes the first connection in place of an answer."""

    def __init__(self) -> None:
        self.arrived: list[tuple[str, bytes]] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.arrived.append((request.method, await request.read()))
        if len(self.arrived) == 1:
            assert request.transport is not None
            request.transport.close()
        return web.Response(text="done")


@pytest.mark.parametrize(
    ("method", "body", "is_write", "times"),
    [
        ("GET", None, False, 2),
        ("GET", None, True, 2),
        ("POST", b"{}", False, 2),
        ("POST", b"{}", True, 1),
    ],
)
async def test_within_a_write_only_a_get_is_asked_again(
    method: str, body: bytes | None, is_write: bool, times: int
) -> None:
    lost = Lost()
    context = copy_context()
    context.run(current_operation.set, Operation("open_ticket", is_write=is_write))
    request = context.run(lambda: Request.get("/notes") if body is None else Request.query("/notes", body))
    async with canned(notes=lost.answer) as server, speaking(server) as http:
        if times == 2:
            assert await http.send(request, read) == "200 done"
        else:
            with pytest.raises(Unreachable):
                await http.send(request, read)
    assert lost.arrived == [(method, body or b"")] * times


class Doorkeeper:
    """Issues token t1, t2 ... or cookies of that name, and accepts the last `good` that it was told."""

    def __init__(self, refusal: Callable[[], web.Response] = lambda: web.Response(status=401)) -> None:
        self.issued = 0
        self.good = "t1"
        self.refusal = refusal
        self.arrived: list[tuple[str, bytes, str]] = []

    async def token(self, _request: web.Request) -> web.Response:
        self.issued += 1
        return web.json_response({"access_token": f"t{self.issued}"})

    async def login(self, _request: web.Request) -> web.Response:
        self.issued += 1
        answer = web.Response(text="welcome")
        answer.set_cookie("SID", f"t{self.issued}")
        return answer

    async def verify(self, request: web.Request) -> web.Response:
        return web.Response(status=200 if self._shown(request) == self.good else 401)

    async def notes(self, request: web.Request) -> web.StreamResponse:
        shown = self._shown(request)
        self.arrived.append((request.method, await request.read(), shown))
        return web.Response(status=201, text="kept") if shown == self.good else self.refusal()

    def _shown(self, request: web.Request) -> str:
        return request.cookies.get("SID") or request.headers.get("Authorization", "").removeprefix("Bearer ")


@asynccontextmanager
async def guarded(keeper: Doorkeeper, kind: str) -> AsyncIterator[HttpClient]:
    async with canned(token=keeper.token, login=keeper.login, verify=keeper.verify, notes=keeper.notes) as server:
        oauth = {"kind": "oauth2", "token_url": f"{server.url}/token", "client_id": "c", "client_secret": "s"}
        async with speaking(server, auth=SESSION if kind == "session" else oauth) as http:
            yield http


METHODS = ["POST", "PUT", "PATCH", "DELETE"]


@pytest.mark.parametrize("kind", ["oauth2", "session"])
@pytest.mark.parametrize("method", METHODS)
async def test_a_write_that_was_refused_with_401_was_not_done_and_is_sent_with_new_credentials(
    method: str, kind: str
) -> None:
    keeper = Doorkeeper()
    async with guarded(keeper, kind) as http:
        assert await http.send(Request.write(method, "/notes", b"first"), read) == "201 kept"
        keeper.good = "t2"
        assert await http.send(Request.write(method, "/notes", b"second"), read) == "201 kept"
        assert keeper.arrived == [(method, b"first", "t1"), (method, b"second", "t1"), (method, b"second", "t2")]


@pytest.mark.parametrize("method", METHODS)
async def test_a_write_that_every_token_is_refused_for_is_sent_twice(method: str) -> None:
    keeper = Doorkeeper()
    keeper.good = "none"
    async with guarded(keeper, "oauth2") as http:
        with pytest.raises(Refused):
            await http.send(Request.write(method, "/notes", b"{}"), read)
    assert [shown for _, _, shown in keeper.arrived] == ["t1", "t2"]


@pytest.mark.parametrize(
    ("status", "outcome"), [(200, "200 <html>Thank you</html>"), (302, Rejected), (303, Rejected), (307, Rejected)]
)
async def test_a_redirect_or_a_page_is_no_reason_to_write_again(
    status: int, outcome: str | type[ConnectorError]
) -> None:
    """To a read these say that the session has ended; so may a write be told that it is done."""
    keeper = Doorkeeper(lambda: web.Response(status=status, text="<html>Thank you</html>", content_type="text/html"))
    async with guarded(keeper, "session") as http:
        assert await http.send(Request.write("POST", "/notes", b"first"), read) == "201 kept"
        keeper.good = "t2"
        try:
            came: object = await http.send(Request.write("POST", "/notes", b"second"), read)
        except ConnectorError as failure:
            came = type(failure)
    assert came == outcome
    assert [body for _, body, _ in keeper.arrived] == [b"first", b"second"]
    assert keeper.issued == 1


async def test_a_write_that_is_not_answered_in_time_is_sent_once_and_may_have_been_done() -> None:
    async with canned(notes=never) as server, speaking(server, timeout=0.2) as http:
        with pytest.raises(TimedOut):
            await http.send(Request.write("PUT", "/notes", b"{}"), read)
        assert server.seen == ["/notes"]


async def test_a_write_may_read_what_it_expects() -> None:
    async def conflict(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=409, text="it is paid")

    async with canned(payment=conflict) as server, speaking(server) as http:
        paid = await http.send(Request.write("POST", "/payment", b"{}", expected={409}), read)
    assert paid == "409 it is paid"


async def test_the_type_of_a_body_is_said_and_none_where_there_is_none() -> None:
    async with canned(notes="{}") as server, speaking(server) as http:
        for body in (b"{}", None):
            for method in METHODS:
                await http.send(Request.write(method, "/notes", body), read)
    sent = [(one.get("Content-Type"), one["Content-Length"], one.get("Transfer-Encoding")) for one in server.headers]
    assert sent == [("application/json", "2", None)] * 4 + [(None, "0", None)] * 4
