"""Redmine in the place of Request Tracker: part of `make live`, alone with `--only redmine`.

The CRM is the sandbox's: its customer 1001 opens tickets in Redmine, which are deleted in the end. Each mutation is
asked under two keys, twice under each, and the answer to what the second key sends is lost after its effect. Then an
issue is changed behind the gateway's back, which a subscriber must hear of, and the driver is tested
(`gateway driver-test`).
"""

import asyncio
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import aiohttp
from rich.console import Console
from rich.table import Table

from acceptance.live_events import POLL, first_event, stream
from acceptance.live_queries import operation
from acceptance.live_writes import LiveWrites, tickets
from acceptance.losing import losing
from acceptance.products import PRODUCTS, Live, Unfit
from acceptance.running import Running, serving
from acceptance.to_its_end import to_its_end
from connectors import DOMAINS
from connectors.conformance.writes import WRITE_CHECKS, plan_writes
from connectors.settings import System
from gateway.commands.driver_test import building, found, results_of
from gateway.commands.driver_test_table import show
from gateway.settings import Settings
from sandbox.data.world import World
from sandbox.server import SandboxServer

CUSTOMER: Final = "1001"
REDMINE: Final = PRODUCTS["redmine"]
SAMPLES: Final = {
    "customer": [f"C{100001 + n}" for n in range(4)],
    "assignee": ["Read Only", "API Gateway"],
}
NOWHERE: Final = "http://127.0.0.1:9"
FIELDS: Final = Path(__file__).with_name("redmine_fields.rb")
QUERIES: Final = {
    "TicketThread": ("agent", {"id": "Ticket:1"}),
    "PortalHome": (CUSTOMER, {}),
}


def settings(redmine: Live, address: str, crm: str) -> Settings:
    """A gateway that reads, writes and polls Redmine at this address."""
    auth = {"kind": "api_key", "header": REDMINE.header, "key": redmine.token}
    ticketing = {"url": address, "driver": "redmine", "auth": auth, "timeout": 12.0}
    systems = {"crm": {"url": crm}, "billing": {"url": NOWHERE}, "inventory": {"url": NOWHERE}, "ticketing": ticketing}
    return Settings.model_validate(
        {
            "systems": systems,
            "graphql": {"trace": "signed-in with keys", "deadline": 30.0},
            "live": {"enabled": True, "sources": {"ticketing": {"poll": POLL}}},
            "writes": {"enabled": True, "in_process": True, "allow": {"payBill": []}},
        }
    )


def make_fields() -> None:
    """Make the custom fields for the gateway's keys in the Redmine that the start script runs here. Raises `Unfit`."""
    root = Path(os.environ.get("LIVE_ROOT") or Path(tempfile.gettempdir()) / "live")
    done = subprocess.run(  # noqa: S603  # a script of ours
        ["ruby", "bin/rails", "runner", str(FIELDS)],  # noqa: S607  # the one that runs Redmine
        cwd=root / REDMINE.folder / "app",
        env=os.environ | {"RAILS_ENV": "production"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unfit(f"{FIELDS.name} ended with {done.returncode}:\n{done.stdout[-1500:]}")


async def measure(redmine: Live, console: Console) -> bool:
    """Whether each key had one effect and a true answer, the change was heard of, and the driver conforms.

    Raises `Unfit`.
    """
    if not redmine.is_given:
        await asyncio.to_thread(make_fields)
    async with losing(redmine.address) as proxy:
        with SandboxServer("crm", world=World(customers=10)) as crm, tempfile.TemporaryDirectory() as folder:
            async with serving(settings(redmine, proxy.address, crm.url), Path(folder)) as gateway:
                await _queries(gateway, console)
                writes = LiveWrites(gateway, {"redmine": proxy}, CUSTOMER)
                is_well = await _write(writes, redmine, gateway.session, console)
                is_well &= await _hear(gateway, redmine, console)
    return (
        await _conform(settings(redmine, redmine.address, NOWHERE).systems.by_domain["ticketing"], console) and is_well
    )


async def _queries(gateway: Running, console: Console) -> None:
    for name, (who, variables) in QUERIES.items():
        document = operation(name)
        await gateway.ask(document, variables, who)
        calls = (await gateway.ask(document, variables, who)).get("extensions", {}).get("upstream", [])
        ours = [call for call in calls if call["system"] == "ticketing"]
        took = ", ".join(f"{call['path'].partition('?')[0]} {call['durationMs']:.0f} ms" for call in ours)
        console.print(f"  {name}: {len(ours)} calls to Redmine: {took}", highlight=False)


async def _write(writes: LiveWrites, redmine: Live, session: aiohttp.ClientSession, console: Console) -> bool:
    table = Table("mutation", "calls", "again", "answer lost", "sent", "effects", "told")
    undone: list[str] = []
    is_well = True
    try:
        async for one in tickets(writes, undone, "redmine", SAMPLES["assignee"], "CLOSED"):
            counts = map(str, (*one.calls, one.sent, one.effects))
            table.add_row(one.title, *counts, ", ".join(dict.fromkeys(one.outcomes)))
            is_well &= one.is_right
    finally:
        console.print(table)
        await to_its_end(_delete(undone, redmine, session))
    return is_well


async def _delete(numbers: list[str], redmine: Live, session: aiohttp.ClientSession) -> None:
    for number in numbers:
        await _send(session, redmine, "DELETE", f"/issues/{number}.json")


async def _hear(gateway: Running, redmine: Live, console: Console) -> bool:
    document = "subscription { ticketChanged { event ticket { id status } } }"
    async with stream(gateway, "graphql", document) as told:
        began = time.monotonic()
        body = {"issue": {"notes": "make live looks whether this is heard of", "private_notes": True}}
        await _send(gateway.session, redmine, "PUT", "/issues/1.json", body)
        heard = await first_event(told, "Ticket:1")
    console.print(
        f"  a subscriber heard of a note after {time.monotonic() - began:.2f} s (polled each {POLL} s): {heard}"
    )
    return heard is not None


async def _send(session: aiohttp.ClientSession, redmine: Live, method: str, path: str, body: Any = None) -> None:
    headers = {REDMINE.header: redmine.token}
    async with session.request(method, redmine.address + path, json=body, headers=headers) as answer:
        answer.raise_for_status()


async def _conform(system: System, console: Console) -> bool:
    tested = found("redmine", "ticketing")
    async with results_of(tested, system, SAMPLES, most=3, check_credentials=True, only=()) as coming:
        read = [one async for one in coming]
    async with building(tested, system) as build:
        plan = await plan_writes("ticketing", DOMAINS["ticketing"].promises, build, system, keys=SAMPLES)
        wrote = await plan.run()
    show("redmine (ticketing)", read, console)
    show("redmine (ticketing), writes", wrote, console, checks=WRITE_CHECKS)
    return all(one.mark != "failed" for one in [*read, *wrote])
