"""openwisp-radius as the usage system: part of `make live`, alone with `--only usage`.

CRM and billing are the sandbox's, in which some customers are given their numbers in the live systems as a reference
(`radius`): 1003 is C100003. UsageGlance is asked for these; what the gateway says must be what openwisp-radius itself
counts for that user.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import aiohttp
from rich.console import Console
from rich.table import Table

from acceptance.calls import LATENCY_MS, steps
from acceptance.live_queries import operation
from acceptance.products import Live
from acceptance.running import Running, serving
from gateway.settings import Settings
from sandbox.data.world import World
from sandbox.server import SandboxServer

CUSTOMERS: Final[Mapping[str, str]] = {"1002": "S300004", "1003": "S300006", "1006": "S300012", "1014": "S300028"}
"""The sandbox's customers, and their users: without a limit, with three allowances, suspended, and over the limit."""
PLANS: Final[Mapping[str, Any]] = {
    "live-telecom-fib-100": [{"limit": 100}, {"per": "day", "limit": 20}, {"of": "time", "per": "day", "limit": 86400}],
    "live-telecom-fib-500": [{"limit": 500}],
    "live-telecom-fib-1g": [{}],
    "live-telecom-dia-1g": [{}],
}
"""What the start script's seed allows. The product tells it to users only."""
NOWHERE: Final = "http://127.0.0.1:9"
_CHECKS: Final = {
    "Data per billing cycle": ("Max-Monthly-Session-Traffic", 10**9),
    "Data per day": ("Max-Daily-Session-Traffic", 10**9),
    "Time online per day": ("Max-Daily-Session", 1),
}
"""The product's own names of the allowances, and how much of its unit one of ours is."""


def usage_system(openwisp: Live, **more: Any) -> dict[str, Any]:
    """The settings of openwisp-radius as the start script seeds it."""
    auth = {"kind": "bearer", "token": openwisp.token}
    options = {"plans": PLANS}
    return {"url": openwisp.address, "driver": "openwisp", "auth": auth, "options": options, "timeout": 12.0, **more}


def settings(openwisp: Live, crm: str, billing: str) -> Settings:
    """A gateway whose usage system is openwisp-radius."""
    usage = usage_system(openwisp, customer_key="external:radius")
    systems = {"crm": {"url": crm}, "billing": {"url": billing}, "usage": usage}
    systems |= {"inventory": {"url": NOWHERE}, "ticketing": {"url": NOWHERE}}
    return Settings.model_validate({"systems": systems, "graphql": {"trace": "signed-in with keys", "deadline": 30.0}})


async def measure(openwisp: Live, console: Console) -> bool:
    """Whether what the gateway says is what the product counts."""
    world = World(customers=60)
    with SandboxServer("crm", world=world) as crm, SandboxServer("billing", world=world) as billing:
        for sandbox in (crm, billing):
            sandbox.switches.merge({"latencyMs": LATENCY_MS})  # so that calls of one step overlap
        given = settings(openwisp, crm.url, billing.url)
        with tempfile.TemporaryDirectory() as folder:
            async with serving(given, Path(folder)) as gateway:
                await _refer(gateway.session, crm.url)
                return await _glances(gateway, openwisp, console)


async def _refer(session: aiohttp.ClientSession, crm: str) -> None:
    """Write to the CRM how the live system calls its customers."""
    for customer in CUSTOMERS:
        reference = {"name": "radius", "value": f"C{int(customer) + 99_000}"}
        target = f"{crm}/tmf-api/customerManagement/v4/customer/{customer}"
        async with session.patch(target, json={"characteristic": [reference]}) as answer:
            answer.raise_for_status()


async def _glances(gateway: Running, openwisp: Live, console: Console) -> bool:
    """Ask for each customer, twice: at first the list of users is read, too."""
    document = operation("UsageGlance")
    table = Table("customer", "calls", "steps", "of these openwisp", "again", "steps", "used of allowed", "right")
    is_well = True
    for customer, user in CUSTOMERS.items():
        first, again = [await gateway.ask(document, {}, customer) for _ in range(2)]
        counts: list[str] = []
        for answer in (first, again):
            calls = answer["extensions"]["upstream"]
            counts += [str(len(calls)), str(steps(calls)), str(sum(one["system"] == "usage" for one in calls))]
        usage = again["data"]["me"]["usage"] or []
        own = None if openwisp.is_given else await _own_count(gateway.session, openwisp, user)
        wrong = _wrong(usage, own) or [json.dumps(one) for one in again.get("errors", [])]
        told = "\n".join(f"{one['name']}: {one['used']} of {one['allowance']} {one['unit']}" for one in usage)
        table.add_row(customer, *counts[:5], told, "\n".join(wrong) or ("yes" if own else "not told"))
        is_well &= not wrong
    console.print(table)
    return is_well


async def _own_count(session: aiohttp.ClientSession, openwisp: Live, user: str) -> list[dict[str, Any]] | None:
    """What the product tells the user, with the password that the start script gave it; None if it is suspended."""
    account = f"{openwisp.address}/api/v1/radius/organization/live-telecom/account"
    async with session.post(f"{account}/token/", data={"username": user, "password": f"live-pass-{user}"}) as answer:
        if answer.status == 401:
            return None
        key = (await answer.json())["key"]
    async with session.get(f"{account}/usage/", headers={"Authorization": f"Bearer {key}"}) as answer:
        checks: list[dict[str, Any]] = (await answer.json())["checks"]
        return checks


def _wrong(usage: Sequence[Mapping[str, Any]], own: Sequence[Mapping[str, Any]] | None) -> list[str]:
    """What differs from the product's own count, which never exceeds the limit."""
    if not usage:
        return ["no usage"]
    by_name = {one["attribute"]: one for one in own or ()}
    wrong = []
    for one in usage:
        attribute, size = _CHECKS[one["name"].partition(",")[0]]
        check = by_name.get(attribute)
        if one["used"] is None or one["unit"] is None:
            wrong.append(f"{attribute}: no amount")
        elif check and min(round(Decimal(str(one["used"])) * size), int(check["value"])) != check["result"]:
            wrong.append(f"{attribute}: the product says {check['result']}")
        elif check and round(Decimal(str(one["allowance"])) * size) != int(check["value"]):
            wrong.append(f"{attribute}: the product allows {check['value']}")
    return wrong
