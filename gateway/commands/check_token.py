"""`gateway check --token`: what a token would be here, or why it is none and which setting would take it.

Neither the token nor what it says about a person is told: of its claims only issuer, audience, times and customer
numbers, and the names of others.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp

from gateway.auth.claims import KINDS, claim, viewer_of
from gateway.auth.refusals import AuthenticationError, AuthUnavailableError, Why
from gateway.auth.tokens import ASYMMETRIC, MAX_TOKEN_CHARACTERS, USUAL_ALGORITHMS, SignedIn
from gateway.auth.unverified import unverified
from gateway.auth_settings import AuthSettings, IssuerSettings
from gateway.commands.check_keys import of_issuer
from gateway.scope_settings import ScopeSettings
from resolvers.viewer import Viewer

_NO_SETTING: Final = "No setting takes it"
_ROLE_LIKE: Final = ("role", "roles", "group", "groups", "kind", "permissions", "scope", "scp")
_MOST_NAMES: Final = 8


class NoToken(Exception):
    """There is nothing to judge. The text says what to do, and holds nothing of what was given."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to be said about a token, line by line."""

    is_taken: bool
    lines: tuple[str, ...]


def read_token(where: str) -> str:
    """The token in this file, or on standard input (`-`). Raises NoToken."""
    most = 4 * MAX_TOKEN_CHARACTERS
    try:
        if where == "-":
            read = sys.stdin.buffer.read(most)
        else:
            with Path(where).open("rb") as file:
                read = file.read(most)
    except (OSError, ValueError) as error:
        raise NoToken(
            "--token names a file that can be read, or is - for standard input. It is never the token itself: others on"
            " this machine see command lines. If that was a token, get a new one."
        ) from error
    token = read.decode("utf-8", "replace").strip()
    if token[:7].lower() == "bearer ":
        token = token[7:].strip()
    if not token:
        raise NoToken("There is no token in it: nothing but white space.")
    return token


async def judge(auth: AuthSettings, token: str, scopes: ScopeSettings | None = None) -> Judged:
    """What the gateway would make of a token, with keys as they are now."""
    scopes = scopes or ScopeSettings()
    issuers = {one.issuer: (place, one) for place, one in auth.by_place()}
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        try:
            signed_in = await auth.authenticator(session, scopes.grants()).signed_in(token)
        except AuthenticationError as error:
            advice = _refused(error.why, token, issuers)
            return Judged(False, (f"This token is not taken. {error}", *advice))
        except AuthUnavailableError:
            _, claims = unverified(token)
            finding = await of_issuer(*issuers[claims["iss"]], session)
            why = f"{finding.detail}. {finding.hint}" if not finding.is_good else "They can be read now: try again."
            return Judged(False, ("This token cannot be judged, because its issuer's keys cannot be read.", why))
    place, issuer = issuers[signed_in.viewer.issuer]
    _, claims = unverified(token)  # verified above
    said = viewer_of(claims, issuer.claims, KINDS).scopes or frozenset()
    return Judged(True, (*_taken(signed_in, place, issuer), *_reads(signed_in.viewer, said, scopes)))


def _taken(signed_in: SignedIn, place: str, issuer: IssuerSettings) -> Iterator[str]:
    viewer, names = signed_in.viewer, issuer.claims
    yield "This token is taken."
    yield f"kind:      {viewer.kind.value}"
    numbers = ", ".join(one if one.isprintable() else _shown(one) for one in viewer.customer_ids) or "none"
    sees = f" (sees nothing: {place}.claims.customers = {_shown(names.customers)} names no claim of it)"
    yield f"customers: {numbers}{'' if viewer.is_staff or viewer.customer_ids else sees}"
    yield f"roles:     {len(viewer.roles)} in {_shown(names.roles)}"
    yield f"issuer:    {viewer.issuer} ({place})"
    yield f"until:     {_moment(signed_in.expires)} (in {_period(signed_in.expires - time.time())})"
    if not viewer.subject:
        yield "writes:    none, because it has no sub"


