"""The part of `gateway check` about `redis.url`: each use of it is tried, and how it forgets is looked at."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

from redis.exceptions import AuthenticationError, RedisError

from connectors.store.asking import asked, primaries, redis_at
from connectors.store.hint_stream import PREFIX, HintStream, probe
from connectors.store.rates_in_redis import SpendingInRedis
from connectors.store.rows_in_redis import RowsInRedis
from connectors.store.shared_key import SharedKey
from connectors.store.writes import StoreUnavailable
from connectors.texts import without_credentials
from gateway.commands.check_writes import TIMEOUT, Keeping, keeping_of
from gateway.commands.findings import Finding
from gateway.redis_uses import redis_uses
from gateway.settings import Settings

_MEANWHILE: Final[Mapping[str, str]] = {
    "documents": "Each process would know only the persisted queries that it was sent: may this user use GETEX and SET"
    " with keys opticom:document:*?",
    "rates": "Each process would limit callers by itself: may this user run scripts (EVALSHA, EVAL, SCRIPT LOAD)"
    " with keys opticom:{rate}:*?",
    "cache": "The systems would be asked for every row of [cache]: is it full, or may this user not run scripts"
    " with keys opticom:{rows}:*?",
    "live": "Changes would reach one process's clients only: is it a replica, is it full, or may this user not use"
    " streams (XADD, XREAD, XRANGE) and scripts (EVALSHA, EVAL, SCRIPT LOAD) with keys opticom:live:*?",
    "signatures": "No address of a document could be signed: may this user run scripts with keys gateway:key:*? Or set"
    " files.key.",
}
"""By use: what would be so without it, and what to look at."""


async def shared_redis(settings: Settings, url: str) -> Finding:
    """One line: whether it is there, takes what it is used for, and may forget."""
    address = without_credentials(url)
    redis = redis_at(url)
    started = time.monotonic()
    try:
        async with asyncio.timeout(TIMEOUT):
            servers = await primaries(redis)
            for server in servers:
                await server.ping()
            latency = (time.monotonic() - started) * 1000
            keepings = [await keeping_of(server) for server in servers]
    except AuthenticationError as error:
        hint = "Check user name and password in redis.url."
        return Finding("redis", "Redis", address, "ok", "FAILED", "-", None, str(error), hint)
    except (RedisError, OSError) as error:
        hint = "The gateway runs without it, slower: check redis.url."
        detail = str(error) or f"no answer within {TIMEOUT:g} s"
        return Finding("redis", "Redis", address, "FAILED", detail=detail, hint=hint)
    finally:
        await redis.aclose()
    uses = [use.name for use in redis_uses(settings) if use.name in _TRIES]
    problems = {use: problem for use in uses if (problem := await _problem(_TRIES[use], url))}
    note = f"used for {', '.join(uses)}"
    notices = tuple(dict.fromkeys(notice for one in keepings if (notice := _notice(one))))
    if problems:
        detail = "; ".join(f"{use}: {problem}" for use, problem in problems.items())
        hint = " ".join(_MEANWHILE[use] for use in problems)
        return Finding(
            "redis", "Redis", address, "ok", "-", "FAILED", latency, detail, hint, note=note, notices=notices
        )
    return Finding("redis", "Redis", address, "ok", "-", "ok", latency, note=note, notices=notices)


async def _problem(trial: Callable[[str, str], Awaitable[None]], url: str) -> str:
    """Why it does not do; empty where it does."""
    try:
        await trial(url, f"check:{secrets.token_hex(8)}")
    except StoreUnavailable as failure:
        return str(failure.__cause__ or failure)
    return ""


async def _documents(url: str, name: str) -> None:
    redis, key = redis_at(url, connections=1), "opticom:document:" + name
    try:
        await asked(partial(redis.set, key, b"", ex=60), TIMEOUT)
        await asked(partial(redis.getex, key, ex=60), TIMEOUT)
        await asked(partial(redis.delete, key), TIMEOUT)
    finally:
        await redis.aclose()


async def _rates(url: str, name: str) -> None:
    spending = SpendingInRedis(url, timeout=TIMEOUT)
    try:
        await spending.spend({name: 0.0})
    finally:
        await spending.close()


async def _cache(url: str, _name: str) -> None:
    rows = RowsInRedis(url)
    try:
        await rows.probe(TIMEOUT)
    finally:
        await rows.close()


async def _live(url: str, name: str) -> None:
    await probe(HintStream(url, f"{PREFIX}{name}:", TIMEOUT))


async def _signatures(url: str, name: str) -> None:
    key = SharedKey(url, name, 0.001)
    try:
        await key.read()
    finally:
        await key.close()


_TRIES: Final[Mapping[str, Callable[[str, str], Awaitable[None]]]] = {
    "documents": _documents,
    "rates": _rates,
    "cache": _cache,
    "live": _live,
    "signatures": _signatures,
}


def _notice(keeping: Keeping) -> str:
    """What is odd about how it keeps what may be forgotten; empty for nothing."""
    if keeping.maxmemory == 0:
        return "it has no maxmemory: persisted queries and rows may take all memory of its machine"
    if keeping.maxmemory and keeping.policy == "noeviction":
        return "when it is full it takes nothing more: set maxmemory-policy volatile-lru"
    return ""
