"""Signatures of addresses, which open one document without a token, as one viewer, until they end.

A signature is the viewer's identity and an end, encrypted and authenticated (AES-256-GCM) together with the document's
key: whoever reads the address learns nothing of the viewer, and nobody can change any of the three. It is a capability:
it opens the document for whoever has it. Rights are looked at again when it is used.
"""

import base64
import binascii
import hmac
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.auth.refusals import AuthenticationError, Why
from gateway.http.signing_keys import Key, SigningKeys
from resolvers.errors import PublicError
from resolvers.viewer import Viewer, ViewerKind

LONGEST: Final = 4096
"""Characters of a signature."""

_VERSION: Final = b"\x01"
_SALT: Final = 16
_HEAD: Final = len(_VERSION) + 4 + _SALT
_NONCE: Final = bytes(12)
"""Always the same, because each signature is encrypted with a key of its own, made with its salt."""


class SignatureError(AuthenticationError):
    """A signed address that opens nothing: 403, because no token would help."""

    status = 403
    code = "SIGNATURE_REFUSED"

    def __init__(self, message: str, why: Why) -> None:
        super().__init__(f"{message} Ask the graph for another one (signedUrl).", why)
        self.headers = {}


class NoKeyYet(PublicError):
    """The key is in Redis, which cannot be reached."""

    code = "AUTH_UNAVAILABLE"
    retryable = True

    def __init__(self) -> None:
        super().__init__("Addresses cannot be signed at the moment. Try again in a moment.")


class TooManyCustomers(PublicError):
    """The viewer does not fit into an address."""

    code = "LIMIT_EXCEEDED"

    def __init__(self) -> None:
        super().__init__(
            f"The token names so many customers that a signature would have more than {LONGEST} characters. Get the"
            " file at `url`, with the bearer token."
        )


class _Signed(msgspec.Struct, array_like=True, frozen=True):
    """What a signature holds."""

    ends: int
    kind: ViewerKind
    issuer: str
    subject: str
    customers: tuple[str, ...]
    noted: tuple[str, ...]


_DECODER: Final = msgspec.msgpack.Decoder(_Signed)


class Signatures:
    """Makes and reads signatures. Implements `resolvers.documents.Sign`."""

    def __init__(self, keys: SigningKeys, seconds: float, clock: Callable[[], float] = time.time) -> None:
        """Each lasts so many `seconds`, or until the viewer's token ends."""
        self._keys, self._seconds, self._clock = keys, seconds, clock

    def __call__(self, key: str, viewer: Viewer) -> tuple[str, datetime]:
        """The signature of a document's key for a viewer, and its end. Raises NoKeyYet and TooManyCustomers."""
        signing = self._keys.current()
        if signing is None:
            raise NoKeyYet
        ends = int(min(self._clock() + self._seconds, viewer.expires))
        noted = tuple(sorted(viewer.noted_scopes))
        held = _Signed(ends, viewer.kind, viewer.issuer, viewer.subject, viewer.customer_ids, noted)
        salt = secrets.token_bytes(_SALT)
        sealed = _cipher(signing, salt).encrypt(_NONCE, msgspec.msgpack.encode(held), key.encode())
        text = base64.urlsafe_b64encode(_VERSION + signing.id + salt + sealed).rstrip(b"=").decode()
        if len(text) > LONGEST:
            raise TooManyCustomers
        return text, datetime.fromtimestamp(ends, UTC)

    async def viewer(self, key: str, signature: str) -> Viewer:
        """Whose signature it is, of the document with this key. Its scopes are those that its token said beside those
        of its kind. Raises SignatureError.
        """
        try:
            raw = base64.b64decode(signature + "=" * (-len(signature) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if len(signature) > LONGEST or len(raw) <= _HEAD or raw[:1] != _VERSION:
            raise SignatureError("This is no signature of an address.", Why.FORM)
        known = await self._keys.named(raw[1:5])
        if known is None:
            raise SignatureError("The signed address has ended, or is of another gateway.", Why.KEY)
        try:  # OpenSSL compares the tag in constant time
            held = _DECODER.decode(_cipher(known, raw[5:_HEAD]).decrypt(_NONCE, raw[_HEAD:], key.encode()))
        except InvalidTag:
            raise SignatureError("The signed address was changed, or is of another document.", Why.SIGNATURE) from None
        if self._clock() >= held.ends:
            raise SignatureError("The signed address has ended.", Why.EXPIRED)
        return Viewer(
            held.kind,
            customer_ids=held.customers,
            subject=held.subject,
            issuer=held.issuer,
            name=held.subject,
            noted_scopes=frozenset(held.noted),
            expires=float(held.ends),
        )


def _cipher(key: Key, salt: bytes) -> AESGCM:
    return AESGCM(hmac.digest(key.secret, salt, "sha256"))
