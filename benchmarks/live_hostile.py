"""Clients that do not read, that flood, and that never initialise: what they cost the gateway, and what others notice.

    .venv/bin/python -m benchmarks.live_hostile [--of-each N] [--seconds N]

A quiet subscriber is told of a ticket five times a second: how late it is without the others, and with all of them.
Those that do not read follow the same ticket. Those that flood share one process, send as fast as it can, and connect
again when they are disconnected.
"""

import argparse
import asyncio
import base64
import itertools
import os
import secrets
import subprocess
import sys
import time
from contextlib import suppress
from statistics import quantiles
from typing import Final, cast

import aiohttp
from rich.console import Console

from benchmarks.live_beside import Heard
from benchmarks.live_idle import Clients, NotSubscribed
from benchmarks.live_told import Setting, post, running
from gateway.commands.demo_keys import DemoKeys
from resolvers.viewer import ViewerKind

_THING: Final = "TT-1001-1"
_PAUSE: Final = 0.2
_FIELDS: Final = " ".join(f"n{one}: description m{one}: name" for one in range(50))
_LARGE: Final = f"subscription {{ ticketChanged {{ event ticket {{ id {_FIELDS} }} }} }}"
_QUIET: Final = "subscription { ticketChanged { event ticket { id name updatedAt } } }"
_NICE: Final = 10
"""By how much those that flood let the gateway go first: elsewhere they would not be on its machine."""

_PING: Final = b"\x81\x8f" + bytes(4) + b'{"type":"ping"}'


async def flood(port: int, token: str, count: int) -> None:
    """Clients that send pings as fast as they can, and come back at once when they are disconnected."""
    os.nice(_NICE)
    opening = asyncio.Semaphore(100)

    async def one() -> None:
        while True:
            clients = Clients(port, _OneToken(token), _QUIET, over_sse=False)
            with suppress(OSError, EOFError, NotSubscribed):
                async with opening:
                    await clients.open(1)
                (reader,), (writer,) = clients.readers, clients.writers
                reading = asyncio.create_task(read(reader))
                while not writer.is_closing() and not reading.done():
                    writer.write(_PING * 100)
                    await writer.drain()
                    await asyncio.sleep(0)
            await clients.close()

    async def read(reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while await reader.read(65536):
                pass

    await asyncio.gather(*(one() for _ in range(count)))


class _OneToken(DemoKeys):
    """Everybody's token is the same."""

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self, *_: object, **__: object) -> str:
        """The one."""
        return self._token


async def silent(port: int, count: int) -> list[asyncio.StreamWriter]:
    """Connections that are upgraded and then say nothing."""
    found = []
    for _ in range(count):
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        writer.write(
            f"GET /graphql HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )
        found.append(writer)
    return found


async def lags(setting: Setting, session: aiohttp.ClientSession, heard: Heard, during: float) -> tuple[str, int]:
    """How late the quiet subscriber is, and the most memory that the gateway took meanwhile."""
    late: list[float] = []
    began, cpu = time.monotonic(), setting.gateway.cpu
    most, ends = 0, began + during
    while time.monotonic() < ends:
        had = heard.count
        sent = await post(session, setting, "troubleTicket", _THING)
        late.append(await heard.reaches(had + 1) - sent)
        most = max(most, setting.gateway.resident)
        await asyncio.sleep(_PAUSE)
    hundredths = quantiles(late, n=100)
    busy = (setting.gateway.cpu - cpu) / (time.monotonic() - began)
    took = f"half within {hundredths[49] * 1000:.0f} ms, 99 % within {hundredths[98] * 1000:.0f} ms"
    return f"{took} ({len(late)} messages; {busy:.0%} of a core)", most


async def measure(setting: Setting, of_each: int, during: float, console: Console) -> None:
    """Print what the quiet one notices, without and with the others."""
    ones = itertools.repeat(1001)
    quiet = Clients(setting.port, setting.keys, _QUIET, over_sse=False, customers=ones)
    await quiet.open(1)
    heard = Heard(quiet.readers)
    async with aiohttp.ClientSession() as session:
        alone, most = await lags(setting, session, heard, during / 3)
        console.print(f"alone: {alone}; {most / 2**20:.0f} MiB")
        unread = Clients(setting.port, setting.keys, _LARGE, over_sse=False, customers=ones)
        await unread.open(of_each)
        for one in unread.writers:
            cast(asyncio.Transport, one.transport).pause_reading()
        mute = await silent(setting.port, of_each)
        token = setting.keys.token(ViewerKind.CUSTOMER, "1001")
        command = [sys.executable, "-m", "benchmarks.live_hostile", "--flood", str(setting.port), token, str(of_each)]
        flooding = subprocess.Popen(command)  # noqa: ASYNC220, S603 - our own program
        try:
            disturbed, most = await lags(setting, session, heard, during)
        finally:
            flooding.kill()
            flooding.wait()
        console.print(
            f"with {of_each:,} that do not read, {of_each:,} that flood and {of_each:,} that never initialise:"
            f" {disturbed}; at most {most / 2**20:.0f} MiB"
        )
        for writer in mute:
            writer.transport.abort()
        await unread.close()
        again, most = await lags(setting, session, heard, during / 3)
        console.print(f"afterwards: {again}; {setting.gateway.resident / 2**20:.0f} MiB")
    heard.stop()
    await quiet.close()


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--of-each", type=int, default=1_000, help="hostile clients of each kind (default 1,000)")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long they are hostile (default 30)")
    parser.add_argument("--flood", nargs=3, metavar=("PORT", "TOKEN", "COUNT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.flood:
        port, token, count = given.flood
        asyncio.run(flood(int(port), token, int(count)))
        return
    with running(20) as setting:
        asyncio.run(measure(setting, given.of_each, given.seconds, Console()))


if __name__ == "__main__":
    main()
