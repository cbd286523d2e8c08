"""A write is sent once, whatever becomes of its answer: not by the policy, and not by aiohttp, which repeats PUT."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import aiohttp
import pytest
from aiohttp import web

from connectors.errors import Unreachable
from connectors.http.client import HttpClient
from connectors.http.request import Request
from connectors.settings import System
from tests.connectors.canned import canned

NOTE = b'{"text": "called back"}'
CHANGES = [("POST", NOTE), ("PUT", NOTE), ("PATCH", NOTE), ("DELETE", NOTE), ("POST", None), ("DELETE", None)]

Ending = Callable[[web.Request], Awaitable[web.StreamResponse]]


class NotePort(Protocol):
    """A port that reads and writes."""

    async def notes(self) -> str:
        """All notes."""

    async def change(self, method: str, note: bytes | None) -> str:
        """Change the notes."""


class Notes:
    """Its driver."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def notes(self) -> str:
        return await self._http.send(Request.get("/notes"), lambda answer: answer.body.decode())

    async def change(self, method: str, note: bytes | None) -> str:
        return await self._http.send(Request.write(method, "/notes", note), lambda answer: answer.body.decode())


class NoteKeeper:
    """The system: reads each request whole, and answers with how many have come; the next may end otherwise."""

    def __init__(self) -> None:
        self.arrived: list[tuple[str, bytes]] = []
        self.connections: list[int] = []
        self.next_ends: Ending | None = None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.arrived.append((request.method, await request.read()))
        assert request.transport is not None
        self.connections.append(request.transport.get_extra_info("peername")[1])
        ending, self.next_ends = self.next_ends, None
        return await ending(request) if ending else web.Response(text=str(len(self.arrived)))


async def unanswered(request: web.Request) -> web.StreamResponse:
    """The connection is closed in place of an answer."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def half_answered(request: web.Request) -> web.StreamResponse:
    """The connection is closed in the middle of an answer."""
    answer = web.StreamResponse(headers={"Content-Length": "100"})
    await answer.prepare(request)
    await answer.write(b"half of it")
    assert request.transport is not None
    request.transport.close()
    return answer


@asynccontextmanager
async def noted(keeper: Any) -> AsyncIterator[NotePort]:
    async with (
        canned(notes=keeper.answer) as server,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        yield Notes(HttpClient("ticketing", System.model_validate({"url": server.url}), session))


@pytest.mark.parametrize("ending", [unanswered, half_answered])
@pytest.mark.parametrize("kept_alive", [False, True], ids=["fresh", "kept alive"])
@pytest.mark.parametrize(("method", "note"), CHANGES)
async def test_a_write_whose_answer_is_cut_off_is_one_call(
    method: str, note: bytes | None, kept_alive: bool, ending: Ending
) -> None:
    keeper = NoteKeeper()
    async with noted(keeper) as port:
        if kept_alive:
            await port.notes()
        keeper.next_ends = ending
        with pytest.raises(Unreachable) as lost:
            await port.change(method, note)
        assert not lost.value.nothing_sent  # nobody knows whether it was done
        assert await port.notes() == str(2 + kept_alive)  # it answers again, and nothing came in between
    assert keeper.arrived == [*[("GET", b"")] * kept_alive, (method, note or b""), ("GET", b"")]
    assert len(set(keeper.connections)) == 2


@pytest.mark.parametrize("ending", [unanswered, half_answered])
@pytest.mark.parametrize("kept_alive", [False, True], ids=["fresh", "kept alive"])
async def test_a_read_whose_answer_is_cut_off_is_asked_again(kept_alive: bool, ending: Ending) -> None:
    keeper = NoteKeeper()
    async with noted(keeper) as port:
        if kept_alive:
            await port.notes()
        keeper.next_ends = ending
        assert await port.notes() == str(2 + kept_alive)
    assert len(set(keeper.connections)) == 2


@pytest.mark.parametrize(("method", "note"), CHANGES)
async def test_two_equal_writes_at_once_are_two_calls(method: str, note: bytes | None) -> None:
    both = asyncio.Barrier(2)

    class Waiting(NoteKeeper):
        async def answer(self, request: web.Request) -> web.StreamResponse:
            answer = await super().answer(request)
            await both.wait()
            return answer

    keeper = Waiting()
    async with noted(keeper) as port, asyncio.timeout(5):
        answers = await asyncio.gather(port.change(method, note), port.change(method, note))
    assert sorted(answers) == ["1", "2"]
    assert keeper.arrived == [(method, note or b"")] * 2


async def test_a_write_that_found_no_connection_surely_was_not_done() -> None:
    async with aiohttp.ClientSession() as session:
        port = Notes(HttpClient("ticketing", System(url="http://127.0.0.1:9"), session))
        with pytest.raises(Unreachable) as absent:
            await port.change("POST", NOTE)
    assert absent.value.nothing_sent
