"""Many sockets of somebody without a token: 401, 404, documents that are refused, as fast as they are answered."""

import asyncio
from collections import Counter
from typing import Final

from tests.hostile.cheap_requests import flood
from tests.hostile.measuring import Attack, Target

_SECONDS: Final = 20.0
_HEAD: Final = b"POST /graphql HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
_REQUESTS: Final = (
    _HEAD + b'Content-Length: 25\r\n\r\n{"query":"{ me { id } }"}',
    _HEAD + b"Authorization: Bearer nonsense\r\nContent-Length: 2\r\n\r\n{}",
    b"GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n",
    _HEAD + b'Content-Length: 10\r\n\r\n{"query":1',
)


async def _run(target: Target) -> str:
    statuses: Counter[bytes] = Counter()
    async with asyncio.TaskGroup() as group:
        for n in range(target.scaled(400)):
            group.create_task(flood(target, _REQUESTS[n % len(_REQUESTS)], statuses, _SECONDS))
    assert statuses[b"429"], statuses
    return ", ".join(f"{count:,} x {status.decode()}" for status, count in sorted(statuses.items()))


ATTACK: Final = Attack("strangers", _run)
