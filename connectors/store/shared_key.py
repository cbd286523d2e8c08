"""A random key that all processes of the gateway have, kept in Redis (or Valkey) for a while and then made anew."""

import secrets
from collections.abc import Awaitable
from typing import Final, cast

from connectors.store.address import Address
from connectors.store.asking import asked, redis_at

_TIMEOUT: Final = 1.0
"""Seconds for one question."""

_READ: Final = """
local kept = redis.call('GET', KEYS[1])
if not kept then
    kept = ARGV[1]
    redis.call('SET', KEYS[1], kept, 'PX', ARGV[2])
end
return kept
"""
"""KEYS: the key's. ARGV: a key to keep if there is none, time to live (ms)."""


class SharedKey:
    """One key, under a name of its own."""

    def __init__(self, address: Address, name: str, lifetime: float) -> None:
        """`lifetime`: seconds after which there is another key."""
        self._redis, self._name, self._lifetime = redis_at(address, connections=1), f"gateway:key:{name}", lifetime

    async def read(self) -> str:
        """The key as it is now, made if there is none. Raises `StoreUnavailable`."""
        fresh, lives = secrets.token_hex(32), str(int(self._lifetime * 1000))
        kept = await asked(
            lambda: cast("Awaitable[bytes]", self._redis.eval(_READ, 1, self._name, fresh, lives)), _TIMEOUT
        )
        return kept.decode()

    async def close(self) -> None:
        """Close the connection."""
        await self._redis.aclose()
