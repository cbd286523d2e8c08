"""How a client request's time is split: each call has what is left of it, and at most the system's timeout.

A call's repetitions and the pauses before them share the time of the first. What is left can be told to the system.
"""

import asyncio
import time
from types import TracebackType
from typing import Final

from connectors.errors import TimedOut
from connectors.http.request import Request
from connectors.http.scope import current_scope

ANSWERING_TIME: Final = 0.15
"""Upstream calls end so many seconds before the request's deadline, to leave time for sending the partial answer."""


def seconds_left(otherwise: float) -> float:
    """Seconds for an upstream call and its wait for a place; 0 or fewer if the request's deadline is too near.

    `otherwise`: outside a client request.
    """
    scope = current_scope.get()
    return otherwise if scope is None else scope.deadline - time.monotonic() - ANSWERING_TIME


class Deadline:
    """A context that raises `TimedOut` after `allowance` seconds; `most` is the system's timeout in seconds.

    A class takes a third of the time of a generator with `asynccontextmanager`.
    """

    def __init__(self, system: str, request: Request, allowance: float, most: float) -> None:
        self._system, self._request = system, request
        self._cut_short = allowance < 0.9 * most
        self._timeout = asyncio.timeout(allowance)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, traceback)
        except TimeoutError as late:
            detail = f"{self._request} did not answer in time"
            raise TimedOut(self._system, detail, cut_short=self._cut_short) from late
