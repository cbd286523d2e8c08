"""A shorter deadline from the client: what is late is null and asked for again alone, and nobody else has less time."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.settings import GraphQLSettings
from gateway.writes_settings import WritesSettings
from tests.stack import Stack, stacked

PAGE = "{ me { id accounts { id } tickets(first: 1) { nodes { id } } } }"
LATE = "{ me { accounts { id } } }"


@pytest_asyncio.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    writes = WritesSettings(enabled=True, in_process=True)
    async with stacked(tmp_path_factory.mktemp("deadline"), customers=4, writes=writes) as running:
        yield running


async def ask(stack: Stack, document: str, **headers: str) -> tuple[int, dict[str, Any]]:
    sent = stack.headers("1001") | headers
    async with stack.session.post(f"{stack.address}/graphql", json={"query": document}, headers=sent) as answer:
        return answer.status, await answer.json()


async def test_what_is_late_is_null_and_comes_when_it_is_asked_for_alone(stack: Stack) -> None:
    stack.systems["billing"].switches.hang = True
    async with asyncio.timeout(60):
        patient = asyncio.create_task(ask(stack, LATE))  # with the settings' deadline of 30 s
        assert await asyncio.to_thread(stack.systems["billing"].app.hanging.wait, 30)
        status, body = await ask(stack, PAGE, **{"X-Gateway-Deadline": "0.8"})
        assert status == 200
        assert (body["data"]["me"]["id"], body["data"]["me"]["accounts"]) == ("Customer:1001", None)
        (late,) = [error for error in body["errors"] if error["path"] == ["me", "accounts"]]
        assert (late["extensions"]["code"], late["extensions"]["retryable"]) == ("UPSTREAM_TIMEOUT", True)
        assert not patient.done()
        patient.cancel()
        await asyncio.wait([patient])
        stack.systems["billing"].switches.hang = False
        assert (await ask(stack, LATE))[1]["data"]["me"]["accounts"]
    found = (await stack.ask("{ systems { name status } }", "admin")).clean()["systems"]
    assert {one["name"]: one["status"] for one in found}["billing"] == "UP"  # no client's haste is the system's fault


@pytest.mark.parametrize("wrong", ["0", "-1", "soon", "1e3", "nan", "0.0", "1,5", "99999999"])
async def test_what_is_no_time_is_refused(stack: Stack, wrong: str) -> None:
    status, body = await ask(stack, "{ __typename }", **{"X-Gateway-Deadline": wrong})
    assert (status, body["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")
    assert "X-Gateway-Deadline" in body["errors"][0]["message"]


async def test_it_shortens_no_write(stack: Stack) -> None:
    stack.systems["ticketing"].switches.latency_ms = 50
    given = 'idempotencyKey: "a", ticketId: "TT-1001-1", text: "x"'
    note = f"mutation {{ addTicketNote(input: {{ {given} }}) {{ ticket {{ id }} }} }}"
    _, body = await ask(stack, note, **{"X-Gateway-Deadline": "0.01"})
    stack.reset()
    assert body["data"]["addTicketNote"]["ticket"] == {"id": "Ticket:TT-1001-1"}


async def test_it_lengthens_nothing(tmp_path: Path) -> None:
    graphql = GraphQLSettings(deadline=0.5)
    async with asyncio.timeout(60), stacked(tmp_path, customers=2, graphql=graphql) as stack:
        stack.systems["billing"].switches.hang = True
        _, body = await ask(stack, LATE, **{"X-Gateway-Deadline": "50"})
        assert body["errors"][0]["extensions"]["code"] == "UPSTREAM_TIMEOUT"
