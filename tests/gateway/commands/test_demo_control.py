"""What the demo's portal stops, slows and heals the systems with, and that nothing else has it."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest_asyncio
from starlette.applications import Starlette
from starlette.routing import Route

from gateway.commands.demo_control import DemoControl
from gateway.commands.demo_systems import SandboxProcess
from tests.gateway.serving import serving
from tests.nginx import free_ports
from tests.stack import Stack

Asked = tuple[SandboxProcess, aiohttp.ClientSession, str]


@pytest_asyncio.fixture
async def asked() -> AsyncIterator[Asked]:
    system = SandboxProcess("crm", free_ports(1)[0], ("--customers", "4"))
    await system.start()
    try:
        app = Starlette(routes=[Route("/demo/systems", DemoControl([system]))])
        async with serving(app) as address, aiohttp.ClientSession() as session:
            yield system, session, f"{address}/demo/systems"
    finally:
        await system.stop()


async def test_it_refuses_connections_is_slow_and_well_again_with_its_data(asked: Asked) -> None:
    system, session, address = asked

    async def make(wanted: str) -> Any:
        async with session.post(address, json={"system": "crm", "wanted": wanted}) as answer:
            assert answer.status == 200
            return await answer.json()

    async def switches() -> Any:
        async with aiohttp.ClientSession() as other, other.get(f"{system.address}/_sandbox/switches") as answer:
            return await answer.json()

    async with session.put(f"{system.address}/_sandbox/switches", json={"version": "v5"}):
        pass
    assert await make("stop") == {"crm": "stopped"}
    assert await make("stop") == {"crm": "stopped"}
    try:
        await switches()
    except aiohttp.ClientConnectorError:
        pass
    else:
        raise AssertionError("it took the connection")
    assert await make("slow") == {"crm": "slow"}
    assert (await switches())["latencyMs"] == 2000
    assert await make("heal") == {"crm": "well"}
    assert ((await switches())["latencyMs"], (await switches())["version"]) == (0, "v5")
    async with session.get(address) as answer:
        assert await answer.json() == {"crm": "well"}


async def test_what_ended_is_started_anew(asked: Asked) -> None:
    system, session, address = asked
    await system.stop()
    async with session.get(address) as answer:
        assert await answer.json() == {"crm": "stopped"}
    async with session.post(address, json={"system": "crm", "wanted": "heal"}) as answer:
        assert await answer.json() == {"crm": "well"}


async def test_a_form_of_another_page_does_nothing(asked: Asked) -> None:
    _, session, address = asked
    for data, kind, status in (
        ('{"system": "crm", "wanted": "stop"}', "text/plain", 415),
        ('{"system": "nothing", "wanted": "stop"}', "application/json", 400),
        ('{"system": "crm", "wanted": "burn"}', "application/json", 400),
        ("[]", "application/json", 400),
    ):
        async with session.post(address, data=data, headers={"Content-Type": kind}) as answer:
            assert answer.status == status
    async with session.get(address) as answer:
        assert await answer.json() == {"crm": "well"}


async def test_what_is_served_has_neither_this_nor_a_portal_unless_set(stack: Stack) -> None:
    for address in ("/demo/systems", "/portal", "/portal/", "/portal/bills", "/portal/assets/a.js"):
        async with stack.session.get(stack.address + address) as answer:
            assert answer.status == 404
        async with stack.session.post(stack.address + address, json={"system": "crm", "wanted": "stop"}) as answer:
            assert answer.status == 404
