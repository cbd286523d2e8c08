"""The part of `gateway check` about writes: who may write what, and whether it is kept what became of it."""

import asyncio
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, get_args
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from connectors import DOMAINS, ConnectedSystem
from connectors.ports import marks
from connectors.store.asking import primaries, redis_at
from connectors.store.redis import WritesInRedis
from connectors.store.writes import StoreUnavailable
from connectors.texts import without_credentials
from gateway.commands.findings import Finding, Mark
from gateway.settings import Settings
from gateway.writes_settings import Mutation, WritesSettings

MUTATIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "open_ticket": ("openTicket",),
    "add_note": ("addTicketNote",),
    "set_status": ("closeTicket", "reopenTicket"),
    "assign_ticket": ("assignTicket",),
    "pay_bill": ("payBill",),
    "update_contact": ("updateContact",),
}
"""The mutations that each `@write` method of a port is for."""

TIMEOUT: Final = 5.0
"""Seconds for what is no system: those have their own timeouts in the settings."""

_ANYBODY: Final = ("customer", "agent", "admin")
_FOR_STAFF: Final = frozenset({"assignTicket"})


def write_methods(domain: str) -> frozenset[str]:
    """The methods of a domain's port that write."""
    return frozenset(name for name, mark in marks(DOMAINS[domain].port).items() if mark.is_write)


def unwritable(system: ConnectedSystem) -> Mapping[str, str]:
    """The mutations that a system's driver does not take, and why."""
    lacking = {
        method: system.unsupported.get(method, "" if hasattr(system.probe, method) else "the driver cannot write it.")
        for method in write_methods(system.domain)
    }
    return {name: why for method, why in sorted(lacking.items()) if why for name in MUTATIONS[method]}


async def written(settings: Settings, systems: Sequence[ConnectedSystem]) -> Finding:
    """One line: whether what becomes of writes is kept, with a note about who may write what."""
    writes = settings.writes
    note = who(writes, frozenset[str]().union(*(unwritable(one) for one in systems)))
    if settings.writes_url:
        return await _kept(settings.writes_url, note)
    if not writes.enabled:
        return Finding("writes", "-", "-", note=note)
    note += "; what becomes of them is kept in the only process, and forgotten with it"
    return Finding("writes", "in process", "-", note=note)


def who(writes: WritesSettings, lacking: Collection[str]) -> str:
    """Who may use which mutations; `lacking` are those that no system takes."""
    if not writes.enabled:
        return "nothing may be written (writes.enabled is false): every mutation is FORBIDDEN"
    by_callers: dict[tuple[str, ...], list[str]] = {}
    for name in get_args(Mutation):
        callers = writes.allow.get(name, _ANYBODY) if name not in lacking else ()
        if name in _FOR_STAFF:
            callers = tuple(one for one in callers if one != "customer")
        by_callers.setdefault(callers, []).append(name)
    return "; ".join(
        f"{', '.join(callers) or 'nobody'} may {', '.join(names)}" for callers, names in by_callers.items()
    )


_WORSE: Final[Sequence[Mark]] = ("ok", "?", "FAILED")
"""What a line may say of one node of a cluster: the worst counts for all."""


class Keeping(NamedTuple):
    """How a Redis keeps its data; None is what it does not tell. `save` is when it writes snapshots, "" never."""

    policy: str | None = None
    maxmemory: int | None = None
    appendonly: bool | None = None
    save: str | None = None


