"""Upstream rows that outlive a request, for seconds, in Redis (or Valkey), for all processes of the gateway.

Each row is a hash of its own. What is wrong there (of another version, another type, or written by somebody else) is
taken for missing, and removed. Every time is the server's, so that the clocks of processes need not agree.

Rows that go together (all of one type in one system) have one version, a random text. A row counts only with the
version under which its reading began. Who evicts removes the version, and the next one who looks makes a new one: so
no reading that began before can put its rows back, and a version that Redis has forgotten costs rows and no truth.
In a cluster a group has several parts (`Spread`), each with a version of its own, so that a script has one slot.
"""

import asyncio
import logging
import secrets
from collections.abc import Collection, Coroutine, Mapping, Sequence
from enum import Enum
from functools import partial
from typing import Any, Final

import msgspec

from connectors.store.address import Address
from connectors.store.asking import asked, redis_at
from connectors.store.away import MayBeAway
from connectors.store.redis import Argument
from connectors.store.spread import Spread, at_once
from connectors.store.writes import StoreUnavailable

_log: Final = logging.getLogger("gateway.cache")

MOST_BYTES: Final = 256 * 1024
"""Of one row, or of one list of rows. A larger one is not kept."""

_AT_ONCE: Final = 200
"""Rows of one question to Redis."""

_VERSION_LIVES: Final = 24 * 3600 * 1000
"""Milliseconds. Then its rows are read anew."""

_LOOK: Final = """
local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)
local version = redis.pcall('GET', KEYS[1])
if type(version) == 'table' then redis.call('DEL', KEYS[1]) version = false end
if not version then
    version = ARGV[1]
    if type(redis.pcall('SET', KEYS[1], version, 'PX', ARGV[5])) == 'table' and redis.call('EXISTS', KEYS[1]) == 0 then
        version = ''
    end
end
if version == '' then return {version} end
local found = {version, now}
for i = 2, #KEYS do
    local kept = redis.pcall('HMGET', KEYS[i], 'version', 'at', 'row', 'lease', 'until')
    if kept.err then redis.call('DEL', KEYS[i]) kept = {} end
    local at, row = tonumber(kept[2] or ''), kept[3]
    if kept[1] ~= version or not at or at > now or now - at >= tonumber(ARGV[4]) then at = 0 row = '' end
    local state = 'fresh'
    if row == '' or not row or now - at >= tonumber(ARGV[3]) then
        local ends = tonumber(kept[5] or '')
        if kept[4] and string.sub(kept[4], 1, #version) == version and ends and now < ends and ends <= now + ARGV[2]
        then
            state = 'leased'
        elseif type(redis.pcall('HSET', KEYS[i], 'lease', version .. ARGV[1], 'until', now + ARGV[2])) == 'table' then
            state = 'full'
        else
            state = 'ours'
            if redis.call('PTTL', KEYS[i]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[i], ARGV[2]) end
        end
    end
    found[#found + 1] = state found[#found + 1] = now - at found[#found + 1] = row or ''
end
return found
"""
"""KEYS: the version's, and the rows'. ARGV: token, lease, for how long a row is fresh, and for how long it can be used
at all, how long a new version lives (all ms)."""

_SETTLE: Final = """
local version = redis.pcall('GET', KEYS[1])
for i = 2, #KEYS do
    local lease = redis.pcall('HGET', KEYS[i], 'lease')
    if lease == ARGV[2] .. ARGV[1] then
        local kind, row = string.sub(ARGV[i + 3], 1, 1), string.sub(ARGV[i + 3], 2)
        redis.call('HDEL', KEYS[i], 'lease', 'until')
        if kind ~= '?' then redis.call('DEL', KEYS[i]) end
        if kind == '=' and version == ARGV[2] then
            redis.pcall('HSET', KEYS[i], 'version', version, 'at', ARGV[3], 'row', row)
            redis.call('PEXPIRE', KEYS[i], ARGV[4])
        end
    end
end
return 1
"""
"""KEYS: the version's, and the rows'. ARGV: token, version, when the reading began, how long the rows are kept (ms);
for each row: = and the row, - where there is none to be kept, ? where it could not be read."""

