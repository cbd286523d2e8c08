"""Public keys to check tokens with: fetched on demand at a limited rate, and kept if a fetch fails."""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import jwt
import orjson
from cryptography.exceptions import UnsupportedAlgorithm

from connectors.http.encoding import as_utf8
from connectors.http.through import Session
from connectors.reading.repair import repaired
from connectors.texts import without_credentials
from gateway.engine.lru import LRU

_log = logging.getLogger("gateway.auth")

Load = Callable[[], Awaitable[bytes]]
"""Reads a JSON Web Key Set (RFC 7517); raises OSError or aiohttp.ClientError if it cannot be read."""

MAX_BYTES = 512 * 1024

TIMEOUT: Final = 5.0
"""Seconds for one look at what an issuer publishes."""

_LONGEST_NUMBER: Final = 400
"""Digits of a number that is read exactly."""

MOST_REFETCHES: Final = 10
"""How often the set is loaded for unknown key ids per `min_refetch`: made-up ones must not keep the issuer busy."""

_MOST_ABSENT: Final = 1000


class KeysUnavailableError(Exception):
    """It cannot be told whether the issuer has such a key: no key set has been loaded, or none since it may have."""


class WrongKeyError(Exception):
    """The key set has a key with this id, but it is not for the algorithm."""


class KeySet:
    """Keys by key id.

    The set is loaded at first use, when it is older than `max_age` seconds, and for a key id that it does not have,
    by one caller for all. For the same unknown id that happens once per `min_refetch` seconds, and for all of them
    `MOST_REFETCHES` times. While the set cannot be loaded it is tried again after `retry` seconds; the keys that are
    there stay in use.
    """

    def __init__(
        self, load: Load, issuer: str = "", *, min_refetch: float = 30.0, max_age: float = 600.0, retry: float = 1.0
    ) -> None:
        """`issuer` is named in the log."""
        self._load, self._min_refetch, self._max_age, self._retry = load, min_refetch, max_age, retry
        self._name = f"The key set (JWKS) of {without_credentials(issuer)}" if issuer else "The key set (JWKS)"
        self._keys: list[Key] = []
        self._loaded = self._tried = float("-inf")
        self._lock = asyncio.Lock()
        self._failing = False
        self._absent: LRU[str, float] = LRU(_MOST_ABSENT)
        self._refetched: deque[float] = deque(maxlen=MOST_REFETCHES)
        self._first: asyncio.Task[bool] | None = None

    async def are_there(self, within: float) -> bool:
        """Whether there are keys. Where there are none they are loaded, and waited for so many seconds."""
        if self._keys:
            return True
        if self._first is None or self._first.done():
            self._first = asyncio.create_task(self._refresh(time.monotonic(), self._retry))
        await asyncio.wait([self._first], timeout=within)
        return bool(self._keys)

    @property
    def age(self) -> float | None:
        """Seconds since they were loaded last; None while they were not."""
        return time.monotonic() - self._loaded if self._keys else None

    def close(self) -> None:
        """End what is still being loaded for `are_there`."""
        if self._first is not None:
            self._first.cancel()

    async def candidates(self, key_id: str | None, algorithm: str) -> list[jwt.PyJWK]:
        """The keys that may have signed a token with this header; without an id, the only one for the algorithm.

        None at all if the issuer has no such key. Raises KeysUnavailableError, WrongKeyError.
        """
        now = time.monotonic()
        if now - self._loaded > self._max_age and not self._lock.locked():
            await self._refresh(now, self._min_refetch if self._keys else self._retry)  # others use the old ones
        if not self._knows(key_id, algorithm) and not self._is_absent(key_id, now):
            await self._look_for(key_id, algorithm, now)
        if not self._keys:
            raise KeysUnavailableError
        named = self._keys if key_id is None else [key for key in self._keys if key.id == key_id]
        fitting = [key for key in named if key.fits(algorithm)]
        if key_id is None:
            return [fitting[0].verifier(algorithm)] if len(fitting) == 1 else []
        if named and not fitting:
            raise WrongKeyError
        return [key.verifier(algorithm) for key in fitting]

    def _knows(self, key_id: str | None, algorithm: str) -> bool:
        if key_id is not None:
            return any(key.id == key_id for key in self._keys)
        return sum(key.fits(algorithm) for key in self._keys) == 1

    def _is_absent(self, key_id: str | None, now: float) -> bool:
        """Whether the id was looked for a moment ago, and was not there."""
        looked = self._absent.get(key_id or "")
        return looked is not None and now - looked < self._min_refetch

    async def _look_for(self, key_id: str | None, algorithm: str, now: float) -> None:
        """Load the set once more, or wait for whoever does. Raises KeysUnavailableError where that does not tell."""
        if self._loaded < now:
            may = not self._keys or self._failing or self._may_refetch(now)
            if not may and not self._lock.locked():
                raise KeysUnavailableError
            pause = min(self._retry, self._min_refetch) if self._keys else self._retry
            counts = self._keys and not self._failing
            if await self._refresh(now, 0.0 if counts else pause) and counts:
                self._refetched.append(now)
        if self._knows(key_id, algorithm):
            return
        if self._loaded < now:
            raise KeysUnavailableError
        self._absent.put(key_id or "", self._loaded)

    def _may_refetch(self, now: float) -> bool:
        return len(self._refetched) < MOST_REFETCHES or now - self._refetched[0] >= self._min_refetch

    async def _refresh(self, since: float, pause: float) -> bool:
        """Load the set, unless somebody has tried since this time, or within `pause` seconds; return whether it did."""
        async with self._lock:
            if self._tried >= since or time.monotonic() - self._tried < pause:
                return False
            try:
                self._keys = parse(await self._load())
            except (OSError, TimeoutError, aiohttp.ClientError, ValueError, jwt.PyJWTError) as error:
                if not self._failing:
                    held = f"the {len(self._keys)} keys from before stay in use" if self._keys else "there are none yet"
                    why = str(error) or "no answer in time"
                    _log.warning("%s cannot be loaded, %s: %s", self._name, held, why)
                self._failing = True
            else:
                self._loaded = time.monotonic()
                if self._failing:
                    _log.warning("%s can be loaded again.", self._name)
                self._failing = False
            finally:
                self._tried = time.monotonic()
            return True


