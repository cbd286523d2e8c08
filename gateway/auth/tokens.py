"""Authentication: from a signed bearer token (RFC 7519, RFC 6750) to a Viewer."""

import base64
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

import jwt
import msgspec
from starlette.requests import Request

from gateway.auth.keys import KeySet, KeysUnavailableError, WrongKeyError
from gateway.engine.lru import LRU
from gateway.errors import RequestError
from resolvers.viewer import ANONYMOUS, Viewer, ViewerKind

ASYMMETRIC = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""Algorithms that may be configured. With a symmetric one, everyone who checks tokens could also make them."""

MAX_TOKEN_CHARACTERS = 16 * 1024
_LAST_SECOND: Final = 253402300799
"""Of the year 9999: the end of a token that names a later one."""

_MOMENT: Final = 0.05
"""Seconds that a probe waits for the first keys."""

CACHE_SECONDS = 300.0
"""Seconds for which a verified token is cached (never beyond its expiry)."""


class AuthenticationError(RequestError):
    """The token is not accepted: 401 with the reason, for the developer of the client."""

    status = 401
    code = "UNAUTHENTICATED"

    def __init__(self, message: str) -> None:
        described = message.replace("\\", "").replace('"', "'").encode("ascii", "replace").decode()
        challenge = f'Bearer error="invalid_token", error_description="{described}"'
        super().__init__(message, headers={"WWW-Authenticate": challenge})


class _NotOfThisKeyError(AuthenticationError):
    """Another key may have signed the token."""


class AuthUnavailableError(RequestError):
    """Tokens cannot be checked at the moment: 503, not the client's fault."""

    status = 503
    code = "AUTH_UNAVAILABLE"
    retryable: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """Names of the claims to read. A name is looked up as it is, then as a path, as in `realm_access.roles`."""

    kind: str = "kind"
    customers: str = "customer_ids"
    roles: str = "roles"
    name: str = "name"


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must have to be accepted. `leeway` is the allowed clock skew in seconds.

    Raises ValueError for rules that would accept tokens of others.
    """

    issuer: str
    audience: str | Sequence[str]
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    leeway: float = 30.0
    claims: ClaimNames = field(default_factory=ClaimNames)
    types: tuple[str, ...] = ("JWT", "at+jwt", "")
    """What a token may say that it is (`typ`, RFC 8725, 3.11), in any case; "": nothing."""

    def __post_init__(self) -> None:
        if not self.issuer or not self.audience:
            raise ValueError("issuer and audience must be set: tokens made for other services would be accepted")
        if not self.algorithms or (wrong := set(self.algorithms) - ASYMMETRIC):
            named = f", not {', '.join(sorted(wrong))}" if self.algorithms else ""
            raise ValueError(f"algorithms must be some of {', '.join(sorted(ASYMMETRIC))}{named}")
        if not 0 <= self.leeway <= 600:
            raise ValueError(f"leeway must be between 0 and 600 seconds, not {self.leeway}")


class SignedIn(msgspec.Struct, frozen=True):
    """Who a token is of, and its end (`exp`) in seconds since 1970."""

    viewer: Viewer
    expires: float


class Authenticator:
    """Turns a request into its Viewer: `await authenticate(request)`."""

    def __init__(self, keys: KeySet, rules: TokenRules, *, cached_tokens: int = 4096) -> None:
        self._keys, self._rules = keys, rules
        self._verified: LRU[bytes, tuple[float, SignedIn]] = LRU(cached_tokens)

    async def __call__(self, request: Request) -> Viewer:
        """The viewer that a request's Authorization header proves; ANONYMOUS without one.

        Raises AuthenticationError (401) and AuthUnavailableError (503).
        """
        headers = request.headers.getlist("authorization")
        if not headers:
            return ANONYMOUS
        return await self.viewer(bearer_token(headers))

    async def can_check(self) -> bool:
        """Whether there are keys to check tokens with, as far as can be told within a moment."""
        return await self._keys.are_there(_MOMENT)

    async def close(self) -> None:
        """End what is under way."""
        self._keys.close()

    async def viewer(self, token: str) -> Viewer:
        """The viewer of a token. Raises as `__call__` does."""
        return (await self.signed_in(token)).viewer

    async def signed_in(self, token: str) -> SignedIn:
        """The viewer of a token, and its end. Raises as `__call__` does."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            message = f"The token is longer than {MAX_TOKEN_CHARACTERS} characters. Ask its issuer for a shorter one."
            raise AuthenticationError(message)
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        cached = self._verified.get(digest)
        if cached and time.time() < cached[0]:
            return cached[1]
        self._verified.discard(digest)
        claims = await self._verify(token)
        signed_in = SignedIn(_viewer(claims, self._rules.claims), float(min(int(claims["exp"]), _LAST_SECOND)))
        until = min(signed_in.expires + self._rules.leeway, time.time() + CACHE_SECONDS)
        self._verified.put(digest, (until, signed_in))
        return signed_in

    async def _verify(self, token: str) -> dict[str, Any]:
        *others, last = await self._keys_of(token)
        for key in others:  # An id should name one key (RFC 7517, 4.5), but several may have it.
            with suppress(_NotOfThisKeyError):
                return self._claims(token, key)
        return self._claims(token, last)

    def _claims(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        rules = self._rules
        try:
            return jwt.decode(
                token,
                key,
                algorithms=list(rules.algorithms),
                issuer=rules.issuer,
                audience=rules.audience,
                leeway=rules.leeway,
                options={"require": ["exp", "iss", "aud"], "enforce_minimum_key_length": True},
            )
        except jwt.InvalidSignatureError as error:
            raise _NotOfThisKeyError(_reason(error)) from error
        except jwt.ExpiredSignatureError as error:
            claims = jwt.decode(token, options={"verify_signature": False})  # Verified above: only the time is wrong.
            expired = datetime.fromtimestamp(max(0, int(claims["exp"])), UTC).isoformat().replace("+00:00", "Z")
            raise AuthenticationError(f"The token expired at {expired}. Get a new one.") from error
        except jwt.InvalidTokenError as error:
            raise AuthenticationError(_reason(error)) from error
        except (jwt.PyJWTError, OverflowError) as error:
            message = "The token cannot be checked with the key that it names. Get a new one."
            raise AuthenticationError(message) from error

    async def _keys_of(self, token: str) -> list[jwt.PyJWK]:
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError) as error:
            raise AuthenticationError(
                "The token is not a signed JSON Web Token (JWT). Send it as its issuer gave it."
            ) from error
        _check_names(token)
        kind = header.get("typ", "")
        known = {one.lower() for one in self._rules.types}
        if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in known:
            raise AuthenticationError("The token's type (typ) is not that of an access token. Send one that is.")
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in self._rules.algorithms:
            allowed = " or ".join(self._rules.algorithms)
            raise AuthenticationError(f"The token is not signed with {allowed}. Its issuer must sign it so.")
        try:
            keys = await self._keys.candidates(key_id, algorithm)
        except WrongKeyError as error:
            raise AuthenticationError(_reason(jwt.InvalidAlgorithmError())) from error
        except KeysUnavailableError as error:
            message = "Tokens cannot be checked at the moment. Try again in a moment."
            raise AuthUnavailableError(message, headers={"Retry-After": "2"}) from error
        if not keys:
            named = "is signed by an unknown key (kid)" if key_id else "does not name the key that signed it (kid)"
            raise AuthenticationError(f"The token {named}. Get a new one.")
        return keys