_EVICT: Final = """
local quiet = tonumber(ARGV[1])
for i = 1, #KEYS do
    local before = 0
    if redis.pcall('GET', KEYS[i]) == '' then before = redis.call('PTTL', KEYS[i]) end
    if before < quiet or quiet == 0 and before == 0 then
        redis.call('DEL', KEYS[i])
        if quiet > 0 then redis.call('SET', KEYS[i], '', 'PX', quiet) end
    end
end
return 1
"""
"""KEYS: versions'. ARGV: for how long nothing is kept (ms)."""


class State(Enum):
    """What there is of a row, and who reads it: another, whoever asked, or nobody for all, as Redis is full."""

    FRESH = "fresh"
    LEASED = "leased"
    OURS = "ours"
    FULL = "full"


class Kept(msgspec.Struct, frozen=True):
    """A row as it was found: `row` is empty where there is none that can be used; `age` is in seconds."""

    state: State
    age: float
    row: bytes


class Began(msgspec.Struct, frozen=True):
    """Under which version rows are read from now on, and when that was, by the server's clock."""

    version: bytes
    at: int


class Looked(msgspec.Struct, frozen=True):
    """What was found, in the order of the names. `began`: by the part that the rows are in."""

    began: Mapping[str, Began]
    rows: Sequence[Kept]


class Times(msgspec.Struct, frozen=True):
    """Seconds for which a row is fresh, for which it can be used at all, and in which it is read."""

    fresh: float
    usable: float
    lease: float


class NotKept(Enum):
    """Why there is no row to keep: there is nothing to be kept of it, or it could not be read."""

    NOTHING = b"-"
    UNREAD = b"?"


