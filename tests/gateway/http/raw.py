"""A client that writes its own bytes: what no library would send."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

PATIENCE: Final = 20.0
"""Seconds after which the test fails."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it came."""

    status: int
    head: str
    body: bytes

    def header(self, name: str) -> str | None:
        """A header's value, in whatever case the name is written."""
        found = re.search(rf"^{name}: (.*?)\r?$", self.head, re.MULTILINE | re.IGNORECASE)
        return found[1] if found else None


@dataclass(frozen=True, slots=True)
class Raw:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *parts: bytes) -> None:
        """Send the parts one after the other, as far as the other side takes them."""
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def answer(self) -> Answered:
        """The next answer, whose length its head says."""
        async with asyncio.timeout(PATIENCE):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = re.search(r"^content-length: (\d+)", head, re.MULTILINE | re.IGNORECASE)
            body = await self.reader.readexactly(int(length[1]) if length else 0)
        return Answered(int(head.split(" ", 2)[1]), head, body)

    async def ended(self) -> bytes:
        """What still comes until the other side closes; nothing where it cuts the connection off."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def close(self) -> None:
        """Close it."""
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@asynccontextmanager
async def connection(address: str, kept: int | None = None) -> AsyncIterator[Raw]:
    """A connection to the address of a server, closed at the end. The system keeps `kept` bytes that nobody reads."""
    connected = socket.socket()
    connected.setblocking(False)
    if kept is not None:
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, kept)
    await asyncio.get_running_loop().sock_connect(connected, ("127.0.0.1", int(address.rpartition(":")[2])))
    reader, writer = await asyncio.open_connection(sock=connected)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


async def ask(address: str, data: bytes) -> Answered:
    """The answer to these bytes, on a connection of their own."""
    async with connection(address) as raw:
        await raw.send(data)
        return await raw.answer()
