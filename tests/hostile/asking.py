"""Documents that attackers send, and what is answered to them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import orjson

from tests.gateway.http.raw import connection
from tests.hostile.measuring import Target

_PATIENCE: Final = 60.0


@dataclass(slots=True)
class Asked:
    """What was answered: how often each code, or OK, the largest answer in bytes, the longest time in seconds."""

    codes: Counter[str] = field(default_factory=Counter)
    largest: int = 0
    longest: float = 0.0

    def __str__(self) -> str:
        counts = ", ".join(f"{count} x {code}" for code, count in sorted(self.codes.items()))
        return f"{counts}; at most {self.largest / 1024:,.0f} KiB, {self.longest:.2f} s"


class Asking:
    """One attacker, or several, with connections that are kept."""

    def __init__(self, target: Target, session: aiohttp.ClientSession) -> None:
        self._target, self._session = target, session

    async def __call__(
        self, asked: Asked, token: str, document: str | None, variables: Mapping[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        """Ask one document, and note the answer; again where the gateway is overloaded, as it says.

        `more` are further parameters of the request.
        """
        body = {"query": document, "variables": variables or {}, **more}
        loop = asyncio.get_running_loop()
        until = loop.time() + _PATIENCE
        while True:
            began = loop.time()
            async with self._session.post(
                f"{self._target.address}/graphql", json=body, headers={"Authorization": f"Bearer {token}"}
            ) as response:
                text = await response.read()
            if response.status != 503 or loop.time() > until:
                break
            await asyncio.sleep(1)
        asked.longest, asked.largest = max(asked.longest, loop.time() - began), max(asked.largest, len(text))
        answer: dict[str, Any] = orjson.loads(text)
        errors = answer.get("errors")
        asked.codes[errors[0]["extensions"]["code"] if errors else "OK"] += 1
        return answer


@asynccontextmanager
async def asking(target: Target) -> AsyncIterator[Asking]:
    """Somebody who asks with as many connections as it takes."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(_PATIENCE), json_serialize=_json
    ) as session:
        yield Asking(target, session)


async def hang_up(target: Target, token: str, document: str, variables: Mapping[str, Any], after: float) -> None:
    """Ask a document, and close the socket so many seconds later, whatever was answered by then."""
    body = orjson.dumps({"query": document, "variables": variables})
    async with connection(target.address) as raw:
        await raw.send(
            b"POST /graphql HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s" % (token.encode(), len(body), body)
        )
        await asyncio.sleep(after)


def aliased(count: int, selected: str) -> str:
    """The field so many times, each under an alias of its own."""
    return " ".join(f"a{number}: {selected}" for number in range(count))


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
