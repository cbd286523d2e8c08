"""The gateway's credentials for a system, or its callers'."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Final

import aiohttp

from connectors.http.login import LoginSession, asks_for_login
from connectors.http.scope import current_scope
from connectors.http.through import Session, through
from connectors.http.token_endpoint import TokenEndpoint
from connectors.http.tokens import Tokens
from connectors.secret_files import Secret, WithSecrets
from connectors.settings import (
    ApiKeyAuth,
    BasicAuth,
    BearerAuth,
    ForwardAuth,
    OAuth2Auth,
    SessionAuth,
    System,
    TokenEndpointAuth,
    TokenExchangeAuth,
)

_SHOWN_TO_NOBODY: Final = ("username", "client_id")
"""Beside the secrets."""

_OWN: Final = b""
"""The key of the gateway's own token. A caller's is the digest of the token that it came with."""


class Credentials:
    """Credentials for one system's requests, as headers.

    A token is fetched once for all who wait for it and kept until shortly before it expires: one for all requests
    (OAuth 2.0 client credentials), or one for each caller's own token (token exchange). The cookies of a session are
    kept until the system refuses them. What stands in a file is read again when it changes.
    """

    def __init__(self, name: str, system: System, session: aiohttp.ClientSession, reached: Session) -> None:
        """`reached` is the session through the system's network; a token endpoint may have another."""
        auth = self._auth = system.auth
        self._login = LoginSession(name, system, auth, reached) if isinstance(auth, SessionAuth) else None
        self._endpoint: TokenEndpoint | None = None
        if isinstance(auth, TokenEndpointAuth):
            on_its_way = reached if auth.network is None else through(auth.network, session)
            self._endpoint = TokenEndpoint(name, auth, on_its_way, system.timeout)
        self._tokens = Tokens(auth.cached_tokens if isinstance(auth, TokenExchangeAuth) else 1)
        self._names = auth.exchanged_as if isinstance(auth, TokenExchangeAuth) else {}
        self._secret = _only_secret(auth) if isinstance(auth, BearerAuth | BasicAuth | ApiKeyAuth) else None
        self._constant: dict[str, str] | None = {} if auth is None else None
        if self._secret is not None and self._secret.file is None:
            self._constant = self._shown()

    @property
    def secrets(self) -> Iterator[str]:
        """Texts that nobody may be shown: those of the settings, and the tokens or cookies that were got with them."""
        auth = self._auth
        if auth is not None:
            yield from (text for name, text in auth if name in _SHOWN_TO_NOBODY and isinstance(text, str))
        if self._secret is not None:
            yield self._secret.text
        if self._endpoint is not None:
            yield self._endpoint.secret.text
        if self._login is not None:
            yield self._login.password.text
        if isinstance(auth, BasicAuth) and self._secret is not None:
            yield f"{auth.username}:{self._secret.text}"
        yield self._tokens.kept(_OWN)
        if self._login is not None:
            yield from (one.partition("=")[2] for one in self._login.cookie.split("; "))
        if token := self._callers_token():
            yield token
            yield self._tokens.kept(_digest(token))

    async def headers(self) -> dict[str, str]:
        """Headers to add to a request. Raises `Refused`, `Unreachable`, `TimedOut` or `Garbled` without a token."""
        if self._constant is not None:
            return self._constant
        match self._auth:
            case ForwardAuth():
                token = self._callers_token()
                return _bearer(token) if token else {}
            case TokenExchangeAuth():
                token = self._callers_token()
                return _bearer(await self._exchanged(token)) if token else {}
            case OAuth2Auth():
                assert self._endpoint is not None  # noqa: S101  # made for this kind
                return _bearer(await self._tokens.get(_OWN, self._endpoint.own))
            case SessionAuth():
                assert self._login is not None  # noqa: S101  # made for this kind
                return await self._login.headers()
            case _:
                return self._shown()

    def wants_login(self, answer: aiohttp.ClientResponse) -> bool:
        """Whether an answer means that the credentials are not accepted: 401, or for a session a login page."""
        return answer.status == 401 or (self._login is not None and asks_for_login(answer))

    async def renew(self, refused: dict[str, str]) -> bool:
        """Give up the refused headers (see `wants_login`). True if new ones may be accepted.

        A newer token or session is kept, so that many refused calls renew it only once. Raises as `headers` does.
        """
        if self._login is not None:
            return await self._login.renew(refused)
        if self._endpoint is not None:
            token = self._callers_token()
            key = _OWN if isinstance(self._auth, OAuth2Auth) else _digest(token)
            self._tokens.give_up(key, refused.get("Authorization", "").removeprefix("Bearer "))
            return bool(refused)
        if self._secret is None or self._constant is not None:
            return False
        self._secret.read_again()
        return self._shown() != refused

    def _callers_token(self) -> str:
        """The token of the caller whose request this is, if this system is shown it or gets another for it."""
        scope = current_scope.get() if isinstance(self._auth, ForwardAuth | TokenExchangeAuth) else None
        return (scope.token if scope else None) or ""

    async def _exchanged(self, token: str) -> str:
        """A token of this caller's for the system. Each caller's is kept by what only that caller sent."""
        endpoint, names = self._endpoint, self._names
        assert endpoint is not None  # noqa: S101  # made for this kind
        return await self._tokens.get(_digest(token), lambda: endpoint.exchanged(token, names))

    def _shown(self) -> dict[str, str]:
        """The headers of a kind that shows a secret as it is."""
        assert self._secret is not None  # noqa: S101  # made for these kinds
        match self._auth:
            case BasicAuth(username=username):
                pair = base64.b64encode(f"{username}:{self._secret.text}".encode()).decode()
                return {"Authorization": f"Basic {pair}"}
            case ApiKeyAuth(header=header):
                return {header: self._secret.text}
            case _:
                return _bearer(self._secret.text)


def _only_secret(auth: WithSecrets) -> Secret:
    (name,) = auth.secret_names()
    return auth.secret_named(name)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
