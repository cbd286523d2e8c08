"""Callers by names that tell nobody who they are, and are the same for the same caller as long as the key is."""

import hashlib
import hmac
import secrets

from gateway.engine.lru import LRU
from resolvers.viewer import Viewer


class Pseudonyms:
    """Names made by a keyed hash (HMAC-SHA-256). Without a key it is a random one of this process."""

    def __init__(self, key: str = "", most: int = 4096) -> None:
        self._key = key.encode() or secrets.token_bytes(32)
        self._known: LRU[tuple[object, ...], str] = LRU(most)

    def of(self, viewer: Viewer) -> str:
        """That of one caller: 16 hexadecimal digits."""
        found = self._known.get(viewer.identity)
        if found is None:
            text = repr(viewer.identity).encode("utf-8", "surrogatepass")
            found = hmac.new(self._key, text, hashlib.sha256).hexdigest()[:16]
            self._known.put(viewer.identity, found)
        return found
