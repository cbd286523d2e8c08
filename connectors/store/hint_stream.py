"""What is asked of Redis (or Valkey) to carry hints: a stream, which events are known, and leases."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias, TypeVar

import msgspec
from redis.asyncio import Redis

from connectors.events.hints import Hint
from connectors.store.address import Address
from connectors.store.asking import alone, asked, redis_at, renew
from connectors.store.events import Gap
from connectors.store.redis import HOLD, UNLOCK, Argument
from connectors.store.writes import StoreUnavailable

T = TypeVar("T")

Entry: TypeAlias = tuple[Hint, ...] | Gap
"""Of the stream. Without hints it is a heartbeat."""

PREFIX: Final = "opticom:live:"
"""Of all names."""

MOST_KEPT: Final = 10_000
"""Entries that stay in the stream; older ones go."""

BEAT: Final = 1.0
"""Seconds for which a read waits for an entry."""

_AT_ONCE: Final = 100
"""Most entries of one read."""

_KNOWN_FOR: Final = 600_000
"""Milliseconds for which an event's id is known."""

_CONNECTIONS: Final = 8
"""For all but reading. Who finds none free waits."""

_ADD_NEW: Final = """
local new = {}
for at = 2, #KEYS do
    if KEYS[at] == KEYS[1] or redis.call('SET', KEYS[at], '', 'NX', 'PX', ARGV[2]) then new[#new + 1] = ARGV[at + 1] end
end
if #new > 0 then
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'entry', '[' .. table.concat(new, ',') .. ']')
end
return #new
"""
"""KEYS: the stream's, and for each hint its event's, or the stream's where it has none. ARGV: most entries, how long an
event is known (ms), and the hints."""

_ADD_BEAT: Final = """
if redis.call('SET', KEYS[2], '', 'NX', 'PX', ARGV[2]) then
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'entry', '[]')
end
return 1
"""
"""KEYS: the stream's, the heartbeat's. ARGV: most entries, for how long one heartbeat is enough (ms)."""


_DECODER: Final[msgspec.json.Decoder[Entry]] = msgspec.json.Decoder(Entry)


class HintStream:
    """One stream, at `{prefix}hints`. All methods raise StoreUnavailable, after `timeout` seconds at most."""

    def __init__(self, address: Address, prefix: str, timeout: float) -> None:
        self._address, self._prefix, self._timeout = address, prefix, timeout
        self._stream = f"{prefix}hints"
        self._beat = f"{prefix}beat:{{{self._stream}}}"  # in the stream's slot, as all that a script has together
        self._redis = redis_at(address, connections=_CONNECTIONS)
        self._add_new = self._redis.register_script(_ADD_NEW)
        self._add_beat = self._redis.register_script(_ADD_BEAT)
        self._hold = self._redis.register_script(HOLD)
        self._unlock = self._redis.register_script(UNLOCK)

    async def add(self, entry: Entry) -> bytes:
        """Its id in the stream."""
        fields: dict[Any, Any] = {"entry": msgspec.json.encode(entry)}
        added = await self._asked(lambda: self._redis.xadd(self._stream, fields, maxlen=MOST_KEPT, approximate=True))
        return bytes(added)  # type: ignore[arg-type]  # bytes, where answers are not decoded

    async def add_new(self, hints: Sequence[Hint]) -> None:
        """Add one entry, without the hints whose event was added in the last minutes, by any process."""
        keys = [self._stream, *(self._event(hint) if hint.event_id else self._stream for hint in hints)]
        arguments: list[Argument] = [MOST_KEPT, _KNOWN_FOR, *map(msgspec.json.encode, hints)]
        await self._asked(lambda: self._add_new(keys=keys, args=arguments))

    def _event(self, hint: Hint) -> str:
        name = f"{hint.domain} {hint.event_id}".encode()
        return f"{self._prefix}event:{{{self._stream}}}:{hashlib.blake2b(name, digest_size=16).hexdigest()}"

    async def beat(self) -> None:
        """Add a heartbeat, unless some process has done so in the last half `BEAT`."""
        keys, arguments = [self._stream, self._beat], [MOST_KEPT, int(BEAT * 500)]
        await self._asked(lambda: self._add_beat(keys=keys, args=arguments))

    async def lead(self, name: str, token: str, lease: float) -> bool:
        """Whether the lease `name` is this token's, from now on for so many seconds."""
        key, milliseconds = f"{self._prefix}lead:{name}", max(1, int(lease * 1000))
        if await self._asked(lambda: self._hold(keys=[key], args=[token, milliseconds])):
            return True
        return bool(await self._asked(lambda: self._redis.set(key, token, nx=True, px=milliseconds)))

    async def step_down(self, name: str, token: str) -> None:
        """Give a lease back. Nothing happens where it is another's."""
        await self._asked(lambda: self._unlock(keys=[f"{self._prefix}lead:{name}"], args=[token]))

    @asynccontextmanager
    async def reader(self) -> AsyncIterator["Reader"]:
        """A new connection for reading only."""
        redis = await self._asked(lambda: alone(self._redis, self._address, self._stream))
        try:
            yield Reader(redis, self._stream, self._timeout)
        finally:
            await redis.aclose()

    async def renew(self) -> None:
        """Close the connections that nobody uses now: they may lead to a server that is not the one any more."""
        await renew(self._redis)

    async def remove(self) -> None:
        """Remove the stream, with all entries."""
        await self._asked(lambda: self._redis.delete(self._stream, self._beat))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _asked(self, command: Callable[[], Awaitable[T]]) -> T:
        return await asked(command, self._timeout)


class Reader:
    """Reads a stream over a connection of its own. All methods raise StoreUnavailable."""

    def __init__(self, redis: Redis, stream: str, timeout: float) -> None:
        self._redis, self._stream, self._timeout = redis, stream, timeout

    async def has(self, position: bytes) -> bool:
        """Whether the entry with this id is in the stream."""
        return bool(await asked(lambda: self._redis.xrange(self._stream, position, position, count=1), self._timeout))

    async def after(self, position: bytes) -> tuple[list[tuple[bytes, Entry | None]], bool]:
        """The entries after this id, each with its own; None where it cannot be read. Waits up to `BEAT` for one.

        And whether the entry with this id was still in the stream after that. If not, there may have been more.
        """
        pipeline = self._redis.pipeline(transaction=False)  # in a transaction XREAD would not wait
        pipeline.xread({self._stream: position}, count=_AT_ONCE, block=int(BEAT * 1000))
        pipeline.xrange(self._stream, position, position, count=1)
        found, there = await asked(pipeline.execute, BEAT + self._timeout)
        entries = found[0][1] if found else []
        return [(name, _entry(fields.get(b"entry", b""))) for name, fields in entries], bool(there)


def added_at(position: bytes) -> float:
    """When an entry was added, by the server's clock (seconds since the epoch)."""
    return int(position.partition(b"-")[0]) / 1000


def _entry(text: bytes) -> Entry | None:
    try:
        return _DECODER.decode(text)
    except msgspec.MsgspecError:
        return None


async def probe(stream: HintStream) -> None:
    """Do once what carrying hints needs, with a stream of its own, and leave nothing. Raises StoreUnavailable."""
    try:
        position = await stream.add(())
        try:
            await stream.beat()
            await stream.lead("nothing", "nobody", 1.0)
            await stream.step_down("nothing", "nobody")
            async with stream.reader() as reader:
                if not (await reader.after(position))[1]:
                    raise StoreUnavailable("Redis: what was added to a stream is not in it")
        finally:
            await stream.remove()
    finally:
        await stream.close()
