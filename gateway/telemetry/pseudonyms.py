"""Callers by names that tell nobody who they are, and are the same for the same caller as long as the key is."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from functools import lru_cache


def pseudonyms(key: str = "", most: int = 4096) -> Callable[[tuple[object, ...]], str]:
    """Names of callers by their identity: a keyed hash (HMAC-SHA-256), of which 16 hexadecimal digits.

    Without a key it is a random one of this process. `most` names are kept.
    """
    secret = key.encode() or secrets.token_bytes(32)

    @lru_cache(most)
    def pseudonym(identity: tuple[object, ...]) -> str:
        text = repr(identity).encode("utf-8", "surrogatepass")
        return hmac.new(secret, text, hashlib.sha256).hexdigest()[:16]

    return pseudonym
