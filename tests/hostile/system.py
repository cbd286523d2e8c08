"""A system that is hostile where an id says so, in a process of its own; for anything else it asks the one behind it.

    python -m tests.hostile.system URL

prints its address. An id such as ``HOSTILE-nulls`` names the kind of hostility.
"""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

from tests.gateway.commands.running import ROOT

_BYTES: Final = 30_000_000
"""Of a large answer, which is less than `max_bytes`."""

_KIND: Final = re.compile(rb"HOSTILE-(\w+)")
_LENGTH: Final = re.compile(rb"^content-length: *(\d+)", re.IGNORECASE | re.MULTILINE)
_OK: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
_CHUNKED: Final = _OK + b"Transfer-Encoding: chunked\r\n"
_GZIP: Final = b"Content-Encoding: gzip\r\n\r\na\r\n\x1f\x8b\x08\x08\0\0\0\0\0\x03\r\n"
"""The header of gzip, of which a name without end is the last part."""

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def _body(body: bytes) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(_OK + b"Content-Length: %d\r\n\r\n" % len(body))
        writer.write(body)
        await writer.drain()

    return answer


def _without_end(begins: bytes, part: bytes, pause: float = 0.0) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(begins)
        while True:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)

    return answer


KINDS: Final[Mapping[str, Callable[[], Answer]]] = {
    "interim": lambda: _without_end(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000),
    "nulls": lambda: _body(b"[" + b"null," * 100_000 + b"null]"),
    "numbers": lambda: _body(b"[" + b"1," * (_BYTES // 2) + b"1]"),
    "row": lambda: _body(b'[{"id":"HOSTILE-row","x":[' + b"1," * (_BYTES // 2) + b"1]}]"),
    "escapes": lambda: _body(b'[{"id":"HOSTILE-escapes","x":"' + b"\\x" * (_BYTES // 2) + b'"}]'),
    "levels": lambda: _body(b"[" * _BYTES),
    "endless": lambda: _without_end(_OK + b"\r\n[", b'{"id":"1"},' * 10_000),
    "chunks": lambda: _without_end(_CHUNKED + b"\r\n1\r\n[\r\n", b"1\r\n \r\n" * 50_000),
    "gzip": lambda: _without_end(_CHUNKED + _GZIP, b"1\r\na\r\n" * 50_000),
    "drip": lambda: _without_end(_OK + b"\r\n[", b" ", 0.05),
    "header": lambda: _without_end(_OK + b"X-A: ", b"a" * 100_000),
    "headers": lambda: _without_end(_OK, b"X-A: b\r\n" * 10_000),
    "silence": lambda: _without_end(b"", b"", 0.05),
}
"""How it answers, by kind."""


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, behind: str) -> None:
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        body = await reader.readexactly(int(length[1]) if length else 0)
        kind = _KIND.search(head.partition(b"\r\n")[0])
        if kind:
            await KINDS[kind[1].decode()]()(writer)
        else:
            await _pass_on(head, body, writer, behind)
    writer.close()


async def _pass_on(head: bytes, body: bytes, writer: asyncio.StreamWriter, behind: str) -> None:
    line, _, headers = head.partition(b"\r\n")
    url = urlsplit(behind)
    answering, asking = await asyncio.open_connection(url.hostname, url.port)
    asking.write(line + b"\r\nConnection: close\r\n" + headers + body)
    while data := await answering.read(64 * 1024):
        writer.write(data)
        await writer.drain()
    asking.close()


@asynccontextmanager
async def hostile_system(behind: str) -> AsyncIterator[str]:
    """Such a system before the one at this address: its own address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, behind, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.kill()
        await process.wait()


async def _main(behind: str) -> None:
    server = await asyncio.start_server(lambda reader, writer: _serve(reader, writer, behind), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
