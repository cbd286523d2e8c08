"""Whether each use of a Redis (or Valkey) works: it takes a key of that use's, so that one that is full, a replica, or
closed to this user is seen, too.
"""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import msgspec

from connectors.store.address import Address
from connectors.store.asking import asked, redis_at
from connectors.store.spread import at_once
from connectors.store.writes import StoreUnavailable

_TIMEOUT: Final = 1.0
"""Seconds for one question."""

_LIVES: Final = 1000
"""Milliseconds for which the key stays."""


class RedisUse(msgspec.Struct, frozen=True):
    """What a Redis is used for: the name, where it is, and what its keys begin with."""

    name: str
    address: Address
    prefix: str


class RedisState(msgspec.Struct, frozen=True):
    """Whether it took the key, when that was (seconds since 1970), and why not."""

    works: bool
    at: float
    why: str = ""


class RedisUses:
    """Asks for each use; uses of one address share a connection."""

    def __init__(self, uses: Sequence[RedisUse]) -> None:
        self._uses = uses
        self._clients = {one.address: redis_at(one.address, connections=1) for one in uses}
        self.states: Mapping[str, RedisState | None] = {one.name: None for one in uses}
        """By use; None before it was asked for."""

    async def ask(self) -> None:
        """Ask for all of them, at most a second."""
        found: dict[str, RedisState] = {}

        async def one_use(use: RedisUse) -> None:
            redis = self._clients[use.address]
            try:
                await asked(lambda: redis.set(f"{use.prefix}ready", b"", px=_LIVES), _TIMEOUT)
            except StoreUnavailable as error:
                found[use.name] = RedisState(False, time.time(), str(error))
            else:
                found[use.name] = RedisState(True, time.time())

        await at_once([partial(one_use, use) for use in self._uses])
        self.states = {use.name: found[use.name] for use in self._uses}

    async def close(self) -> None:
        """Close the connections."""
        for one in self._clients.values():
            await one.aclose()
