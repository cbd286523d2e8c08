"""One conversation with one system: credentials, deadline, one retry, bulkhead, size cap, health and the trace."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

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
        # Files go at the pace of those who read them, and must not keep questions waiting.
        self._files = asyncio.Semaphore(system.concurrency)
        # TMF630's Link header repeats the whole question for the first, previous, next and last page.
        self._longest_header = 6 * (system.profile.max_url + len(self._base)) + 8192
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
        allowance = self._allowance()
        try:
            if allowance <= 0:
                raise TimedOut(
                    self.name, f"{method} {_path(target)}: the request's deadline has passed, it was not sent"
                )
            async with asyncio.timeout(allowance), self._bulkhead:
                answer = await self._twice(method, target, body, call)
            result = read(answer)
        except TimeoutError as error:
            late = TimedOut(self.name, f"{method} {_path(target)} did not answer in time")
            raise self._lost(call, late, allowance) from error
        except msgspec.MsgspecError as error:
            raise self._lost(call, Garbled(self.name, f"{method} {_path(target)}: {error}")) from error
        except ConnectorError as error:
            self._lost(call, error, allowance if allowance <= 0 else None)
            raise
        except asyncio.CancelledError:
            call.error = "REQUEST_CANCELLED"
            raise
        finally:
            call.duration_ms = (time.monotonic() - started) * 1000
        self.health.answered(call.duration_ms)
        return result

    def _lost(self, call: UpstreamCall, error: ConnectorError, allowed: float | None = None) -> ConnectorError:
        """Take note of the failure. `allowed` are the seconds that a late answer had, as far as it is about those."""
        call.error = error.code
        # A client's own deadline that cut a call short says nothing about the system.
        if allowed is None or allowed >= 0.9 * self.system.timeout:
            self.health.failed(error)
        return error

    def _allowance(self) -> float:
        scope = current_scope.get()
        if scope is None:
            return self.system.timeout
        return min(self.system.timeout, scope.remaining() - ANSWERING_TIME)

    async def _twice(self, method: str, target: str, body: bytes | None, call: UpstreamCall) -> Answer:
        """Ask; once more when the connection broke (a kept-alive one may have been closed) or a token aged."""
        credentials = await self._credentials.headers()
        try:
            return await self._once(method, target, body, credentials, call)
        except Refused:
            if call.status != 401 or not self._credentials.forget(credentials):
                raise
            credentials = await self._credentials.headers()
        except Unreachable as error:
            # aiohttp itself asks a second time where a GET got no answer; what it leaves is a body that broke off.
            if method == "GET" and not isinstance(error.__cause__, aiohttp.ClientPayloadError):
                raise
            if isinstance(error.__cause__, aiohttp.ClientConnectorError):
                raise
        return await self._once(method, target, body, credentials, call)

    async def _once(
        self, method: str, target: str, body: bytes | None, credentials: dict[str, str], call: UpstreamCall
    ) -> Answer:
        headers = {"Accept": "application/json"} | credentials
        if body is not None:
            headers["Content-Type"] = "application/json"
        call.status, call.bytes = None, 0
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
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=self.system.connect_timeout, sock_read=self.system.timeout
        )
        try:
            async with self._session.request(
                method,
                url,
                headers=headers,
                data=body,
                timeout=timeout,
                allow_redirects=False,
                max_field_size=self._longest_header,
            ) as response:
                yield response
        except aiohttp.ServerTimeoutError as error:
            raise TimedOut(self.name, f"{method} {url.path}: {error}") from error
        except aiohttp.ClientResponseError as error:
            raise Garbled(self.name, f"{method} {url.path}: no HTTP: {error.message[:200]}") from error
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
        detail = f"{method} {_path(target)} answered {status}: {content[:200].decode(errors='replace')!r}"
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
        url = self._own(address)
        try:
            async with self._files, self._file(url) as response:
                yield None if response.status == 404 else response.content.iter_any()
        except ConnectorError as error:
            self.health.failed(error)
            raise

    @asynccontextmanager
    async def _file(self, url: URL) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer, 200 or 404, with its body unread; asked for once more when a token aged."""
        for again in (True, False):
            credentials = await self._credentials.headers()
            async with self._answer("GET", url, credentials, None) as response:
                if response.status == 401 and again and self._credentials.forget(credentials):
                    continue
                self._judge(response.status, "GET", url.path, b"")
                yield response
                return

    def _own(self, address: str) -> URL:
        try:
            url = URL(self._base + "/").join(URL(address))
            if url.origin() == self._origin:
                return url
        except ValueError as error:
            raise Rejected(self.name, f"a document at {address[:200]!r}, which is no address: {error}") from error
        raise Rejected(self.name, f"a document at {url.authority}, which is not the system's own host")


def _path(target: str) -> str:
    """What a log may say of a question: its filters hold names and numbers of people."""
    return target.partition("?")[0]
