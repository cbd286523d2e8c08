"""One caller that asks the cheapest question as fast as it can, sent ahead over many connections."""

import asyncio
import re
from collections import Counter
from contextlib import suppress
from typing import Final

from tests.gateway.http.raw import connection
from tests.hostile.measuring import Attack, Target

_SECONDS: Final = 20.0
_PATIENCE: Final = 40.0
_BODY: Final = b'{"query":"{ __typename }"}'
_STATUS: Final = re.compile(rb"HTTP/1\.1 (\d\d\d)")


async def _run(target: Target) -> str:
    request = (
        b"POST /graphql HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s" % (target.token().encode(), len(_BODY), _BODY)
    )
    statuses: Counter[bytes] = Counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(flood(target, request, statuses, _SECONDS))
    assert statuses[b"429"], statuses
    return ", ".join(f"{count:,} x {status.decode()}" for status, count in sorted(statuses.items()))


async def flood(target: Target, request: bytes, statuses: Counter[bytes], seconds: float) -> None:
    """Send the request over one connection, ten ahead, and count the statuses of the answers.

    It goes on for so many seconds, and until one is refused.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds * target.scale
    with suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(_PATIENCE), connection(target.address) as raw:
            await raw.send(request * 10)
            while (loop.time() < until or not statuses[b"429"]) and (data := await raw.reader.read(64 * 1024)):
                found = _STATUS.findall(data)
                statuses.update(found)
                await raw.send(request * len(found))


ATTACK: Final = Attack("cheap requests", _run)
