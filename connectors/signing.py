"""Private keys with which the gateway signs who it is (RFC 7523)."""

from pathlib import Path
from typing import Any, Final, cast

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from connectors.secret_files import UnusableFile, read_bytes

SETTING: Final = "private_key_file"

_CURVES: Final = {"secp256r1": "ES256", "secp384r1": "ES384"}
_SMALLEST_RSA: Final = 2048


def signing_key(path: Path, algorithm: str | None) -> tuple[Any, str]:
    """The key in this file, and the algorithm that it signs with: the one that is named, or what is usual for it.

    Raises UnusableFile.
    """
    try:
        key = serialization.load_pem_private_key(read_bytes(path), None)
    except TypeError as error:
        raise UnusableFile(f"{path}: is encrypted; right is a key without a passphrase", SETTING) from error
    except UnusableFile as error:
        raise UnusableFile(str(error), SETTING) from error
    except ValueError as error:
        right = "right is PEM (-----BEGIN PRIVATE KEY-----)"
        raise UnusableFile(f"{path}: holds no private key that can be read; {right}", SETTING) from error
    usual = _usual(key)
    if usual is None:
        kinds = f"right is RSA of {_SMALLEST_RSA} bits or more, EC P-256 or P-384, or Ed25519"
        raise UnusableFile(f"{path}: its key cannot be used; {kinds}", SETTING)
    named = algorithm or usual
    try:
        jwt.encode({}, cast(Any, key), named)
    except (jwt.PyJWTError, TypeError, ValueError, AttributeError) as error:
        raise UnusableFile(f"{path}: its key is for {usual}, not for {named} (algorithm)", SETTING) from error
    return key, named


def _usual(key: object) -> str | None:
    if isinstance(key, rsa.RSAPrivateKey):
        return "RS256" if key.key_size >= _SMALLEST_RSA else None
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _CURVES.get(key.curve.name)
    return "EdDSA" if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else None
