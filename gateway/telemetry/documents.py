"""The hash by which a document is told."""

from typing import Final

from gateway.engine import Prepared
from gateway.manifests import sha256_id

_HASH: Final = "telemetry: hash"


def hash_of(prepared: Prepared) -> str:
    """The id of a document by GraphQL over HTTP (appendix A): `sha256:` and the hash. It is kept with the document."""
    found: str | None = prepared.derived.get(_HASH)
    if found is None:
        found = prepared.derived[_HASH] = sha256_id(prepared.source)
    return found
