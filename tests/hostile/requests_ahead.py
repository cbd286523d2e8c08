"""Thousands of requests that are sent ahead of their answers, none of which is read."""

import asyncio
from contextlib import suppress
from typing import Final

from tests.gateway.http.raw import connection
from tests.hostile.measuring import Attack, Target

_REQUESTS: Final = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" * 1000
_SECONDS: Final = 10.0


async def _run(target: Target) -> str:
    taken = await asyncio.gather(*(_send(target) for _ in range(target.scaled(100))))
    return f"{len(taken)} clients; {sum(taken) * 1000:,} requests taken from them"


async def _send(target: Target) -> int:
    sent = 0
    async with connection(target.address) as raw:
        raw.writer.transport.pause_reading()
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(_SECONDS * target.scale):
                while True:
                    await raw.send(_REQUESTS)
                    sent += 1
    return sent


ATTACK: Final = Attack("requests ahead", _run)
