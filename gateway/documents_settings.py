"""`[documents]`: manifests with the documents of portals, and who may send others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from connectors.secret_files import UnusableFile
from connectors.strict import Strict
from gateway.manifests import documents_in
from gateway.writes_settings import Wrong
from resolvers.viewer import ViewerKind

Mode = Literal["open", "preferred", "only"]
"""Which documents a caller may send: any; any, and those of no manifest are logged; those of the manifests only."""

_NAMES: Final = {
    ViewerKind.ANONYMOUS: "anonymous",
    ViewerKind.CUSTOMER: "subscriber",
    ViewerKind.AGENT: "agent",
    ViewerKind.ADMIN: "admin",
}


class DocumentsSettings(Strict):
    """Without manifests everybody may send any document within the limits."""

    manifest_files: Annotated[
        tuple[Path, ...],
        Field(
            description="Manifests of persisted documents: of @apollo/generate-persisted-query-manifest, of Relay's"
            " persistConfig, or of the client preset of GraphQL Code Generator."
        ),
    ] = ()
    most: Annotated[int, Field(ge=1, description="Most documents of all manifests.")] = 10_000
    reload: Annotated[float, Field(gt=0, description="Seconds between two looks whether a manifest has changed.")] = 5.0
    caching: Annotated[
        Literal["off", "private", "public"],
        Field(
            description="Who may keep answers of persisted documents that are the same for every signed-in caller:"
            " nobody (off); the caller's own cache (private); shared caches, too, which then answer without the"
            " gateway, and so without a look at the token (public)."
        ),
    ] = "private"
    anonymous: Annotated[Mode, Field(description="What callers without a token may send.")] = "open"
    subscriber: Annotated[Mode, Field(description="What subscribers may send.")] = "open"
    agent: Annotated[Mode, Field(description="What agents may send.")] = "open"
    admin: Annotated[Mode, Field(description="What admins may send.")] = "open"

    def mode(self, kind: ViewerKind) -> Mode:
        """What callers of a kind may send."""
        found: Mode = getattr(self, _NAMES[kind])
        return found


def wrong(documents: DocumentsSettings) -> Iterator[Wrong]:
    """Manifests that cannot be used, and modes that need one."""
    if documents.manifest_files:
        try:
            documents_in(documents.manifest_files, documents.most)
        except UnusableFile as error:
            yield ("documents", "manifest_files"), str(error)
        return
    for kind, name in _NAMES.items():
        if (mode := documents.mode(kind)) != "open":
            yield ("documents", name), f"should be 'open', not {mode!r}, without documents.manifest_files"
