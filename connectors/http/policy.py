"""What is done about a request that failed."""

from collections.abc import Awaitable, Callable

import aiohttp

from connectors.errors import Refused, Unreachable
from connectors.http.credentials import Credentials
from connectors.http.request import Answer, Request

SendOnce = Callable[[Request, dict[str, str]], Awaitable[Answer]]
"""Sends a request once, with headers that say who asks. Raises `ConnectorError`."""


class Policy:
    """How often one system is asked for the same: once, and once more where that can help and cannot harm."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def run(self, once: SendOnce, request: Request) -> Answer:
        """Send the request. Raises `ConnectorError`: what came of the last time that it was sent.

        It is sent a second time when the connection broke, if it is `repeatable` (a kept-alive connection may have
        been closed), or when new credentials were to be had for those that were refused. That holds for a write, too:
        who answers 401 has done nothing.
        """
        credentials = await self._credentials.headers()
        try:
            return await once(request, credentials)
        except Refused as refusal:
            if not refusal.login_wanted or not await self._credentials.renew(credentials):
                raise
            credentials = await self._credentials.headers()
        except Unreachable as failure:
            if not request.repeatable or failure.nothing_sent or _was_repeated(request, failure):
                raise
        return await once(request, credentials)


def _was_repeated(request: Request, failure: Unreachable) -> bool:
    """Whether aiohttp itself has asked a second time, as it does where a GET got no answer; not if a body broke off."""
    return request.method == "GET" and not isinstance(failure.__cause__, aiohttp.ClientPayloadError)
