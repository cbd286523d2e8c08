"""What callers have spent, in Redis (or Valkey), for all processes of the gateway: GCRA by one script.

The times are the server's, so that the clocks of processes need not agree. A key lives until all is paid.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from connectors.store.address import Address
from connectors.store.asking import asked, redis_at
from connectors.store.redis import Argument
from connectors.store.spread import Spread, at_once

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
        """All keys have the `prefix`. A cluster has them in several slots, by what `Spread` adds in its braces."""
        self._redis, self._timeout = redis_at(address), timeout
        self._spread = Spread(self._redis, prefix)
        self._spend = self._redis.register_script(_SPEND)

    async def spend(self, seconds: Mapping[str, float]) -> Sequence[float]:
        """Add what each was let spend, by one round trip.

        In a cluster by one for each slot, all at once. Where one fails the whole has failed, and what the others added
        stays added.
        """
        ahead: dict[str, float] = {}

        async def one_part(prefix: str, callers: Sequence[str]) -> None:
            arguments: list[Argument] = [f"{seconds[one]:.6f}" for one in callers]
            told = await self._spend(keys=[prefix + one for one in callers], args=arguments)
            ahead.update(zip(callers, map(float, told), strict=True))

        parts = [partial(one_part, prefix, callers) for prefix, callers in self._spread.parts(seconds).items()]
        await asked(lambda: at_once(parts), self._timeout)
        return [ahead[one] for one in seconds]

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
