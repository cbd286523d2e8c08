"""Public keys to check tokens with: fetched on demand at a limited rate, and kept if a fetch fails."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import jwt
import orjson

_log = logging.getLogger("gateway.auth")

Load = Callable[[], Awaitable[bytes]]
"""Reads a JSON Web Key Set (RFC 7517); raises OSError or aiohttp.ClientError if it cannot be read."""

MAX_BYTES = 512 * 1024


class KeysUnavailableError(Exception):
    """No key set has been loaded yet."""


class KeySet:
    """Keys by key id.

    The set is loaded at first use, for a key id that it does not have, and when it is older than `max_age` seconds;
    but at most once per `min_refetch` seconds (while there are no keys at all: per `retry` seconds), by one caller
    for all. A load that fails leaves the keys that are there.
    """

    def __init__(self, load: Load, *, min_refetch: float = 30.0, max_age: float = 600.0, retry: float = 1.0) -> None:
        self._load, self._min_refetch, self._max_age, self._retry = load, min_refetch, max_age, retry
        self._keys: list[jwt.PyJWK] = []
        self._loaded = self._tried = float("-inf")
        self._lock = asyncio.Lock()
        self._failing = False

    async def key(self, key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
        """The key with this id, or without an id the only key for the algorithm; None if there is none.

        Raises KeysUnavailableError if no key set has been loaded yet.
        """
        found = self._find(key_id, algorithm)
        old = time.monotonic() - self._loaded > self._max_age
        if found is None or (
            old and not self._lock.locked()
        ):  # One caller waits for new keys; others use the old ones.
            await self._refresh()
            found = self._find(key_id, algorithm)
        if not self._keys:
            raise KeysUnavailableError
        return found

    def _find(self, key_id: str | None, algorithm: str) -> jwt.PyJWK | None:
        if key_id is not None:
            return next((key for key in self._keys if key.key_id == key_id), None)
        fitting = [key for key in self._keys if key.algorithm_name == algorithm]
        return fitting[0] if len(fitting) == 1 else None

    async def _refresh(self) -> None:
        async with self._lock:  # Callers that waited for the lock find a recent attempt and make none.
            if time.monotonic() - self._tried < (self._min_refetch if self._keys else self._retry):
                return
            try:
                self._keys = _parse(await self._load())
            except (OSError, TimeoutError, aiohttp.ClientError, ValueError, jwt.PyJWTError) as error:
                if not self._failing:
                    held = f"the {len(self._keys)} keys from before stay in use" if self._keys else "there are none yet"
                    _log.warning("The key set (JWKS) cannot be loaded, %s: %s", held, error)
                self._failing = True
            else:
                self._loaded = time.monotonic()
                if self._failing:
                    _log.warning("The key set (JWKS) can be loaded again.")
                self._failing = False
            finally:
                self._tried = time.monotonic()


def _parse(body: bytes) -> list[jwt.PyJWK]:
    answer = orjson.loads(body)
    if not isinstance(answer, dict) or not isinstance(answer.get("keys"), list):
        raise ValueError('not a JSON Web Key Set: an object with a list "keys" is expected')  # noqa: TRY004 - a value
    # Symmetric keys ("oct") are nobody's to publish, and encryption keys verify nothing.
    usable = [
        key
        for key in answer["keys"]
        if isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"
    ]
    if not usable:
        raise ValueError("the JSON Web Key Set has no asymmetric signature key")
    return list(jwt.PyJWKSet(usable))


def from_file(path: Path) -> Load:
    """A loader that reads the key set from a file each time."""

    async def load() -> bytes:
        return await asyncio.to_thread(path.read_bytes)

    return load


def from_address(session: aiohttp.ClientSession, address: str, *, timeout: float = 5.0) -> Load:
    """A loader that fetches the key set by HTTP: at most 512 KiB within `timeout` seconds, without redirects.

    Raises ValueError at once for an address that is neither https nor http.
    """
    if urlsplit(address).scheme not in ("https", "http") or not urlsplit(address).hostname:
        raise ValueError(f"the address of the key set must begin with https:// (or http://), not {address!r}")
    limit = aiohttp.ClientTimeout(total=timeout)

    async def load() -> bytes:
        async with session.get(address, allow_redirects=False, timeout=limit) as answer:
            if answer.status != 200:
                raise OSError(f"{address} answered with status {answer.status}")
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise OSError(f"{address} answered with more than {MAX_BYTES} bytes")
            return bytes(body)

    return load


def from_bytes(body: bytes) -> Load:
    """A loader of a constant key set."""

    async def load() -> bytes:
        return body

    return load