def _reads(viewer: Viewer, said: frozenset[str], settings: ScopeSettings) -> Iterator[str]:
    """Its scopes, and what it may not read, or not in full."""
    kind = viewer.kind.value
    if viewer.scopes is None:
        yield f"scopes:    all, as every {kind} has (scopes.{kind})"
        return
    own = viewer.scopes - viewer.noted_scopes
    parts = [f"{', '.join(sorted(own))} of every {kind}"] if own else []
    parts += [f"{', '.join(sorted(viewer.noted_scopes))} of this token"] if viewer.noted_scopes else []
    unknown = len(said - viewer.scopes)
    more = f" ({unknown} more in the token mean nothing here)" if unknown else ""
    yield f"scopes:    {'; '.join(parts) or 'none'}{more}"
    from gateway.engine.guards import Guards  # here, because building the schema takes the better part of a second
    from schema import build_schema
    from schema.guards import mask_name

    graph = build_schema()
    settings.tighten(graph)
    guards, withheld, masked, noted = Guards(graph.graphql), [], [], []
    for (type_name, name), found in guards.of_field.items():
        place = f"{type_name}.{name}"
        if found.withholds is not None and not found.withholds.is_open(viewer.scopes):
            withheld.append(place)
        if found.masks is not None and not found.masks.is_open(viewer.scopes):
            masked.append(f"{place} ({mask_name(graph.graphql, type_name, name)})")
        elif found.masks is not None and not found.masks.is_open(own):
            noted.append(place)
    yield f"withheld:  {', '.join(sorted(withheld)) or 'nothing'}"
    yield f"masked:    {', '.join(sorted(masked)) or 'nothing'}"
    yield f"audited:   {', '.join(sorted(noted)) or 'nothing'}"


def _refused(why: Why, token: str, issuers: Mapping[str, tuple[str, IssuerSettings]]) -> Iterator[str]:
    """What can be done about it. The issuer is known, except where it or the form is wrong."""
    if why is Why.FORM:
        yield _formless(token)
        return
    if why is Why.TWICE:
        yield f"{_NO_SETTING}: two readers could read it differently. Let the issuer mend it."
        return
    header, claims = unverified(token)
    found = issuers.get(claims["iss"]) if isinstance(claims.get("iss"), str) else None
    if found is None:
        yield _of_nobody(claims, issuers)
        return
    place, issuer = found
    names = issuer.claims
    match why:
        case Why.TYPE:
            yield _type(header.get("typ", ""), place, issuer)
        case Why.ALGORITHM:
            yield _algorithm(header.get("alg"), place, issuer)
        case Why.KEY:
            kid = _shown(header.get("kid"))
            yield f"{_NO_SETTING}, unless {_source(place, issuer)} is not where its key (kid {kid}) is."
        case Why.SIGNATURE:
            yield f"{_NO_SETTING}. If nobody changed it, {_source(place, issuer)} has another key with its id."
        case Why.AUDIENCE:
            yield (
                f"Its aud is {_shown(claims.get('aud'))}, and {place}.audience is {_shown(issuer.audience)}. If it was"
                f" made for this gateway, let the issuer say so, or add it to {place}.audience."
            )
        case Why.EXPIRED:
            ago = _period(time.time() - int(claims["exp"]))
            yield f"{_NO_SETTING}. It ended {ago} ago; {place}.leeway = {issuer.leeway:g} s is for clocks that differ."
        case Why.EARLY:
            moments = (claims.get("nbf"), claims.get("iat"))
            begins = max((one for one in moments if isinstance(one, int | float)), default=time.time())
            yield (
                f"It begins in {_period(begins - time.time())}. Set the clocks right, or {place}.leeway (at most 600)"
                f" to more than {issuer.leeway:g} s."
            )
        case Why.MISSING:
            yield f"{_NO_SETTING}: let the issuer add it (Keycloak adds aud with an audience mapper)."
        case Why.KIND:
            yield from _kindless(claims, place, issuer)
        case Why.NOT_ITS_KIND:
            kind = viewer_of(claims, names, KINDS).kind.value
            allowed = _shown(issuer.allowed_kinds)
            yield f"{place}.allowed_kinds = {allowed} lacks {_shown(kind)}. Add it only if this issuer may make such."
        case Why.CUSTOMERS | Why.ROLES:
            setting = "customers" if why is Why.CUSTOMERS else "roles"
            name = getattr(names, setting)
            yield f"{_is(claims, name)}. Let {place}.claims.{setting} name another claim, or the issuer mend this one."
        case _:
            yield f"{_NO_SETTING}: let the issuer mend it."


def _formless(token: str) -> str:
    if len(token) > MAX_TOKEN_CHARACTERS:
        return f"{_NO_SETTING}: let the issuer put less into it (groups and roles that are not needed here)."
    if token.count(".") == 4:
        return f"{_NO_SETTING}: it is encrypted (JWE). Let the issuer sign tokens for this gateway, and no more."
    return (
        f"{_NO_SETTING}: it is an opaque token, or not a whole one. Let the client ask for an access token for this"
        " gateway (Auth0: with audience; Azure: with a scope of its application)."
    )


