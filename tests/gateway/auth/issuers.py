"""Identity providers as the gateway meets them: addresses with a document, keys, and tokens of any shape."""

import base64
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.gateway.auth.test_tokens import Issuer
from tests.gateway.serving import serving

AUDIENCE = "opticom-gateway"


@dataclass
class Realm:
    """One issuer. `document` replaces parts of what it says about itself; a part that is None is left out."""

    address: str
    made: Issuer
    document: dict[str, Any] = field(default_factory=dict)
    jwks_path: str = "/jwks"
    status: int = 200

    def token(self, key_id: str = "k1", **claims: Any) -> str:
        usual = {"iss": self.address, "aud": AUDIENCE, "sub": "u-1", "kind": None, "customer_ids": None}
        return self.made.token(key_id, **{**usual, **claims})

    def says(self) -> dict[str, Any]:
        usual = {
            "issuer": self.address,
            "jwks_uri": self.address.removesuffix("/") + self.jwks_path,
            "id_token_signing_alg_values_supported": ["HS256", "ES256", "RS256"],
        }
        return {name: value for name, value in {**usual, **self.document}.items() if value is not None}


@dataclass
class Providers:
    """The server of all realms, by their path. `asked` counts the requests of each address."""

    address: str = ""
    realms: dict[str, Realm] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)

    def add(self, path: str, key_id: str = "k1", algorithm: str = "ES256") -> Realm:
        """A realm with one key. A path may end with a slash, as an issuer's name does."""
        made = Issuer()
        made.add(key_id, algorithm)
        realm = self.realms[path.removesuffix("/")] = Realm(f"{self.address}{path}", made)
        return realm

    async def answer(self, request: Request) -> Response:
        path = request.url.path
        self.asked[path] += 1
        known = path.removesuffix("/.well-known/openid-configuration")
        if known in self.realms:
            return JSONResponse(self.realms[known].says(), self.realms[known].status)
        for base, realm in self.realms.items():
            if path == base + realm.jwks_path:
                return Response(realm.made.jwks(), realm.status)
        return Response(status_code=404)


@dataclass
class Clock:
    """The module `time`, so many seconds later."""

    later: float = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.later

    def time(self) -> float:
        return time.time() + self.later


@asynccontextmanager
async def providers() -> AsyncIterator[Providers]:
    """The server, on a free port, without realms yet."""
    made = Providers()
    async with serving(Starlette(routes=[Route("/{path:path}", made.answer)])) as address:
        made.address = address
        yield made


def with_claims(token: str, **claims: Any) -> str:
    """The token with other claims, and the signature that it had."""
    head, _, end = token.split(".")
    body = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + 60, **claims}).encode()).decode().rstrip("=")
    return f"{head}.{body}.{end}"
