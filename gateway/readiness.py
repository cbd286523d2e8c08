"""What `/readyz` knows: the systems, the keys that tokens are checked with, and each use of Redis.

Whoever asks is answered with what is known, at once. What is old by then is looked for after that, by one process for
all that share a Redis, or else a folder: a system is asked once in `ASKED_EVERY` seconds at most, however many gateways
there are, and not at all while requests show how it is.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final

from connectors import ConnectedSystem, Connectors
from connectors.errors import ConnectorError
from connectors.http.health import SystemStatus
from connectors.store.answering import RedisUses
from connectors.store.system_states import SystemStates, Told

ASKED_EVERY: Final = 15.0
"""Seconds after which a system is asked whether it is there."""

_LOOKS_EVERY: Final = 5.0
"""Seconds between two looks of a process at what others know, and at Redis."""


class Readiness:
    """Knows what is there. `close` ends what is under way, and closes what it was given."""

    def __init__(
        self,
        connectors: Connectors,
        states: SystemStates,
        redis: RedisUses,
        key_ages: Callable[[], Mapping[str, float]],
    ) -> None:
        """`key_ages`: by issuer, the seconds since its keys were loaded."""
        self._systems = {_place(one): one for one in connectors.systems}
        self._states, self._redis, self._key_ages = states, redis, key_ages
        self._looked = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    def names_and_states(self) -> dict[str, Any]:
        """For everybody: `systems` and uses of `redis`, each up, down or unknown."""
        self._look_soon()
        systems = {one.name: one.probe.http.health.status.value for one in self._systems.values()}
        redis = {name: _status(state.works if state else None) for name, state in self._redis.states.items()}
        return {"systems": systems, "redis": redis}

    def details(self) -> dict[str, Any]:
        """For operators: those with when they were asked, and what was wrong; `keys`: by issuer, the age in seconds."""
        self._look_soon()
        systems: dict[str, Any] = {}
        for one in self._systems.values():
            health = one.probe.http.health
            error = health.last_error
            systems[one.name] = {
                "status": health.status.value,
                "asked": _shown(health.last_seen),
                "latency_ms": None if health.latency_ms is None else round(health.latency_ms, 1),
                "last_error": error and {"said": error.message, "at": _shown(error.at)},
            }
        redis = {
            name: {
                "status": _status(state.works if state else None),
                "asked": _shown(datetime.fromtimestamp(state.at, UTC)) if state else None,
                "why": state.why if state else "",
            }
            for name, state in self._redis.states.items()
        }
        keys = {issuer: round(age, 1) for issuer, age in self._key_ages().items()}
        return {"systems": systems, "keys": keys, "redis": redis}

    def redis_works(self) -> Mapping[str, bool]:
        """The uses of Redis that were asked for, by name. What is old is looked for."""
        self._look_soon()
        return {name: state.works for name, state in self._redis.states.items() if state is not None}

    async def looked(self) -> None:
        """Wait until what is being looked for is there."""
        if self._looking is not None:
            await asyncio.wait([self._looking])

    async def close(self) -> None:
        """End what is under way."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await self._states.close()
        await self._redis.close()

    def _look_soon(self) -> None:
        now = time.monotonic()
        if now - self._looked >= _LOOKS_EVERY and (self._looking is None or self._looking.done()):
            self._looked = now
            self._looking = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._redis.ask())
            group.create_task(self._look_at_systems())

    async def _look_at_systems(self) -> None:
        now = datetime.now(UTC)
        told = await self._states.told()
        for place, known in told.items():
            if place in self._systems:
                at = min(datetime.fromtimestamp(known.at, UTC), now)  # clocks differ
                self._systems[place].probe.http.health.heard(SystemStatus(known.status), at, known.said)
        async with asyncio.TaskGroup() as group:
            for place, system in self._systems.items():
                if not system.probe.http.system.is_personal:  # it answers callers only: their requests show how it is
                    group.create_task(self._ask(place, system, now))
        now_known = {place: _known(system) for place, system in self._systems.items()}
        if news := {place: one for place, one in now_known.items() if one and _is_news(one, told.get(place))}:
            await self._states.tell(news)

    async def _ask(self, place: str, system: ConnectedSystem, now: datetime) -> None:
        seen = system.probe.http.health.last_seen
        if seen is not None and (now - seen).total_seconds() < ASKED_EVERY:
            return
        if await self._states.may_ask(place, ASKED_EVERY):
            with suppress(ConnectorError):  # the system's health has it
                await system.probe.probe()


def _place(system: ConnectedSystem) -> str:
    """A system's name for all gateways that reach it at the same address."""
    address = blake2b(system.probe.http.system.url.encode(), digest_size=8).hexdigest()
    return f"{system.name}:{address}"


def _known(system: ConnectedSystem) -> Told | None:
    health = system.probe.http.health
    if health.last_seen is None or health.status is SystemStatus.UNKNOWN:
        return None
    if health.status is SystemStatus.UP:
        return Told("up", health.last_seen.timestamp())
    return Told("down", health.last_seen.timestamp(), health.last_error.message if health.last_error else "")


def _is_news(known: Told, told: Told | None) -> bool:
    return told is None or known.at - told.at >= (1.0 if told.status == known.status else 0.001)


def _status(works: bool | None) -> str:  # one value, which is named by the function
    return "unknown" if works is None else "up" if works else "down"


def _shown(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
