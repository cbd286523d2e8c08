"""Files of a system, streamed within limits of size and time, and only from the system's own host."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Final

import aiohttp
from yarl import URL

from connectors.errors import ConnectorError, Garbled, Rejected, TimedOut, TooMuch
from connectors.files import ByteRange, File
from connectors.http.policy.deadline import seconds_left
from connectors.http.policy.operation import OperationPolicy
from connectors.http.request import Request
from connectors.http.transport import CONNECTION_ERRORS, Transport

_ENCODED: Final = re.compile(r"(?:[A-Za-z0-9._~:/?#@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
"""What is an address as it stands (RFC 3986); yarl would decode some of it. Anything else is encoded by yarl."""

_CONTENT_RANGE: Final = re.compile(r"bytes (?P<first>\d{1,18})-(?P<last>\d{1,18})/(?P<size>\d{1,18}|\*)")
"""RFC 9110, 14.4."""

_ETAG: Final = re.compile(r'(?:W/)?"[!#-~]{0,200}"')
"""RFC 9110, 8.8.3, not too long and in ASCII."""


class Files:
    """The files of one system."""

    def __init__(self, http: Transport) -> None:
        self._http = http
        self._origin = URL(http.base).origin()

    @asynccontextmanager
    async def stream(self, address: str, part: ByteRange | None = None) -> AsyncIterator[File | None]:
        """Open a file, yielding its bytes as they arrive, or None if it does not exist.

        Of a `part` that the system does not obey, or has none of, the whole file comes.

        `address` may be relative. An address on another host is `Rejected`: a reference in a record must never choose
        where the gateway connects to. A file above `max_file_bytes` is `TooMuch`; one that takes longer than
        `file_timeout`, whether system or reader is slow, is `TimedOut`, as is one whose reader takes less than
        `file_rate`: its place is free then. Raises as `OperationPolicy.admit` and `wait_for_place`, too.
        """
        url = self._same_origin_url(address)
        request, loop = Request.get(url.raw_path_qs), asyncio.get_running_loop()
        left, policy = seconds_left(self._http.system.timeout), self._http.policies.of_documents()
        if left <= 0 or not policy.take_place():
            await policy.wait_for_place(request, left)
        place = _Place(policy)
        try:
            permit, asked = policy.admit(request), self._http.clock()
            ends = loop.time() + self._http.system.file_timeout
            try:
                response = await self._open(url, request, part)
            except BaseException as failure:
                policy.failed(permit, asked, failure, request)
                raise
            policy.succeeded(permit, asked, self._http.clock())
            end = loop.call_at(ends, _abort, response, place)
            try:
                yield None if response.status == 404 else self._file(response, request, part, ends, place)
            finally:
                end.cancel()
                response.release()
        finally:
            place.leave()

    def _file(
        self, response: aiohttp.ClientResponse, request: Request, part: ByteRange | None, ends: float, place: "_Place"
    ) -> File:
        parts = self._parts(response, request, ends, place)
        etag = response.headers.get("ETag", "")
        known = etag if _ETAG.fullmatch(etag) else None
        if response.status != 206:
            packed = response.headers.get("Content-Encoding", "identity").lower() != "identity"
            return File(parts, size=None if packed else response.content_length, etag=known)
        said = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        size = None if said is None or said["size"] == "*" else int(said["size"])
        begin, end = (int(said["first"]), int(said["last"]) + 1) if said is not None else (0, 0)
        self._bounded(request, size or end)
        asked = part.within(end if size is None else size) if part is not None else None
        if asked is None or begin != asked[0] or not begin < end <= asked[1] or "Content-Encoding" in response.headers:
            raise Garbled(self._http.name, f"{request} answered with another part of the file than it was asked for")
        return File(parts, size=size, begin=begin, end=end, etag=known)

    async def _open(self, url: URL, request: Request, part: ByteRange | None) -> aiohttp.ClientResponse:
        """The answer, 200, 206 or 404, with its body unread.

        It is requested again if the token or session has expired, and without the `part` if there is none of it.
        """
        plain = {"Accept-Encoding": "identity"}
        try:
            async with asyncio.timeout(self._http.system.timeout):
                wanted = plain | ({"Range": str(part)} if part else {})
                response = await self._http.opened(request, url, wanted, paced=True)
                try:
                    if response.status == 416 and part:
                        response.release()
                        response = await self._http.opened(request, url, plain, paced=True)
                    # The session is known to be valid, so an HTML page is the file itself.
                    login_wanted = response.status not in (200, 206) and self._http.credentials.wants_login(response)
                    self._http.raise_for_status(response, request, None, login_wanted)
                    self._bounded(request, response.content_length or 0)
                except BaseException:
                    response.release()
                    raise
        except TimeoutError as error:
            late = TimedOut(self._http.name, f"{request} did not answer in time")
            self._http.health.failed(late)
            raise late from error
        except ConnectorError as error:
            self._http.health.failed(error, request.target)
            raise
        return response

    async def _parts(
        self, response: aiohttp.ClientResponse, request: Request, ends: float, place: "_Place"
    ) -> AsyncIterator[bytes]:
        system = self._http.system
        longest, reader = system.file_timeout, _Reader(system.file_pause, system.file_rate)
        late = TimedOut(self._http.name, f"{request} took longer than file_timeout = {longest:g} s")
        size = 0
        while True:
            if asyncio.get_running_loop().time() >= ends:
                raise late
            try:
                async with asyncio.timeout_at(ends):
                    part = await response.content.readany()
            except CONNECTION_ERRORS as error:  # before TimeoutError, which some of them also are: too long a pause
                failure = self._http.failure(request, error)
                self._http.health.failed(failure, request.target)
                raise failure from error
            except TimeoutError as error:
                raise late from error
            if not part:
                return
            size += len(part)
            self._bounded(request, size)
            with reader.given(len(part), partial(_abort, response, place)):
                yield part
            if reader.is_late:
                raise TimedOut(self._http.name, f"{request}: its reader takes less than file_rate", cut_short=True)

    def _bounded(self, request: Request, size: int) -> None:
        most = self._http.system.max_file_bytes
        if size > most:
            raise TooMuch(self._http.name, f"{request}: more than max_file_bytes = {most} bytes")

    def _same_origin_url(self, address: str) -> URL:
        try:
            known = URL(address, encoded=_ENCODED.fullmatch(address) is not None)
            url = URL(self._http.base + "/", encoded=True).join(known)
            if url.origin() == self._origin:
                return url
        except ValueError as error:
            raise Rejected(self._http.name, f"a document at {address[:200]!r}, which is no address: {error}") from error
        raise Rejected(self._http.name, f"a document at {url.authority}, which is not the system's own host")


class _Reader:
    """How long the reader of a file has taken for the parts that it was given."""

    def __init__(self, pause: float, rate: float) -> None:
        self._rate, self._allowed = rate, pause
        self.is_late = False

    @contextmanager
    def given(self, size: int, when_late: Callable[[], None]) -> Iterator[None]:
        """While the reader has a part of so many bytes. It is called once it takes too long."""
        loop = asyncio.get_running_loop()
        self._allowed += size / self._rate
        began = loop.time()
        timer = loop.call_later(self._allowed, self._end, when_late)
        try:
            yield
        finally:
            timer.cancel()
            self._allowed -= loop.time() - began

    def _end(self, when_late: Callable[[], None]) -> None:
        self.is_late = True
        when_late()


class _Place:
    """A place of a policy, which is left only once."""

    def __init__(self, policy: OperationPolicy) -> None:
        self._policy: OperationPolicy | None = policy

    def leave(self) -> None:
        """Give the place back, unless that is done already."""
        if self._policy is not None:
            self._policy.leave_place()
            self._policy = None


def _abort(response: aiohttp.ClientResponse, place: _Place) -> None:
    response.close()
    place.leave()
