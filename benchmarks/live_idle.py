"""What an idle subscription costs: opens many at one worker of the gateway, and prints its memory on the way.

    .venv/bin/python -m benchmarks.live_idle [--connections N] [--transport websocket|sse] [--document TEXT]

Each connection is another subscriber's, with a token of its own. Linux only.
"""

import argparse
import asyncio
import base64
import itertools
import secrets
import sys
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import orjson
from rich.console import Console

from benchmarks.processes import Process, free_ports
from gateway.commands.demo_keys import RULES, DemoKeys
from resolvers.viewer import ViewerKind
from sandbox.data.world import World
from sandbox.protocol.systems import SYSTEMS
from sandbox.server import SandboxServer

_AT_ONCE: Final = 100
_STEPS: Final = 5
_SETTLED: Final = 3.0
"""Seconds after the last subscription, before the memory is read."""

_DOCUMENT: Final = "subscription { ticketChanged { event ticket { id name status } } }"


class NotSubscribed(Exception):
    """The gateway did not let a client subscribe; the text has what it said."""


class Clients:
    """Connections that subscribe and then only wait."""

    def __init__(
        self, port: int, keys: DemoKeys, document: str, *, over_sse: bool, customers: Iterable[int] = ()
    ) -> None:
        """`customers`: whose they are, one after the other; from 1001 on where there are none (any more)."""
        self._port, self._keys, self._over_sse = port, keys, over_sse
        self._body = orjson.dumps({"query": document})
        self._customers = itertools.chain(customers, itertools.count(1001))
        self.readers: list[asyncio.StreamReader] = []
        """What comes over each connection, in the order of the customers' numbers."""
        self.writers: list[asyncio.StreamWriter] = []

    async def open(self, count: int) -> None:
        """Open so many more. Raises NotSubscribed."""
        for start in range(0, count, _AT_ONCE):
            opened = await asyncio.gather(*(self._one() for _ in range(min(_AT_ONCE, count - start))))
            self.readers += opened

    async def close(self) -> None:
        """Cut all off."""
        for one in self.writers:
            one.transport.abort()

    async def _one(self) -> asyncio.StreamReader:
        token = self._keys.token(ViewerKind.CUSTOMER, str(next(self._customers)))
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=4096)
        self.writers.append(writer)
        if self._over_sse:
            await self._stream(reader, writer, token)
        else:
            await self._socket(reader, writer, token)
        return reader

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\n"
            f"Authorization: Bearer {token}\r\nContent-Length: {len(self._body)}\r\n\r\n"
        )
        writer.write(head.encode() + self._body)
        if b" 200 " not in (said := await reader.readuntil(b"\r\n\r\n")):
            raise NotSubscribed(said.decode())
        if (said := await reader.readuntil(b":\n\n")) != b"3\r\n:\n\n":
            raise NotSubscribed(said.decode())

    async def _socket(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        writer.write(
            f"GET /graphql HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_frame({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
        acknowledged = b'{"type":"connection_ack"}'
        if (said := await reader.readexactly(2 + len(acknowledged)))[2:] != acknowledged:
            raise NotSubscribed(said.decode(errors="replace"))
        writer.write(_frame({"type": "subscribe", "id": "1", "payload": orjson.loads(self._body)}))
        writer.write(_frame({"type": "ping"}))
        pong = b'{"type":"pong"}'
        if (said := await reader.readexactly(2 + len(pong)))[2:] != pong:
            raise NotSubscribed((said + await reader.read(4096)).decode(errors="replace"))


def _frame(message: object) -> bytes:
    """A text frame of a client, masked with zeros."""
    text = orjson.dumps(message)
    length = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + len(text).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + text


async def _measure(clients: Clients, gateway: Process, connections: int, console: Console) -> None:
    await clients.open(_AT_ONCE)  # what is made once is there
    before = gateway.resident
    console.print(f"with {_AT_ONCE} subscriptions: {before / 2**20:.0f} MiB")
    for step in range(1, _STEPS + 1):
        await clients.open(connections // _STEPS)
        if step == _STEPS:
            await asyncio.sleep(_SETTLED)
        more = step * (connections // _STEPS)
        taken = gateway.resident
        console.print(
            f"{more:>7,} more: {taken / 2**20:.0f} MiB, {(taken - before) / more / 1000:.1f} kB for each of them"
        )
    cpu = gateway.cpu
    await asyncio.sleep(10)
    console.print(f"CPU time while all are idle: {(gateway.cpu - cpu) / 10 * 100:.1f} % of a core")
    await clients.close()


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=5_000, help="how many (default 5,000)")
    parser.add_argument("--transport", choices=("websocket", "sse"), default="websocket")
    parser.add_argument("--document", default=_DOCUMENT, help="what is subscribed to")
    given = parser.parse_args()
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as running:
        folder, world = Path(temporary), World(customers=20)
        systems = {name: running.enter_context(SandboxServer(name, world=world)) for name in SYSTEMS}
        keys = DemoKeys.create(folder / "key.pem")
        (folder / "jwks.json").write_bytes(keys.jwks())
        (folder / "gateway.toml").write_text(
            "".join(f'[systems.{name}]\nurl = "{server.url}"\n' for name, server in systems.items())
            + f'[auth]\nissuer = "{RULES.issuer}"\naudience = "{RULES.audience}"\njwks_file = "jwks.json"\n'
            + f"[server]\nport = {port}\ntrusted_proxies = ['127.0.0.1']\n"
            + "[live]\nenabled = true\n[live.limits]\nping = 1000\n"
        )
        command = (sys.executable, "-m", "gateway", "serve", "--config", str(folder / "gateway.toml"))
        gateway = Process("gateway", command, port, folder, {})
        running.callback(gateway.stop)
        gateway.wait()
        clients = Clients(port, keys, given.document, over_sse=given.transport == "sse")
        asyncio.run(_measure(clients, gateway, given.connections, Console()))


if __name__ == "__main__":
    main()
