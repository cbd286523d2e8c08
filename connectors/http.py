"""One conversation with one system: credentials, deadline, one retry, bulkhead, size cap, health and the trace."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import aiohttp
import msgspec
from yarl import URL

from connectors.credentials import Credentials
from connectors.errors import (
    Busy,
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
from connectors.request import UpstreamCall, current_loader, current_scope
from connectors.system import System

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
        self._credentials = Credentials(name, system, session)

    async def get(
        self, path_and_query: str, keys: Sequence[str], read: Callable[[Answer], T], *, doubted: Collection[int] = ()
    ) -> T:
        """Read `path_and_query` (already encoded). `read` decodes the answer; what it cannot read is `Garbled`.

        A `Failed` with a `doubted` status says nothing about the system's health: the product answers so to the
        client's own mistakes, too, and the driver finds out which it was.
        """
        return await self._ask("GET", path_and_query, keys, None, read, doubted)

    async def post_query(self, path: str, body: bytes, keys: Sequence[str], read: Callable[[Answer], T]) -> T:
        """Send a JSON body to a resource that only asks (a TMF task such as queryUsageConsumption): safe to repeat."""
        return await self._ask("POST", path, keys, body, read)

    async def _ask(
        self,
        method: str,
        target: str,
        keys: Sequence[str],
        body: bytes | None,
        read: Callable[[Answer], T],
        doubted: Collection[int] = (),
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
            async with self._place(self._bulkhead, f"{method} {_path(target)}"):
                asked = time.monotonic()
                answer = await self._in_time(method, target, body, call, doubted)
                result = self._readable(read, answer, f"{method} {_path(target)}")
        except ConnectorError as error:
            call.error = error.code
            raise
        except asyncio.CancelledError:
            call.error = "REQUEST_CANCELLED"
            raise
        finally:
            call.duration_ms = (time.monotonic() - started) * 1000
        self.health.answered((time.monotonic() - asked) * 1000)
        return result

    @asynccontextmanager
    async def _place(self, places: asyncio.Semaphore, what: str) -> AsyncIterator["_Place"]:
        """One of the system's places, waited for no longer than the request lasts. Raises `Busy`."""
        scope = current_scope.get()
        patience = self.system.timeout if scope is None else scope.remaining() - ANSWERING_TIME
        if patience <= 0:
            raise TimedOut(self.name, f"{what}: the request's deadline has passed, it was not sent")
        try:
            async with asyncio.timeout(patience):
                await places.acquire()
        except TimeoutError as error:
            raise Busy(self.name, f"{what}: no place came free, concurrency = {self.system.concurrency}") from error
        place = _Place(places)
        try:
            yield place
        finally:
            place.leave()

    async def _in_time(
        self, method: str, target: str, body: bytes | None, call: UpstreamCall, doubted: Collection[int]
    ) -> Answer:
        allowance = self._allowance()
        try:
            async with asyncio.timeout(allowance):
                return await self._twice(method, target, body, call)
        except TimeoutError as error:
            late = TimedOut(self.name, f"{method} {_path(target)} did not answer in time")
            # A client's own deadline that cut a call short says nothing about the system.
            if allowance >= 0.9 * self.system.timeout:
                self.health.failed(late)
            raise late from error
        except ConnectorError as error:
            if not (isinstance(error, Failed) and call.status in doubted):
                self.health.failed(error)
            raise

    def _readable(self, read: Callable[[Answer], T], answer: Answer, what: str) -> T:
        """What `read` makes of the answer: whatever is wrong with a body is the system's failure, never a fault here.

        Apart from what is not JSON or has another shape: nesting without end (RecursionError), and numbers and texts
        that no type holds (ValueError, ArithmeticError).
        """
        try:
            return read(answer)
        except ConnectorError as error:
            self.health.failed(error)
            raise
        except (msgspec.MsgspecError, RecursionError, ValueError, ArithmeticError) as error:
            garbled = Garbled(self.name, f"{what}: {str(error)[:200]}")
            self.health.failed(garbled)
            raise garbled from error

    def _allowance(self) -> float:
        scope = current_scope.get()
        if scope is None:
            return self.system.timeout
        return min(self.system.timeout, scope.remaining() - ANSWERING_TIME)

    async def _twice(self, method: str, target: str, body: bytes | None, call: UpstreamCall) -> Answer:
        """Ask; once more when the connection broke (a kept-alive one may have been closed) or the credentials aged."""
        credentials = await self._credentials.headers()
        try:
            return await self._once(method, target, body, credentials, call)
        except Refused as refusal:
            if not refusal.login_wanted or not await self._credentials.renew(credentials):
                raise
            credentials = await self._credentials.headers()
        except Unreachable as error:
            # aiohttp itself asks a second time where a GET got no answer; what it leaves is a body that broke off.
            if method == "GET" and not isinstance(error.__cause__, aiohttp.ClientPayloadError):
                raise
            if error.at_all:
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
            self._judge(response, method, target, len(content), self._credentials.wants_login(response))
            return Answer(response.status, response.headers, content)

    @asynccontextmanager
    async def _answer(
        self, method: str, url: URL, headers: dict[str, str], body: bytes | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        with self._translated(f"{method} {url.path}"):
            async with self._request(method, url, headers, body) as response:
                yield response

    def _request(
        self, method: str, url: URL, headers: dict[str, str], body: bytes | None = None
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        return self._session.request(
            method,
            url,
            headers=headers,
            data=body,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=self.system.connect_timeout, sock_read=self.system.timeout
            ),
            allow_redirects=False,
            max_field_size=self._longest_header,
        )

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except aiohttp.ServerTimeoutError as error:
            raise TimedOut(self.name, f"{what}: {error}") from error
        except aiohttp.ClientResponseError as error:
            raise Garbled(self.name, f"{what}: no HTTP: {error.message[:200]}") from error
        except (aiohttp.ClientError, ConnectionError) as error:
            none = isinstance(error, aiohttp.ClientConnectorError)
            raise Unreachable(self.name, f"{what}: {error or type(error).__name__}", at_all=none) from error

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in response.content.iter_any():
            size += len(part)
            if size > self.system.max_bytes:
                raise TooMuch(self.name, f"{response.url.path}: more than max_bytes = {self.system.max_bytes} bytes")
            parts.append(part)
        return b"".join(parts)

    def _judge(
        self, response: aiohttp.ClientResponse, method: str, target: str, size: int | None, login_wanted: bool
    ) -> None:
        status = response.status
        if (status < 300 or status == 404) and not login_wanted:
            return
        # Not the body: it may repeat what was asked for, and with it names and numbers of people.
        length = "" if size is None else f", {size} bytes"
        detail = f"{method} {_path(target)} answered {status} ({response.content_type[:80]}{length})"
        if login_wanted or status == 403:
            raise Refused(self.name, detail, login_wanted=login_wanted)
        if status == 429:
            raise RateLimited(self.name, detail)
        if status >= 500:
            raise Failed(self.name, detail)
        raise Rejected(self.name, detail)

    @asynccontextmanager
    async def stream(self, address: str) -> AsyncIterator[AsyncIterator[bytes] | None]:
        """Open a file that the system keeps, yielding its bytes as they come, or None where there is none.

        `address` may be relative. An address on another host is refused (`Rejected`): a reference in a record
        must never choose where the gateway connects to (FACTS.md, section 2, Reference). The file is bounded by
        `max_file_bytes` (`TooMuch`) and `file_timeout` (`TimedOut`), whoever is slow: after that its place is free.
        """
        url = self._own(address)
        what, loop = f"GET {url.path}", asyncio.get_running_loop()
        async with self._place(self._files, what) as place:
            ends = loop.time() + self.system.file_timeout
            response = await self._opened(url, what)
            end = loop.call_at(ends, _ended, response, place)
            try:
                yield None if response.status == 404 else self._parts(response, what, ends)
            finally:
                end.cancel()
                response.release()

    async def _opened(self, url: URL, what: str) -> aiohttp.ClientResponse:
        """The answer, 200 or 404, with its body unread; asked for once more when a token or session aged."""
        try:
            with self._translated(what):
                async with asyncio.timeout(self.system.timeout):
                    credentials = await self._credentials.headers()
                    response = await self._request("GET", url, credentials).__aenter__()
                    try:
                        if self._credentials.wants_login(response) and await self._credentials.renew(credentials):
                            response.release()
                            credentials = await self._credentials.headers()
                            response = await self._request("GET", url, credentials).__aenter__()
                        # The session was seen to be alive: a page is what the file is.
                        login_wanted = response.status != 200 and self._credentials.wants_login(response)
                        self._judge(response, "GET", url.path, None, login_wanted)
                        self._bounded(what, response.content_length or 0)
                    except BaseException:
                        response.release()
                        raise
        except TimeoutError as error:
            late = TimedOut(self.name, f"{what} did not answer in time")
            self.health.failed(late)
            raise late from error
        except ConnectorError as error:
            self.health.failed(error)
            raise
        return response

    async def _parts(self, response: aiohttp.ClientResponse, what: str, ends: float) -> AsyncIterator[bytes]:
        late = TimedOut(self.name, f"{what} took longer than file_timeout = {self.system.file_timeout:g} s")
        size = 0
        while True:
            if asyncio.get_running_loop().time() >= ends:
                raise late
            try:
                with self._translated(what):
                    async with asyncio.timeout_at(ends):
                        part = await response.content.readany()
            except TimeoutError as error:
                raise late from error
            except ConnectorError as error:
                self.health.failed(error)
                raise
            if not part:
                return
            size += len(part)
            self._bounded(what, size)
            yield part

    def _bounded(self, what: str, size: int) -> None:
        if size > self.system.max_file_bytes:
            raise TooMuch(self.name, f"{what}: more than max_file_bytes = {self.system.max_file_bytes} bytes")

    def _own(self, address: str) -> URL:
        try:
            url = URL(self._base + "/").join(URL(address))
            if url.origin() == self._origin:
                return url
        except ValueError as error:
            raise Rejected(self.name, f"a document at {address[:200]!r}, which is no address: {error}") from error
        raise Rejected(self.name, f"a document at {url.authority}, which is not the system's own host")


class _Place:
    """One place of a semaphore, given back once."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places: asyncio.Semaphore | None = places

    def leave(self) -> None:
        if self._places is not None:
            self._places.release()
            self._places = None


def _ended(response: aiohttp.ClientResponse, place: _Place) -> None:
    response.close()
    place.leave()


def _path(target: str) -> str:
    """What a log may say of a question: its filters hold names and numbers of people."""
    return target.partition("?")[0]
