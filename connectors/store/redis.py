"""Writes and locks kept in Redis (or Valkey), for all processes of the gateway.

Each change is one script, so that no two processes see it half done, and every time is the server's, so that their
clocks need not agree.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec

from connectors.store import asking
from connectors.store.address import Address
from connectors.store.asking import redis_at
from connectors.store.writes import Claim, Phase, StoreUnavailable, WriteRecord

T = TypeVar("T")

Argument = bytes | str | int | float
"""Of a script."""

_NOW: Final = "local t = redis.call('TIME') local now = t[1] + t[2] / 1000000\n"

_CLAIM: Final = (
    _NOW
    + """
local kept = redis.call('HMGET', KEYS[1], 'record', 'fingerprint', 'phase', 'token', 'until', 'sent')
if not kept[1] then
    redis.call('HSET', KEYS[1], 'record', ARGV[2], 'fingerprint', ARGV[1], 'phase', 'claimed', 'token', 1,
        'until', tostring(now + ARGV[3]))
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
    return {ARGV[2], '1', '1', tostring(now), ''}
end
local final = kept[3] == 'done' or kept[3] == 'refused'
if kept[2] ~= ARGV[1] or final or now < tonumber(kept[5]) then
    return {kept[1], kept[4], '0', tostring(now), kept[6] or ''}
end
local token = redis.call('HINCRBY', KEYS[1], 'token', 1)
redis.call('HSET', KEYS[1], 'until', tostring(now + ARGV[3]))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {kept[1], tostring(token), '1', tostring(now), kept[6] or ''}
"""
)
"""KEYS: the write's. ARGV: fingerprint, record of a new claim, lease (s), time to live (ms)."""

_ADVANCE: Final = (
    _NOW
    + """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'record', ARGV[2], 'phase', ARGV[3], 'until', tostring(now + ARGV[4]))
if ARGV[3] == 'sent' then redis.call('HSET', KEYS[1], 'sent', tostring(now)) end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
"""
)
"""KEYS: the write's. ARGV: token, record, phase, lease (s), time to live (ms)."""

_FORGET: Final = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""

HOLD: Final = (
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
)
"""KEYS: the lock's. ARGV: token, lease (ms)."""

UNLOCK: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
"""KEYS: the lock's. ARGV: token."""


class WritesInRedis:
    """Implements `WriteStore`. Records live for `time_to_live` seconds after their last change.

    What is kept here must not be evicted: the server's `maxmemory-policy` is `noeviction`. Each question waits at most
    `timeout` seconds.
    """

    def __init__(
        self,
        address: Address,
        *,
        prefix: str = "opticom:write:",
        time_to_live: float = 24 * 3600.0,
        timeout: float = 1.0,
    ) -> None:
        self._redis, self._timeout = redis_at(address), timeout
        self._prefix, self._time_to_live = prefix, int(time_to_live * 1000)
        self._claim = self._redis.register_script(_CLAIM)
        self._advance = self._redis.register_script(_ADVANCE)
        self._forget = self._redis.register_script(_FORGET)
        self._hold = self._redis.register_script(HOLD)
        self._unlock = self._redis.register_script(UNLOCK)

    async def claim(self, key: str, fingerprint: str, lease: float) -> Claim:
        new = WriteRecord(fingerprint=fingerprint, phase=Phase.CLAIMED, token=1)
        arguments: list[Argument] = [fingerprint, msgspec.json.encode(new), lease, self._time_to_live]
        keys = [self._prefix + key]
        record, token, is_held, now, sent = await self._asked(lambda: self._claim(keys=keys, args=arguments))
        return Claim(_record(record, token, sent), is_held == b"1", float(now))

    async def advance(self, key: str, record: WriteRecord, lease: float) -> bool:
        arguments: list[Argument] = [
            record.token,
            msgspec.json.encode(record),
            record.phase.value,
            lease,
            self._time_to_live,
        ]
        return bool(await self._asked(lambda: self._advance(keys=[self._prefix + key], args=arguments)))

    async def forget(self, key: str, token: int) -> bool:
        return bool(await self._asked(lambda: self._forget(keys=[self._prefix + key], args=[token])))

    async def find(self, key: str) -> WriteRecord | None:
        found: Any = await self._asked(lambda: self._redis.hmget(self._prefix + key, ["record", "token", "sent"]))
        record, token, sent = found
        return None if record is None else _record(record, token, sent)

    async def lock(self, name: str, lease: float) -> int | None:
        token = int(await self._asked(lambda: self._redis.incr(f"{self._prefix}locks")))
        taken = await self._asked(
            lambda: self._redis.set(f"{self._prefix}lock:{name}", token, nx=True, px=max(1, int(lease * 1000)))
        )
        return token if taken else None

    async def hold(self, name: str, token: int, lease: float) -> bool:
        arguments: list[Argument] = [token, max(1, int(lease * 1000))]
        return bool(await self._asked(lambda: self._hold(keys=[f"{self._prefix}lock:{name}"], args=arguments)))

    async def unlock(self, name: str, token: int) -> None:
        await self._asked(lambda: self._unlock(keys=[f"{self._prefix}lock:{name}"], args=[token]))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _asked(self, command: Callable[[], Awaitable[T]]) -> T:
        return await asking.asked(command, self._timeout)


def _record(kept: bytes, token: bytes, sent: bytes | None) -> WriteRecord:
    try:
        record = msgspec.json.decode(kept, type=WriteRecord)
        return msgspec.structs.replace(record, token=int(token), sent_at=float(sent) if sent else None)
    except msgspec.MsgspecError as error:
        raise StoreUnavailable(f"Redis holds a write that this version cannot read: {error}") from error
