"""Clients that go away: what was being done for them ends, upstream calls included."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

T = TypeVar("T")


async def unless_hung_up(work: Coroutine[Any, Any, T], receive: Receive) -> T | None:
    """What the work gives; None where the client went away first, and then the work is cancelled and has ended.

    The request's body must have been read: what is received meanwhile is thrown away.
    """
    working, listening = asyncio.create_task(work), asyncio.create_task(_hang_up(receive))
    try:
        await asyncio.wait((working, listening), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        return None
    finally:
        listening.cancel()
        working.cancel()
        await asyncio.gather(working, listening, return_exceptions=True)


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
