"""Automatic persisted queries (Apollo's protocol): a client sends a document's hash instead of the document.

A hash that is not known (any more) is answered with PERSISTED_QUERY_NOT_FOUND; the client then sends hash and document
together once. Only documents of signed-in callers that passed validation, and are not too long, are kept.
"""

import asyncio
import hashlib
import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway.engine.lru import LRU
from gateway.errors import RequestError
from gateway.http.request import GraphQLRequest

MAX_STORED_CHARACTERS: Final = 32 * 1024
"""Length of the longest document that is kept. A longer one is answered, but has to come along every time."""

_log = logging.getLogger("gateway.persisted_queries")


class DocumentStore(Protocol):
    """Where documents are kept, by the SHA-256 of their text (hexadecimal, lower case)."""

    async def get(self, digest: str) -> str | None:
        """The document, or None where it is not kept or cannot be had at the moment. Never raises."""

    async def put(self, digest: str, source: str) -> None:
        """Keep a document if possible. Never raises."""

    async def close(self) -> None:
        """Give back what is held open."""


class MemoryDocumentStore:
    """Kept in this process: bounded in number and in length (characters of all together)."""

    def __init__(self, entries: int = 2000, characters: int = 4_000_000) -> None:
        self._documents: LRU[str, str] = LRU(entries, characters, len)

    async def get(self, digest: str) -> str | None:
        """See DocumentStore."""
        return self._documents.get(digest)

    async def put(self, digest: str, source: str) -> None:
        """See DocumentStore."""
        self._documents.put(digest, source)

    async def close(self) -> None:
        """Nothing is held open."""


class RedisDocumentStore:
    """Kept in Redis (or Valkey), for all processes of the gateway; each use starts the time to live (a day) anew.

    How much room they take in all is for Redis to bound: with `maxmemory` and `maxmemory-policy volatile-lru` or
    `allkeys-lru` it forgets what was not used for longest.

    Redis away: nothing is found, nothing fails. Each question waits at most `timeout` seconds, and after a failure
    Redis is left alone for `pause` seconds.
    """

    def __init__(
        self,
        address: str,
        *,
        prefix: str = "opticom:document:",
        time_to_live: int = 24 * 3600,
        timeout: float = 0.25,
        pause: float = 1.0,
    ) -> None:
        self._redis = Redis.from_url(
            address,
            decode_responses=True,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
        )
        self._prefix, self._time_to_live, self._timeout, self._pause = prefix, time_to_live, timeout, pause
        self._failed_at: float | None = None

    async def get(self, digest: str) -> str | None:
        """See DocumentStore."""
        return await self._call(lambda: self._redis.getex(self._prefix + digest, ex=self._time_to_live))

    async def put(self, digest: str, source: str) -> None:
        """See DocumentStore."""
        await self._call(lambda: self._redis.set(self._prefix + digest, source, ex=self._time_to_live))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _call(self, command: Callable[[], Awaitable[Any]]) -> str | None:
        if self._failed_at is not None and time.monotonic() < self._failed_at + self._pause:
            return None
        try:
            async with asyncio.timeout(self._timeout):
                answer: str | None = await command()
        except (RedisError, OSError, TimeoutError) as error:
            if self._failed_at is None:
                _log.warning("Redis is lost; persisted queries are asked for again: %s", error)
            self._failed_at = time.monotonic()
            return None
        if self._failed_at is not None:
            _log.warning("Redis is back; persisted queries are kept again.")
            self._failed_at = None
        return answer


class PersistedQueries:
    """The protocol on top of a store: what a request's document is, and when to keep it."""

    def __init__(self, documents: DocumentStore | None = None) -> None:
        self._documents = documents or MemoryDocumentStore()

    async def source(self, request: GraphQLRequest) -> str:
        """The document that a request means.

        Raises RequestError. PERSISTED_QUERY_NOT_FOUND has status 200 in both media types, as Apollo Server's has:
        clients (older ones of Apollo for iOS and Kotlin among them) send the document again only then.
        """
        digest = _digest(request)
        if request.query is not None:
            if digest is not None and digest != _sha256(request.query):
                raise RequestError(
                    "extensions.persistedQuery.sha256Hash is not the SHA-256 of the query. Send the query's own hash.",
                    code="PERSISTED_QUERY_HASH_MISMATCH",
                )
            return request.query
        source = await self._documents.get(digest) if digest else None
        if source is None or _sha256(source) != digest:  # Whoever can write to Redis cannot change what a hash means.
            raise RequestError("PersistedQueryNotFound", status=200, code="PERSISTED_QUERY_NOT_FOUND")
        return source

    async def keep(self, request: GraphQLRequest) -> None:
        """Keep the document of a request that came with its hash, unless it is longer than `MAX_STORED_CHARACTERS`.

        To be called once the document is validated, and only for callers who are signed in.
        """
        digest = _digest(request)
        if digest is not None and request.query is not None and len(request.query) <= MAX_STORED_CHARACTERS:
            await self._documents.put(digest, request.query)

    async def close(self) -> None:
        """Give back what the store holds open."""
        await self._documents.close()


def _sha256(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()


def _digest(request: GraphQLRequest) -> str | None:
    given = request.extensions.get("persistedQuery")
    if given is None:
        return None
    if not isinstance(given, dict) or given.get("version") != 1:
        raise RequestError('extensions.persistedQuery must be an object with "version": 1.')
    digest = given.get("sha256Hash")
    if not isinstance(digest, str) or not re.fullmatch("[0-9a-fA-F]{64}", digest):
        raise RequestError("extensions.persistedQuery.sha256Hash must be 64 hexadecimal digits.")
    return digest.lower()
