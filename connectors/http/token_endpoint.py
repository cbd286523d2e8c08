"""Tokens from a token endpoint: for the gateway itself (RFC 6749, 4.4), or in exchange for a caller's (RFC 8693)."""

import base64
import logging
import math
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_plus

import aiohttp
import jwt
import msgspec

from connectors.errors import Garbled, Refused, TimedOut, Unreachable
from connectors.http.encoding import as_utf8
from connectors.http.through import Session
from connectors.secret_files import Secret, Signature, UnusableFile, signature
from connectors.settings import TokenEndpointAuth
from connectors.signing import signing_key

_log = logging.getLogger("gateway.systems")

EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"

_LARGEST: Final = 64 * 1024
"""Most bytes of a token endpoint's answer."""

BUSY: Final = (408, 425, 429)
"""Statuses below 500 that a token endpoint, or a login, answers to good credentials, too."""

_BUSY_CODES: Final = ("server_error", "temporarily_unavailable", "slow_down")
"""Codes that say the same with a status of 400 (RFC 6749, 4.1.2.1; RFC 8628, 3.5)."""

_EXPIRES: Final = 300.0
"""Seconds for which a token is kept whose endpoint does not say how long it holds."""

_ASSERTION_LIVES: Final = 60
"""Seconds for which the gateway's own signed word holds."""

_SENDABLE: Final = re.compile(r"[\x21-\x7e]+")
_OF_THE_CLIENT: Final = ("invalid_client", "unauthorized_client", "unsupported_grant_type")
"""Codes (RFC 6749, 5.2) by which the gateway itself is refused, or exchanging at all, whoever the caller is."""

_ERROR: Final = re.compile(r"[a-z_]{1,40}")
"""A code of RFC 6749, 5.2. What else an endpoint says may repeat what it was sent."""


class _Answer(msgspec.Struct):
    access_token: str | int
    expires_in: Any = None
    token_type: Any = None


