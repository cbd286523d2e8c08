"""Keys with which addresses of documents are signed: of the settings, shared in Redis, or of this process only.

There may be two at a time, so that a key can be replaced while addresses are on their way.
"""

import asyncio
import hmac
import logging
import secrets
import time
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from connectors.secret_files import Secret
from connectors.store.shared_key import SharedKey
from connectors.store.writes import StoreUnavailable

LIFETIME: Final = 24 * 3600.0
"""Seconds after which the processes make another key in Redis."""

LOOK_EVERY: Final = 30.0
"""Seconds between two looks for it."""

_SOON: Final = 1.0
"""Seconds between two looks while there is no key, or an unknown one was met."""

_log: Final = logging.getLogger("gateway.files")


class Key(msgspec.Struct, frozen=True):
    """A key, and what names it without telling it."""

    id: bytes
    secret: bytes

    @classmethod
    def of(cls, text: str) -> "Key":
        """The key that is made of a secret text."""
        secret = hmac.digest(text.encode("utf-8", "surrogatepass"), b"addresses of documents", "sha256")
        return cls(hmac.digest(secret, b"id", "sha256")[:4], secret)


class SigningKeys(Protocol):
    """The keys of now."""

    def current(self) -> Key | None:
        """What to sign with; None while it cannot be read."""

    async def named(self, name: bytes) -> Key | None:
        """The key of this id; None if there is none any more."""

    async def start(self) -> None:
        """Get ready. Without a key it goes on, and nothing is signed yet."""

    async def close(self) -> None:
        """End what is under way."""


class GivenKeys:
    """Keys of the settings: the current one, and one from before. Those in files are read again when they change."""

    def __init__(self, current: Secret, before: Secret | None = None) -> None:
        self._current, self._before = current, before
        self._made: tuple[str, Key] | None = None

    def current(self) -> Key:
        """The current one."""
        text = self._current.text
        if self._made is None or self._made[0] != text:
            self._made = text, Key.of(text)
        return self._made[1]

    async def named(self, name: bytes) -> Key | None:
        """One of the two."""
        before = self._before.text if self._before is not None else ""
        return _named(name, self.current(), Key.of(before) if before else None)

    async def start(self) -> None:
        """The keys are there."""

    async def close(self) -> None:
        """Nothing is under way."""


class OwnKey(GivenKeys):
    """A random key of this process."""

    def __init__(self) -> None:
        super().__init__(Secret(secrets.token_hex(32)))


class KeysInRedis:
    """A random key that the processes share, and the one before."""

    def __init__(self, shared: SharedKey, clock: Callable[[], float] = time.monotonic) -> None:
        self._shared, self._clock = shared, clock
        self._current: Key | None = None
        self._before: Key | None = None
        self._looked = -_SOON
        self._is_away = False
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read the key, and look for another one from now on."""
        await self._look()
        self._looking = asyncio.create_task(self._go_on_looking())

    def current(self) -> Key | None:
        """The key as it was read last."""
        return self._current

    async def named(self, name: bytes) -> Key | None:
        """One of the two; for another one Redis is asked, at most once a second."""
        found = _named(name, self._current, self._before)
        if found is None and self._clock() - self._looked >= _SOON:
            await self._look()
            found = _named(name, self._current, self._before)
        return found

    async def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await self._shared.close()

    async def _go_on_looking(self) -> None:
        while True:
            await asyncio.sleep(_SOON if self._current is None else LOOK_EVERY)
            await self._look()

    async def _look(self) -> None:
        self._looked = self._clock()
        try:
            found = Key.of(await self._shared.read())
        except StoreUnavailable as error:
            if not self._is_away:
                _log.warning("Redis cannot be reached for the key of signed addresses: %s", error)
            self._is_away = True
            return
        self._is_away = False
        if found != self._current:
            self._current, self._before = found, self._current


def _named(name: bytes, *keys: Key | None) -> Key | None:
    return next((one for one in keys if one is not None and hmac.compare_digest(one.id, name)), None)
