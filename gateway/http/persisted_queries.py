"""Automatic persisted queries (Apollo's protocol): a client sends a document's hash instead of the document.

The hash can also come as the `documentId` of GraphQL over HTTP (appendix A). An unknown hash is answered with
PERSISTED_QUERY_NOT_FOUND, and the client then sends the hash with the document. Only valid documents of signed-in
callers are stored, up to a maximum length, and so many of one caller in a minute.
"""

import hashlib
import logging
import re
import sys
import time
from collections.abc import Callable, Hashable
from typing import Any, Final, Protocol

from connectors.store.address import Address
from connectors.store.asking import redis_at
from connectors.store.away import MayBeAway
from gateway.engine.lru import LRU
from gateway.errors import RequestError
from gateway.http.request import GraphQLRequest
from gateway.manifests import SHA256

MAX_STORED_CHARACTERS: Final = 32 * 1024
"""Length of the longest document that is stored. A longer one must be sent with every request."""

_CALLERS: Final = 4096
"""Callers of whom it is known how many documents they stored."""

_RENEWED: Final = 2000
"""Documents of which it is known when they were stored in the shared store."""

_MINUTE: Final = 60.0

_log = logging.getLogger("gateway.persisted_queries")


class DocumentStore(Protocol):
    """A store of documents by the SHA-256 of their text (hexadecimal, lower case)."""

    async def get(self, digest: str) -> str | None:
        """The document, or None if it is not stored or cannot be read. Never raises."""

    async def put(self, digest: str, source: str) -> None:
        """Store a document if possible. Never raises."""

    async def close(self) -> None:
        """Close the store's connections."""


class MemoryDocumentStore:
    """A store in this process, limited in documents and in bytes."""

    def __init__(self, entries: int = 2000, most: int = 8 * 1024 * 1024) -> None:
        self._documents: LRU[str, str] = LRU(entries, most, sys.getsizeof)

    async def get(self, digest: str) -> str | None:
        return self._documents.get(digest)

    async def put(self, digest: str, source: str) -> None:
        self._documents.put(digest, source)

    async def close(self) -> None:
        """Do nothing: there are no connections."""


class RedisDocumentStore:
    """A store in Redis (or Valkey) for all processes of the gateway. Each use renews the time to live (a day).

    Redis limits the memory: with `maxmemory` and `maxmemory-policy volatile-lru` or `allkeys-lru` it drops the least
    recently used documents.

    If Redis is down nothing is found, and nothing fails. Each command waits at most `timeout` seconds, and after a
    failure no command is sent for `pause` seconds.
    """

    def __init__(
        self,
        address: Address,
        *,
        prefix: str = "opticom:document:",
        time_to_live: int = 24 * 3600,
        timeout: float = 0.25,
        pause: float = 1.0,
    ) -> None:
        self._redis = redis_at(address, decode=True)
        self._prefix, self._time_to_live = prefix, time_to_live
        self._server = MayBeAway(
            _log,
            lost="Redis cannot be reached; clients must send persisted queries again that this process does not know",
            back="Redis can be reached again; persisted queries are stored.",
            timeout=timeout,
            pause=pause,
        )

    async def get(self, digest: str) -> str | None:
        found: Any = await self._server.asked(lambda: self._redis.getex(self._prefix + digest, ex=self._time_to_live))
        return found if isinstance(found, str) else None

    async def put(self, digest: str, source: str) -> None:
        await self._server.asked(lambda: self._redis.set(self._prefix + digest, source, ex=self._time_to_live))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


