"""Authentication: from a signed bearer token (RFC 7519, RFC 6750) to a Viewer."""

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

import jwt
import msgspec
from starlette.requests import Request

from connectors.texts import without_credentials
from gateway.auth.claims import KINDS, ClaimRules, KindName, viewer_of
from gateway.auth.discovery import Discovery
from gateway.auth.keys import KeySet, KeysUnavailableError, WrongKeyError
from gateway.auth.refusals import AuthenticationError, AuthUnavailableError, Why
from gateway.auth.scopes import Grants
from gateway.auth.unverified import check_type, unverified
from gateway.engine.lru import LRU
from resolvers.viewer import ANONYMOUS, Viewer

ASYMMETRIC = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""Algorithms that may be configured. With a symmetric one, everyone who checks tokens could also make them."""

USUAL_ALGORITHMS: Final = ("RS256", "ES256")
"""Signatures that are believed unless the settings, or an issuer that is asked, say otherwise."""

USUAL_TYPES: Final = ("JWT", "at+jwt", "")
"""What a token may say that it is (`typ`), unless the settings say otherwise; "": nothing."""

MAX_TOKEN_CHARACTERS = 16 * 1024
_LAST_SECOND: Final = 253402300799
"""Of the year 9999: the end of a token that names a later one."""

_MOMENT: Final = 0.05
"""Seconds that a probe waits for the first keys."""

CACHE_SECONDS: Final = 300.0
"""Seconds for which a verified token is cached, unless the settings say otherwise."""


class _NotOfThisKeyError(AuthenticationError):
    """Another key may have signed the token."""


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token of one issuer must have to be accepted.

    `algorithms` None are those that the issuer names. `leeway` is the allowed clock skew, `cached_for` how long a
    verified token is believed without another look (never beyond its expiry), both in seconds. Of a kind that is not
    among `allowed_kinds` nobody is, whatever the claims say. `types` are what a token may say that it is (`typ`, RFC
    8725, 3.11), in any case; "": nothing.

    Raises ValueError for rules that would accept tokens of others.
    """

    issuer: str
    audience: str | Sequence[str]
    algorithms: tuple[str, ...] | None = USUAL_ALGORITHMS
    leeway: float = 30.0
    claims: ClaimRules = field(default_factory=ClaimRules)
    allowed_kinds: tuple[KindName, ...] = KINDS
    cached_for: float = CACHE_SECONDS
    types: tuple[str, ...] = USUAL_TYPES

    def __post_init__(self) -> None:
        if not self.issuer or not self.audience:
            raise ValueError("issuer and audience must be set: tokens made for other services would be accepted")
        if self.algorithms is not None and (not self.algorithms or set(self.algorithms) - ASYMMETRIC):
            wrong = ", ".join(sorted(set(self.algorithms) - ASYMMETRIC))
            raise ValueError(f"algorithms must be some of {', '.join(sorted(ASYMMETRIC))}{wrong and f', not {wrong}'}")
        if not 0 <= self.leeway <= 600:
            raise ValueError(f"leeway must be between 0 and 600 seconds, not {self.leeway}")
        if not self.allowed_kinds:
            raise ValueError("allowed_kinds must be some of customer, agent, admin")


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """An issuer whose tokens are believed. `discovery` has read its algorithms where the rules do not name them."""

    keys: KeySet
    rules: TokenRules
    discovery: Discovery | None = None

    @property
    def algorithms(self) -> tuple[str, ...] | None:
        """Signatures that are believed; None while the issuer has not been asked."""
        if self.rules.algorithms is not None:
            return self.rules.algorithms
        if self.discovery is None or not self.discovery.has_read:
            return None
        return self.discovery.algorithms or USUAL_ALGORITHMS


class SignedIn(msgspec.Struct, frozen=True):
    """Who a token is of, and its end (`exp`) in seconds since 1970."""

    viewer: Viewer
    expires: float


