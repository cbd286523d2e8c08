"""Sends single requests to one system: connection, limits, and the failure for each error."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from string import punctuation
from typing import Final
from urllib.parse import quote, urlsplit

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError, PayloadEncodingError
from yarl import URL

from connectors.errors import (
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
from connectors.http.encoding import media_type
from connectors.http.health import Health
from connectors.http.policy.policies import Policies
from connectors.http.policy.retry import seconds_until
from connectors.http.request import Request
from connectors.http.said import beginning
from connectors.http.through import through
from connectors.settings import System
from connectors.texts import without_credentials

CONNECTION_ERRORS: Final = (aiohttp.ClientError, ConnectionError)
"""Raised while a request is sent or its answer is read; `Transport.failure` translates them."""

_LONGEST_HEADER: Final = 64 * 1024
"""Most bytes of a response header, without URLs that repeat the request's target."""

_REPEATED: Final = 6
"""How often a header may repeat the target: TMF630's Link names this, the first, previous, next and last page."""

LEADS: Final = " and leads to"
"""What stands in a failure's detail between what was answered and where a redirect leads."""

_CONTENT_TYPE: Final = ("Content-Type",)


class Transport:
    """Sends single requests to one system. `base` is the system's url without a slash at the end."""

    def __init__(
        self, name: str, system: System, session: aiohttp.ClientSession, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name, self.system, self.clock = name, system, clock
        self.health = Health(name, personal=system.is_personal)
        self.base = system.url.rstrip("/")
        self._parts = urlsplit(self.base)
        self.policies = Policies(name, system, clock)
        """What was learned of the system's operations. Others in their place have learned nothing yet."""
        self._session = through(system.network, session)
        # aiohttp would send every GET, PUT and DELETE a second time whose connection broke: the policies decide here.
        session._retry_connection = False  # there is no public way
        self.credentials = Credentials(name, system, session, self._session)
        self._bounded = aiohttp.ClientTimeout(total=None, sock_connect=system.connect_timeout)
        self._paced = aiohttp.ClientTimeout(total=None, sock_connect=system.connect_timeout, sock_read=system.timeout)

    def address(self, target: str) -> URL:
        """The URL for an encoded path and query. Building it from parts takes half the time of parsing it.

        What no address may have (spaces, control characters, other than ASCII) is encoded, should a driver have put an
        odd id of a system's where it expects a number.
        """
        if not (target.isascii() and target.isprintable()) or " " in target:
            target = quote(target, safe=punctuation, errors="replace")
        path, _, query = target.partition("?")
        scheme, authority, base, *_ = self._parts
        return URL.build(scheme=scheme, authority=authority, path=base + path, query_string=query, encoded=True)

    def open(
        self, request: Request, url: URL, headers: dict[str, str], *, paced: bool = False
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Send a request once, without following redirects. May raise `CONNECTION_ERRORS`.

        The caller limits the total time; `paced` also limits the time between two parts of the body.
        """
        body: bytes | AsyncIterator[bytes] | None = request.body
        without = None
        if not request.repeatable:
            # aiohttp cannot repeat a PUT or DELETE whose body is a stream.
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

    async def opened(
        self, request: Request, url: URL, headers: dict[str, str], *, paced: bool = False
    ) -> aiohttp.ClientResponse:
        """The answer to a request with the gateway's credentials, whatever its status, with its body unread.

        It is sent once more if the credentials were refused and could be renewed. The caller limits the time, and
        releases the answer. Raises `ConnectorError`.
        """
        known = self.credentials
        shown = await known.headers()
        response = await self._begun(request, url, headers | shown, paced=paced)
        try:
            is_renewed = known.wants_login(response) and await known.renew(shown)
        except BaseException:
            response.release()
            raise
        if not is_renewed:
            return response
        response.release()
        return await self._begun(request, url, headers | await known.headers(), paced=paced)

    async def _begun(
        self, request: Request, url: URL, headers: dict[str, str], *, paced: bool
    ) -> aiohttp.ClientResponse:
        try:
            return await self.open(request, url, headers, paced=paced).__aenter__()
        except CONNECTION_ERRORS as error:
            raise self.failure(request, error) from error

    def failure(self, request: Request, error: BaseException) -> ConnectorError:
        """The failure for one of `CONNECTION_ERRORS`: `TimedOut`, `Garbled` or `Unreachable`.

        The error and its causes lose their tracebacks: the connection keeps it, and its frames hold the connection.
        """
        _forget_frames(error)
        if isinstance(error, aiohttp.ServerTimeoutError):
            return TimedOut(self.name, f"{request}: {error}")
        if isinstance(error, aiohttp.ClientHttpProxyError):
            return Unreachable(self.name, f"{request}: the proxy answered {error.status}", nothing_sent=True)
        if isinstance(error, aiohttp.ClientResponseError):
            return Garbled(self.name, f"{request}: no HTTP: {error.message[:200]}")
        if isinstance(error.__cause__, ContentEncodingError):
            return Garbled(self.name, f"{request}: the body is not in the encoding that it says it is in")
        cause = error.__cause__
        if isinstance(cause, HttpProcessingError) and not isinstance(cause, PayloadEncodingError):  # it ended too early
            return Garbled(self.name, f"{request}: no HTTP: {cause.message[:200]}")
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
        kind = _printable(media_type(response.headers.get("Content-Type")))
        detail = f"{request} answered {status} ({kind[:80] or 'no Content-Type'}{length})"
        if 300 <= status < 400 and (elsewhere := response.headers.get("Location")):
            detail += f"{LEADS} {_shown(elsewhere)}"
        failure: ConnectorError
        if login_wanted or status == 403:
            failure = Refused(self.name, detail, login_wanted=login_wanted, status=status)
        elif status == 407:
            failure = Unreachable(self.name, f"{request}: the proxy answered 407", nothing_sent=True)
        elif status in (425, 429):  # 425: too early (RFC 8470, 5.2)
            failure = RateLimited(self.name, detail, status=status)
        elif status == 408:
            failure = TimedOut(self.name, detail, status=status)
        elif status >= 500:
            failure = Failed(self.name, detail, status=status)
        else:
            failure = Rejected(self.name, detail, status=status)
        failure.retry_after = seconds_until(response.headers.get("Retry-After"))
        raise self.with_answer(failure, request, body)

    def with_answer(self, failure: ConnectorError, request: Request, body: bytes | None) -> ConnectorError:
        """The failure with what was asked, and the beginning of what the system said, for who sets it up."""
        failure.asked = request.target
        failure.said = beginning(body or b"", self.credentials.secrets)
        return failure


def _shown(address: str) -> str:
    """An address of a system's own as a log shows it: the query may hold personal data, and any byte may be in it."""
    return _printable(without_credentials(address)[:200])


def _printable(text: str) -> str:
    return "".join(one for one in text if one.isprintable())


async def _streamed(body: bytes | None) -> AsyncIterator[bytes]:
    if body:
        yield body


def _forget_frames(error: BaseException) -> None:
    raised: BaseException | None = error
    while raised is not None and raised.__traceback__ is not None:
        raised.__traceback__ = None
        raised = raised.__cause__ or raised.__context__
