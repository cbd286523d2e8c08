"""Outages as monitoring knows them: part of `make live`, and in a minute by `--only outages`.

Alertmanager and Icinga each answer for outages beside the sandbox's four systems, which write ids of services and
resources in another way (`references`). In each something breaks and is mended, behind the gateway's back: both must
reach a subscriber whom it concerns, and an agent, over `outageChanged`. Meanwhile the contract's queries are asked.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from ssl import create_default_context
from typing import Any, Final

import aiohttp
import orjson
from rich.console import Console
from rich.table import Table

from acceptance import hooks
from acceptance.calls import Cost
from acceptance.live_queries import leaves, operation
from acceptance.products import PRODUCTS, Live
from acceptance.running import Running, serving
from acceptance.to_its_end import to_its_end
from gateway.settings import Settings
from sandbox.data.world import World
from sandbox.protocol.systems import SYSTEMS
from sandbox.server import SandboxServer

PRODUCTS_OF_OUTAGES: Final = ("alertmanager", "icinga")
CUSTOMER: Final = "1001"
PATIENCE: Final = 20.0
"""Seconds in which a beginning or an end must be heard of."""

POLL: Final = 60.0
"""Seconds between two polls: what is told sooner was told by the webhook, or by the stream."""

HOST: Final = "olt-brn-02"
"""The host that breaks in Icinga, and a service on it."""
SERVICE: Final = "S300002"
CHECKS: Final = 20

IDS: Final = "{ me { services(first: 20) { nodes { id resources { id } } } } }"
OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {"alertmanager": {}, "icinga": {"resource_variable": "resource"}}

Change = Callable[[bool], Awaitable[None]]
"""Breaks something (True), or mends it."""


def outage_system(name: str, product: Live, **more: Any) -> dict[str, Any]:
    """The settings of such a system."""
    auth = {"kind": "api_key", "header": "Authorization", "key": f"{PRODUCTS[name].scheme} {product.token}"}
    network = {"network": {"ca_file": product.authority}} if product.authority else {}
    return {"url": product.address, "driver": name, "auth": auth, "timeout": 12.0, **network, **more}


def settings(name: str, product: Live, sandboxes: Mapping[str, SandboxServer]) -> Settings:
    """The gateway's settings over the sandbox, and this system for outages."""
    references = {"service": "svc:{id}", "resource": "res:{id}"}
    systems: dict[str, Any] = {domain: {"url": server.url} for domain, server in sandboxes.items()}
    systems["assurance"] = outage_system(name, product, options=OPTIONS[name], references=references)
    sources: dict[str, Any] = {domain: {"poll": 0} for domain in sandboxes}
    sources["assurance"] = {"poll": POLL} | ({"secret": hooks.SECRET} if name == "alertmanager" else {})
    return Settings.model_validate(
        {
            "systems": systems,
            "graphql": {"trace": "signed-in with keys", "deadline": 30.0},
            "live": {"enabled": True, "sources": sources},
        }
    )


async def measure(products: Mapping[str, Live], folder: Path, console: Console) -> bool:
    """Break and mend something in each; print what was heard of it when, and what the queries cost. Whether all was."""
    heard = Table("product", "told of", "subscriber, s", "agent, s", title="outageChanged")
    asked = Table("product", "query", "calls", "steps", "ms", "values", "null", "errors", title="beside the sandbox")
    is_well = True
    world = World(customers=60)
    async with AsyncExitStack() as stack:
        sandboxes: dict[str, SandboxServer] = {
            name: stack.enter_context(SandboxServer(name, world=world)) for name in SYSTEMS
        }
        for name in PRODUCTS_OF_OUTAGES:
            if name in products:
                is_well &= await _measure(name, products[name], sandboxes, folder, heard, asked)
    console.print(heard)
    console.print(asked)
    return is_well


async def _measure(
    name: str, product: Live, sandboxes: Mapping[str, SandboxServer], folder: Path, heard: Table, asked: Table
) -> bool:
    document = operation("OutageChanged")
    async with serving(settings(name, product, sandboxes), folder, hooks.PORT) as gateway:
        found = await gateway.ask(IDS, {}, CUSTOMER)
        own = next(one for one in found["data"]["me"]["services"]["nodes"] if one["resources"])
        service, resource = _local(own["id"]), _local(own["resources"][0]["id"])
        is_well = True
        async with _CHANGES[name](product, service, resource) as change, AsyncExitStack() as stack:
            streams = [await stack.enter_async_context(_told(gateway, document, who)) for who in (CUSTOMER, "agent")]
            for breaks, event in ((True, "CREATED"), (False, "RESOLVED")):
                began = time.monotonic()
                await change(breaks)
                took = await asyncio.gather(*(_heard(one, event, own["id"], began) for one in streams))
                heard.add_row(name, event, *("never" if one is None else f"{one:.2f}" for one in took))
                is_well &= None not in took
                if breaks:
                    is_well &= await _ask(name, gateway, asked, own["id"])
        return is_well