async def _kept(url: str, note: str) -> Finding:
    address = without_credentials(url)
    credentials: Mark = "ok" if "@" in urlsplit(url).netloc else "-"
    redis = redis_at(url)
    started = time.monotonic()
    try:
        async with asyncio.timeout(TIMEOUT):
            servers = await primaries(redis)
            for server in servers:
                await server.ping()
        latency = (time.monotonic() - started) * 1000
        if problem := await _refusal(url):
            hint = (
                "Writes are claimed there by a script: is it a replica, is it full, or may this user not write keys"
                " opticom:write:* and run scripts (EVALSHA, EVAL, SCRIPT LOAD)?"
            )
            return Finding("writes", "Redis", address, "ok", credentials, "FAILED", latency, problem, hint, note=note)
        async with asyncio.timeout(TIMEOUT):
            keepings = [await keeping_of(server) for server in servers]
    except (AuthenticationError, NoPermissionError) as error:
        hint = "Check user name and password in redis.writes_url. Until then no payment is made."
        return Finding("writes", "Redis", address, "ok", "FAILED", "-", None, str(error), hint, note=note)
    except (RedisError, OSError) as error:
        hint = "Nothing can be written without it (WRITE_NOT_DONE): check redis.writes_url."
        detail = str(error) or f"no answer within {TIMEOUT:g} s"
        return Finding("writes", "Redis", address, "FAILED", detail=detail, hint=hint, note=note)
    finally:
        await redis.aclose()
    well = Finding("writes", "Redis", address, "ok", credentials, "ok", latency, note=note)
    return max((judged(keeping, well) for keeping in keepings), key=lambda one: _WORSE.index(one.read))


async def _refusal(url: str) -> str:
    """Why no write can be claimed there; empty where one can, which is forgotten at once."""
    store, key = WritesInRedis(url, time_to_live=60.0, timeout=TIMEOUT), f"check:{secrets.token_hex(8)}"
    try:
        claim = await store.claim(key, "check", 1.0)
        await store.forget(key, claim.record.token)
    except StoreUnavailable as failure:
        return str(failure.__cause__ or failure)
    finally:
        await store.close()
    return ""


async def keeping_of(redis: Redis) -> Keeping:
    """What it tells by CONFIG; where that is refused, as managed ones do, what INFO tells."""
    told: dict[Any, Any] = {}
    try:
        for pattern in ("maxmemory*", "appendonly", "save"):
            told |= await redis.config_get(pattern)
    except RedisError:
        return await _informed(redis)
    return Keeping(
        told.get("maxmemory-policy"),
        int(told["maxmemory"]) if "maxmemory" in told else None,
        told["appendonly"] == "yes" if "appendonly" in told else None,
        told.get("save"),
    )


async def _informed(redis: Redis) -> Keeping:
    try:
        memory, disk = await redis.info("memory"), await redis.info("persistence")
    except RedisError:
        return Keeping()
    has_file = bool(disk["aof_enabled"]) if "aof_enabled" in disk else None
    return Keeping(memory.get("maxmemory_policy"), memory.get("maxmemory"), has_file)


def judged(keeping: Keeping, well: Finding) -> Finding:
    """The line of a Redis that keeps its data so; `well` is what it is where nothing is wrong."""
    wrong, unknown = [], []
    if keeping.policy is None:
        unknown.append("maxmemory-policy noeviction")
    elif keeping.policy != "noeviction":
        when = "" if keeping.maxmemory else " as soon as it has a maxmemory"
        wrong.append(f"it may evict what became of a write{when}: maxmemory-policy is {keeping.policy}")
    if not keeping.appendonly and not keeping.save:
        if keeping.appendonly is None or keeping.save is None:
            unknown.append("data on disk (appendonly yes)")
        else:
            wrong.append("it forgets everything when it restarts: appendonly is no, and save is empty")
    if wrong:
        hint = (
            "A payment could be made twice: set maxmemory-policy noeviction and appendonly yes there (CONFIG SET at"
            " once, CONFIG REWRITE or its file for good)."
        )
        return replace(well, read="FAILED", detail="; ".join(wrong), hint=hint)
    if unknown:
        detail = "whether it keeps what became of each write is unknown: it does not tell all of its configuration"
        return replace(well, read="?", detail=detail, hint=f"Ask its operator for: {', '.join(unknown)}.")
    if not keeping.appendonly:
        snapshots = "it keeps snapshots only, so that a crash costs what came after the last: appendonly yes is better"
        return replace(well, note=f"{well.note}; {snapshots}")
    return well
