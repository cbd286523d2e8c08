"""A system breaks under a gateway that is asked on: it is left in peace, the others' data is there, it comes back."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.settings import GraphQLSettings, ServerSettings
from gateway.writes_settings import WritesSettings
from tests.conftest import contract
from tests.promises.test_partial_answers import differences
from tests.stack import DOMAINS, Stack, stacked

LEAST = 3
POLICY = {"window": 5, "least_calls": LEAST, "open_for": 0.4, "open_longest": 0.5}
AT_ONCE = 50

OPERATIONS = """{ systems { name operations {
  name breaker limit underWay waiting calls broken refused retries hedges
} } }"""
OPEN = """mutation ($input: OpenTicketInput!) {
  openTicket(input: $input) { ticket { id } userErrors { code } }
}"""


@pytest_asyncio.fixture(scope="module")
async def _running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with stacked(
        tmp_path_factory.mktemp("peace"),
        customers=8,
        systems={domain: {"policy": POLICY, "timeout": 1.0} for domain in DOMAINS},
        server=ServerSettings(metrics=True),
        writes=WritesSettings(enabled=True, in_process=True),
    ) as stack:
        yield stack


@pytest.fixture
def running(_running: Stack) -> Stack:
    _running.reset()
    return _running


async def operation(stack: Stack, system: str, name: str) -> dict[str, Any]:
    found = (await stack.ask(OPERATIONS)).clean()["systems"]
    operations = next(one for one in found if one["name"] == system)["operations"]
    return next(one for one in operations if one["name"] == name)


def arrived(stack: Stack, system: str, path: str) -> int:
    return sum(path in one["path"] for one in list(stack.systems[system].requests))


@pytest.mark.parametrize(
    "how",
    [
        {"error_rate": 1},
        {"drop_connections": 100_000},
        *(
            pytest.param(how, marks=pytest.mark.long)
            for how in ({"error_rate": 1, "error_status": 429}, {"garbage": True})
        ),
        *(pytest.param(how, marks=pytest.mark.long) for how in ({"close_early": True}, {"hang": True})),
    ],
    ids=lambda how: "-".join(map(str, how)),
)
async def test_it_costs_its_own_fields_and_is_back_within_seconds(running: Stack, how: dict[str, Any]) -> None:
    stack, document = running, contract("PortalHome")
    whole = (await stack.ask(document, "1001")).clean()
    for name, value in how.items():
        setattr(stack.systems["billing"].switches, name, value)
    async with asyncio.timeout(60):
        while not (await operation(stack, "billing", "accounts_of_customers"))["refused"]:
            await stack.ask(document, "1001")

    asked = len(stack.systems["billing"].requests)
    began = time.monotonic()
    answers = await asyncio.gather(*(stack.ask(document, "1001") for _ in range(AT_ONCE)))
    seconds = time.monotonic() - began
    sent = len(stack.systems["billing"].requests) - asked
    assert sent <= (1 + seconds / 0.36) * 8 * 3, "three probes of each operation at most, each time that it rested"
    for answer in answers:
        assert answer.status == 200
        lost = differences(whole, answer.data)
        assert lost
        assert {tuple(error["path"]) for error in answer.errors} == lost
        assert {error["extensions"]["system"] for error in answer.errors} == {"billing"}
        assert all(error["extensions"]["retryable"] for error in answer.errors)

    stack.systems["billing"].switches.reset()
    async with asyncio.timeout(60):
        while (await stack.ask(document, "1001")).errors:
            pass
        while (await operation(stack, "billing", "accounts_of_customers"))["breaker"] != "CLOSED":
            await stack.ask(document, "1001")
    assert (await stack.ask(document, "1001")).clean() == whole


async def test_a_system_that_hangs_for_longer_than_requests_last_is_left_in_peace(tmp_path: Path) -> None:
    """Its timeout is never reached: the request's deadline ends each call."""
    systems = {
        "billing": {"policy": POLICY | {"open_for": 60.0, "open_longest": 60.0}, "timeout": 30.0, "share": False}
    }
    async with stacked(tmp_path, customers=4, systems=systems, graphql=GraphQLSettings(deadline=1.0)) as stack:
        stack.systems["billing"].switches.hang = True
        document = "{ me { name accounts { id } } }"
        answers = await asyncio.gather(*(stack.ask(document, f"100{number}") for number in range(1, 1 + LEAST)))
        assert [one.errors[0]["extensions"]["code"] for one in answers] == ["UPSTREAM_TIMEOUT"] * LEAST
        assert all(one.data["me"]["name"] for one in answers)
        asked = len(stack.systems["billing"].requests)
        refused = await stack.ask(document, "1001")
        assert [one["extensions"]["code"] for one in refused.errors] == ["UPSTREAM_UNAVAILABLE"]
        assert len(stack.systems["billing"].requests) == asked


