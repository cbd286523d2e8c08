"""How the gateway identifies itself towards a system."""

import asyncio
import base64
import time

import aiohttp
import msgspec

from connectors.errors import Garbled, Refused, TimedOut, Unreachable
from connectors.profile import ApiKeyAuth, Auth, BasicAuth, BearerAuth, OAuth2Auth


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float = 300.0


class Credentials:
    """Headers for one system's requests. An OAuth 2.0 token is fetched once for all who wait and kept until it ages."""

    def __init__(self, system: str, auth: Auth | None, session: aiohttp.ClientSession, timeout: float) -> None:
        self._system, self._auth, self._session, self._timeout = system, auth, session, timeout
        self._lock = asyncio.Lock()
        self._token = ""
        self._fresh_until = 0.0

    async def headers(self) -> dict[str, str]:
        """Headers to add. Raises `Refused`, `Unreachable`, `TimedOut` or `Garbled` when no token can be had."""
        match self._auth:
            case None:
                return {}
            case BearerAuth(token=token):
                return {"Authorization": f"Bearer {token}"}
            case BasicAuth(username=username, password=password):
                pair = base64.b64encode(f"{username}:{password}".encode()).decode()
                return {"Authorization": f"Basic {pair}"}
            case ApiKeyAuth(header=header, key=key):
                return {header: key}
            case OAuth2Auth() as client:
                async with self._lock:
                    if time.monotonic() >= self._fresh_until:
                        await self._fetch(client)
                return {"Authorization": f"Bearer {self._token}"}

    def renewable(self) -> bool:
        """Whether a refusal may only mean that the token aged early; forgets the token if so."""
        if isinstance(self._auth, OAuth2Auth) and self._token:
            self._token, self._fresh_until = "", 0.0
            return True
        return False

    async def _fetch(self, client: OAuth2Auth) -> None:
        form = {"grant_type": "client_credentials"} | ({"scope": client.scope} if client.scope else {})
        try:
            async with self._session.post(
                client.token_url,
                data=form,
                auth=aiohttp.BasicAuth(client.client_id, client.client_secret),
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                allow_redirects=False,
            ) as answer:
                body = await answer.read()
        except TimeoutError as error:
            raise TimedOut(self._system, "the token endpoint did not answer in time") from error
        except aiohttp.ClientError as error:
            raise Unreachable(self._system, f"the token endpoint cannot be reached: {error}") from error
        if answer.status != 200:
            raise Refused(self._system, f"the token endpoint answered {answer.status}")
        try:
            token = msgspec.json.decode(body, type=_Token)
        except msgspec.MsgspecError as error:
            raise Garbled(self._system, f"the token endpoint's answer: {error}") from error
        self._token = token.access_token
        # A tenth early (at most 30 s), so that a token does not age on its way.
        self._fresh_until = time.monotonic() + token.expires_in - min(30.0, token.expires_in / 10)