class Key:
    """A public key of the set (RFC 7517). Raises jwt.PyJWTError for one that verifies nothing here."""

    def __init__(self, jwk: dict[str, Any]) -> None:
        ident, algorithm = jwk.get("kid"), jwk.get("alg") or None
        self.id = None if ident is None else str(ident)
        self._jwk = {name: value for name, value in jwk.items() if value not in (None, "")}
        self._algorithm = _SAME_AS.get(str(algorithm), algorithm)
        if self._algorithm is not None and (not isinstance(self._algorithm, str) or self._algorithm not in TYPES):
            raise jwt.InvalidKeyError("it is for an algorithm that signs nothing here")
        self._type = jwk["kty"], None if jwk["kty"] == "RSA" else jwk.get("crv")
        self._verifiers: dict[str, jwt.PyJWK] = {}
        usual = self._algorithm or next((name for name in TYPES if self.fits(name)), None)
        if usual is None:
            raise jwt.InvalidKeyError(f"no algorithm is known for {self._type}")
        self.verifier(usual)

    def fits(self, algorithm: str) -> bool:
        """Whether it is of the type that the algorithm needs, and for no other algorithm (RFC 7517, 4.4)."""
        return self._type in TYPES.get(algorithm, ()) and self._algorithm in (None, algorithm)

    def verifier(self, algorithm: str) -> jwt.PyJWK:
        """The key for this algorithm."""
        found = self._verifiers.get(algorithm)
        if found is None:
            found = self._verifiers[algorithm] = jwt.PyJWK(self._jwk, algorithm)
        return found


_RSA: Final = (("RSA", None),)
TYPES: Final[Mapping[str, Sequence[tuple[str, str | None]]]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), _RSA),
    "ES256": (("EC", "P-256"),),
    "ES384": (("EC", "P-384"),),
    "ES512": (("EC", "P-521"),),
    "EdDSA": (("OKP", "Ed25519"), ("OKP", "Ed448")),
}
"""Types of keys (kty) and their curves (crv) by algorithm (RFC 7518, 3.1; RFC 8037, 3.1)."""

