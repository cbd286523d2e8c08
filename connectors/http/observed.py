"""A client whose calls are told to an observer, and that passes the trace of a request on to its system.

Where nobody observes, `HttpClient` itself is used: it knows nothing of this.
"""

import asyncio
import time
from random import getrandbits
from typing import Any, NamedTuple, Protocol

import aiohttp

from connectors.errors import Cancelled, ConnectorError
from connectors.http.client import HttpClient, Sending
from connectors.http.policy.policies import OTHER
from connectors.http.request import Answer
from connectors.http.scope import current_scope
from connectors.settings import System


class Call(NamedTuple):
    """One call that was sent: by which port's method, for how many keys, and what became of it.

    `bytes`: of the answer, None if none was read. `error`: the code of the failure, or empty. `seconds`: without the
    wait for a place.
    """

    operation: str
    keys: int
    bytes: int | None
    error: str
    seconds: float


class CallObserver(Protocol):
    """Is told of each call to one system."""

    def __call__(self, call: Call) -> None:
        """One was sent, and has ended."""


class ObservedHttpClient(HttpClient):
    """`observe` is told of each call, hedged and repeated ones, too."""

    def __init__(
        self, name: str, system: System, session: aiohttp.ClientSession, observe: CallObserver | None = None
    ) -> None:
        super().__init__(name, system, session)
        self._observe, self._passes_trace_on = observe, system.trace_context

    async def attempt(self, sending: Sending) -> Any:
        """Send the request once, as `HttpClient` does."""
        if self._observe is None:
            return await super().attempt(sending)
        error = ""
        try:
            return await super().attempt(sending)
        except ConnectorError as failure:
            error = failure.code
            raise
        except asyncio.CancelledError:
            error = Cancelled.code
            raise
        finally:
            if sending.began:
                operation, call = sending.request.operation, sending.call
                size = None if call.status is None else call.bytes
                seconds, sending.began = time.monotonic() - sending.began, 0.0
                name = OTHER if operation is None else operation.name
                self._observe(Call(name, len(call.keys), size, error, seconds))

    async def once(self, sending: Sending, credentials: dict[str, str]) -> Answer:
        """Send it, with the header `traceparent` (W3C Trace Context) to a system that is to get it."""
        sending.began = time.monotonic()
        if self._passes_trace_on and (scope := current_scope.get()) is not None and scope.trace is not None:
            sending.call.span = f"{getrandbits(64) or 1:016x}"
            trace_id, flags = scope.trace.ids
            credentials = {**credentials, "traceparent": f"00-{trace_id}-{sending.call.span}-{flags}"}
        return await super().once(sending, credentials)
