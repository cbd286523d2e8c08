"""A login session with a system, used for all calls and renewed when the system has ended it."""

import asyncio
import time
from typing import Final

import aiohttp

from connectors.errors import Failed, RateLimited, Refused, TimedOut, Unreachable
from connectors.http.encoding import media_type
from connectors.http.through import Session
from connectors.http.token_endpoint import BUSY
from connectors.settings import SessionAuth, System

REFUSED_FOR: Final = 30.0
"""Seconds before a refused login is tried again with the same password, because wrong credentials stay wrong."""


class LoginSession:
    """The cookies of one system's session.

    There is one login at a time, and all calls wait for it. A login is valid once `verify_path` accepts its cookies:
    some systems answer 200 with a cookie to a wrong password too.
    """

    def __init__(self, name: str, system: System, auth: SessionAuth, session: Session) -> None:
        self._name, self._base, self._timeout = name, system.url.rstrip("/"), system.timeout
        self._auth, self._session = auth, session
        self._referer = f"{(auth.referer or self._base).rstrip('/')}/"
        self._lock = asyncio.Lock()
        self.cookie = ""
        """What the system set, as a header's value; empty before a login."""
        self.password = auth.secret_named("password")
        self._refusal = ""
        self._refused_password = ""
        self._refused_until = 0.0

    async def headers(self) -> dict[str, str]:
        """The headers Cookie and Referer. Raises `Refused`, `Unreachable`, `TimedOut`, `RateLimited` or `Failed`."""
        if not self.cookie:
            async with self._lock:
                if not self.cookie:
                    await self._log_in()
        return {"Cookie": self.cookie, "Referer": self._referer}

    async def renew(self, refused: dict[str, str]) -> bool:
        """Log in again if the session of these headers has ended; False if it is still valid.

        Raises as `headers` does.
        """
        async with self._lock:
            if refused.get("Cookie") != self.cookie:
                return True  # another call has renewed it
            if self.cookie and not await self._objection(self.cookie):
                return False
            self.cookie = ""
            await self._log_in()
        return True

    async def _log_in(self) -> None:
        auth, path, password = self._auth, self._auth.login_path, self.password.text
        if time.monotonic() < self._refused_until and password == self._refused_password:
            raise Refused(self._name, self._refusal, signing_in=True)
        self._refused_password = password
        form = {auth.username_field: auth.username, auth.password_field: password}
        status, cookie, _ = await self._ask("POST", path, None, form)
        if status >= 500:
            raise Failed(self._name, f"the login at {path} answered {status}", status=status, signing_in=True)
        if status in BUSY:
            raise RateLimited(self._name, f"the login at {path} answered {status}", status=status, signing_in=True)
        if status >= 400:
            raise self._refused(f"the login at {path} answered {status}")
        if not cookie:
            raise self._refused(f"the login at {path} answered {status} without a cookie")
        if objection := await self._objection(cookie):
            raise self._refused(f"{objection} after the login at {path}")
        self.cookie = cookie

    def _refused(self, refusal: str) -> Refused:
        self._refusal, self._refused_until = refusal, time.monotonic() + REFUSED_FOR
        return Refused(self._name, refusal, signing_in=True)

    async def _objection(self, cookie: str) -> str:
        """Why the system does not accept these cookies; empty if it does. Raises `ConnectorError`."""
        path = self._auth.verify_path
        status, _, login_wanted = await self._ask("GET", path, cookie, None)
        if status >= 500:
            raise Failed(self._name, f"{path}, which verifies the login, answered {status}", signing_in=True)
        if status in BUSY:
            raise RateLimited(self._name, f"{path}, which verifies the login, answered {status}", signing_in=True)
        if login_wanted or status == 403:
            return f"{path} wants a login (wrong name or password?)"
        return "" if status < 300 else f"{path} answered {status} (is verify_path right?)"

    async def _ask(
        self, method: str, path: str, cookie: str | None, form: dict[str, str] | None
    ) -> tuple[int, str, bool]:
        """Status, the cookies that were set, and whether a login is wanted."""
        headers = {"Accept": "application/json"} if form is None else {}
        try:
            async with self._session.request(
                method,
                self._base + path,
                data=form,
                headers=headers | ({"Cookie": cookie} if cookie else {}),
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                allow_redirects=False,
            ) as answer:
                set_here = "; ".join(f"{name}={one.coded_value}" for name, one in answer.cookies.items() if one.value)
                return answer.status, set_here, asks_for_login(answer)
        except TimeoutError as error:
            raise TimedOut(self._name, f"{path} (login) did not answer in time", signing_in=True) from error
        except (aiohttp.ClientError, ConnectionError) as error:
            none = isinstance(error, aiohttp.ClientConnectorError)
            detail = f"{path} (login) cannot be reached: {error}"
            raise Unreachable(self._name, detail, nothing_sent=none, signing_in=True) from error


def asks_for_login(answer: aiohttp.ClientResponse) -> bool:
    """Whether the answer demands a login: 401, a redirect, or an HTML page in place of JSON."""
    if answer.status == 200:
        return media_type(answer.headers.get("Content-Type")) == "text/html"
    return answer.status in (401, 302, 303, 307)
