"""One request to one system: credentials, limits, a place among those under way, and what each failure is called."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from connectors.errors import Busy, Failed, Garbled, RateLimited, Refused, Rejected, TimedOut, Unreachable
from connectors.http.credentials import Credentials
from connectors.http.health import Health
from connectors.http.scope import current_scope
from connectors.settings import ForwardAuth, System

ANSWERING_TIME: Final = 0.15
"""Seconds before the deadline at which upstream calls end, so that the partial answer itself still gets out."""


class Transport:
    """What questions and files to one system have in common. `base` is its address without a slash at the end."""

    def __init__(self, name: str, system: System, session: aiohttp.ClientSession) -> None:
        self.name, self.system = name, system
        self.health = Health(name, personal=isinstance(system.auth, ForwardAuth))
        self.base = system.url.rstrip("/")
        self._parts = urlsplit(self.base)
        self.credentials = Credentials(name, system, session)
        self._session = session
        self._bounded = aiohttp.ClientTimeout(total=None, sock_connect=system.connect_timeout)
        self._paced = aiohttp.ClientTimeout(total=None, sock_connect=system.connect_timeout, sock_read=system.timeout)
        # TMF630's Link header repeats the whole question for the first, previous, next and last page.
        self._longest_header = 65536

    async def place(self, places: asyncio.Semaphore, what: str) -> "Place":
        """One of the system's places, waited for no longer than the request lasts. Raises `Busy`."""
        scope = current_scope.get()
        patience = self.system.timeout if scope is None else scope.remaining() - ANSWERING_TIME
        if patience <= 0:
            raise TimedOut(self.name, f"{what}: the request's deadline has passed, it was not sent")
        if not places.locked():
            await places.acquire()  # at once
            return Place(places)
        try:
            async with asyncio.timeout(patience):
                await places.acquire()
        except TimeoutError as error:
            raise Busy(self.name, f"{what}: no place came free, concurrency = {self.system.concurrency}") from error
        return Place(places)

    def address(self, target: str) -> URL:
        """The URL of a path and query, both already encoded: put together, since taking one apart costs twice that."""
        path, _, query = target.partition("?")
        scheme, authority, base, *_ = self._parts
        return URL.build(scheme=scheme, authority=authority, path=base + path, query_string=query, encoded=True)

    def request(
        self, method: str, url: URL, headers: dict[str, str], body: bytes | None = None, *, paced: bool = False
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """One request; no redirect is followed. Entering it may fail as `translated` says.

        Whoever asks bounds the time that all of it takes; `paced` bounds each pause in what comes, too.
        """
        return self._session.request(
            method,
            url,
            headers=headers,
            data=body,
            timeout=self._paced if paced else self._bounded,
            allow_redirects=False,
            max_field_size=self._longest_header,
        )

    def translated(self, what: str) -> "Translated":
        """Ways in which a connection fails, as `TimedOut`, `Garbled` or `Unreachable`."""
        return Translated(self.name, what)

    def judge(
        self, response: aiohttp.ClientResponse, method: str, target: str, size: int | None, login_wanted: bool
    ) -> None:
        """Nothing for a success or a 404; raises what else an answer means. `size` is that of a body that was read."""
        status = response.status
        if (status < 300 or status == 404) and not login_wanted:
            return
        # Not the body: it may repeat what was asked for, and with it names and numbers of people.
        length = "" if size is None else f", {size} bytes"
        detail = f"{method} {path_of(target)} answered {status} ({response.content_type[:80]}{length})"
        if login_wanted or status == 403:
            raise Refused(self.name, detail, login_wanted=login_wanted)
        if status == 429:
            raise RateLimited(self.name, detail)
        if status >= 500:
            raise Failed(self.name, detail)
        raise Rejected(self.name, detail)


class Place:
    """One place of a semaphore, given back once."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places: asyncio.Semaphore | None = places

    def __enter__(self) -> "Place":
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Give it back, if that was not done yet."""
        if self._places is not None:
            self._places.release()
            self._places = None


class Translated:
    """What `Transport.translated` gives. A class, because it costs a third of a generator's time."""

    def __init__(self, system: str, what: str) -> None:
        self._system, self._what = system, what

    def __enter__(self) -> None:
        """Nothing."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if not isinstance(error, (aiohttp.ClientError, ConnectionError)):
            return
        if isinstance(error, aiohttp.ServerTimeoutError):
            raise TimedOut(self._system, f"{self._what}: {error}") from error
        if isinstance(error, aiohttp.ClientResponseError):
            raise Garbled(self._system, f"{self._what}: no HTTP: {error.message[:200]}") from error
        none = isinstance(error, aiohttp.ClientConnectorError)
        raise Unreachable(self._system, f"{self._what}: {error or type(error).__name__}", at_all=none) from error


def path_of(target: str) -> str:
    """What a log may say of a question: its filters hold names and numbers of people."""
    return target.partition("?")[0]