_SAME_AS: Final = {"Ed25519": "EdDSA", "Ed448": "EdDSA"}
"""Newer names, of RFC 9864."""


def parse(body: bytes) -> list[Key]:
    """The keys of a JSON Web Key Set that can verify something. Raises ValueError for what is no such set."""
    answer = decoded(body)
    if not isinstance(answer, dict) or not isinstance(answer.get("keys"), list):
        raise ValueError('not a JSON Web Key Set: an object with a list "keys" is expected')  # noqa: TRY004 - a value
    found = []
    for jwk in answer["keys"]:
        # Symmetric keys ("oct") are nobody's to publish.
        if isinstance(jwk, dict) and jwk.get("kty") in ("RSA", "EC", "OKP") and _verifies(jwk):
            # One that cannot be read costs no other.
            with suppress(jwt.PyJWTError, ValueError, TypeError, OverflowError, UnsupportedAlgorithm):
                found.append(Key(jwk))
    if not found:
        raise ValueError("the JSON Web Key Set has no asymmetric signature key")
    return found


def _verifies(jwk: Mapping[str, Any]) -> bool:
    """Whether it is said to be for signatures (`use`, or `key_ops`; RFC 7517, 4.2 and 4.3), or nothing is said."""
    operations = jwk.get("key_ops")
    return (jwk.get("use") or "sig") == "sig" and (
        not operations or not isinstance(operations, list) or "verify" in operations
    )


def decoded(body: bytes) -> Any:
    """What an issuer publishes, as JSON: in any encoding of Unicode, and what is odd in it costs itself.

    Raises ValueError for what is no JSON.
    """
    text = as_utf8(body, None)
    try:
        return orjson.loads(text)
    except ValueError:
        try:
            return json.loads(repaired(text), parse_int=_whole)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"not JSON: {error}") from error


def _whole(text: str) -> int | float:
    """A whole number; one that is longer than any that counts here is infinite, as in floats."""
    return int(text) if len(text) <= _LONGEST_NUMBER else float(text)


def from_file(path: Path) -> Load:
    """A loader that reads the key set from a file each time."""

    async def load() -> bytes:
        return await asyncio.to_thread(path.read_bytes)

    return load


def from_address(session: Session, address: str, *, timeout: float = TIMEOUT) -> Load:
    """A loader that fetches the key set by HTTP, as `fetch` does.

    Raises ValueError at once for an address that is neither https nor http.
    """
    if urlsplit(address).scheme not in ("https", "http") or not urlsplit(address).hostname:
        shown = without_credentials(address)
        raise ValueError(f"the address of the key set must begin with https:// (or http://), not {shown!r}")

    async def load() -> bytes:
        return await fetch(session, address, timeout)

    return load


async def fetch(session: Session, address: str, timeout: float = TIMEOUT) -> bytes:  # noqa: ASYNC109 - aiohttp's own
    """What an address answers: at most 512 KiB within `timeout` seconds, without redirects.

    Raises OSError, which TimeoutError is, too, and aiohttp.ClientError; their texts hold nothing of
    the address that may be a secret.
    """
    limit, shown = aiohttp.ClientTimeout(total=timeout), without_credentials(address)
    try:
        async with session.get(address, allow_redirects=False, timeout=limit) as answer:
            if answer.status != 200:
                raise OSError(f"{shown} answered with status {answer.status}")
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise OSError(f"{shown} answered with more than {MAX_BYTES} bytes")
            return bytes(body)
    except aiohttp.ClientHttpProxyError as error:
        raise OSError(f"{shown} cannot be reached: the proxy answered {error.status}") from error
    except (aiohttp.InvalidURL, aiohttp.ClientResponseError) as error:  # Their texts have the whole address.
        what = "answered with what is not HTTP" if isinstance(error, aiohttp.ClientResponseError) else "cannot be asked"
        raise OSError(f"{shown} {what}") from error


def from_bytes(body: bytes) -> Load:
    """A loader of a constant key set."""

    async def load() -> bytes:
        return body

    return load