class RowsInRedis:
    """Rows by name, in groups that are evicted together. Nothing raises; where Redis is away, nothing is found."""

    def __init__(
        self, address: Address, *, prefix: str = "opticom:{rows}:", timeout: float = 0.25, pause: float = 1.0
    ) -> None:
        """All keys have the `prefix`. A cluster has them in several slots, by what `Spread` adds in its braces."""
        self._redis = redis_at(address)
        self._spread = Spread(self._redis, prefix)
        self._server = MayBeAway(
            _log,
            lost="Redis cannot be asked for rows that are kept; the systems are asked for each",
            back="Redis can be asked again for rows that are kept.",
            timeout=timeout,
            pause=pause,
        )
        self._look = self._redis.register_script(_LOOK)
        self._settle = self._redis.register_script(_SETTLE)
        self._evict = self._redis.register_script(_EVICT)
        self._owed: dict[str, float] = {}
        """Groups that could not be evicted yet, and for how long nothing is to be kept of them then."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._repaying: asyncio.Task[None] | None = None
        self._is_full = False

    async def look(self, group: str, names: Sequence[str], token: str, times: Times) -> Looked | None:
        """What is kept, and a lease for each row that nobody reads; None where nothing is kept now."""
        began: dict[str, Began] = {}
        rows: dict[str, Kept] = {}

        async def one_part(prefix: str, names: Sequence[str]) -> None:
            for start in range(0, len(names), _AT_ONCE):
                if group in self._owed:
                    return
                part = names[start : start + _AT_ONCE]
                times_given = (_ms(times.lease), _ms(times.fresh), _ms(times.usable), _VERSION_LIVES)
                found = await self._asked(self._look, prefix, group, part, [token, *times_given])
                if not found or len(found) != 2 + 3 * len(part):
                    return  # what was leased for others before is leased until its time is over
                if began.setdefault(prefix, Began(found[0], found[1])).version != found[0]:
                    return
                told = [Kept(State(found[at].decode()), found[at + 1] / 1000, found[at + 2]) for at in _thirds(found)]
                rows.update(zip(part, told, strict=True))

        await at_once([partial(one_part, *part) for part in self._spread.parts(names).items()])
        states = {one.state for one in rows.values()}
        self._say_if_full(State.FULL in states, State.OURS in states)
        return Looked(began, [rows[name] for name in names]) if len(rows) == len(names) else None

    def settle(self, group: str, looked: Looked, token: str, rows: Mapping[str, bytes | NotKept], times: Times) -> None:
        """Keep what was read under these leases, and give them back. Nobody waits for it."""

        async def one_part(prefix: str, names: Sequence[str]) -> None:
            began = looked.began[prefix]
            for start in range(0, len(names), _AT_ONCE):
                part = names[start : start + _AT_ONCE]
                told = [one.value if isinstance(one := rows[name], NotKept) else b"=" + one for name in part]
                arguments: list[Argument] = [token, began.version, began.at, _ms(times.usable), *told]
                await self._asked(self._settle, prefix, group, part, arguments)

        if group not in self._owed and rows:
            self._start(at_once([partial(one_part, *part) for part in self._spread.parts(rows).items()]))

    async def evict(self, groups: Collection[str], quiet: float = 0.0) -> None:
        """Let no row count that was read, or whose reading began, before now; keep none for `quiet` seconds.

        Where Redis is away this is done as soon as it is back, and until then this process takes nothing from it.
        """
        self._owed |= {group: max(quiet, self._owed.get(group, 0.0)) for group in groups}
        await self._repay()
        if self._owed and (self._repaying is None or self._repaying.done()):
            self._repaying = self._start(self._repay_later())

    async def forget(self, names: Collection[str]) -> None:
        """Remove rows that cannot be read."""
        for prefix, part in self._spread.parts(names).items():
            await self._server.asked(partial(self._redis.delete, *(prefix + name for name in part)))

    async def probe(self, timeout: float) -> None:  # noqa: ASYNC109  # each question's own
        """Do once what keeping rows needs, in every part, and leave nothing. Raises StoreUnavailable."""
        token = new_token()
        for prefix in self._spread.prefixes:
            keys = [f"{prefix}version:check:{token}", f"{prefix}check:{token}"]
            look = partial(self._look, keys=keys, args=[token, 1000, 1000, 1000, 1000])
            found: Any = await asked(look, timeout)
            try:
                if len(found) != 5 or found[2] != State.OURS.value.encode():
                    raise StoreUnavailable("Redis: it is full, and keeps no row")
                settled: list[Argument] = [token, found[0], found[1], 1000, b"=row"]
                await asked(partial(self._settle, keys=keys, args=settled), timeout)
                await asked(partial(self._evict, keys=keys[:1], args=[0]), timeout)
            finally:
                await asked(partial(self._redis.delete, *keys), timeout)

    async def close(self) -> None:
        """Settle what is under way, and close the connections."""
        if self._repaying is not None:
            self._repaying.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._redis.aclose()

    def _say_if_full(self, is_full: bool, has_room: bool) -> None:
        if is_full and not self._is_full:
            _log.warning("Redis is full: rows that it does not have are not kept.")
        elif has_room and self._is_full:
            _log.warning("Redis has room again; rows are kept.")
        self._is_full = is_full or (self._is_full and not has_room)

    async def _repay(self) -> None:
        for quiet, groups in _by_quiet(self._owed).items():
            arguments: list[Argument] = [_ms(quiet)]
            done: list[Any] = []

            async def one_part(
                prefix: str, groups: list[str] = groups, arguments: list[Argument] = arguments, done: list[Any] = done
            ) -> None:
                keys = [f"{prefix}version:{group}" for group in groups]
                done.append(await self._server.asked(partial(self._evict, keys=keys, args=arguments)))

            await at_once([partial(one_part, prefix) for prefix in self._spread.prefixes])
            if all(done):
                for group in groups:
                    if self._owed.get(group) == quiet:
                        del self._owed[group]

    async def _repay_later(self) -> None:
        while self._owed:
            await asyncio.sleep(self._server.pause)
            await self._repay()

    async def _asked(
        self, script: Any, prefix: str, group: str, names: Sequence[str], arguments: list[Argument]
    ) -> Any:
        keys = [f"{prefix}version:{group}", *(prefix + name for name in names)]
        return await self._server.asked(lambda: script(keys=keys, args=arguments))

    def _start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def new_token() -> str:
    """A text that nobody else has."""
    return secrets.token_hex(8)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def _thirds(found: Sequence[Any]) -> range:
    return range(2, len(found), 3)


def _by_quiet(owed: Mapping[str, float]) -> dict[float, list[str]]:
    found: dict[float, list[str]] = {}
    for group, quiet in owed.items():
        found.setdefault(quiet, []).append(group)
    return found
