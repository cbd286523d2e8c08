"""One conversation with one system: credentials, deadline, one retry, bulkhead, size cap, health and the trace."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec
from yarl import URL

from connectors.credentials import Credentials
from connectors.errors import (
    ConnectorError,
    Failed,
    Garbled,
    RateLimited,
    Refused,
    Rejected,
    TimedOut,
    TooMuch,
    Unreachable,
)
from connectors.health import Health
from connectors.profile import System
from connectors.request import UpstreamCall, current_loader, current_scope

T = TypeVar("T")

ANSWERING_TIME: Final = 0.15
"""Seconds before the deadline at which upstream calls end, so that the partial answer itself still gets out."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and whole body of one answer below 400, or of a 404."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient:
    """All requests to one system pass here; every way in which one can fail leaves as a `ConnectorError`."""

    def __init__(self, name: str, system: System, session: aiohttp.ClientSession) -> None:
        self.name, self.system = name, system
        self.health = Health(name)
        self._session = session
        self._base = system.url.rstrip("/")
        self._origin = URL(self._base).origin()
        self._bulkhead = asyncio.Semaphore(system.concurrency)
        self._credentials = Credentials(name, system.auth, session, system.timeout)

    async def get(self, path_and_query: str, keys: Sequence[str], read: Callable[[Answer], T]) -> T:
        """Read `path_and_query` (already encoded). `read` decodes the answer; what it cannot read is `Garbled`."""
        return await self._ask("GET", path_and_query, keys, None, read)

    async def post_query(self, path: str, body: bytes, keys: Sequence[str], read: Callable[[Answer], T]) -> T:
        """Send a JSON body to a resource that only asks (a TMF task such as queryUsageConsumption): safe to repeat."""
        return await self._ask("POST", path, keys, body, read)

    async def _ask(
        self, method: str, target: str, keys: Sequence[str], body: bytes | None, read: Callable[[Answer], T]
    ) -> T:
        scope = current_scope.get()
        started = time.monotonic()
        call = UpstreamCall(
            self.name,
            method,
            target,
            tuple(keys),
            current_loader.get(),
            (started - scope.started) * 1000 if scope else 0.0,
        )
        if scope:
            scope.calls.append(call)
        try:
            async with asyncio.timeout(self._allowance()), self._bulkhead:
                answer = await self._twice(method, target, body, call)
            result = read(answer)
        except TimeoutError as error:
            raise self._lost(call, TimedOut(self.name, f"{method} {target} did not answer in time")) from error
        except msgspec.MsgspecError as error:
            raise self._lost(call, Garbled(self.name, f"{method} {target}: {error}")) from error
        except ConnectorError as error:
            self._lost(call, error)
            raise
        except asyncio.CancelledError:
            call.error = "REQUEST_CANCELLED"
            raise
        finally:
            call.duration_ms = (time.monotonic() - started) * 1000
        self.health.answered(call.duration_ms)
        return result

    def _lost(self, call: UpstreamCall, error: ConnectorError) -> ConnectorError:
        call.error = error.code
        self.health.failed(error)
        return error

    def _allowance(self) -> float:
        scope = current_scope.get()
        if scope is None:
            return self.system.timeout
        return max(0.0, min(self.system.timeout, scope.remaining() - ANSWERING_TIME))

    async def _twice(self, method: str, target: str, body: bytes | None, call: UpstreamCall) -> Answer:
        """Ask; once more when the connection broke (a kept-alive one may have been closed) or a token aged."""
        try:
            return await self._once(method, target, body, call)
        except Refused:
            if not self._credentials.renewable():
                raise
        except Unreachable as error:
            if isinstance(error.__cause__, aiohttp.ClientConnectorError):
                raise
        return await self._once(method, target, body, call)

    async def _once(self, method: str, target: str, body: bytes | None, call: UpstreamCall) -> Answer:
        headers = {"Accept": "application/json"} | await self._credentials.headers()
        if body is not None:
            headers["Content-Type"] = "application/json"
        async with self._answer(method, URL(self._base + target, encoded=True), headers, body) as response:
            call.status = response.status
            content = await self._read(response)
            call.bytes = len(content)
            self._judge(response.status, method, target, content)
            return Answer(response.status, response.headers, content)

    @asynccontextmanager
    async def _answer(
        self, method: str, url: URL, headers: dict[str, str], body: bytes | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self.system.connect_timeout)
        try:
            async with self._session.request(
                method, url, headers=headers, data=body, timeout=timeout, allow_redirects=False
            ) as response:
                yield response
        except aiohttp.ServerTimeoutError as error:
            raise TimedOut(self.name, f"{method} {url.path}: {error}") from error
        except aiohttp.ContentTypeError as error:
            raise Garbled(self.name, f"{method} {url.path}: {error}") from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Unreachable(self.name, f"{method} {url.path}: {error or type(error).__name__}") from error

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in response.content.iter_any():
            size += len(part)
            if size > self.system.max_bytes:
                raise TooMuch(self.name, f"{response.url.path}: more than max_bytes = {self.system.max_bytes} bytes")
            parts.append(part)
        return b"".join(parts)

    def _judge(self, status: int, method: str, target: str, content: bytes) -> None:
        if status < 300 or status == 404:
            return
        detail = f"{method} {target} answered {status}: {content[:200].decode(errors='replace')!r}"
        if status in (401, 403):
            raise Refused(self.name, detail)
        if status == 429:
            raise RateLimited(self.name, detail)
        if status >= 500:
            raise Failed(self.name, detail)
        raise Rejected(self.name, detail)

    @asynccontextmanager
    async def stream(self, address: str) -> AsyncIterator[AsyncIterator[bytes] | None]:
        """Open a file that the system keeps, yielding its bytes as they come, or None where there is none.

        `address` may be relative. An address on another host is refused (`Rejected`): a reference in a record
        must never choose where the gateway connects to (FACTS.md, section 2, Reference).
        """
        url = URL(self._base + "/").join(URL(address))
        if url.origin() != self._origin:
            raise Rejected(self.name, f"a document at {urlsplit(address).netloc}, which is not the system's own host")
        headers = await self._credentials.headers()
        async with self._bulkhead, self._answer("GET", url, headers, None) as response:
            if response.status == 404:
                yield None
                return
            if response.status != 200:
                self._judge(response.status, "GET", url.path, b"")
                raise Rejected(self.name, f"GET {url.path} answered {response.status}")
            yield response.content.iter_any()
