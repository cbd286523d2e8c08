"""What Request Tracker and Tryton themselves say was done there, asked without the gateway, and how it is undone."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final, NamedTuple

import aiohttp
from rich.console import Console

from acceptance.products import PRODUCTS, Live

_TICKETS: Final = "/REST/2.0/tickets"
_MODELS: Final = "/billing/rest/model"
_AT_ONCE: Final = 4
"""Things that are undone at the same time."""


class Ticket(NamedTuple):
    """A ticket in Request Tracker; `keys` are the values of its field for the key."""

    id: int
    subject: str
    customer: str
    keys: tuple[str, ...]


class Bill(NamedTuple):
    """A posted invoice in Tryton with something to pay, and the lines of the ledger that are to be paid."""

    id: int
    customer: str
    open: Decimal
    currency: str
    lines: frozenset[int]


class Payment(NamedTuple):
    """A payment in Tryton; `line` is the line of the ledger that it pays."""

    id: int
    key: str
    customer: str
    line: int
    amount: Decimal
    state: str


class Effects:
    """One of the two products."""

    def __init__(self, name: str, product: Live, session: aiohttp.ClientSession) -> None:
        self._product, self._session = product, session
        self._headers = {"Authorization": f"{PRODUCTS[name].scheme} {product.token}"}

    async def _asked(self, target: str, parameters: Sequence[tuple[str, str]]) -> Any:
        url = f"{self._product.address}{target}"
        async with self._session.get(url, params=parameters, headers=self._headers) as answer:
            answer.raise_for_status()
            return await answer.json()


class RtEffects(Effects):
    """Tickets in Request Tracker."""

    async def last(self) -> int:
        """The highest id of a ticket, 0 where there is none."""
        order = [("query", "id > 0"), ("orderby", "id"), ("order", "DESC"), ("per_page", "1")]
        return max((int(one["id"]) for one in (await self._asked(_TICKETS, order))["items"]), default=0)

    async def since(self, last: int) -> Sequence[Ticket]:
        """All tickets with a higher id."""
        found: list[Ticket] = []
        while True:
            after = found[-1].id if found else last
            asked = [("query", f"id > {after}"), ("fields", "Subject,CustomFields"), ("per_page", "100")]
            items = (await self._asked(_TICKETS, [*asked, ("orderby", "id")]))["items"]
            found += map(_ticket, items)
            if len(items) < 100:
                return found


class TrytonEffects(Effects):
    """Bills and payments in Tryton."""

    async def _rows(self, model: str, domain: Any, fields: Iterable[str]) -> Sequence[dict[str, Any]]:
        """All rows, by id."""
        asked = [("d", _encoded(domain)), ("o", _encoded([["id", "ASC"]]))]
        rows: Sequence[dict[str, Any]] = await self._asked(
            f"{_MODELS}/{model}", [*asked, *(("f", name) for name in fields)]
        )
        return rows

    async def last(self) -> int:
        """The highest id of a payment, 0 where there is none."""
        return max((one["id"] for one in await self._rows("account.payment", [], [])), default=0)

    async def since(self, last: int) -> Sequence[Payment]:
        """All payments with a higher id."""
        fields = ("reference", "party.code", "line.id", "amount", "state")
        rows = await self._rows("account.payment", [["id", ">", last]], fields)
        return [
            Payment(
                *(row["id"], row["reference"] or "", row["party"]["code"], row["line"]["id"]),
                *(Decimal(row["amount"]["decimal"]), row["state"]),
            )
            for row in rows
        ]

    async def bills(self) -> Sequence[Bill]:
        """All bills with something to pay."""
        fields = ("party.code", "amount_to_pay", "currency.code", "lines_to_pay.id")
        rows = await self._rows("account.invoice", [["type", "=", "out"], ["state", "=", "posted"]], fields)
        bills = [
            Bill(
                *(row["id"], row["party"]["code"], Decimal(row["amount_to_pay"]["decimal"]), row["currency"]["code"]),
                frozenset(line["id"] for line in row["lines_to_pay"]),
            )
            for row in rows
        ]
        return [bill for bill in bills if bill.open > 0]


def _ticket(item: Mapping[str, Any]) -> Ticket:
    values = {one["name"]: tuple(one["values"]) for one in item["CustomFields"]}
    return Ticket(
        int(item["id"]),
        item["Subject"],
        next(iter(values.get("CustomerId", ())), ""),
        values.get("GatewayKey", ()),
    )


def _encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@asynccontextmanager
async def effects(products: Mapping[str, Live]) -> AsyncIterator[tuple[RtEffects, TrytonEffects]]:
    """Both products, asked directly."""
    async with aiohttp.ClientSession() as session:
        yield RtEffects("rt", products["rt"], session), TrytonEffects("tryton", products["tryton"], session)


async def undo(products: Mapping[str, Live], undone: Mapping[str, Iterable[str]], console: Console) -> None:
    """Delete tickets and payments by their ids there, and say what could not be deleted."""
    ticket = f"{products['rt'].address}/REST/2.0/ticket"
    payment = f"{products['tryton'].address}{_MODELS}/account.payment"
    wanted: list[tuple[str, Sequence[tuple[str, str]]]] = [
        ("rt", (("DELETE", f"{ticket}/{one}"),)) for one in undone.get("rt", ())
    ]
    wanted += [  # what was submitted is no draft, and only drafts can be deleted
        ("tryton", (("POST", f"{payment}/{one}/draft"), ("DELETE", f"{payment}/{one}")))
        for one in undone.get("tryton", ())
    ]
    free = asyncio.Semaphore(_AT_ONCE)

    async def one_undone(name: str, steps: Sequence[tuple[str, str]]) -> None:
        """The last step tells: an earlier one fails where it was not needed."""
        headers = {"Authorization": f"{PRODUCTS[name].scheme} {products[name].token}"}
        async with free:
            for method, address in steps:
                async with session.request(method, address, headers=headers) as answer:
                    status = answer.status
        if status >= 400:
            console.print(f"  {method} {address} answered {status}: not undone", highlight=False)

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(one_undone(name, steps) for name, steps in wanted))
