"""Keys and tokens of the demo: made at its start, accepted by nothing else.

The private key lies in a file that only its owner can read, so that `gateway token` in another terminal can sign for
the demo that is running. `gateway serve` never reads it: its keys come from the settings only.
"""

import os
import secrets
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import jwt
import orjson
import typer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from gateway.auth.keys import KeySet, from_bytes
from gateway.auth.scopes import Grants
from gateway.auth.tokens import Authenticator, TokenRules, TrustedIssuer
from resolvers.viewer import ViewerKind

RULES = TokenRules(issuer="gateway-demo", audience="gateway-demo", algorithms=("ES256",))
_HOST = "127.0.0.1"
LIFETIME = 24 * 3600
"""Seconds that a demo token lives; a demo that starts anew has other keys anyway."""


class NoDemoError(Exception):
    """There is no key of a demo to sign with; the text says what to do."""


def key_path(port: int) -> Path:
    """Where the demo that listens on a port keeps its key (in the user's folder for applications' data)."""
    return Path(typer.get_app_dir("opticom-gateway")) / f"demo-{port}.pem"


def key_of_running(port: int | None = None) -> Path:
    """Where the key lies of the demo on this port; without one, of the only demo that runs. Raises NoDemoError."""
    if port is not None and (path := key_path(port)).is_file():
        return path
    running = [one for one in _ports() if _answers(one)]
    if port is None and len(running) == 1:
        return key_path(running[0])
    if not running:
        where = "" if port is None else f" on port {port}"
        raise NoDemoError(f"No demo is running{where}: start one with 'gateway demo'.")
    others = ", ".join(f"--port {one}" for one in running)
    if port is None:
        raise NoDemoError(f"{len(running)} demos are running: say which one with {others}.")
    raise NoDemoError(f"No demo is running on port {port}, but there is one with {others}.")


def _ports() -> list[int]:
    """Ports of demos that have left a key: of those that run, and of those that were killed."""
    names = (path.stem.removeprefix("demo-") for path in key_path(0).parent.glob("demo-*.pem"))
    return sorted(int(name) for name in names if name.isdecimal())


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((_HOST, port), timeout=1.0):
            return True
    except OSError:
        return False


@dataclass(frozen=True)
class DemoKeys:
    """One demo's key pair (ES256). Made with `create`, or read with `load` where the demo runs elsewhere."""

    private: ec.EllipticCurvePrivateKey
    key_id: str

    @classmethod
    def create(cls, path: Path) -> "DemoKeys":
        """A fresh key, written to the path for its owner only (over the one of an earlier demo)."""
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(pem)
        fresh.replace(path)
        return cls(key, _key_id(key))

    @classmethod
    def load(cls, path: Path) -> "DemoKeys":
        """Read the key that the running demo wrote to the path. Raises NoDemoError if there is none."""
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except FileNotFoundError as error:
            raise NoDemoError("No demo is running on that port: start one with 'gateway demo'.") from error
        except OSError as error:
            raise NoDemoError(f"{path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise NoDemoError(f"{path} is not a demo's key: remove it, and start 'gateway demo' again.") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise NoDemoError(f"{path} is not a demo's key: remove it, and start 'gateway demo' again.")
        return cls(key, _key_id(key))

    def jwks(self) -> bytes:
        """The public key, as a JSON Web Key Set (JSON text)."""
        public = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return orjson.dumps({"keys": [{**public, "kid": self.key_id, "alg": "ES256", "use": "sig"}]})

    def authenticator(self, grants: Grants | None = None) -> Authenticator:
        """An authenticator that accepts this demo's tokens. `grants` say which scopes callers have."""
        return Authenticator(TrustedIssuer(KeySet(from_bytes(self.jwks())), RULES), grants=grants)

    def token(self, kind: ViewerKind, *customer_ids: str, lifetime: int = LIFETIME, scope: str = "") -> str:
        """A token for a viewer; `lifetime` in seconds, `scope` words that are scopes."""
        now = int(time.time())
        claims = {
            "iss": RULES.issuer,
            "aud": RULES.audience,
            "sub": ":".join(["demo", kind.value, *customer_ids]),
            "iat": now,
            "exp": now + lifetime,
            RULES.claims.kind: kind.value,
            RULES.claims.customers: list(customer_ids),
            RULES.claims.roles: [kind.value],
        } | ({"scope": scope} if scope else {})
        return jwt.encode(claims, self.private, algorithm="ES256", headers={"kid": self.key_id})


def _key_id(key: ec.EllipticCurvePrivateKey) -> str:
    point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    return point.hex()[:16]
