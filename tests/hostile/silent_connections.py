"""Connections that say nothing, half a head, half a body: more than there are places."""

import asyncio
from collections import Counter
from typing import Final

from tests.gateway.http.raw import connection
from tests.hostile.measuring import Attack, Target

_PATIENCE: Final = 60.0


async def _run(target: Target) -> str:
    kinds = (
        b"",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: ",
        f"POST /graphql HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {target.token()}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{".encode(),
    )
    count, ended = target.scaled(6000), Counter[str]()
    began = asyncio.get_running_loop().time()
    at_once = asyncio.Semaphore(100)
    async with asyncio.timeout(_PATIENCE):
        await asyncio.gather(*(_hold(target, kinds[at % 3], ended, at_once) for at in range(count)))
    took = asyncio.get_running_loop().time() - began
    return f"{count} held; {', '.join(f'{n} x {what}' for what, n in sorted(ended.items()))} within {took:.0f} s"


async def _hold(target: Target, begins: bytes, ended: Counter[str], at_once: asyncio.Semaphore) -> None:
    try:
        async with at_once:
            opening = connection(target.address)
            raw = await opening.__aenter__()
            await raw.send(begins)
        answer = await raw.reader.read(12)
        ended[answer[9:].decode() or "closed"] += 1
        await opening.__aexit__(None, None, None)
    except ConnectionError:
        ended["cut off"] += 1


ATTACK: Final = Attack("silent connections", _run)