class _Objection(msgspec.Struct):
    error: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, and the seconds for which it may be sent. Its text is not shown."""

    text: str
    lasts: float

    def __repr__(self) -> str:
        return f"Token(lasts={self.lasts:g})"


class TokenEndpoint:
    """Gets tokens for one system."""

    def __init__(self, system: str, auth: TokenEndpointAuth, session: Session, timeout: float) -> None:
        self._system, self._auth, self._session = system, auth, session
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._secret = auth.secret_named("client_secret")
        self._key: _SigningKey | None = _SigningKey(auth) if auth.private_key_file else None

    @property
    def secret(self) -> Secret:
        """The client's secret."""
        return self._secret

    async def own(self) -> Token:
        """A token for the gateway itself. Raises `Refused`, `Unreachable`, `TimedOut` or `Garbled`."""
        return await self._get({"grant_type": "client_credentials"})

    async def exchanged(self, token: str, names: Mapping[str, str]) -> Token:
        """A token for whom this token is of; `names` are parameters of RFC 8693. Raises as `own` does.

        One that is not to be sent as a bearer's is `Garbled`.
        """
        return await self._get({"grant_type": EXCHANGE, "subject_token": token, **names})

    async def _get(self, form: Mapping[str, str]) -> Token:
        status, body, kind = await self._post(form)
        if status in (400, 401) and self._secret.read_again():
            status, body, kind = await self._post(form)
        if not 200 <= status < 300:
            raise self._refusal(status, body, is_exchange="subject_token" in form)
        try:
            answer = msgspec.json.decode(as_utf8(body, kind), type=_Answer)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise Garbled(self._system, f"the token endpoint's answer: {error}", signing_in=True) from error
        text = str(answer.access_token).strip()
        if not _SENDABLE.fullmatch(text):
            detail = "the token endpoint's answer: its access_token is empty, or cannot be sent in a header"
            raise Garbled(self._system, detail, signing_in=True)
        if "subject_token" in form and str(answer.token_type or "bearer").lower() != "bearer":
            detail = "the token endpoint's answer: its token_type is not Bearer, so that it cannot be sent as such"
            raise Garbled(self._system, detail, signing_in=True)
        expires_in = _seconds(answer.expires_in)
        # A tenth early (at most 30 s), so that a token does not expire on its way.
        return Token(text, expires_in - min(30.0, expires_in / 10))

    async def _post(self, form: Mapping[str, str]) -> tuple[int, bytes, str | None]:
        auth, fields, headers = self._auth, list(form.items()), {}
        for name in ("scope", "audience", "resource"):
            given = getattr(auth, name)
            fields += [(name, one) for one in ((given,) if isinstance(given, str) else given or ())]
        if auth.client_auth == "client_secret_basic":
            pair = f"{quote_plus(auth.client_id)}:{quote_plus(self._secret.text)}"  # RFC 6749, 2.3.1
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            fields += [("client_id", auth.client_id), *self._proof()]
        try:
            async with self._session.post(
                auth.token_url, data=fields, headers=headers, timeout=self._timeout, allow_redirects=False
            ) as answer:
                return answer.status, await self._read(answer), answer.headers.get("Content-Type")
        except TimeoutError as error:
            raise TimedOut(self._system, "the token endpoint did not answer in time", signing_in=True) from error
        except (aiohttp.ClientError, ConnectionError) as error:
            none = isinstance(error, aiohttp.ClientConnectorError)
            detail = f"the token endpoint cannot be reached: {error}"
            raise Unreachable(self._system, detail, nothing_sent=none, signing_in=True) from error

    def _proof(self) -> list[tuple[str, str]]:
        if self._key is None:
            return [("client_secret", self._secret.text)]
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return [("client_assertion_type", kind), ("client_assertion", self._key.assertion())]

    def _refusal(self, status: int, body: bytes, *, is_exchange: bool) -> Refused | Unreachable:
        try:
            code = msgspec.json.decode(body, type=_Objection).error
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            code = ""
        detail = f"the token endpoint answered {status}" + (f" ({code})" if _ERROR.fullmatch(code) else "")
        if status in BUSY or status >= 500 or code in _BUSY_CODES:  # which says nothing about the credentials
            return Unreachable(self._system, detail, status=status, signing_in=True)
        failure = Refused(self._system, detail, status=status, signing_in=True)
        if is_exchange and code not in _OF_THE_CLIENT:
            failure.of_caller = True
            failure.sentence = "The {system} system gets no token for you from your sign-in. Sign in again."
        return failure

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        body = b""
        async for part in answer.content.iter_any():
            body += part
            if len(body) > _LARGEST:
                detail = f"the token endpoint's answer: more than {_LARGEST} bytes"
                raise Garbled(self._system, detail, signing_in=True)
        return body


class _SigningKey:
    """What the gateway signs who it is with, from its file as it is now (RFC 7523, section 3)."""

    def __init__(self, auth: TokenEndpointAuth) -> None:
        assert auth.private_key_file is not None  # noqa: S101  # the settings made sure
        self._auth, self._file = auth, auth.private_key_file
        self._seen: Signature | None = signature(self._file)
        self._key, self._algorithm = signing_key(self._file, auth.algorithm)

    def assertion(self) -> str:
        if (found := signature(self._file)) != self._seen:
            self._seen = found
            try:
                self._key, self._algorithm = signing_key(self._file, self._auth.algorithm)
            except UnusableFile as error:
                _log.warning("%s: %s; the key from before stays in use", error.setting, error)
        auth, now = self._auth, int(time.time())
        claims = {
            "iss": auth.client_id,
            "sub": auth.client_id,
            "aud": auth.assertion_audience or auth.token_url,
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": now + _ASSERTION_LIVES,
        }
        return jwt.encode(claims, self._key, self._algorithm, {"kid": auth.key_id} if auth.key_id else None)


def _seconds(expires_in: Any) -> float:
    """How long a token holds: some send a text, and some 0 or -1 for one that holds until it is taken back."""
    try:
        seconds = float(expires_in)
    except (TypeError, ValueError, OverflowError):
        return _EXPIRES
    return seconds if math.isfinite(seconds) and seconds > 0 else _EXPIRES
