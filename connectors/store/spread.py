"""Keys over the slots of a cluster, where one script has several: those of one part are in one slot."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final
from zlib import crc32

from redis.asyncio import Redis

from connectors.store.cluster import RedisCluster

PARTS: Final = 32
"""In a cluster: most scripts that one question takes, and most nodes that share the keys."""


class Spread:
    """The parts of what is kept under one name. One server has one part, so that one script is enough there."""

    def __init__(self, redis: Redis, name: str) -> None:
        """`name` as in `opticom:{rows}:`, whose braces hold what has a number added to it in a cluster."""
        before, _, after = name.partition("}")
        is_cluster = isinstance(redis, RedisCluster)
        self.prefixes = [f"{before}:{part}}}{after}" for part in range(PARTS)] if is_cluster else [name]
        """Of the keys of each part."""

    def of(self, key: str) -> str:
        """The prefix of one key."""
        return self.prefixes[crc32(key.encode()) % len(self.prefixes)]

    def parts(self, keys: Iterable[str]) -> Mapping[str, list[str]]:
        """Keys by their prefixes."""
        if len(self.prefixes) == 1:
            return {self.prefixes[0]: list(keys)}
        found: dict[str, list[str]] = {}
        for key in keys:
            found.setdefault(self.of(key), []).append(key)
        return found


async def at_once(parts: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Do all. The first that fails ends the others."""
    if len(parts) <= 1:
        for part in parts:
            await part()
        return
    tasks = [asyncio.ensure_future(part()) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
