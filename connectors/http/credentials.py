"""The gateway's credentials for a system."""

import asyncio
import base64
import math
import re
import time
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote_plus

import aiohttp
import msgspec

from connectors.errors import Garbled, Refused, TimedOut, Unreachable
from connectors.http.encoding import as_utf8
from connectors.http.login import LoginSession, asks_for_login
from connectors.http.scope import current_scope
from connectors.settings import ApiKeyAuth, BasicAuth, BearerAuth, ForwardAuth, OAuth2Auth, SessionAuth, System

_LARGEST_TOKEN: Final = 64 * 1024
"""Most bytes of a token endpoint's answer."""


_SECRETS: Final = ("token", "username", "password", "key", "client_id", "client_secret")
_BUSY: Final = (408, 425, 429)
"""Statuses below 500 that a token endpoint answers to good credentials, too."""


_EXPIRES: Final = 300.0
"""Seconds for which a token is kept whose endpoint does not say how long it holds."""

_SENDABLE: Final = re.compile(r"[\x21-\x7e]+")


class _Token(msgspec.Struct):
    access_token: str
    expires_in: Any = None


class Credentials:
    """Credentials for one system's requests, as headers.

    An OAuth 2.0 token is fetched once for all waiting requests and kept until shortly before it expires; the cookies of
    a session are kept until the system refuses them.
    """

    def __init__(self, name: str, system: System, session: aiohttp.ClientSession) -> None:
        self._system, self._auth, self._session, self._timeout = name, system.auth, session, system.timeout
        self._login = LoginSession(name, system, system.auth, session) if isinstance(system.auth, SessionAuth) else None
        self._lock = asyncio.Lock()
        self._token = ""
        self._fresh_until = 0.0

    @property
    def secrets(self) -> Iterator[str]:
        """Texts that nobody may be shown: those of the settings, and the token or cookies that were got with them."""
        if self._auth is not None:
            yield from (text for name, text in self._auth if name in _SECRETS and isinstance(text, str))
        if isinstance(self._auth, BasicAuth):
            yield f"{self._auth.username}:{self._auth.password}"
        yield self._token
        if self._login is not None:
            yield from (one.partition("=")[2] for one in self._login.cookie.split("; "))
        if isinstance(self._auth, ForwardAuth) and (scope := current_scope.get()) and scope.token:
            yield scope.token

    async def headers(self) -> dict[str, str]:
        """Headers to add to a request. Raises `Refused`, `Unreachable`, `TimedOut` or `Garbled` without a token."""
        match self._auth:
            case None:
                return {}
            case BearerAuth(token=token):
                return {"Authorization": f"Bearer {token}"}
            case BasicAuth(username=username, password=password):
                return _basic(username, password)
            case ApiKeyAuth(header=header, key=key):
                return {header: key}
            case ForwardAuth():
                scope = current_scope.get()
                return {"Authorization": f"Bearer {scope.token}"} if scope and scope.token else {}
            case OAuth2Auth() as client:
                async with self._lock:
                    if time.monotonic() >= self._fresh_until:
                        await self._fetch(client)
                return {"Authorization": f"Bearer {self._token}"}
            case SessionAuth():
                assert self._login is not None  # noqa: S101  # made for this kind
                return await self._login.headers()

    def wants_login(self, answer: aiohttp.ClientResponse) -> bool:
        """Whether an answer means that the credentials are not accepted: 401, or for a session a login page."""
        return answer.status == 401 or (self._login is not None and asks_for_login(answer))

    async def renew(self, refused: dict[str, str]) -> bool:
        """Give up the refused headers (see `wants_login`). True if new ones may be accepted.

        A newer token or session is kept, so that many refused calls renew it only once. Raises as `headers` does.
        """
        if self._login is not None:
            return await self._login.renew(refused)
        if not isinstance(self._auth, OAuth2Auth):
            return False
        if refused.get("Authorization") == f"Bearer {self._token}":
            self._fresh_until = 0.0
        return True

    async def _fetch(self, client: OAuth2Auth) -> None:
        form = {"grant_type": "client_credentials"} | ({"scope": client.scope} if client.scope else {})
        try:
            async with self._session.post(
                client.token_url,
                data=form,
                headers=_basic(quote_plus(client.client_id), quote_plus(client.client_secret)),  # RFC 6749, 2.3.1
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                allow_redirects=False,
            ) as answer:
                body = await self._read(answer)
        except TimeoutError as error:
            raise TimedOut(self._system, "the token endpoint did not answer in time", signing_in=True) from error
        except (aiohttp.ClientError, ConnectionError) as error:
            none = isinstance(error, aiohttp.ClientConnectorError)
            detail = f"the token endpoint cannot be reached: {error}"
            raise Unreachable(self._system, detail, nothing_sent=none, signing_in=True) from error
        if answer.status != 200:
            detail = f"the token endpoint answered {answer.status}"
            if answer.status in _BUSY or answer.status >= 500:  # which says nothing about the credentials
                raise Unreachable(self._system, detail, status=answer.status, signing_in=True)
            raise Refused(self._system, detail, status=answer.status, signing_in=True)
        try:
            token = msgspec.json.decode(as_utf8(body, answer.headers.get("Content-Type")), type=_Token)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise Garbled(self._system, f"the token endpoint's answer: {error}", signing_in=True) from error
        text = token.access_token.strip()
        if not _SENDABLE.fullmatch(text):
            detail = "the token endpoint's answer: its access_token is empty, or cannot be sent in a header"
            raise Garbled(self._system, detail, signing_in=True)
        self._token, expires_in = text, _seconds(token.expires_in)
        # A tenth early (at most 30 s), so that a token does not expire on its way.
        self._fresh_until = time.monotonic() + expires_in - min(30.0, expires_in / 10)

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        body = b""
        async for part in answer.content.iter_any():
            body += part
            if len(body) > _LARGEST_TOKEN:
                detail = f"the token endpoint's answer: more than {_LARGEST_TOKEN} bytes"
                raise Garbled(self._system, detail, signing_in=True)
        return body


def _seconds(expires_in: Any) -> float:
    """How long a token holds: some send a text."""
    try:
        seconds = float(expires_in)
    except (TypeError, ValueError, OverflowError):
        return _EXPIRES
    return seconds if math.isfinite(seconds) else _EXPIRES


def _basic(username: str, password: str) -> dict[str, str]:
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}