async def test_a_write_is_certainly_not_made_while_its_operation_is_left_in_peace(running: Stack) -> None:
    stack = running
    stack.systems["ticketing"].switches.lose_answers = LEAST

    async def opened(key: str) -> Any:
        given = {"idempotencyKey": key, "name": "No signal", "description": "Since this morning."}
        return await stack.ask(OPEN, "1001", input=given)

    for number in range(LEAST):  # done, the answer lost, and found by its key
        assert (await opened(f"lost-{number}")).clean()["openTicket"]["ticket"]
    posted = sum(one["method"] == "POST" for one in stack.systems["ticketing"].requests)
    assert posted == LEAST
    refused = await opened("refused")
    posted = sum(one["method"] == "POST" for one in stack.systems["ticketing"].requests)
    assert posted == LEAST
    assert [one["extensions"]["code"] for one in refused.errors] == ["WRITE_NOT_DONE"]
    async with asyncio.timeout(60):
        while (answer := await opened("refused")).errors:
            pass
    assert answer.data["openTicket"]["ticket"]
    posted = sum(one["method"] == "POST" for one in stack.systems["ticketing"].requests)
    assert posted == LEAST + 1


async def test_systems_and_metrics_say_what_is_known_of_each_operation(running: Stack) -> None:
    stack = running
    (await stack.ask(contract("PortalHome"), "1001")).clean()
    sent = arrived(stack, "billing", "billingAccount")
    stack.systems["billing"].switches.error_rate = 1
    for number in range(LEAST + 2):
        await stack.ask(f'{{ customer(id: "100{number + 2}") {{ accounts {{ id }} }} }}')
    sent += LEAST - 1  # the first of all was answered
    assert arrived(stack, "billing", "billingAccount") == sent

    lines = dict(line.rsplit(" ", 1) for line in (await stack.metrics()).splitlines() if line[:1] != "#")
    state = await operation(stack, "billing", "accounts_of_customers")
    assert state["breaker"] in ("OPEN", "HALF_OPEN")
    assert state | {"breaker": "OPEN"} == {
        "name": "accounts_of_customers",
        "breaker": "OPEN",
        "limit": 16,
        "underWay": 0,
        "waiting": 0,
        "calls": sent,
        "broken": LEAST - 1,
        "refused": state["refused"],
        "retries": 0,
        "hedges": 0,
    }
    label = '{operation="accounts_of_customers",system="billing"}'
    assert lines["gateway_upstream_breaker" + label] == "2.0"
    assert lines["gateway_upstream_limit" + label] == "16.0"
    shown = [line for line in lines if line.startswith("gateway_upstream_calls_total")]
    assert 5 < len(shown) < 60, "operations of ports, not what callers or systems name"


async def test_each_operation_is_judged_by_itself(running: Stack) -> None:
    """What fails for one method of a port says nothing about the next."""
    stack = running
    stack.systems["ticketing"].switches.paths = {"troubleTicket": "/moved"}
    for _ in range(3 * LEAST):
        assert (await stack.ask("{ me { tickets(first: 1) { nodes { id } } } }", "1001")).errors
    (await stack.ask("{ outages { totalCount } }")).clean()
