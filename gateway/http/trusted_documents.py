"""Documents of manifests: loaded and compiled at start, loaded again when a manifest changes, and never forgotten.

A request names one by its `documentId` (GraphQL over HTTP, appendix A), by the hash of Apollo's protocol, or by its
text. Who may send other documents is said by the settings, for each kind of caller.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from graphql import GraphQLError

from connectors.secret_files import UnusableFile, signature
from gateway.documents_settings import DocumentsSettings
from gateway.engine import Engine, Prepared, Rights, in_turns
from gateway.engine.lru import LRU
from gateway.errors import RequestError
from gateway.http.persisted_queries import check_hash
from gateway.http.request import GraphQLRequest
from gateway.manifests import SHA256, documents_in, sha256_id
from resolvers.viewer import Viewer, ViewerKind

_LOGGED: Final = 1024
"""Unknown documents that are remembered, so that each is logged once."""

_LOGGED_A_MINUTE: Final = 60
"""Most unknown documents that are logged in a minute: clients choose what they send."""

_NAMED: Final = 10
"""Documents that do not fit the schema which the log names."""

_log: Final = logging.getLogger("gateway.documents")

Checked = Prepared | list[GraphQLError]
"""A document, or why it cannot be run."""


class DocumentNotAllowedError(RequestError):
    """The caller may send documents of the manifests only, and this is none."""

    status = 403
    code = "DOCUMENT_NOT_ALLOWED"

    def __init__(self) -> None:
        super().__init__(
            "Callers of this kind may send only documents that the gateway's operator has published, and this is none"
            " of them. Let it be published with your next build."
        )


@dataclass(frozen=True)
class _Held:
    by_id: Mapping[str, Checked] = field(default_factory=dict)
    by_text: Mapping[str, Checked] = field(default_factory=dict)
    names: frozenset[str] = frozenset()


class TrustedDocuments:
    """The documents of all manifests of the settings, prepared by an engine."""

    def __init__(self, engine: Engine, settings: DocumentsSettings, rights: Collection[Rights] = (None,)) -> None:
        """They are compiled for callers with these rights; for others when they ask."""
        self._engine, self._settings, self._rights = engine, settings, rights
        self._modes = {kind: settings.mode(kind) for kind in ViewerKind}
        self._held = _Held()
        self._seen: object = None
        self._unknown: LRU[str, bool] = LRU(_LOGGED)
        self._minute, self._logged = 0.0, 0

    def __len__(self) -> int:
        return len(self._held.by_text)

    @property
    def names(self) -> frozenset[str]:
        """The names of their operations."""
        return self._held.names

    async def load(self) -> None:
        """Read the manifests, and compile their documents, with turns for others. Raises UnusableFile."""
        began = time.perf_counter()
        self._seen = self._signatures()
        by_id = await asyncio.to_thread(documents_in, self._settings.manifest_files, self._settings.most)
        before, by_text = self._held.by_text, dict[str, Checked]()
        for text in by_id.values():
            if text not in by_text:
                if (known := before.get(text)) is None:
                    known = await in_turns(self._engine.compiling_ahead(text, self._rights))
                by_text[text] = known
        names = {name for one in by_text.values() if isinstance(one, Prepared) for name in one.operations if name}
        self._held = _Held({one: by_text[text] for one, text in by_id.items()}, by_text, frozenset(names))
        self._tell(by_id, time.perf_counter() - began)

    async def look(self) -> bool:
        """Load the manifests again if one has changed; whether that was done.

        A manifest that cannot be used is logged, and the documents from before stay.
        """
        if self._signatures() == self._seen:
            return False
        try:
            await self.load()
        except UnusableFile as error:
            _log.error("documents.manifest_files: %s; the documents from before stay in use", error)
            return False
        return True

    async def follow(self) -> None:
        """Look for changes until this is cancelled."""
        while True:
            await asyncio.sleep(self._settings.reload)
            try:
                await self.look()
            except Exception:  # noqa: BLE001  # nobody else would log it, and the next look may find it mended
                _log.exception("the manifests could not be loaded again; the documents from before stay in use")

    def find(self, request: GraphQLRequest, viewer: Viewer) -> Checked | None:
        """The document that a request names or sends; None if it is of no manifest, and the caller may send others.

        Raises RequestError: 403 DOCUMENT_NOT_ALLOWED, and 400 for a document that comes with another one's hash.
        """
        found = self._named(request)
        if found is not None:
            return found
        mode = self._modes[viewer.kind]
        if mode == "only":
            raise DocumentNotAllowedError
        if mode == "preferred":
            self._note(request, viewer)
        return None

    def _named(self, request: GraphQLRequest) -> Checked | None:
        held = self._held
        if request.query is not None:
            found = held.by_text.get(request.query)
            if found is not None and (request.document_id is not None or request.extensions):
                given = request.document_id or _hash(request)
                if given is None or held.by_id.get(given) is not found:
                    check_hash(request)
            return found
        if request.document_id is not None:
            return held.by_id.get(request.document_id)
        given = _hash(request)
        return held.by_id.get(given) or held.by_id.get(SHA256 + given.lower()) if given else None

    def _signatures(self) -> object:
        return [signature(path) for path in self._settings.manifest_files]

    def _tell(self, by_id: Mapping[str, str], seconds: float) -> None:
        _log.info(
            "%d documents of %d manifests are loaded, in %.1f s", len(self), len(self._settings.manifest_files), seconds
        )
        wrong = [(one, errors) for one, errors in self._held.by_id.items() if isinstance(errors, list)]
        seen: set[str] = set()
        for given, errors in wrong:
            text = by_id[given]
            if text not in seen and len(seen) < _NAMED:
                _log.error("the document %r of the manifests cannot be run: %s", given, errors[0].message)
            seen.add(text)
        if len(seen) > _NAMED:
            _log.error("%d documents of the manifests cannot be run in all", len(seen))

    def _note(self, request: GraphQLRequest, viewer: Viewer) -> None:
        """Log a document of no manifest, once, and not more in a minute than can be read."""
        given = sha256_id(request.query) if request.query is not None else request.document_id or _hash(request) or "-"
        key = hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()
        if self._unknown.get(key):
            return
        now = time.monotonic()
        if now - self._minute >= 60:
            self._minute, self._logged = now, 0
        if self._logged >= _LOGGED_A_MINUTE:
            return
        self._logged += 1
        self._unknown.put(key, True)
        _log.warning(
            "a document of no manifest: %.100r (operation %.100r), from a caller of the kind %s",
            given,
            request.operation_name,
            viewer.kind.value,
        )


def _hash(request: GraphQLRequest) -> str | None:
    """The hash of Apollo's protocol, which is whatever id the manifest has."""
    extension = request.extensions.get("persistedQuery")
    given = extension.get("sha256Hash") if isinstance(extension, dict) and extension.get("version") == 1 else None
    return given if isinstance(given, str) else None
