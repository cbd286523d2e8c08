"""Work that many want done at the same time, such as the compiling of an operation that all clients begin to ask."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class OneAtATime:
    """Of all who want the same, one works at a time; the others wait, and should look then whether it is done."""

    def __init__(self) -> None:
        self._ends: dict[Hashable, asyncio.Future[None]] = {}

    @asynccontextmanager
    async def on(self, key: Hashable) -> AsyncIterator[None]:
        """Work on what the key names, when nobody else does."""
        while (other := self._ends.get(key)) is not None:
            await asyncio.shield(other)  # all wait for the same future, which one that is cancelled would cancel
        end = self._ends[key] = asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            del self._ends[key]
            end.set_result(None)
