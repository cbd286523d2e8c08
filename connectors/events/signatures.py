"""Signatures of webhooks, compared in constant time."""

import hashlib
import hmac
import re
from typing import Final

from connectors.events.speaking import Forged

MOST_AGE: Final = 300.0
"""Seconds that an event may be old, or ahead of our clock. Within them the same one is known by its id."""

_TIMED: Final = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")


def check_timed(header: str, body: bytes, secret: str, now: float) -> None:
    """Check ``t=<seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">``. Raises `Forged`.

    So it does if `t` is too far from `now`.
    """
    match = _TIMED.fullmatch(header)
    at, given = match.groups() if match else ("0", "0" * 64)
    right = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(right, given) or match is None:
        raise Forged("the signature is not the secret's")
    check_age(float(at), now)


def check_sha512(header: str, body: bytes, secret: str) -> None:
    """Check the hex HMAC-SHA512 of the body. Raises `Forged`."""
    right = hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()
    if not hmac.compare_digest(right.encode(), header.strip().lower().encode()):
        raise Forged("the signature is not the secret's")


def check_age(at: float, now: float) -> None:
    """Raise `Forged` if a signed time is too far from `now`: somebody may have kept the event."""
    if abs(now - at) > MOST_AGE:
        raise Forged(f"it was signed {now - at:.0f} s ago")


def same_secret(given: str, right: str) -> bool:
    """Whether two secrets are the same, in a time that does not tell how they differ, nor how long they are."""
    return hmac.compare_digest(hashlib.sha256(given.encode()).digest(), hashlib.sha256(right.encode()).digest())