class Authenticator:
    """Turns a request into its Viewer: `await authenticate(request)`.

    A token's `iss` chooses the issuer, letter by letter, and that one's keys, audience, claims and kinds are the only
    ones that count for it. `grants` say which scopes callers have. Raises ValueError if two issuers have one name.
    """

    def __init__(self, *issuers: TrustedIssuer, cached_tokens: int = 4096, grants: Grants | None = None) -> None:
        self._grants = grants or Grants()
        self._issuers = {one.rules.issuer: one for one in issuers}
        if len(self._issuers) < len(issuers):
            raise ValueError("two issuers have the same name (iss)")
        self._verified: LRU[bytes, tuple[float, SignedIn]] = LRU(cached_tokens)

    async def __call__(self, request: Request) -> Viewer:
        """The viewer that a request's Authorization header proves; ANONYMOUS without one.

        Raises AuthenticationError (401) and AuthUnavailableError (503).
        """
        headers = request.headers.getlist("authorization")
        if not headers:
            return ANONYMOUS
        return (await self.signed_in(bearer_token(headers))).viewer

    async def can_check(self) -> bool:
        """Whether there are keys of an issuer to check its tokens with, as far as can be told within a moment.

        Issuers whose keys are not there are asked for them; nobody waits for one while another's are there.
        """
        asked = [asyncio.create_task(one.keys.are_there(_MOMENT)) for one in self._issuers.values()]
        try:
            for told in asyncio.as_completed(asked):
                if await told:
                    return True
        finally:
            for one in asked:
                one.cancel()  # the waiting, not the loading
        return False

    def has_keys(self) -> bool:
        """Whether there are keys of every issuer."""
        return all(one.keys.age is not None for one in self._issuers.values())

    @property
    def key_ages(self) -> dict[str, float]:
        """By issuer, the seconds since its keys were loaded last; without those that were not."""
        ages = {name: one.keys.age for name, one in self._issuers.items()}
        return {without_credentials(name): age for name, age in ages.items() if age is not None}

    async def close(self) -> None:
        """End what is under way."""
        for one in self._issuers.values():
            one.keys.close()

    async def viewer(self, token: str) -> Viewer:
        """The viewer of a token. Raises as `__call__` does."""
        return (await self.signed_in(token)).viewer

    def known_again(self, viewer: Viewer) -> Viewer | None:
        """A viewer of an earlier token, with the scopes of its kind now, and those that its token said beside them.

        None if its issuer may sign in nobody of that kind any more.
        """
        issuer = self._issuers.get(viewer.issuer)
        if issuer is None or viewer.kind.value not in issuer.rules.allowed_kinds:
            return None
        return self._grants.granted(replace(viewer, scopes=viewer.noted_scopes))

    async def signed_in(self, token: str) -> SignedIn:
        """The viewer of a token, and its end. Raises as `__call__` does."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            message = f"The token is longer than {MAX_TOKEN_CHARACTERS} characters. Ask its issuer for a shorter one."
            raise AuthenticationError(message, Why.FORM)
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        cached = self._verified.get(digest)
        if cached and time.time() < cached[0]:
            return cached[1]
        self._verified.discard(digest)
        issuer, header = self._issuer_of(token)
        rules = issuer.rules
        check_type(header, rules.types)
        claims = _verify(token, issuer, *await _keys_of(issuer, header))
        expires = float(min(int(claims["exp"]), _LAST_SECOND))
        viewer = replace(viewer_of(claims, rules.claims, rules.allowed_kinds), expires=expires)
        signed_in = SignedIn(self._grants.granted(viewer), expires)
        until = min(signed_in.expires + rules.leeway, time.time() + rules.cached_for)
        self._verified.put(digest, (until, signed_in))
        return signed_in

    def _issuer_of(self, token: str) -> tuple[TrustedIssuer, Mapping[str, Any]]:
        """Whose keys are to verify the token, and its header. Nothing in it is believed yet."""
        header, claims = unverified(token)
        if "iss" not in claims:
            raise _refusal(jwt.MissingRequiredClaimError("iss"))
        name = claims["iss"]
        issuer = self._issuers.get(name) if isinstance(name, str) else None
        if issuer is None:
            which = "one that this gateway trusts. Get a token from such a one"
            if len(self._issuers) == 1:
                which = "the one that this gateway trusts. Get a token from that one"
            raise AuthenticationError(f"The issuer (iss) is not {which}.", Why.ISSUER)
        return issuer, header


async def _keys_of(issuer: TrustedIssuer, header: Mapping[str, Any]) -> list[jwt.PyJWK]:
    algorithm, key_id = str(header.get("alg")), header.get("kid")
    if algorithm not in (issuer.rules.algorithms or ASYMMETRIC):
        raise _wrong_algorithm(issuer.algorithms)
    try:
        keys = await issuer.keys.candidates(key_id, algorithm)
    except WrongKeyError as error:
        raise _refusal(jwt.InvalidAlgorithmError()) from error
    except KeysUnavailableError as error:
        message = "Tokens cannot be checked at the moment. Try again in a moment."
        raise AuthUnavailableError(message, headers={"Retry-After": "2"}) from error
    if algorithm not in (issuer.algorithms or ()):  # Only now, because what an issuer names may have changed.
        raise _wrong_algorithm(issuer.algorithms)
    if not keys:
        named = "is signed by an unknown key (kid)" if key_id else "does not name the key that signed it (kid)"
        raise AuthenticationError(f"The token {named}. Get a new one.", Why.KEY)
    return keys


def _verify(token: str, issuer: TrustedIssuer, *keys: jwt.PyJWK) -> dict[str, Any]:
    *others, last = keys
    for key in others:  # An id should name one key (RFC 7517, 4.5), but several may have it.
        with suppress(_NotOfThisKeyError):
            return _claims(token, issuer, key)
    return _claims(token, issuer, last)


def _claims(token: str, issuer: TrustedIssuer, key: jwt.PyJWK) -> dict[str, Any]:
    rules = issuer.rules
    try:
        return jwt.decode(
            token,
            key,
            algorithms=list(issuer.algorithms or ()),
            issuer=rules.issuer,
            audience=rules.audience,
            leeway=rules.leeway,
            options={"require": ["exp", "iss", "aud"], "enforce_minimum_key_length": True},
        )
    except jwt.InvalidSignatureError as error:
        raise _NotOfThisKeyError(_REASONS[jwt.InvalidSignatureError][1], Why.SIGNATURE) from error
    except jwt.ExpiredSignatureError as error:
        _, claims = unverified(token)  # Verified above: only the time is wrong.
        expired = datetime.fromtimestamp(max(0, int(claims["exp"])), UTC).isoformat().replace("+00:00", "Z")
        raise AuthenticationError(f"The token expired at {expired}. Get a new one.", Why.EXPIRED) from error
    except jwt.InvalidTokenError as error:
        raise _refusal(error) from error
    except (jwt.PyJWTError, OverflowError) as error:
        message = "The token cannot be checked with the key that it names. Get a new one."
        raise AuthenticationError(message, Why.KEY) from error


def bearer_token(headers: Sequence[str]) -> str:
    """The token of the Authorization header, of which there must be one. Raises AuthenticationError."""
    given = headers[0]
    if len(headers) == 1 and given.startswith("Bearer ") and (token := given[7:].strip()):
        return token  # as most write it
    scheme, _, token = given.strip().partition(" ")
    if len(headers) > 1 or scheme.lower() != "bearer" or not token.strip():
        raise AuthenticationError("The request needs one header 'Authorization: Bearer <token>'.", Why.FORM)
    return token.strip()


_REASONS: Mapping[type[jwt.InvalidTokenError], tuple[Why, str]] = {
    jwt.InvalidSignatureError: (
        Why.SIGNATURE,
        "The token's signature is wrong. Get a new one, and send it unchanged.",
    ),
    jwt.InvalidAudienceError: (
        Why.AUDIENCE,
        "The token was made for another audience (aud). Get one for this gateway.",
    ),
    jwt.ImmatureSignatureError: (
        Why.EARLY,
        "The token is not valid yet (nbf or iat is in the future). Check the issuer's clock.",
    ),
    jwt.InvalidAlgorithmError: (
        Why.KEY,
        "The token's algorithm (alg) is not the one of the key that it names. Get a new one.",
    ),
}

_OTHER_REASON: Final = (Why.OTHER, "The token cannot be read, or one of its claims is wrong. Get a new one.")


def _refusal(error: jwt.InvalidTokenError) -> AuthenticationError:
    if isinstance(error, jwt.MissingRequiredClaimError):
        return AuthenticationError(f"The token has no claim '{error.claim}'. Its issuer must add it.", Why.MISSING)
    why, text = next((found for kind, found in _REASONS.items() if isinstance(error, kind)), _OTHER_REASON)
    return AuthenticationError(text, why)


def _wrong_algorithm(believed: Sequence[str] | None) -> AuthenticationError:
    named = " or ".join(believed) if believed else "an algorithm that this gateway believes"
    return AuthenticationError(f"The token is not signed with {named}. Its issuer must sign it so.", Why.ALGORITHM)
