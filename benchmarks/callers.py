"""Who is asking, for the contestants written in Python: a token is verified once, and remembered until it expires."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt

from gateway.commands.demo_keys import RULES

_MOST: Final = 4096


class Refused(Exception):
    """There is no token, or it is not believed."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Staff, or a subscriber with these customer numbers."""

    is_staff: bool
    customers: tuple[str, ...]

    def may_see(self, row: Mapping[str, Any]) -> bool:
        """Whether a row's related parties name one of the caller's customers; staff see all."""
        return self.is_staff or any(
            party["id"] in self.customers and party["role"] == "customer" for party in row["relatedParty"]
        )


class Callers:
    """Verifies tokens with the keys of the file that BENCH_JWKS names."""

    def __init__(self) -> None:
        keys = jwt.PyJWKSet.from_json(Path(os.environ["BENCH_JWKS"]).read_text()).keys
        self._keys = {key.key_id: key for key in keys}
        self._verified: dict[str, tuple[float, Caller]] = {}

    def of(self, authorization: str) -> Caller:
        """The caller that a header proves. Raises Refused."""
        known = self._verified.get(authorization)
        if known is not None and known[0] > time.time():
            return known[1]
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Refused
        try:
            key = self._keys[jwt.get_unverified_header(token).get("kid")]
            claims = jwt.decode(token, key, algorithms=["ES256"], audience=RULES.audience, issuer=RULES.issuer)
        except (jwt.PyJWTError, KeyError) as error:
            raise Refused from error
        caller = Caller(claims["kind"] in ("agent", "admin"), tuple(claims["customer_ids"]))
        if len(self._verified) >= _MOST:
            self._verified.clear()
        self._verified[authorization] = (claims["exp"], caller)
        return caller
