"""An innocent caller and a balancer's probe, who ask as long as an attack lasts, and how long each answer took.

    python -m tests.hostile.innocent ADDRESS TOKEN

asks until its standard input ends, and then prints `Times` as JSON: a process of its own, in which nobody else takes
time that would count as the gateway's.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import msgspec

from tests.gateway.commands.running import ROOT

_PAUSE: Final = 0.02
"""Seconds between two questions."""


class Times(msgspec.Struct):
    """Seconds that each answer took, of the caller and of /healthz, on a new connection each time; and what failed."""

    asked: list[float] = []
    probes: list[float] = []
    failures: list[str] = []


@asynccontextmanager
async def innocents(address: str, token: str, *, apart: bool) -> AsyncIterator[Times]:
    """Both ask meanwhile, `apart` in a process of their own, whose times are there at the end only."""
    times = Times()
    if not apart:
        async with _asking(address, token, times):
            yield times
        return
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, address, token),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await process.stdout.readline()  # it asks
    yield times
    said, _ = await process.communicate(b"")  # which ends its standard input
    found = msgspec.json.decode(said, type=Times)
    times.asked, times.probes, times.failures = found.asked, found.probes, found.failures


@asynccontextmanager
async def _asking(address: str, token: str, times: Times) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(_ask_on(address, token, times)), asyncio.create_task(_probe_on(address, times))]
    try:
        yield
    finally:
        for one in tasks:
            one.cancel()
        await asyncio.wait(tasks)
    for one in tasks:
        if not one.cancelled():
            one.result()


async def _ask_on(address: str, token: str, times: Times) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        while True:
            began = time.perf_counter()
            try:
                status, body = await _ask(session, address)
                if status == 503 and "OVERLOADED" in body:  # asked again after a second, as `Retry-After` says
                    await asyncio.sleep(1)
                    status, body = await _ask(session, address)
                if status != 200 or "errors" in body:
                    times.failures.append(body)
            except (aiohttp.ClientError, OSError) as error:
                times.failures.append(repr(error))
            times.asked.append(time.perf_counter() - began)
            await asyncio.sleep(_PAUSE)


async def _ask(session: aiohttp.ClientSession, address: str) -> tuple[int, str]:
    async with session.post(f"{address}/graphql", json={"query": "{ me { id name } }"}) as answer:
        return answer.status, await answer.text()


async def _probe_on(address: str, times: Times) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        while True:
            began = time.perf_counter()
            try:
                async with session.get(f"{address}/healthz") as answer:
                    if answer.status != 200:
                        times.failures.append(f"/healthz: {answer.status}")
            except (aiohttp.ClientError, OSError) as error:
                times.failures.append(f"/healthz: {error!r}")
            times.probes.append(time.perf_counter() - began)
            await asyncio.sleep(_PAUSE)


async def _main(address: str, token: str) -> None:
    times = Times()
    async with _asking(address, token, times):
        print("asking", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    print(msgspec.json.encode(times).decode())


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
