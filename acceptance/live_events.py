"""The products' own changes, as the gateway hears of them: part of `make live`.

Each product is changed by its own API, behind the gateway's back. What it says by itself, or is found by polling, must
arrive in `GET /events`; Request Tracker's and Tryton's also at subscribers.
"""

import asyncio
import base64
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
from rich.console import Console
from rich.table import Table

from acceptance import hooks, seeding
from acceptance.products import PRODUCTS, Live
from acceptance.running import Running, serving
from acceptance.to_its_end import to_its_end
from gateway.live_settings import LiveSettings
from gateway.settings import Settings

PATIENCE: Final = 30.0
"""Seconds in which a change must be heard of."""

POLL: Final = 2.0

_DOMAINS: Final = {"nautobot": "inventory", "bottlecrm": "crm", "tryton": "billing", "rt": "ticketing"}
CHANGED: Final = tuple(_DOMAINS)
"""The products that are changed; `acceptance.live_outages` has those of outages."""
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
        events = await stack.enter_async_context(stream(gateway, "events"))
        for name, product in ((name, one) for name, one in products.items() if name in CHANGED):
            document = _SUBSCRIPTIONS.get(name)
            told = await stack.enter_async_context(stream(gateway, "graphql", document)) if document else None
            started = time.monotonic()
            async with _CHANGES[name](gateway.session, product) as what:
                heard = await first_event(events, f'"domain":"{_DOMAINS[name]}"')
                after = "never" if heard is None else f"{time.monotonic() - started:.2f}"
                at_subscriber = await first_event(told, '"data"') if told else {}
                took = time.monotonic() - started
            later = "-" if told is None else "never" if at_subscriber is None else f"{took:.2f}"
            is_well &= heard is not None and at_subscriber is not None
            table.add_row(name, what, (heard or {}).get("source", "-"), after, later)
    console.print(table)
    return is_well


def _live(products: Mapping[str, Live]) -> LiveSettings:
    """Every product is polled, if its driver can, and posts, if it was set up to."""
    proofs = {"rt": hooks.SECRET, "nautobot": hooks.SECRET}
    if "bottlecrm" in products and products["bottlecrm"].hook_secret:
        proofs["bottlecrm"] = products["bottlecrm"].hook_secret
    sources = {
        domain: {"poll": POLL if name in products else 0} | ({"secret": proofs[name]} if name in proofs else {})
        for name, domain in _DOMAINS.items()
    }
    return LiveSettings.model_validate({"enabled": True, "sources": sources})


@asynccontextmanager
async def stream(gateway: Running, path: str, document: str | None = None) -> AsyncIterator[Stream]:
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


async def first_event(stream: Stream, text: str) -> dict[str, Any] | None:
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


async def _deleted(session: aiohttp.ClientSession, address: str, headers: Mapping[str, str]) -> None:
    async with session.delete(address, headers=headers) as answer:
        answer.raise_for_status()


@asynccontextmanager
async def _comment(session: aiohttp.ClientSession, product: Live) -> AsyncIterator[str]:
    """Request Tracker: a comment on a ticket, and not on that of which `acceptance.live_queries` counts the notes."""
    address = f"{product.address}/REST/2.0/ticket/2/comment"
    body = {"Content": "make live looks whether this is heard of", "ContentType": "text/plain"}
    async with session.post(address, json=body, headers=_authorized("rt", product)) as answer:
        answer.raise_for_status()
    yield "a comment on ticket 2"


@asynccontextmanager
async def _payment(session: aiohttp.ClientSession, product: Live) -> AsyncIterator[str]:
    """Tryton: a draft of a payment. It lowers what is left to pay of an invoice, and not its `write_date`."""
    journal_name = await asyncio.to_thread(seeding.payment_journal, product.address, product.token)
    model, headers = f"{product.address}/billing/rest/model", _authorized("tryton", product)

    async def first(name: str, domain: list[Any], *fields: str) -> Any:
        given = base64.urlsafe_b64encode(orjson.dumps(domain)).decode()
        asked = [("d", given), ("s", "1"), *(("f", field) for field in fields)]
        async with session.get(f"{model}/{name}", params=asked, headers=headers) as answer:
            answer.raise_for_status()
            (row,) = await answer.json()
        return row

    journal = await first("account.payment.journal", [["name", "=", journal_name]], "company.id")
    posted = [["type", "=", "out"], ["state", "=", "posted"]]
    invoice = await first("account.invoice", posted, "party.id", "lines_to_pay.id")
    payment = {
        "journal": journal["id"],
        "company": journal["company"]["id"],
        "kind": "receivable",
        "party": invoice["party"]["id"],
        "line": invoice["lines_to_pay"][0]["id"],
        "amount": {"__class__": "Decimal", "decimal": "0.01"},
        "reference": "make live looks whether this is heard of",
    }
    async with session.post(f"{model}/account.payment", json=payment, headers=headers) as answer:
        answer.raise_for_status()
        made = (await answer.json())["id"]
    try:
        yield f"a draft of a payment of invoice {invoice['id']}"
    finally:
        await to_its_end(_deleted(session, f"{model}/account.payment/{made}", headers))


@asynccontextmanager
async def _account(session: aiohttp.ClientSession, product: Live) -> AsyncIterator[str]:
    """BottleCRM: a change that changes nothing, which it posts all the same."""
    address, headers = f"{product.address}/api/accounts/", _authorized("bottlecrm", product)
    async with session.get(address, params={"limit": "1"}, headers=headers) as answer:
        answer.raise_for_status()
        listed = await answer.json()
    account = listed["active_accounts"]["open_accounts"][0]["id"]
    async with session.patch(f"{address}{account}/", json={}, headers=headers) as answer:
        answer.raise_for_status()
    yield "an account, patched"


@asynccontextmanager
async def _circuit(session: aiohttp.ClientSession, product: Live) -> AsyncIterator[str]:
    """Nautobot: a circuit's comments, after the webhook is registered."""
    headers, api = _authorized("nautobot", product), f"{product.address}/api"
    webhook = {
        "name": f"make live {secrets.token_hex(4)}",
        "content_types": ["circuits.circuit"],
        "enabled": True,
        "type_update": True,
        "payload_url": hooks.NAUTOBOT,
        "http_method": "POST",
        "http_content_type": "application/json",
        "secret": hooks.SECRET,
    }
    async with session.post(f"{api}/extras/webhooks/", json=webhook, headers=headers) as answer:
        answer.raise_for_status()
        registered = (await answer.json())["id"]
    async with session.get(f"{api}/circuits/circuits/", params={"limit": "1"}, headers=headers) as answer:
        answer.raise_for_status()
        (circuit,) = (await answer.json())["results"]
    address = f"{api}/circuits/circuits/{circuit['id']}/"
    async with session.patch(address, json={"comments": circuit["comments"]}, headers=headers) as answer:
        answer.raise_for_status()
    try:
        yield "a circuit, patched"
    finally:
        await to_its_end(_deleted(session, f"{api}/extras/webhooks/{registered}/", headers))


_CHANGES: Final[Mapping[str, Callable[[aiohttp.ClientSession, Live], AbstractAsyncContextManager[str]]]] = {
    "nautobot": _circuit,
    "bottlecrm": _account,
    "tryton": _payment,
    "rt": _comment,
}