def _check_names(token: str) -> None:
    """Raise AuthenticationError for a token that says something twice: others may have read the other one."""
    for part in token.split(".")[:2]:
        try:
            json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)), object_pairs_hook=_unique)
        except (ValueError, RecursionError) as error:
            raise AuthenticationError(
                "The token cannot be read, or has one name twice. Send it as its issuer gave it."
            ) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def bearer_token(headers: Sequence[str]) -> str:
    """The token of the Authorization header, of which there must be one. Raises AuthenticationError."""
    scheme, _, token = headers[0].strip().partition(" ")
    if len(headers) > 1 or scheme.lower() != "bearer" or not token.strip():
        raise AuthenticationError("The request needs one header 'Authorization: Bearer <token>'.")
    return token.strip()


_REASONS: Mapping[type[jwt.InvalidTokenError], str] = {
    jwt.InvalidSignatureError: "The token's signature is wrong. Get a new one, and send it unchanged.",
    jwt.InvalidIssuerError: "The issuer (iss) is not the one that this gateway trusts. Get a token from that one.",
    jwt.InvalidAudienceError: "The token was made for another audience (aud). Get one for this gateway.",
    jwt.ImmatureSignatureError: "The token is not valid yet (nbf or iat is in the future). Check the issuer's clock.",
    jwt.InvalidAlgorithmError: "The token's algorithm (alg) is not the one of the key that it names. Get a new one.",
}

_OTHER_REASON = "The token cannot be read, or one of its claims is wrong. Get a new one."


def _reason(error: jwt.InvalidTokenError) -> str:
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"The token has no claim '{error.claim}'. Its issuer must add it."
    return next((text for kind, text in _REASONS.items() if isinstance(error, kind)), _OTHER_REASON)


def _viewer(claims: Mapping[str, Any], names: ClaimNames) -> Viewer:
    kinds = [kind.value for kind in ViewerKind if kind is not ViewerKind.ANONYMOUS]
    kind = _claim(claims, names.kind)
    if kind not in kinds:
        raise AuthenticationError(f"The token's claim '{names.kind}' must be one of {', '.join(kinds)}.")
    customers = [one.removeprefix("Customer:") for one in _strings(claims, names.customers)]
    if "" in customers:
        raise AuthenticationError(f"The token's claim '{names.customers}' has an empty customer number.")
    viewer = Viewer(
        ViewerKind(kind),
        customer_ids=tuple(dict.fromkeys(customers)),
        roles=tuple(dict.fromkeys(_strings(claims, names.roles))),
        subject=str(claims.get("sub", "")),
        issuer=str(claims["iss"]),
        name=str(_claim(claims, names.name) or claims.get("sub", "")),
    )
    try:
        "".join((*viewer.customer_ids, *viewer.roles, viewer.subject, viewer.issuer, viewer.name)).encode()
    except UnicodeEncodeError as error:
        raise AuthenticationError("The token has a text that is not Unicode. Its issuer must mend it.") from error
    return viewer


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    if name in claims:  # Names may contain dots: "https://portal.example/kind".
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _strings(claims: Mapping[str, Any], name: str) -> list[str]:
    value = _claim(claims, name)
    values = value if isinstance(value, list) else [] if value is None else [value]
    if any(not isinstance(one, str | int) or isinstance(one, bool) or one == "" for one in values):
        raise AuthenticationError(f"The token's claim '{name}' must be a string or a list of strings or whole numbers.")
    return [str(one) for one in values]
