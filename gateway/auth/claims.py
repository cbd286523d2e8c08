"""From the claims of a token that is believed to a Viewer, by the names and words that its issuer uses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from gateway.auth.refusals import AuthenticationError, Why
from resolvers.viewer import Viewer, ViewerKind

KindName = Literal["customer", "agent", "admin"]

KINDS: Final[tuple[KindName, ...]] = ("customer", "agent", "admin")
"""Kinds of callers that a token can be of, from the one that may least to the one that may most."""

_WORDS: Final = ("scope", "scp")
"""Claims that hold a list of words in one string: RFC 8693, 4.2, and Azure's name for it."""

_ABSENT: Final = object()


def _their_own_names() -> dict[str, KindName]:
    return {kind: kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """Which claims to read, and what they mean. `claim` says how names are looked up.

    The kind is what `kinds` makes of a text that the claim is or holds; of several, the one that may most. Without any,
    it is `default_kind` for who has a customer number. Scopes are those of all the claims `scopes`, and those that
    `role_scopes` gives to a text of the claims `roles` and `kind`.
    """

    kind: Annotated[str, "The claim that holds what the caller is."] = "kind"
    kinds: Annotated[dict[str, KindName], "Which text of that claim is which kind of caller."] = field(
        default_factory=_their_own_names
    )
    default_kind: Annotated[
        Literal["customer"] | None, "What a caller with a customer number is without such a text."
    ] = None
    customers: Annotated[str, "The claim with the customer numbers."] = "customer_ids"
    roles: Annotated[str, "The claim with the roles."] = "roles"
    name: Annotated[str, "The claim with the name to show."] = "name"
    scopes: Annotated[tuple[str, ...], "The claims with scopes."] = ("scope", "scp")
    role_scopes: Annotated[dict[str, tuple[str, ...]], "Scopes that a role or kind gives."] = field(
        default_factory=dict
    )


def viewer_of(claims: Mapping[str, Any], rules: ClaimRules, allowed: Sequence[KindName]) -> Viewer:
    """The viewer whom claims with a text `iss` describe, if it is of an allowed kind. Raises AuthenticationError."""
    customers = _customers(claims, rules.customers)
    kind = _kind(claims, rules, customers)
    if kind not in allowed:
        message = f"The token's issuer (iss) may not sign in callers of the kind '{kind}' here."
        raise AuthenticationError(message, Why.NOT_ITS_KIND)
    viewer = Viewer(
        ViewerKind(kind),
        customer_ids=tuple(dict.fromkeys(customers)),
        roles=tuple(dict.fromkeys(_texts(claims, rules.roles, Why.ROLES))),
        subject=str(claims.get("sub", "")),
        issuer=claims["iss"],
        name=str(claim(claims, rules.name) or claims.get("sub", "")),
        scopes=_scopes(claims, rules),
    )
    try:
        "".join((*viewer.customer_ids, *viewer.roles, viewer.subject, viewer.issuer, viewer.name)).encode()
    except UnicodeEncodeError as error:
        raise AuthenticationError("The token has a text that is not Unicode. Its issuer must mend it.") from error
    return viewer


def claim(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of this name, or None.

    A name is looked up as it is (`https://portal.example/kind`), then as a path, whose parts may have dots, too: longer
    ones are tried first (`resource_access.my.portal.roles`).
    """
    found = _followed(claims, name.split("."))
    return None if found is _ABSENT else found


def _followed(value: Any, parts: Sequence[str]) -> Any:
    if not parts:
        return value
    if isinstance(value, Mapping):
        for length in range(len(parts), 0, -1):
            key = ".".join(parts[:length])
            if key in value and (found := _followed(value[key], parts[length:])) is not _ABSENT:
                return found
    return _ABSENT


def _kind(claims: Mapping[str, Any], rules: ClaimRules, customers: Sequence[str]) -> KindName:
    said = {rules.kinds[text] for text in _texts(claims, rules.kind, Why.KIND) if text in rules.kinds}
    if said:
        return max(said, key=KINDS.index)
    if rules.default_kind and customers:
        return rules.default_kind
    if rules.default_kind:
        message = f"The token's claim '{rules.kind}' says no kind of caller, and '{rules.customers}' has no number."
    elif set(rules.kinds) == set(KINDS):
        message = f"The token's claim '{rules.kind}' must be one of {', '.join(KINDS)}, or a list with one of them."
    else:
        message = f"The token's claim '{rules.kind}' says no kind of caller that this gateway knows."
    raise AuthenticationError(message, Why.KIND)


def _scopes(claims: Mapping[str, Any], rules: ClaimRules) -> frozenset[str]:
    """The scopes that the token says. A claim that is neither a text nor a list says none, and is no mistake here."""
    said = [claim(claims, name) for name in rules.scopes]
    words = [word for one in said for text in (one if isinstance(one, list) else [one]) for word in _words(text)]
    roles = [*_texts(claims, rules.roles, Why.ROLES), *_texts(claims, rules.kind, Why.KIND)]
    return frozenset([*words, *(scope for role in roles for scope in rules.role_scopes.get(role, ()))])


def _words(text: Any) -> list[str]:
    """The words of a text. Only spaces part them (RFC 6749, 3.3): what holds another blank is one word."""
    return [word for word in text.split(" ") if word] if isinstance(text, str) else []


def _customers(claims: Mapping[str, Any], name: str) -> list[str]:
    """Customer numbers without a type prefix: of a list, or of a text with commas in between."""
    value = claim(claims, name)
    given = _texts(claims, name, Why.CUSTOMERS)
    if isinstance(value, str):
        given = [one.strip() for one in value.split(",")]
    numbers = [one.removeprefix("Customer:") for one in given]
    if "" in numbers:
        raise AuthenticationError(f"The token's claim '{name}' has an empty customer number.", Why.CUSTOMERS)
    return numbers


def _texts(claims: Mapping[str, Any], name: str, why: Why) -> list[str]:
    """The texts and whole numbers that a claim is, or holds. Raises AuthenticationError for anything else."""
    value = claim(claims, name)
    if isinstance(value, str) and name.rpartition(".")[2] in _WORDS:
        return _words(value)
    values = value if isinstance(value, list) else [] if value is None else [value]
    if any(not isinstance(one, str | int) or isinstance(one, bool) or one == "" for one in values):
        message = f"The token's claim '{name}' must be a string or a list of strings or whole numbers."
        raise AuthenticationError(message, why)
    return [str(one) for one in values]