class CopiedDocumentStore:
    """A shared store with a copy in this process in front of it: what was used here is known here while that is away.

    A document that is used is stored again in the shared store after `renewal` seconds, which keeps it alive there, and
    makes it known to a server that has forgotten everything.
    """

    def __init__(
        self,
        shared: DocumentStore,
        copy: MemoryDocumentStore | None = None,
        *,
        renewal: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared, self._copy, self._renewal, self._clock = shared, copy or MemoryDocumentStore(), renewal, clock
        self._renewed: LRU[str, float] = LRU(_RENEWED)

    async def get(self, digest: str) -> str | None:
        source = await self._copy.get(digest)
        if source is None:
            source = await self._shared.get(digest)
            if source is not None and _sha256(source) == digest:
                self._renewed.put(digest, self._clock())
                await self._copy.put(digest, source)
        elif self._clock() - (self._renewed.get(digest) or 0.0) >= self._renewal:
            self._renewed.put(digest, self._clock())
            await self._shared.put(digest, source)
        return source

    async def put(self, digest: str, source: str) -> None:
        self._renewed.put(digest, self._clock())
        await self._copy.put(digest, source)
        await self._shared.put(digest, source)

    async def close(self) -> None:
        """Close the shared store."""
        await self._shared.close()


class PersistedQueries:
    """The protocol on top of a store: finds a request's document, and stores it."""

    def __init__(self, documents: DocumentStore | None = None, per_minute: int = 60) -> None:
        """`per_minute`: how many documents of one caller are stored in a minute."""
        self._documents, self._per_minute = documents or MemoryDocumentStore(), per_minute
        self._stored: LRU[Hashable, tuple[float, int]] = LRU(_CALLERS)
        """By caller: when the minute began, and how many were stored in it."""

    async def source(self, request: GraphQLRequest) -> str:
        """The document of a request, sent or stored. Raises RequestError.

        PERSISTED_QUERY_NOT_FOUND of Apollo's protocol has the status 200 in both media types, as in Apollo Server: some
        clients, such as older ones of Apollo for iOS and Kotlin, send the document again only then.
        """
        if request.query is not None:
            if request.extensions or request.document_id is not None:
                check_hash(request)
            return request.query
        digest = _digest(request)
        source = await self._documents.get(digest) if digest else None
        if (
            source is None or _sha256(source) != digest
        ):  # Checked again, so that nobody who can write to Redis can change a document.
            raise _not_found(request)
        return source

    async def keep(self, request: GraphQLRequest, caller: Hashable = "") -> None:
        """Store the document of a request that came with its hash, up to `MAX_STORED_CHARACTERS`.

        To be called once the document is validated, and only for callers who are signed in. A document that is not
        stored, because its caller stored too many in this minute, is sent again when it is needed: no error.
        """
        digest = _digest(request)
        if digest is None or request.query is None or len(request.query) > MAX_STORED_CHARACTERS:
            return
        if self._may_store(caller):
            await self._documents.put(digest, request.query)

    def _may_store(self, caller: Hashable) -> bool:
        now = time.monotonic()
        began, count = self._stored.get(caller) or (now, 0)
        if now - began >= _MINUTE:
            began, count = now, 0
        self._stored.put(caller, (began, count + 1))
        return count < self._per_minute

    async def close(self) -> None:
        """Close the store."""
        await self._documents.close()


def _sha256(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()


def check_hash(request: GraphQLRequest) -> None:
    """Raise RequestError where a document comes with a hash or an id that is not its own."""
    digest = _digest(request)
    if request.query is None or (digest is None and request.document_id is None):
        return
    if digest is None:
        raise RequestError(
            f"The documentId {request.document_id!r} is no hash of the query beside it. Send one of the two."
        )
    if digest != _sha256(request.query):
        given = "extensions.persistedQuery.sha256Hash" if request.document_id is None else "documentId"
        raise RequestError(
            f"{given} is not the SHA-256 of the query. Send the query's own hash.",
            code="PERSISTED_QUERY_HASH_MISMATCH",
        )


def _not_found(request: GraphQLRequest) -> RequestError:
    if request.document_id is None:
        return RequestError("PersistedQueryNotFound", status=200, code="PERSISTED_QUERY_NOT_FOUND")
    return RequestError(
        f"There is no document with the documentId {request.document_id!r}, or no longer. Send the document itself.",
        code="PERSISTED_QUERY_NOT_FOUND",
    )


def _digest(request: GraphQLRequest) -> str | None:
    """The hash that a request names, hexadecimal in lower case; None without one."""
    if request.document_id is not None:
        named = re.fullmatch(f"{SHA256}([0-9a-f]{{64}})", request.document_id)
        return named[1] if named else None
    given = request.extensions.get("persistedQuery")
    if given is None:
        return None
    if not isinstance(given, dict) or given.get("version") != 1:
        raise RequestError('extensions.persistedQuery must be an object with "version": 1.')
    digest = given.get("sha256Hash")
    if not isinstance(digest, str) or not re.fullmatch("[0-9a-fA-F]{64}", digest):
        raise RequestError("extensions.persistedQuery.sha256Hash must be 64 hexadecimal digits.")
    return digest.lower()
