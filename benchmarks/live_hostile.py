"""Clients that do not read, that flood, and that never initialise: what they cost the gateway, and what others notice.

    .venv/bin/python -m benchmarks.live_hostile [--of-each N] [--seconds N]

A quiet subscriber is told of a ticket five times a second: how late it is without the others, while they connect, and
with all of them. Those that do not read follow the same ticket. Those that flood share one process, send as fast as it
can, and connect again when they are disconnected. They share the machine with the gateway, so that times are also told
as the CPU time that the gateway takes from an event to the quiet one's message, which no neighbour can change.
"""

import argparse
import asyncio
import base64
import itertools
import secrets
import sys
import time
from contextlib import suppress
from statistics import quantiles
from typing import Any, Final, cast

import aiohttp
from rich.console import Console

from benchmarks.live_beside import Heard
from benchmarks.live_idle import Clients, NotSubscribed
from benchmarks.live_told import Setting, post, running
from gateway.commands.demo_keys import DemoKeys
from resolvers.viewer import ViewerKind

_THING: Final = "TT-1001-1"
_PAUSE: Final = 0.2
_FEWEST: Final = 10
_FIELDS: Final = " ".join(f"n{one}: description m{one}: name" for one in range(50))
_LARGE: Final = f"subscription {{ ticketChanged {{ event ticket {{ id {_FIELDS} }} }} }}"
_QUIET: Final = "subscription { ticketChanged { event ticket { id name updatedAt } } }"
_OTHER: Final = "subscription { billIssued { billId } }"
_PING: Final = b"\x81\x8f" + bytes(4) + b'{"type":"ping"}'


async def flood(port: int, token: str, count: int) -> None:
    """Clients that send pings as fast as they can, and come back at once when they are disconnected.

    Prints a line when all are connected.
    """
    first = Clients(port, _OneToken(token), _OTHER, over_sse=False)
    await first.open(count)
    print("flooding", flush=True)

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            with suppress(OSError, EOFError, NotSubscribed):
                reading = asyncio.create_task(read(reader))
                while not writer.is_closing() and not reading.done():
                    writer.write(_PING * 100)
                    await writer.drain()
                    await asyncio.sleep(0)
                writer.transport.abort()
                again = Clients(port, _OneToken(token), _OTHER, over_sse=False)
                await again.open(1)
                (reader,), (writer,) = again.readers, again.writers

    async def read(reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while await reader.read(65536):
                pass

    await asyncio.gather(*map(one, first.readers, first.writers))


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


async def lags(setting: Setting, session: aiohttp.ClientSession, heard: Heard, until: asyncio.Future[Any]) -> str:
    """How late the quiet subscriber is, and what the gateway took meanwhile."""
    late: list[float] = []
    cpu: list[float] = []
    began, before, most = time.monotonic(), setting.gateway.cpu, 0
    while not until.done() or len(late) < _FEWEST:
        had, cpu_then = heard.count, setting.gateway.cpu
        sent = await post(session, setting, "troubleTicket", _THING)
        late.append(await heard.reaches(had + 1) - sent)
        cpu.append(setting.gateway.cpu - cpu_then)
        most = max(most, setting.gateway.resident)
        await asyncio.sleep(_PAUSE)
    took = time.monotonic() - began
    busy = (setting.gateway.cpu - before) / took
    return (
        f"{_shares(late)}; CPU {_shares(cpu)} ({len(late)} messages in {took:.0f} s; {busy:.0%} of a core;"
        f" at most {most / 2**20:.0f} MiB)"
    )


def _shares(times: list[float]) -> str:
    """Half, 99 of 100, and all."""
    hundredths = quantiles(times, n=100, method="inclusive")
    return f"half {hundredths[49] * 1000:.0f} ms, 99 % {hundredths[98] * 1000:.0f} ms, all {max(times) * 1000:.0f} ms"


def after(seconds: float) -> asyncio.Future[None]:
    """Done then."""
    return asyncio.ensure_future(asyncio.sleep(seconds))


async def measure(setting: Setting, of_each: int, during: float, console: Console) -> None:
    """Print what the quiet one notices, without and with the others."""
    ones = itertools.repeat(1001)
    quiet = Clients(setting.port, setting.keys, _QUIET, over_sse=False, customers=ones)
    await quiet.open(1)
    heard = Heard(quiet.readers)
    async with aiohttp.ClientSession() as session:
        console.print(f"alone: {await lags(setting, session, heard, after(during / 3))}")
        unread = Clients(setting.port, setting.keys, _LARGE, over_sse=False, customers=ones)
        await unread.open(of_each)
        for one in unread.writers:
            cast(asyncio.Transport, one.transport).pause_reading()
        mute = await silent(setting.port, of_each)
        token = setting.keys.token(ViewerKind.CUSTOMER, "1001")
        command = [sys.executable, "-m", "benchmarks.live_hostile", "--flood", str(setting.port), token, str(of_each)]
        flooding = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert flooding.stdout is not None  # noqa: S101  # as it is piped
        try:
            begins = asyncio.ensure_future(flooding.stdout.readline())
            console.print(f"{of_each:,} do not read, and {of_each:,} do not initialise;")
            console.print(f"while {of_each:,} that will flood connect: {await lags(setting, session, heard, begins)}")
            console.print(f"while they flood: {await lags(setting, session, heard, after(during))}")
        finally:
            flooding.kill()
            await flooding.wait()
        for writer in mute:
            writer.transport.abort()
        await unread.close()
        console.print(f"afterwards: {await lags(setting, session, heard, after(during / 3))}")
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