def _of_nobody(claims: Mapping[str, Any], issuers: Mapping[str, tuple[str, IssuerSettings]]) -> str:
    name = claims.get("iss")
    if not isinstance(name, str):
        return f"{_NO_SETTING}: let the issuer add its name (iss)."
    for known, (place, _) in issuers.items():
        if known.rstrip("/").casefold() == name.rstrip("/").casefold():
            return f"Its iss differs by a slash or a letter's case: {place}.issuer = {_shown(name)} would take it."
    more = ""
    if name.startswith("https://sts.windows.net/"):
        more = " It is Azure's older form: accessTokenAcceptedVersion = 2 in the gateway's app registration changes it."
    return f"If you trust it: [[auth.issuers]] with issuer = {_shown(name)} would look at it.{more}"


def _type(kind: Any, place: str, issuer: IssuerSettings) -> str:
    if not isinstance(kind, str):
        return f"{_NO_SETTING}: its typ is {_shown(kind)}. Let the issuer mend it."
    return (
        f"{place}.types = {_shown([*issuer.types, kind])} would take it. Add it only if this issuer's access tokens are"
        " of this type, and its tokens for other purposes (ID tokens, logout tokens) are not."
    )


def _algorithm(algorithm: Any, place: str, issuer: IssuerSettings) -> str:
    if not isinstance(algorithm, str) or algorithm not in ASYMMETRIC:
        return f"{_NO_SETTING}: with {_shown(algorithm)} others could make tokens. Let the issuer use RS256 or ES256."
    believed = issuer.rules.algorithms or USUAL_ALGORITHMS
    return f"{place}.algorithms = {_shown([*believed, algorithm])} would take it."


def _kindless(claims: Mapping[str, Any], place: str, issuer: IssuerSettings) -> Iterator[str]:
    rules = issuer.claims
    value = claim(claims, rules.kind)
    if rules.default_kind and not claim(claims, rules.customers):
        yield (
            f"{_is(claims, rules.customers)}, and without a number it is no {rules.default_kind}'s. Let"
            f" {place}.claims.customers name the claim that has it, or the issuer add it."
        )
    if not rules.kinds:
        return
    if isinstance(value, list) and not value:
        known = ", ".join(map(_shown, rules.kinds))
        yield f"Its claim {_shown(rules.kind)} is an empty list: let the issuer put {known} there."
    elif isinstance(value, str | list):
        held = "is a text that is not" if isinstance(value, str) else f"has {len(value)} entries, of which none is"
        yield f"Its claim {_shown(rules.kind)} {held} in {place}.claims.kinds: add it there with what it means."
    else:
        there = ", ".join(_shown(one) for one in _role_like(claims)) or "none that looks like it"
        yield f"{_is(claims, rules.kind)}. Let {place}.claims.kind name one that says it. There are: {there}."
    if not rules.default_kind and "customer" in issuer.allowed_kinds and claim(claims, rules.customers):
        yield f'{place}.claims.default_kind = "customer" would make it a customer, as it has customer numbers.'


def _role_like(claims: Mapping[str, Any]) -> Sequence[str]:
    """Names of claims that may say a kind: by their own name, or because they are lists of texts."""

    def walk(value: Any, path: str) -> Iterator[str]:
        if isinstance(value, Mapping):
            for name, inner in value.items():
                yield from walk(inner, f"{path}.{name}" if path else name)
        elif isinstance(value, list | str) and path.replace("/", ".").rpartition(".")[2].lower() in _ROLE_LIKE:
            yield path

    return [*walk(claims, "")][:_MOST_NAMES]


def _source(place: str, issuer: IssuerSettings) -> str:
    if issuer.is_asked:
        return f"what {place}.issuer says about itself (OpenID discovery)"
    return f"{place}.jwks_url" if issuer.jwks_url else f"{place}.jwks_file"


_TYPES: Final = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a number"}


def _is(claims: Mapping[str, Any], name: str) -> str:
    value = claim(claims, name)
    if value is None:
        return f"It has no claim {_shown(name)}"
    return f"Its claim {_shown(name)} is {_TYPES.get(type(value), 'a number')} that cannot be read so"


def _shown(value: Any) -> str:
    """As JSON, so that nothing in it acts on a terminal, and not too long."""
    text = json.dumps(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(max(0.0, seconds), UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _period(seconds: float) -> str:
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
