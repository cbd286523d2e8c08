"""Heads without end: one header, millions of them, an address; trailers and extensions of chunks."""

import asyncio
from collections import Counter
from contextlib import suppress
from typing import Final

from tests.gateway.http.raw import connection
from tests.hostile.measuring import Attack, Target

_MOST: Final = 64 * 1024 * 1024

_KINDS: Final = (
    (b"GET / HTTP/1.1\r\nHost: h\r\nX: ", b"a" * 1000),
    (b"GET / HTTP/1.1\r\nHost: h\r\n", b"X-A: b\r\n" * 100),
    (b"GET / HTTP/1.1\r\nHost: h\r\n", b"a" * 1000),
    (b"GET /", b"a" * 1000),
    (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a" * 1000),
    (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: b\r\n" * 100),
    (b"GET /graphql HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n", b"X-A: b\r\n" * 100),
)


async def _run(target: Target) -> str:
    ended: Counter[str] = Counter()
    sent = sum(await asyncio.gather(*(_send(target, *one, ended) for one in _KINDS * target.scaled(20))))
    assert "took all" not in ended, ended
    outcomes = ", ".join(f"{count} x {what}" for what, count in sorted(ended.items()))
    return f"{outcomes}; {sent / 1e6:.1f} MB sent in all"


async def _send(target: Target, begins: bytes, part: bytes, ended: Counter[str]) -> int:
    sent = 0
    async with connection(target.address) as raw:
        answering = asyncio.create_task(raw.reader.read(12))
        with suppress(ConnectionError):
            await raw.send(begins)
            while sent < _MOST and not answering.done():
                await raw.send(part)
                sent += len(part)
                await asyncio.sleep(0)
        if not answering.done() and sent >= _MOST:
            answering.cancel()
            ended["took all"] += 1
            return sent
        try:
            ended[(await answering)[9:].decode() or "closed"] += 1
        except ConnectionError:
            ended["cut off"] += 1
    return sent


ATTACK: Final = Attack("heads without end", _run)
