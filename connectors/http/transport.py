"""Sends single requests to one system: connection, limits, concurrency slots, and the failure for each error."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError
from yarl import URL

from connectors.errors import (
    Busy,
    ConnectorError,
    Failed,
    Garbled,
    RateLimited,
    Refused,
    Rejected,
    TimedOut,
    Unreachable,
)
from connectors.http.credentials import Credentials
from connectors.http.health import Health
from connectors.http.request import Request
from connectors.http.said import beginning
from connectors.http.scope import RequestScope, current_scope
from connectors.http.through import through
from connectors.settings import System

ANSWERING_TIME: Final = 0.15
"""Upstream calls end so many seconds before the request's deadline, to leave time for sending the partial answer."""

CONNECTION_ERRORS: Final = (aiohttp.ClientError, ConnectionError)
"""Raised while a request is sent or its answer is read; `Transport.failure` translates them."""

_LONGEST_HEADER: Final = 64 * 1024
"""Most bytes of a response header, without URLs that repeat the request's target."""

_REPEATED: Final = 6
"""How often a header may repeat the target: TMF630's Link names this, the first, previous, next and last page."""

_CONTENT_TYPE: Final = ("Content-Type",)


class Transport:
    """Sends single requests to one system. `base` is the system's url without a slash at the end."""

    def __init__(self, name: str, system: System, session: aiohttp.ClientSession) -> None:
        self.name, self.system = name, system
        self.health = Health(name, personal=system.is_personal)
        self.base = system.url.rstrip("/")
        self._parts = urlsplit(self.base)
        self._session = through(system.network, session)
        self.credentials = Credentials(name, system, session, self._session)
        self._bounded = aiohttp.ClientTimeout(total=None, sock_connect=system.connect_timeout)
        self._paced = aiohttp.ClientTimeout(total=None, sock_connect=system.connect_timeout, sock_read=system.timeout)

    async def acquire_slot(self, slots: asyncio.Semaphore, request: Request) -> "Slot":
        """Wait for a concurrency slot, at most until the request's deadline.

        Raises `Busy`, or `TimedOut` if the deadline has passed; in both cases nothing was sent.
        """
        patience = self._time_left(current_scope.get())
        if patience <= 0:
            late = f"{request}: the request's deadline has passed, it was not sent"
            raise TimedOut(self.name, late, cut_short=True)
        if not slots.locked():
            await slots.acquire()  # at once
            return Slot(slots)
        try:
            async with asyncio.timeout(patience):
                await slots.acquire()
        except TimeoutError as error:
            raise Busy(self.name, f"{request}: no slot became free, concurrency = {self.system.concurrency}") from error
        return Slot(slots)

    def deadline(self, request: Request) -> "Deadline":
        """A context that raises `TimedOut` after the system's timeout, or at the client request's deadline."""
        most = self.system.timeout
        return Deadline(self.name, request, min(most, self._time_left(current_scope.get())), most)

    def _time_left(self, scope: RequestScope | None) -> float:
        """Seconds for an upstream call."""
        return self.system.timeout if scope is None else scope.remaining() - ANSWERING_TIME

    def address(self, target: str) -> URL:
        """The URL for an encoded path and query. Building it from parts takes half the time of parsing it."""
        path, _, query = target.partition("?")
        scheme, authority, base, *_ = self._parts
        return URL.build(scheme=scheme, authority=authority, path=base + path, query_string=query, encoded=True)

    def open(
        self, request: Request, url: URL, headers: dict[str, str], *, paced: bool = False
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Send a request without following redirects. May raise `CONNECTION_ERRORS`.

        aiohttp may send a `repeatable` request twice. The caller limits the total time; `paced` also limits the time
        between two parts of the body.
        """
        body: bytes | AsyncIterator[bytes] | None = request.body
        without = None
        if not request.repeatable:
            # aiohttp repeats a PUT or DELETE whose connection broke, unless its body is a stream.
            body = _streamed(request.body)
            headers = {**headers, "Content-Length": str(len(request.body or b""))}
            without = None if request.body else _CONTENT_TYPE  # aiohttp would add one for a stream
        return self._session.request(
            request.method,
            url,
            headers=headers,
            data=body,
            skip_auto_headers=without,
            timeout=self._paced if paced else self._bounded,
            allow_redirects=False,
            max_field_size=_LONGEST_HEADER + _REPEATED * len(request.target),
        )

    def failure(self, request: Request, error: BaseException) -> ConnectorError:
        """The failure for one of `CONNECTION_ERRORS`: `TimedOut`, `Garbled` or `Unreachable`."""
        if isinstance(error, aiohttp.ServerTimeoutError):
            return TimedOut(self.name, f"{request}: {error}")
        if isinstance(error, aiohttp.ClientHttpProxyError):
            return Unreachable(self.name, f"{request}: the proxy answered {error.status}", nothing_sent=True)
        if isinstance(error, aiohttp.ClientResponseError):
            return Garbled(self.name, f"{request}: no HTTP: {error.message[:200]}")
        if isinstance(error.__cause__, ContentEncodingError):
            return Garbled(self.name, f"{request}: the body is not in the encoding that it says it is in")
        none = isinstance(error, aiohttp.ClientConnectorError)
        return Unreachable(self.name, f"{request}: {error or type(error).__name__}", nothing_sent=none)

    def raise_for_status(
        self, response: aiohttp.ClientResponse, request: Request, body: bytes | None, login_wanted: bool
    ) -> None:
        """Raise the failure for a status other than success and 404. `body`: if it was read."""
        status = response.status
        if (status < 300 or status == 404) and not login_wanted:
            return
        # Without the body, which may repeat personal data from the request: that is in `said`, which is not logged.
        length = "" if body is None else f", {len(body)} bytes"
        detail = f"{request} answered {status} ({response.content_type[:80]}{length})"
        failure: ConnectorError
        if login_wanted or status == 403:
            failure = Refused(self.name, detail, login_wanted=login_wanted, status=status)
        elif status == 407:
            failure = Unreachable(self.name, f"{request}: the proxy answered 407", nothing_sent=True)
        elif status == 429:
            failure = RateLimited(self.name, detail, status=status)
        elif status >= 500:
            failure = Failed(self.name, detail, status=status)
        else:
            failure = Rejected(self.name, detail, status=status)
        raise self.with_answer(failure, request, body)

    def with_answer(self, failure: ConnectorError, request: Request, body: bytes | None) -> ConnectorError:
        """The failure with what was asked, and the beginning of what the system said, for who sets it up."""
        failure.asked = request.target
        failure.said = beginning(body or b"", self.credentials.secrets)
        return failure


class Slot:
    """An acquired slot of a semaphore, which is released only once."""

    def __init__(self, slots: asyncio.Semaphore) -> None:
        self._slots: asyncio.Semaphore | None = slots

    def __enter__(self) -> "Slot":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Release the slot, unless it is released already."""
        if self._slots is not None:
            self._slots.release()
            self._slots = None


class Deadline:
    """A context that raises `TimedOut` after `allowance` seconds; `most` is the system's timeout in seconds.

    A class takes a third of the time of a generator with `asynccontextmanager`.
    """

    def __init__(self, system: str, request: Request, allowance: float, most: float) -> None:
        self._system, self._request = system, request
        self._cut_short = allowance < 0.9 * most
        self._timeout = asyncio.timeout(allowance)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, traceback)
        except TimeoutError as late:
            detail = f"{self._request} did not answer in time"
            raise TimedOut(self._system, detail, cut_short=self._cut_short) from late


async def _streamed(body: bytes | None) -> AsyncIterator[bytes]:
    if body:
        yield body
