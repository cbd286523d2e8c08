"""What is known of the systems, shared among all who ask them, so that one asks for all: in memory, a folder or Redis.

All of it is a hint: who cannot learn it asks a system itself.
"""

import fcntl
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import msgspec

from connectors.store.address import Address
from connectors.store.asking import redis_at
from connectors.store.away import MayBeAway

_log: Final = logging.getLogger("gateway.systems")

_LIVES: Final = 3600
"""Seconds for which Redis keeps what nobody tells anew."""


class Told(msgspec.Struct, frozen=True):
    """Whether a system answered, when that was, in seconds since 1970, and how its last call failed if it is down.

    `said` is the sentence that clients are told, without anything that was asked for.
    """

    status: Literal["up", "down"]
    at: float
    said: str = ""


class SystemStates(Protocol):
    """By a system's name. Nothing raises."""

    async def may_ask(self, name: str, seconds: float) -> bool:
        """Whether nobody else was let ask within so many seconds; from now on this one is."""

    async def tell(self, states: Mapping[str, Told]) -> None:
        """Let all others know."""

    async def told(self) -> Mapping[str, Told]:
        """What is known."""

    async def close(self) -> None:
        """Close what is open."""


class OwnStates:
    """Implements `SystemStates` for who is alone."""

    async def may_ask(self, name: str, seconds: float) -> bool:
        return True

    async def tell(self, states: Mapping[str, Told]) -> None:
        pass

    async def told(self) -> Mapping[str, Told]:
        return {}

    async def close(self) -> None:
        pass


class _Shared(msgspec.Struct):
    states: dict[str, Told] = {}
    asked: dict[str, float] = {}


class StatesInFolder:
    """Implements `SystemStates` for the processes of one machine, which share a folder."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = folder / "systems.json", clock

    async def may_ask(self, name: str, seconds: float) -> bool:
        now, may = self._clock(), False

        def claim(shared: _Shared) -> None:
            nonlocal may
            may = not 0 <= now - shared.asked.get(name, 0.0) < seconds
            if may:
                shared.asked[name] = now

        self._change(claim)
        return may

    async def tell(self, states: Mapping[str, Told]) -> None:
        self._change(lambda shared: shared.states.update(states))

    async def told(self) -> Mapping[str, Told]:
        return self._change(lambda _: None).states

    async def close(self) -> None:
        pass

    def _change(self, change: Callable[[_Shared], None]) -> _Shared:
        """Read, change and write the file, while nobody else does. It is a few hundred bytes."""
        with self._path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            before = file.read()
            try:
                shared = msgspec.json.decode(before, type=_Shared)
            except msgspec.MsgspecError:  # nothing yet, or a process was killed while it wrote
                shared = _Shared()
            change(shared)
            if (after := msgspec.json.encode(shared)) != before:
                file.truncate(0)
                file.write(after)
            return shared


class StatesInRedis:
    """Implements `SystemStates` for all gateways that name the same server."""

    def __init__(self, address: Address, *, prefix: str = "opticom:system:", timeout: float = 0.25) -> None:
        """All keys have the `prefix`. Each question waits at most `timeout` seconds."""
        self._redis, self._prefix, self._states = redis_at(address, connections=1), prefix, f"{prefix}states"
        self._server = MayBeAway(
            _log,
            lost="Redis cannot be asked what others know of the systems; this gateway asks them itself",
            back="Redis can be asked again what others know of the systems.",
            timeout=timeout,
        )

    async def may_ask(self, name: str, seconds: float) -> bool:
        key, milliseconds = f"{self._prefix}asked:{name}", int(seconds * 1000)
        claimed: Any = await self._server.asked(partial(self._claim, key, milliseconds))
        return claimed is not False

    async def _claim(self, key: str, milliseconds: int) -> bool:
        return bool(await self._redis.set(key, b"", nx=True, px=milliseconds))

    async def tell(self, states: Mapping[str, Told]) -> None:
        fields: dict[Any, Any] = {name: msgspec.json.encode(one) for name, one in states.items()}
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hset(self._states, mapping=fields)
        pipeline.expire(self._states, _LIVES)
        await self._server.asked(pipeline.execute)

    async def told(self) -> Mapping[str, Told]:
        found: dict[Any, Any] = await self._server.asked(self._all) or {}
        return {name.decode(): told for name, text in found.items() if (told := _read(text)) is not None}

    async def _all(self) -> dict[Any, Any]:
        found: dict[Any, Any] = await self._redis.hgetall(self._states)
        return found

    async def close(self) -> None:
        await self._redis.aclose()


def _read(text: bytes) -> Told | None:
    try:
        return msgspec.json.decode(text, type=Told)
    except msgspec.MsgspecError:  # of another version
        return None
