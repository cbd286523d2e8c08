"""Events that systems post, and those that others post in their name, over real HTTP."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from connectors.events.settings import EventSource
from connectors.settings import System
from gateway.http.events import MOST_BYTES
from tests.following import SECRET, Following, following, until

NOWHERE = "http://127.0.0.1:9"
POSTS = EventSource(secret=SECRET, poll=0)
SYSTEMS = {
    "crm": System.model_validate({"url": NOWHERE, "driver": "bottlecrm"}),
    "billing": System.model_validate({"url": NOWHERE, "driver": "tryton", "options": {"database": "d"}}),
    "inventory": System.model_validate({"url": NOWHERE, "driver": "nautobot"}),
    "ticketing": System.model_validate({"url": NOWHERE}),
}
TICKET = {"eventId": "1", "eventType": "TroubleTicketCreateEvent", "event": {"troubleTicket": {"id": "TT-1"}}}
RIGHT = f"/events/ticketing/{SECRET}"


@pytest_asyncio.fixture
async def found() -> AsyncIterator[Following]:
    """Systems that post, one of each kind."""
    sources = {"crm": POSTS, "inventory": POSTS, "ticketing": POSTS}
    async with following(SYSTEMS, sources) as running:
        yield running


def signed(body: bytes, at: float, secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), f"{at:.0f}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-BottleCRM-Signature": f"t={at:.0f},v1={digest}", "X-BottleCRM-Delivery": "1"}


async def test_an_event_is_answered_told_and_counted(found: Following) -> None:
    assert await found.post(RIGHT, TICKET) == 204
    assert (await found.told(lambda _: True)).id == "TT-1"
    assert found.counted == {("ticketing", "accepted"): 1}


@pytest.mark.parametrize(("version", "status"), [("v4", 201), ("v5", 204)])
async def test_a_listeners_path_is_answered_as_the_standard_says(version: str, status: int) -> None:
    system = System.model_validate({"url": NOWHERE, "profile": {"version": version}})
    async with following({"ticketing": system}, {"ticketing": POSTS}) as found:
        assert await found.post(f"{RIGHT}/listener/troubleTicketCreateEvent", TICKET) == status
        assert await found.post(RIGHT, TICKET | {"eventId": "2"}) == 204


FORGED = [
    "/events/ticketing/wrong",
    f"/events/ticketing/{SECRET}x",
    "/events/ticketing",
    f"/events/ticketing/wrong/listener/{SECRET}",
    f"/events/billing/{SECRET}",
    f"/events/nobody/{SECRET}",
    "/events/nobody",
    f"/events/crm/{SECRET}",
    "/events/crm",
]


@pytest.mark.parametrize("path", FORGED)
async def test_who_does_not_know_the_secret_is_told_nothing(found: Following, path: str) -> None:
    assert await found.post(path, TICKET) == 404
    async with found.session.post(f"{found.address}{path}", data=b"{") as wrong:
        malformed = wrong.status, await wrong.text()
    async with found.session.post(f"{found.address}/events/nobody/at-all", json=TICKET) as nobody:
        assert malformed == (nobody.status, await nobody.text())
    assert found.hints == []
    assert {outcome for _, outcome in found.counted} == {"forged"}
    assert {system for system, _ in found.counted} <= {"ticketing", "crm", "unknown"}


async def test_a_signed_event_is_taken_once_and_not_when_it_is_old(found: Following) -> None:
    body, now = json.dumps({"id": "e1", "event": "account.updated", "data": {"id": "a1"}}).encode(), time.time()
    assert await found.post("/events/crm", body, headers=signed(body, now)) == 204
    assert await found.post("/events/crm", body, headers=signed(body, now)) == 204
    assert await found.post("/events/crm", body, headers=signed(body, now + 1) | {"X-BottleCRM-Delivery": "2"}) == 204
    assert await found.post("/events/crm", body, headers=signed(body, now - 400)) == 404
    assert await found.post("/events/crm", body, headers=signed(body, now, "another-secret-of-it")) == 404
    assert await found.post("/events/crm", body + b" ", headers=signed(body, now)) == 404
    assert [hint.id for hint in await found.all_told(1)] == ["a1"]
    assert found.counted == {("crm", "accepted"): 1, ("crm", "duplicate"): 2, ("crm", "forged"): 3}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 50_000])
async def test_what_cannot_be_read_is_refused(found: Following, body: bytes) -> None:
    assert await found.post(RIGHT, body) == 400
    assert found.counted == {("ticketing", "malformed"): 1}


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(0, size, 1024):
        yield b" " * 1024


async def test_what_is_too_large_is_refused_whether_it_says_so_or_not(found: Following) -> None:
    assert await found.post(RIGHT, b" " * (MOST_BYTES + 1)) == 413
    assert await found.post(RIGHT, chunks(MOST_BYTES + 1024)) == 413
    assert await found.post("/events/nobody/x", b" " * (MOST_BYTES + 1)) == 413
    assert found.counted == {("ticketing", "too_large"): 2, ("unknown", "too_large"): 1}
    large = TICKET | {"description": "x" * (MOST_BYTES - 1000)}
    assert await found.post(RIGHT, large) == 204


async def test_what_comes_too_fast_is_refused_and_forgers_use_up_nothing() -> None:
    slow = EventSource(secret=SECRET, poll=0, events_per_second=0.001)
    async with following(SYSTEMS, {"ticketing": slow}) as found:
        for _ in range(5):
            assert await found.post("/events/ticketing/wrong", TICKET) == 404
        assert await found.post(RIGHT, TICKET) == 204
        async with found.session.post(f"{found.address}{RIGHT}", json=TICKET | {"eventId": "2"}) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
        assert found.counted["ticketing", "too_frequent"] == 1
        assert len(found.hints) <= 1


async def test_only_post_is_allowed(found: Following) -> None:
    for method in ("GET", "PUT", "DELETE"):
        async with found.session.request(method, f"{found.address}{RIGHT}") as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert not found.counted


class StuckStream:
    """A stream that takes nothing for as long as it is stuck."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.published: list[Any] = []

    async def publish(self, hints: Any) -> None:
        await self.free.wait()
        self.published += hints

    async def follow(self) -> AsyncIterator[Any]:
        await asyncio.Event().wait()
        yield []

    async def lead(self, name: str, lease: float) -> bool:
        return False

    async def step_down(self, name: str) -> None: ...

    async def close(self) -> None: ...


async def test_the_answer_does_not_wait_for_what_is_done_about_the_event() -> None:
    stuck = StuckStream()
    async with following(SYSTEMS, {"ticketing": POSTS}, stream=stuck) as found:
        assert await found.post(RIGHT, TICKET) == 204
        assert stuck.published == []
        stuck.free.set()
        await until(lambda: bool(stuck.published))
    assert [one.id for one in stuck.published] == ["TT-1"]
