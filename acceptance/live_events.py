"""The products' own changes, as the gateway hears of them: part of `make live`.

Each product is changed by its own API, behind the gateway's back. What it says by itself, or is found by polling, must
arrive in `GET /events`; Request Tracker's and Tryton's also at subscribers.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
from rich.console import Console
from rich.table import Table

from acceptance import hooks
from acceptance.products import PRODUCTS, Live
from acceptance.running import Running, serving
from gateway.live_settings import LiveSettings
from gateway.settings import Settings

PATIENCE: Final = 30.0
"""Seconds in which a change must be heard of."""

POLL: Final = 2.0

_DOMAINS: Final = {"nautobot": "inventory", "bottlecrm": "crm", "tryton": "billing", "rt": "ticketing"}
_SUBSCRIPTIONS: Final = {
    "rt": "subscription { ticketChanged { event ticket { id status } } }",
    "tryton": "subscription { billIssued { event bill { id } } }",
}

Stream = aiohttp.StreamReader


async def measure(given: Settings, products: Mapping[str, Live], folder: Path, console: Console) -> bool:
    """Change each product, and print how soon it was heard of. Whether all changes arrived."""
    table = Table("product", "changed", "heard by", "after, s", "subscriber, s")
    is_well = True
    async with AsyncExitStack() as stack:
        followed = given.model_copy(update={"live": _live(products)})
        gateway = await stack.enter_async_context(serving(followed, folder, hooks.PORT))
        events = await stack.enter_async_context(_stream(gateway, "events"))
        for name, product in products.items():
            document = _SUBSCRIPTIONS.get(name)
            told = await stack.enter_async_context(_stream(gateway, "graphql", document)) if document else None
            started = time.monotonic()
            what = await _CHANGES[name](gateway.session, product)
            heard = await _first(events, f'"domain":"{_DOMAINS[name]}"')
            after = "never" if heard is None else f"{time.monotonic() - started:.2f}"
            at_subscriber = await _first(told, '"data"') if told else {}
            later = "-" if told is None else "never" if at_subscriber is None else f"{time.monotonic() - started:.2f}"
            is_well &= heard is not None and at_subscriber is not None
            table.add_row(name, what, (heard or {}).get("source", "-"), after, later)
    console.print(table)
    return is_well


def _live(products: Mapping[str, Live]) -> LiveSettings:
    """Every product is polled, if its driver can, and posts, if it was set up to."""
    secrets = {"rt": hooks.SECRET, "nautobot": hooks.SECRET}
    if "bottlecrm" in products and products["bottlecrm"].hook_secret:
        secrets["bottlecrm"] = products["bottlecrm"].hook_secret
    sources = {
        domain: {"poll": POLL if name in products else 0} | ({"secret": secrets[name]} if name in secrets else {})
        for name, domain in _DOMAINS.items()
    }
    return LiveSettings.model_validate({"enabled": True, "sources": sources})


@asynccontextmanager
async def _stream(gateway: Running, path: str, document: str | None = None) -> AsyncIterator[Stream]:
    """Lines of a stream of server-sent events, as an agent, once it has begun."""
    address = gateway.address.rpartition("/")[0] + f"/{path}"
    headers = {"Authorization": f"Bearer {gateway.token('agent')}", "Accept": "text/event-stream"}
    forever = aiohttp.ClientTimeout(total=None)
    asking = (
        gateway.session.post(address, json={"query": document}, headers=headers, timeout=forever)
        if document
        else gateway.session.get(address, headers=headers, timeout=forever)
    )
    async with asking as answer:
        answer.raise_for_status()
        yield answer.content


async def _first(stream: Stream, text: str) -> dict[str, Any] | None:
    """The next event's data that holds a text; None if none comes in time."""
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            async for line in stream:
                if line.startswith(b"data: {") and text.encode() in line:
                    found: dict[str, Any] = orjson.loads(line.removeprefix(b"data: "))
                    return found
    return None


def _authorized(name: str, product: Live) -> dict[str, str]:
    return {"Authorization": f"{PRODUCTS[name].scheme} {product.token}"}


async def _comment(session: aiohttp.ClientSession, product: Live) -> str:
    """Request Tracker: a comment on a ticket."""
    address = f"{product.address}/REST/2.0/ticket/1/comment"
    body = {"Content": "make live looks whether this is heard of", "ContentType": "text/plain"}
    async with session.post(address, json=body, headers=_authorized("rt", product)) as answer:
        answer.raise_for_status()
    return "a comment on ticket 1"


async def _invoice(session: aiohttp.ClientSession, product: Live) -> str:
    """Tryton: an invoice's description, to what it was."""
    address, headers = f"{product.address}/billing/rest/model/account.invoice/1", _authorized("tryton", product)
    async with session.put(address, json={"description": None}, headers=headers) as answer:
        answer.raise_for_status()
    return "invoice 1, written"


async def _account(session: aiohttp.ClientSession, product: Live) -> str:
    """BottleCRM: a change that changes nothing, which it posts all the same."""
    address, headers = f"{product.address}/api/accounts/", _authorized("bottlecrm", product)
    async with session.get(address, params={"limit": "1"}, headers=headers) as answer:
        answer.raise_for_status()
        listed = await answer.json()
    account = listed["active_accounts"]["open_accounts"][0]["id"]
    async with session.patch(f"{address}{account}/", json={}, headers=headers) as answer:
        answer.raise_for_status()
    return "an account, patched"


async def _circuit(session: aiohttp.ClientSession, product: Live) -> str:
    """Nautobot: a circuit's comments, after the webhook is registered."""
    headers, api = _authorized("nautobot", product), f"{product.address}/api"
    webhook = {
        "name": f"make live {hooks.SECRET}",
        "content_types": ["circuits.circuit"],
        "enabled": True,
        "type_update": True,
        "payload_url": hooks.NAUTOBOT,
        "http_method": "POST",
        "http_content_type": "application/json",
        "secret": hooks.SECRET,
    }
    async with session.post(f"{api}/extras/webhooks/", json=webhook, headers=headers) as answer:
        if answer.status != 400:  # it is there from the last time
            answer.raise_for_status()
    async with session.get(f"{api}/circuits/circuits/", params={"limit": "1"}, headers=headers) as answer:
        answer.raise_for_status()
        (circuit,) = (await answer.json())["results"]
    address = f"{api}/circuits/circuits/{circuit['id']}/"
    async with session.patch(address, json={"comments": circuit["comments"]}, headers=headers) as answer:
        answer.raise_for_status()
    return "a circuit, patched"


_CHANGES: Final[Mapping[str, Callable[[aiohttp.ClientSession, Live], Awaitable[str]]]] = {
    "nautobot": _circuit,
    "bottlecrm": _account,
    "tryton": _invoice,
    "rt": _comment,
}
