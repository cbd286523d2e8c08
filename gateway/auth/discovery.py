"""An issuer's keys and algorithms, found from its address (OpenID Connect Discovery 1.0, RFC 8414)."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from connectors.http.through import Session
from connectors.texts import without_credentials
from gateway.auth.keys import TIMEOUT, TYPES, decoded, fetch

KEPT: Final = 600.0
"""Seconds for which it is believed where an issuer's keys are, while they can be read there."""


def metadata_address(issuer: str) -> str:
    """Where an issuer says what it has (OpenID Connect Discovery 1.0, section 4)."""
    return f"{issuer.removesuffix('/')}/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What an issuer says about itself. `algorithms` are the asymmetric ones; None: it says nothing about them."""

    jwks_uri: str
    algorithms: tuple[str, ...] | None


class Discovery:
    """Reads an issuer's key set (it is a `gateway.auth.keys.Load`) from where the issuer's own document says.

    The document is read once in `KEPT` seconds, and when the keys are not where it said. Nothing in it is believed
    unless it names this issuer, letter by letter. Document and keys together have `timeout` seconds.
    """

    def __init__(self, session: Session, issuer: str, *, timeout: float = TIMEOUT) -> None:
        self._session, self._issuer, self._timeout = session, issuer, timeout
        self._known: Metadata | None = None
        self._read = float("-inf")

    @property
    def has_read(self) -> bool:
        """Whether the issuer's document has been read."""
        return self._known is not None

    @property
    def algorithms(self) -> tuple[str, ...] | None:
        """Those of the issuer's document; None before it has been read, or if it names none."""
        return self._known.algorithms if self._known else None

    async def __call__(self) -> bytes:
        """The key set. Raises OSError and aiohttp.ClientError, and ValueError for a document that is not to be used."""
        async with asyncio.timeout(self._timeout):
            known = self._known
            if known is None or time.monotonic() - self._read > KEPT:
                return await fetch(self._session, (await self._discover()).jwks_uri)
            try:
                return await fetch(self._session, known.jwks_uri)
            except (OSError, aiohttp.ClientError):
                now = await self._discover()
                if now.jwks_uri == known.jwks_uri:
                    raise
                return await fetch(self._session, now.jwks_uri)

    async def _discover(self) -> Metadata:
        address = metadata_address(self._issuer)
        self._known = read(await fetch(self._session, address), self._issuer)
        self._read = time.monotonic()
        return self._known


def read(body: bytes, issuer: str) -> Metadata:
    """What the document of this issuer says. Raises ValueError for one that is another's, or lacks what is needed."""
    address, document = without_credentials(metadata_address(issuer)), decoded(body)
    if not isinstance(document, dict):
        raise ValueError(f"{address} is not a JSON object")  # noqa: TRY004 - a value
    if document.get("issuer") != issuer:
        other, shown = without_credentials(str(document.get("issuer")))[:200], without_credentials(issuer)
        raise ValueError(f"{address} is the document of another issuer, {other!r}, not of {shown!r}")
    uri = document.get("jwks_uri")
    parts = urlsplit(uri if isinstance(uri, str) else "")
    if parts.scheme not in {"https", urlsplit(issuer).scheme} or not parts.hostname:
        raise ValueError(f"{address} has no jwks_uri that begins as the issuer's address does")
    named = document.get("id_token_signing_alg_values_supported")
    if named is None:
        return Metadata(str(uri), None)
    usable = tuple(one for one in named if one in TYPES) if isinstance(named, list) else ()
    if not usable:
        raise ValueError(f"{address} names no asymmetric algorithm in id_token_signing_alg_values_supported")
    return Metadata(str(uri), usable)
