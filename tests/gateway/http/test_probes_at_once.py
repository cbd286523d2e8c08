"""A probe is answered in the turn of the event loop in which it is read: no task is made, which would be one more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from gateway.http.admission import Admission
from gateway.http.admitted_requests import STATE
from gateway.server_settings import LoadLimits
from tests.gateway.http.raw import ask, connection
from tests.gateway.serving import serving


class States:
    """What is known of systems."""

    def names_and_states(self) -> dict[str, Any]:
        return {"systems": {"crm": "up"}}


@asynccontextmanager
async def gateway(**differing: Any) -> AsyncIterator[tuple[list[str], str]]:
    """Paths for which a task was made, and the address."""
    made: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        made.append(scope["path"])
        await PlainTextResponse("by a task")(scope, receive, send)

    admission = Admission(LoadLimits())
    state = {"readiness": States(), "draining": False, "has_keys": lambda: True, STATE: admission, **differing}
    async with serving(app, state=state) as address:
        yield made, address
    admission.close()


def asked(path: str, more: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: h\r\n{more}\r\n".encode()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/healthz", {"status": "ok"}),
        ("/readyz", {"status": "ready", "load": "normal", "systems": {"crm": "up"}}),
    ],
)
@pytest.mark.parametrize("more", ["", "Connection: close\r\n"], ids=["kept", "closed"])
async def test_no_task_is_made_for_a_probe(path: str, said: dict[str, Any], more: str) -> None:
    async with gateway() as (made, address), connection(address) as raw:
        await raw.send(asked(path, more))
        answer = await raw.answer()
        assert (answer.status, orjson.loads(answer.body)) == (200, said)
        assert answer.header("cache-control") == "no-store"
        if more:
            assert answer.header("connection") == "close"
            assert await raw.ended() == b""
    assert made == []


@pytest.mark.parametrize("differing", [{"draining": True}, {"has_keys": lambda: False}], ids=["leaving", "no keys"])
async def test_what_is_not_simply_ready_is_left_to_the_endpoint(differing: dict[str, Any]) -> None:
    async with gateway(**differing) as (made, address):
        assert (await ask(address, asked("/readyz"))).body == b"by a task"
    assert made == ["/readyz"]


async def test_of_many_that_are_sent_ahead_one_is_answered_so_in_each_turn() -> None:
    probe = asked("/healthz")
    async with gateway() as (made, address), connection(address) as raw:
        await raw.send(probe * 50)
        assert [(await raw.answer()).status for _ in range(50)] == [200] * 50
    turns = -(-50 * len(probe) // 256)  # in which 256 bytes are read
    assert made == ["/healthz"] * (50 - turns)


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async with gateway() as (made, address), connection(address) as raw:
        await raw.send(asked("/healthz", "Content-Length: 1000000\r\n") + b"x" * 100_000)  # more than uvicorn keeps
        assert (await raw.answer()).body == b"by a task"
    assert made == ["/healthz"]


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
async def test_other_methods_are_left_to_the_endpoint(method: str) -> None:
    async with gateway() as (made, address):
        assert (await ask(address, asked("/healthz").replace(b"GET", method.encode()))).body == b"by a task"
    assert made == ["/healthz"]
