"""What callers have spent, in Redis (or Valkey), for all processes of the gateway: GCRA by one script.

The times are the server's, so that the clocks of processes need not agree. A key lives until all is paid.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from connectors.store.address import Address
from connectors.store.asking import asked, redis_at
from connectors.store.redis import Argument

_SPEND: Final = """
local t = redis.call('TIME') local now = t[1] + t[2] / 1000000
local ahead = {}
for i, key in ipairs(KEYS) do
    local paid = math.max(now, tonumber(redis.call('GET', key) or now)) + ARGV[i]
    redis.call('SET', key, string.format('%.6f', paid), 'PX', math.ceil((paid - now) * 1000) + 1)
    ahead[i] = string.format('%.6f', paid - now)
end
return ahead
"""
"""KEYS: the callers'. ARGV: what each was let spend, in seconds of its rate."""


class SpendingInRedis:
    """Implements `SharedSpending`. Each question waits at most `timeout` seconds."""

    def __init__(self, address: Address, *, prefix: str = "opticom:{rate}:", timeout: float = 0.25) -> None:
        """All keys have the `prefix`; the part in braces keeps them on one node of a cluster."""
        self._redis, self._timeout, self._prefix = redis_at(address), timeout, prefix
        self._spend = self._redis.register_script(_SPEND)

    async def spend(self, seconds: Mapping[str, float]) -> Sequence[float]:
        """Add what each was let spend, by one round trip."""
        keys: list[str] = [self._prefix + one for one in seconds]
        arguments: list[Argument] = [f"{one:.6f}" for one in seconds.values()]
        return [float(one) for one in await asked(lambda: self._spend(keys=keys, args=arguments), self._timeout)]

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
