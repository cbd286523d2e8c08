"""What a token says before anything of it is proved: enough to choose whose keys are to prove it."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import jwt

from gateway.auth.refusals import AuthenticationError, Why


class _TwiceError(Exception):
    """An object has one name twice."""


def unverified(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Header and claims of a token, of which nothing is proved.

    Raises AuthenticationError for what is no JWT, and for one that says something twice, at any depth: others may have
    read the other one (RFC 8725, 2.4).
    """
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
        for part in token.split(".")[:2]:
            json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)), object_pairs_hook=_unique)
    except _TwiceError as error:
        raise AuthenticationError("The token has one name twice. Its issuer must mend it.", Why.TWICE) from error
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        message = "The token is not a signed JSON Web Token (JWT). Send it as its issuer gave it."
        raise AuthenticationError(message, Why.FORM) from error
    return header, claims


def check_type(header: Mapping[str, Any], types: Sequence[str]) -> None:
    """Raise AuthenticationError for a token of another type (`typ`; RFC 8725, 3.11), in any case; "" is none."""
    kind = header.get("typ", "")
    known = {one.lower() for one in types}
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in known:
        message = "The token's type (typ) is not that of an access token. Send one that is."
        raise AuthenticationError(message, Why.TYPE)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TwiceError
    return found
