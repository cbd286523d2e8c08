"""Systems to write to, for the conformance suite: the sandbox, and small ones that answer as the live products did."""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from connectors import DOMAINS
from connectors.conformance import Result
from connectors.conformance.writes import plan_writes
from connectors.drivers import Driver
from connectors.http.client import HttpClient
from connectors.settings import System
from tests.connectors.billing.test_tryton_writes import Tryton, day, decimal, invoice, line
from tests.connectors.crm.test_bottlecrm_writes import BAD_MAIL, Product
from tests.connectors.crm.test_bottlecrm_writes import refusal as declined
from tests.connectors.ticketing.redmine_keeping import Seeded
from tests.connectors.ticketing.rt_keeping import Keeping

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def written(
    domain: str, driver: Driver, system: System, keys: Mapping[str, Sequence[str]], **more: Any
) -> list[Result]:
    """All results of the part that writes, in order."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
    ) as session:

        def build(one: System) -> Any:
            return driver.connect(HttpClient(domain, one, session))

        plan = await plan_writes(domain, DOMAINS[domain].promises, build, system, keys=keys, **more)
        return await plan.run()


class PaidTryton(Tryton):
    """Tryton whose payments lower what is to be paid, and can be read with their invoice."""

    READ = ("account.invoice", "account.payment", "account.payment.journal", "party.party", "company.company")

    def __init__(self) -> None:
        super().__init__([{**invoice(), "total_amount": decimal("49.80"), "number": "4", "invoice_date": day(9, 15)}])
        self.cents = 4980

    async def done(self, step: str, request: web.Request) -> Any:
        if step in self.READ:
            wanted = json.loads(_domain(request))
            return [row for row in self._rows(step) if all(_fits(row, one) for one in wanted)]
        done = await super().done(step, request)
        if step == "create":
            body = self.bodies[-1]
            self.cents -= int(body["amount"]["decimal"].replace(".", ""))
            done |= {
                "kind": "receivable",
                "party": {"code": "C100002"},
                "currency": {"code": "EUR"},
                "date": body["date"],
                "amount": body["amount"],
                "line": {"move_origin": "account.invoice,4"},
            }
        return done

    def _rows(self, model: str) -> list[dict[str, Any]]:
        left = decimal(f"{self.cents // 100}.{self.cents % 100:02}")
        self.invoices[0] |= {"amount_to_pay": left, "lines_to_pay": [line(517, left["decimal"])]}
        return {
            "account.invoice": self.invoices,
            "account.payment": self.payments,
            "account.payment.journal": self.journals,
            "party.party": [{"id": 3, "code": "C100002", "name": "Jan", "active": True, "receivable": left}],
            "company.company": [{"id": 1, "currency": {"code": "EUR"}}],
        }[model]


def _domain(request: web.Request) -> bytes:
    return base64.urlsafe_b64decode(request.query["d"])


def _fits(row: dict[str, Any], condition: list[Any]) -> bool:
    name, operator, value = condition
    has: Any = row
    for part in name.split("."):
        has = has.get(part) if isinstance(has, dict) else None
    return has in value if operator == "in" else has == value


class StrictProduct(Product):
    """BottleCRM that declines an e-mail address that is none."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.method == "PATCH" and " " in (await request.json()).get("email", ""):
            return declined({"email": BAD_MAIL})
        return await super().answer(request)


PRODUCTS: Mapping[str, tuple[str, Callable[[], Any], dict[str, Any], Mapping[str, Sequence[str]]]] = {
    "bottlecrm": ("crm", StrictProduct, {}, {"customer": ["C100002"]}),
    "tryton": ("billing", PaidTryton, {"payment_journal": "Customer portal"}, {"customer": ["C100002"]}),
    "rt": ("ticketing", Keeping, {"queue": "Faults"}, {"customer": ["C1"], "assignee": ["kim", "root"]}),
    "redmine": ("ticketing", Seeded, {}, {"customer": ["C1"], "assignee": ["Kim", "API Gateway"]}),
}
"""Domain, what stands for the product, options, and sample keys."""


@asynccontextmanager
async def served(answer: Answer) -> AsyncIterator[str]:
    """The address where a product answers."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
