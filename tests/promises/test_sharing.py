"""Many clients at once, over HTTP: the systems are asked less, and what one client does is never another's loss."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.stack import DOMAINS, Answer, Stack, stacked

PORTAL = (Path(__file__).parents[2] / "web/src/operations/PortalHome.graphql").read_text()
FIRST, SECOND = "{ me { accounts { id } } }", "{ me { name accounts { id } } }"
"""The same question to billing; only the second asks the CRM for a name."""


def forget(stack: Stack, **switches: Any) -> None:
    """Count from nothing, with these switches on every system."""
    for system in stack.systems.values():
        system.switches.reset()
        for name, value in switches.items():
            setattr(system.switches, name, value)
        system.requests.clear()


def counted(stack: Stack) -> int:
    return sum(len(system.requests) for system in stack.systems.values())


async def asked(stack: Stack, domain: str, text: str) -> None:
    """Wait until a system was asked so."""
    async with asyncio.timeout(5):
        while not any(text in one["query"] for one in list(stack.systems[domain].requests)):  # noqa: ASYNC110  # it is in a thread of its own
            await asyncio.sleep(0.005)


async def test_many_customers_at_once_cost_at_most_half_the_calls_each(stack: Stack) -> None:
    customers = [str(1001 + at) for at in range(24)]
    forget(stack)
    alone = [(await stack.ask(PORTAL, who)).clean() for who in customers]
    each = counted(stack) / len(customers)

    forget(stack, latency_ms=50)
    together = await asyncio.gather(*(stack.ask(PORTAL, who) for who in customers))

    assert each == 9
    assert [one.clean() for one in together] == alone
    assert counted(stack) / len(customers) <= each / 2
    for who, one in zip(customers, together, strict=True):
        others = set(customers) - {who}
        text = str(one.body["extensions"])
        assert not any(f"'{other}'" in text or f"={other}" in text for other in others), text


async def test_two_users_under_their_own_credentials_share_nothing(tmp_path: Path) -> None:
    forward = {name: {"auth": {"kind": "forward"}} for name in DOMAINS}
    async with stacked(tmp_path, customers=4, systems=forward) as stack:
        whole = (await stack.ask(PORTAL, "1001")).clean()
        forget(stack, latency_ms=50)
        both = await asyncio.gather(*(stack.ask(PORTAL, who) for who in ("1001", "1001,1002")))
        assert both[0].clean() == whole
        assert counted(stack) == sum(len(one.calls) for one in both)
        assert len(both[0].calls) == 9
        assert not any("shared" in call for one in both for call in one.calls)


async def two(stack: Stack) -> tuple["asyncio.Task[Answer]", "asyncio.Task[Answer]"]:
    """Two clients that wait for the same call to billing."""
    first = asyncio.create_task(stack.ask(FIRST, "1001"))
    await asked(stack, "billing", "1001")
    second = asyncio.create_task(stack.ask(SECOND, "1001"))
    await asked(stack, "crm", "name")
    return first, second


async def test_who_hangs_up_leaves_others_unharmed(stack: Stack) -> None:
    expected = (await stack.ask(SECOND, "1001")).clean()
    forget(stack)
    stack.systems["billing"].switches.latency_ms = 500
    first, second = await two(stack)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first

    assert (await second).clean() == expected
    assert len(stack.systems["billing"].requests) == 1


async def test_a_call_that_all_clients_left_is_ended(stack: Stack) -> None:
    billing = stack.systems["billing"]
    forget(stack)
    billing.switches.hang = True
    billing.app.abandoned.clear()
    clients = await two(stack)
    clients[0].cancel()
    assert not await asyncio.to_thread(billing.app.abandoned.wait, 0.2)
    clients[1].cancel()
    assert await asyncio.to_thread(billing.app.abandoned.wait, 2.0)
    assert len(billing.requests) == 1
    assert [type(one) for one in await asyncio.gather(*clients, return_exceptions=True)] == [asyncio.CancelledError] * 2


async def test_a_system_that_knows_its_callers_is_shown_their_own_tokens(tmp_path: Path) -> None:
    async with stacked(tmp_path, customers=4, systems={"billing": {"auth": {"kind": "forward"}}}) as stack:
        known, unknown = stack.token("1001"), stack.token("1001,1002")
        stack.systems["billing"].switches.merge({"auth": {"kind": "bearer", "token": known}})
        codes: dict[str, list[str]] = {}
        for token in (known, unknown):
            headers = {"Authorization": f"Bearer {token}"}
            async with stack.session.post(f"{stack.address}/graphql", json={"query": FIRST}, headers=headers) as answer:
                errors = (await answer.json()).get("errors", [])
            codes[token] = [error["extensions"]["code"] for error in errors]
    assert codes == {known: [], unknown: ["UPSTREAM_REFUSED"]}
