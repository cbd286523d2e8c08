"""TLS on loopback: a server in front of another that takes plain connections, and a proxy that logs what passes."""

import asyncio
import base64
import select
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.certificates import Authority, Made

Streams = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Streams) -> AsyncIterator[int]:
    """A server on a free port; its connections are cut at the end."""
    writers: set[asyncio.StreamWriter] = set()
    serving: set[asyncio.Task[None]] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        if (task := asyncio.current_task()) is not None:
            serving.add(task)
        with suppress(OSError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.gather(*serving, return_exceptions=True)


async def _piped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Both ways, until one side ends."""
    there, back = await asyncio.open_connection("127.0.0.1", port)

    async def one_way(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while part := await source.read(65536):
                sink.write(part)
                await sink.drain()
        with suppress(OSError):
            sink.close()

    await asyncio.gather(one_way(reader, back), one_way(there, writer))


def server_context(
    shown: Made,
    folder: Path,
    *,
    clients: Authority | None = None,
    newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
) -> ssl.SSLContext:
    """What a server shows; `clients`: the authority whose certificates its clients must show."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*shown.write(folder, f"server-{shown.certificate.serial_number}"))
    context.maximum_version = newest
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=clients.pem.decode())
    return context


class _TlsServer:
    """Threads, because asyncio's own TLS servers hang up where others say first why they do."""

    def __init__(self, context: ssl.SSLContext, port: int) -> None:
        self._context, self._behind = context, port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for one in [*self._open]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                plain, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=[plain], daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        self._open.add(plain)
        with plain, suppress(OSError), self._context.wrap_socket(plain, server_side=True) as tls:
            self._open |= {tls}
            with socket.create_connection(("127.0.0.1", self._behind)) as behind:
                while True:
                    ready = [tls] if tls.pending() else select.select([tls, behind], [], [])[0]
                    for one in ready:
                        if not (part := one.recv(65536)):
                            return
                        (behind if one is tls else tls).sendall(part)


@asynccontextmanager
async def secured(address: str, context: ssl.SSLContext, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """An https address of a system that listens at an http one."""
    server = _TlsServer(context, urlsplit(address).port or 80)
    try:
        yield f"https://{host}:{server.port}"
    finally:
        server.close()


@dataclass
class Proxy:
    """What a proxy was asked, and what it asks for. `status` replaces its answer where it refuses."""

    port: int = 0
    wants: str = ""
    status: int = 0
    lines: list[str] = field(default_factory=list)
    """Request lines, in order."""

    @property
    def address(self) -> str:
        return f"http://{self.wants}{'@' if self.wants else ''}127.0.0.1:{self.port}"


@asynccontextmanager
async def proxy(wants: str = "") -> AsyncIterator[Proxy]:
    """A proxy (CONNECT, and plain http) that logs what passes; `wants` is USER:PASSWORD."""
    made = Proxy(wants=wants)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, _, rest = head.partition("\r\n")
        made.lines.append(line)
        right = f"Basic {base64.b64encode(made.wants.encode()).decode()}\r\n"
        status = made.status or (407 if made.wants and right not in rest else 200)
        method, target, _ = line.split(" ")
        if status != 200:
            writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
        elif method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _piped(reader, writer, int(target.rpartition(":")[2]))
        else:
            there = urlsplit(target)
            path = target.partition(there.netloc)[2]
            inner, back = await asyncio.open_connection(there.hostname, there.port)
            kept = [one for one in rest.split("\r\n") if not one.lower().startswith(("proxy-", "connection:"))]
            back.write("\r\n".join([f"{method} {path} HTTP/1.1", "Connection: close", *kept]).encode())
            writer.write(await inner.read(-1))
            await writer.drain()
            back.close()

    async with listening(serve) as made.port:
        yield made
