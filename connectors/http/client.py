"""Requests to one system: a place, a deadline, the policy, the size cap, health and the trace."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TypeVar

import aiohttp
import msgspec

from connectors.errors import Cancelled, ConnectorError, Failed, Garbled, TooMuch
from connectors.http.files import Files
from connectors.http.policy import Policy
from connectors.http.request import Answer, Request
from connectors.http.scope import UpstreamCall, current_loader, current_scope
from connectors.http.transport import CONNECTION_ERRORS, Transport
from connectors.settings import System

K = TypeVar("K")
T = TypeVar("T")


class HttpClient(Transport):
    """All requests to one system pass here; every way in which one can fail leaves as a `ConnectorError`."""

    def __init__(self, name: str, system: System, session: aiohttp.ClientSession) -> None:
        super().__init__(name, system, session)
        self._places = asyncio.Semaphore(system.concurrency)
        self._policy = Policy(self.credentials)
        self._files = Files(self)

    async def send(self, request: Request, read: Callable[[Answer], T]) -> T:
        """Send a request as the policy allows, and give what `read` makes of its answer. Raises `ConnectorError`.

        `read` gets answers below 300, a 404, and those that the request expects; what it cannot read is `Garbled`.
        """
        started = time.monotonic()
        call = self._traced(request, started)
        try:
            with await self.place(self._places, request):
                asked = time.monotonic()
                async with self.deadline(request):
                    answer = await self._policy.run(partial(self._once, call), request)
                result = self._readable(read, answer, request)
                self.health.answered((time.monotonic() - asked) * 1000)
                return result
        except ConnectorError as failure:
            call.error = failure.code
            if not (isinstance(failure, Failed) and call.status in request.ambiguous):
                self.health.failed(failure)
            raise
        except asyncio.CancelledError:
            call.error = Cancelled.code
            raise
        finally:
            call.duration_ms = (time.monotonic() - started) * 1000

    def _traced(self, request: Request, started: float) -> UpstreamCall:
        """The request's record, which is in the scope from now on."""
        scope = current_scope.get()
        call = UpstreamCall(
            self.name,
            request.method,
            request.target,
            tuple(request.keys),
            current_loader.get(),
            (started - scope.started) * 1000 if scope else 0.0,
        )
        if scope:
            scope.calls.append(call)
        return call

    async def _once(self, call: UpstreamCall, request: Request, credentials: dict[str, str]) -> Answer:
        typed = {"Content-Type": "application/json"} if request.body is not None else {}
        headers = {"Accept": "application/json", **typed, **request.headers, **credentials}
        call.status, call.bytes = None, 0
        try:
            async with self.open(request, self.address(request.target), headers) as response:
                call.status = response.status
                content = await self._read(response)
                call.bytes = len(content)
                # A redirect or a page may be how the product says that a write is done: only a 401 says that it is not.
                login_wanted = self.credentials.wants_login(response) if request.repeatable else response.status == 401
                if login_wanted or response.status not in request.expected:
                    self.judge(response, request, len(content), login_wanted)
                return Answer(response.status, response.headers, content)
        except CONNECTION_ERRORS as error:
            raise self.failure(request, error) from error

    def _readable(self, read: Callable[[Answer], T], answer: Answer, request: Request) -> T:
        """What `read` makes of the answer: whatever is wrong with a body is the system's failure, never a fault here.

        Apart from what is not JSON or has another shape: nesting without end (RecursionError), and numbers and texts
        that no type holds (ValueError, ArithmeticError).
        """
        try:
            return read(answer)
        except (msgspec.MsgspecError, RecursionError, ValueError, ArithmeticError) as error:
            raise Garbled(self.name, f"{request}: {str(error)[:200]}") from error

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        content, most = await response.content.readany(), self.system.max_bytes
        parts, size = [content], len(content)
        while size <= most and (part := await response.content.readany()):
            parts.append(part)
            size += len(part)
        if size > most:
            raise TooMuch(self.name, f"{response.url.path}: more than max_bytes = {most} bytes")
        return content if len(parts) == 1 else b"".join(parts)

    async def each(self, those: Sequence[K], ask: Callable[[K], Awaitable[T]]) -> list[T | ConnectorError]:
        """What `ask` gives for each of `those`, side by side, in their order; a failure is that one's.

        `concurrency` bounds how many are under way. What is beyond `max_calls` is not asked, and is `TooMuch`.
        """

        async def one(asked: K) -> T | ConnectorError:
            try:
                return await ask(asked)
            except ConnectorError as failure:
                return failure

        most = self.system.max_calls
        refused = TooMuch(self.name, f"{len(those)} calls, more than max_calls = {most}")
        return [*await asyncio.gather(*map(one, those[:most])), *[refused] * len(those[most:])]

    def stream(self, address: str) -> AbstractAsyncContextManager[AsyncIterator[bytes] | None]:
        """Open a file that the system keeps: see `Files.stream`."""
        return self._files.stream(address)
