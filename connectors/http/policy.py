"""When a failed request is sent again."""

from collections.abc import Awaitable, Callable

import aiohttp

from connectors.errors import Refused, Unreachable
from connectors.http.credentials import Credentials
from connectors.http.request import Answer, Request

SendOnce = Callable[[Request, dict[str, str]], Awaitable[Answer]]
"""Sends a request once, with these credentials as headers. Raises `ConnectorError`."""


class Policy:
    """Sends a request to one system, and once more if that may help and cannot do harm."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def run(self, once: SendOnce, request: Request) -> Answer:
        """Send the request. Raises the `ConnectorError` of the last attempt.

        It is sent a second time if the connection broke and it is `repeatable` (a kept-alive connection may have been
        closed), or if its credentials were refused and could be renewed. The latter holds for writes too, because a
        system that answers 401 has done nothing.
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
    """Whether aiohttp has already repeated the request: it repeats a GET without an answer, not one with a cut body."""
    return request.method == "GET" and not isinstance(failure.__cause__, aiohttp.ClientPayloadError)
