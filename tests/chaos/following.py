"""Pages that follow what changes: what they show is never wrong, and after a fault it is what the systems hold."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import aiohttp
import orjson

from sandbox.data import shapes
from tests.chaos.systems import Behind
from tests.conftest import contract

_PAUSE = 0.3
"""Seconds before a page connects anew."""


class Pulse:
    """One ticket in its system, whose name is a number that rises."""

    def __init__(self, systems: Behind, session: aiohttp.ClientSession, ticket: str, owner: str) -> None:
        self._session, self.ticket, self.owner = session, ticket, owner
        self._url = f"{systems.urls['ticketing']}{shapes.TICKET}/{ticket}"
        self._numbers = itertools.count(1)
        self.now = 0

    async def beat(self) -> bool:
        """Give the ticket its next name; False where the system does not answer."""
        number = next(self._numbers)
        try:
            async with asyncio.timeout(5), self._session.patch(self._url, json={"name": f"pulse {number}"}) as answer:
                done = answer.status == 200
                await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            done = False
        self.now = number  # it may have been done
        return done


class Page:
    """A subscriber over SSE, which connects anew and reads what there is when its connection ends."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, token: str, operation: str, pulses: Sequence[Pulse]
    ) -> None:
        self._session, self._url, self._operation = session, url, operation
        self._headers = {"Authorization": f"Bearer {token}"}
        self.pulses = {pulse.ticket: pulse for pulse in pulses}
        self.shown: dict[str, int] = dict.fromkeys(self.pulses, 0)
        self.outages: list[tuple[str, str]] = []
        self.wrong: list[str] = []
        self.codes: Counter[str] = Counter()
        self.connections = self.told = 0
        self._told_now: dict[str, int] = {}
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        while True:
            with suppress(aiohttp.ClientError):
                await self._connected()
            await asyncio.sleep(_PAUSE)

    async def _connected(self) -> None:
        headers = self._headers | {"Accept": "text/event-stream"}
        body = {"query": contract(self._operation)}
        timeout = aiohttp.ClientTimeout(total=None)
        async with self._session.post(self._url, json=body, headers=headers, timeout=timeout) as stream:
            if stream.status != 200:
                self.codes[f"status {stream.status}"] += 1
                return
            self._told_now.clear()
            reading = asyncio.create_task(self._read())
            try:
                async for line in stream.content:
                    if line.startswith(b"data:") and line.strip() != b"data:":
                        self._hear(orjson.loads(line[5:]))
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def _read(self) -> None:
        """What changed while nobody listened, read until it is answered."""
        asked = " ".join(f't{at}: ticket(id: "Ticket:{one}") {{ name }}' for at, one in enumerate(self.pulses))
        while asked:
            with suppress(aiohttp.ClientError):
                async with self._session.post(
                    self._url, json={"query": f"{{ {asked} }}"}, headers=self._headers
                ) as answer:
                    body = await answer.json()
                if answer.status == 200 and "errors" not in body:
                    for at, one in enumerate(self.pulses):
                        if one not in self._told_now:
                            self.shown[one] = _number(body["data"][f"t{at}"]["name"])
                    break
            await asyncio.sleep(_PAUSE)
        self.connections += 1
        self._news.set()

    def _hear(self, message: Any) -> None:
        for error in message.get("errors", []):
            self.codes[str(error.get("extensions", {}).get("code"))] += 1
        field, change = next(iter((message.get("data") or {"": None}).items()))
        if not change:
            return
        self.told += 1
        if field == "outageChanged":
            if change["outage"]:
                self.outages.append((change["outage"]["id"], change["event"]))
        elif (ticket := change["ticket"]) and (ident := ticket["id"].removeprefix("Ticket:")) in self.pulses:
            number = _number(ticket["name"])
            if number > self.pulses[ident].now:
                self.wrong.append(f"{ident} never was {ticket['name']}")
            if number < self._told_now.get(ident, 0):
                self.wrong.append(f"{ident}: {ticket['name']} after pulse {self._told_now[ident]}")
            self.shown[ident] = self._told_now[ident] = number
        self._news.set()

    @property
    def shows_all(self) -> bool:
        """Whether it shows what its tickets are called now."""
        return all(self.shown[one.ticket] == one.now for one in self.pulses.values())

    async def until(self, seconds: float, came: Callable[[], bool]) -> bool:
        """Whether that is so within so many seconds, which only what comes can make it."""
        try:
            async with asyncio.timeout(seconds):
                while not came():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Hang up."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def _number(name: str) -> int:
    """Of a name that a pulse gave; 0 for the one from before."""
    return int(name.removeprefix("pulse ")) if name.startswith("pulse ") else 0
