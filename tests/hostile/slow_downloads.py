"""One caller's many slow readers of its own file, beside somebody who downloads."""

from collections import Counter
from typing import Final

import aiohttp

from tests.gateway.http.raw import connection
from tests.hostile.measuring import Attack, Target

_FILE: Final = "/documents/Bill:BILL-{0}-1-05/DOC-BILL-{0}-1-05"


async def _run(target: Target) -> str:
    others: Counter[int] = Counter()
    slow = [connection(target.address) for _ in range(16)]
    try:
        for one in slow:
            raw = await one.__aenter__()
            head = f"GET {_FILE.format('1001')} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {target.token()}\r\n\r\n"
            raw.writer.transport.pause_reading()
            await raw.send(head.encode())
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {target.token('1002')}"}) as session:
            for _ in range(20):
                async with session.get(target.address + _FILE.format("1002")) as answer:
                    await answer.read()
                    others[answer.status] += 1
    finally:
        for one in slow:
            await one.__aexit__(None, None, None)
    assert set(others) == {200}, others
    return "others: " + ", ".join(f"{count} x {status}" for status, count in others.items())


ATTACK: Final = Attack("slow downloads", _run)
