"""Requests of their own that ask a connector, and a CRM that answers when it is let."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from connectors.http.scope import RequestScope, UpstreamCall, request_scope
from tests.connectors.canned import canned, reading

NAME = frozenset({"name"})
Ask = Callable[[Any], Awaitable[Any]]


class Held:
    """A CRM that answers when it is let, with the customers it is asked for, and counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.began = asyncio.Queue[int]()
        self._let: list[asyncio.Event] = []
        self.fail: dict[str, int] = {}

    async def __call__(self, request: web.Request) -> web.Response:
        ids = request.query.get("id", "").split(",")
        let = asyncio.Event()
        self.asked.append(ids)
        self._let.append(let)
        self.began.put_nowait(len(self.asked))
        await let.wait()
        for key, status in self.fail.items():
            if key in ids:
                return web.Response(status=status)
        rows = [{"id": key, "name": f"Name {key}"} for key in ids if key and key != "absent"]
        return web.json_response(rows, headers={"X-Total-Count": str(len(rows))})

    async def calls(self, number: int) -> None:
        """Wait until so many were made."""
        while len(self.asked) < number:
            await asyncio.wait_for(self.began.get(), 5)

    def let_one(self, number: int) -> None:
        """Answer the call with this number, from 1."""
        self._let[number - 1].set()

    def let(self, number: int) -> None:
        """Answer the first `number` calls."""
        for one in self._let[:number]:
            one.set()


@asynccontextmanager
async def crm(**settings: Any) -> AsyncIterator[tuple[Any, Held]]:
    held = Held()
    async with canned(customer=held) as server, reading(server, **settings) as connectors:
        yield connectors, held


def asking(ask: Ask, connectors: Any, seconds: float = 8.0, token: str | None = None) -> "Asked":
    """Ask in a request of its own."""
    scope = RequestScope.lasting(seconds)
    scope.token = token

    async def run() -> Any:
        with request_scope(scope):
            return await ask(connectors)

    return Asked(scope, asyncio.create_task(run()))


class Asked:
    def __init__(self, scope: RequestScope, task: "asyncio.Task[Any]") -> None:
        self.scope, self.task = scope, task

    @property
    def calls(self) -> list[UpstreamCall]:
        return self.scope.calls

    def __await__(self) -> Any:
        return self.task.__await__()


def customers(*keys: str, fields: frozenset[str] = NAME) -> Ask:
    return lambda c: c.crm.customers(keys, fields)


async def settled() -> None:
    """Let every task that can run do so."""
    for _ in range(20):
        await asyncio.sleep(0)