async def _ask(name: str, gateway: Running, asked: Table, service: str) -> bool:
    """Ask the queries that show outages. Whether it shows at the service, and in the list with all that it affects."""
    answers: dict[str, Any] = {}
    for query, who in (("OutageImpact", "agent"), ("PortalHome", CUSTOMER)):
        answer = answers[query] = await gateway.ask(operation(query), {}, who)
        cost = Cost.of(answer["extensions"]["upstream"])
        count = leaves(answer["data"])
        codes = ", ".join(sorted({one["extensions"]["code"] for one in answer.get("errors", [])}))
        numbers = map(str, (cost.calls, cost.steps, f"{cost.ms:.0f}", count[True], count[False]))
        asked.add_row(name, query, *numbers, codes)
    listed = [
        one
        for one in answers["OutageImpact"]["data"]["outages"]["nodes"]
        if any(each["id"] == service for each in one["affectedServices"]["nodes"]) and one["affectedResources"]["nodes"]
    ]
    portal = answers["PortalHome"]["data"]["me"]["services"]["nodes"]
    at_service = next(one["outages"] for one in portal if one["id"] == service)
    return len(listed) == 1 and [one["id"] for one in at_service] == [listed[0]["id"]]


def _local(ident: str) -> str:
    return ident.partition(":")[2]


@asynccontextmanager
async def _told(gateway: Running, document: str, who: str) -> AsyncIterator[aiohttp.StreamReader]:
    """Lines of server-sent events, once the stream has begun."""
    headers = {"Authorization": f"Bearer {gateway.token(who)}", "Accept": "text/event-stream"}
    forever = aiohttp.ClientTimeout(total=None)
    asking = gateway.session.post(gateway.address, json={"query": document}, headers=headers, timeout=forever)
    async with asking as answer:
        answer.raise_for_status()
        yield answer.content


async def _heard(stream: aiohttp.StreamReader, event: str, service: str, began: float) -> float | None:
    """Seconds until an outage of this service is told so; None if it is not in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            async for line in stream:
                if line.startswith(b"data: {"):
                    told = orjson.loads(line.removeprefix(b"data: "))["data"]["outageChanged"]
                    affected = told["outage"]["affectedServices"]["nodes"] if told["outage"] else ()
                    if told["event"] == event and service in [one["id"] for one in affected]:
                        return time.monotonic() - began
    return None


@asynccontextmanager
async def _alerts(product: Live, service: str, resource: str) -> AsyncIterator[Change]:
    """Alertmanager: two alerts of one outage, one of which names a service."""
    site = f"make-live-{secrets.token_hex(4)}"
    labels = {"alertname": "AccessDown", "site": site, "device": f"res:{resource}", "severity": "critical"}
    headers = {"Authorization": f"{PRODUCTS['alertmanager'].scheme} {product.token}"}
    started = time.time()

    async with aiohttp.ClientSession(headers=headers) as session:

        async def change(breaks: bool) -> None:
            times = {"startsAt": _rfc3339(started)} | ({} if breaks else {"endsAt": _rfc3339(time.time())})
            alerts = [{"labels": labels | more, **times} for more in ({}, {"service": f"svc:{service}"})]
            async with session.post(f"{product.address}/api/v2/alerts", json=alerts) as answer:
                answer.raise_for_status()

        try:
            yield change
        finally:
            await to_its_end(change(False))


@asynccontextmanager
async def _checks(product: Live, service: str, resource: str) -> AsyncIterator[Change]:
    """Icinga: a host that is down, whose variables name a resource, and those of a service on it a service."""
    headers = {"Authorization": f"{PRODUCTS['icinga'].scheme} {product.token}", "Accept": "application/json"}
    tls = create_default_context(cafile=product.authority)
    host, line = f"objects/hosts/{HOST}", f"objects/services/{HOST}!{SERVICE}"

    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(ssl=tls)) as session:

        async def post(path: str, body: Mapping[str, Any]) -> None:
            async with session.post(f"{product.address}/v1/{path}", json=body) as answer:
                answer.raise_for_status()

        async def change(breaks: bool) -> None:
            result = {"type": "Host", "host": HOST, "exit_status": int(breaks), "plugin_output": "make live"}
            await post("actions/process-check-result", result)

        async def settle() -> None:
            """Up for as many checks as Icinga looks back on to find out whether a host comes and goes."""
            for _ in range(CHECKS):
                await change(False)

        await post(host, {"attrs": {"vars.resource": f"res:{resource}"}})
        await post(line, {"attrs": {"vars.service_number": f"svc:{service}"}})
        await settle()

        async def put_back() -> None:
            await settle()
            await post(line, {"attrs": {"vars.service_number": SERVICE}})

        try:
            yield change
        finally:
            await to_its_end(put_back())


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


_CHANGES: Final = {"alertmanager": _alerts, "icinga": _checks}
