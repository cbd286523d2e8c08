"""Questions to one system: deadline, one retry, bulkhead, size cap, health and the trace."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import aiohttp
import msgspec

from connectors.errors import (
    ConnectorError,
    Failed,
    Garbled,
    Refused,
    TimedOut,
    TooMuch,
    Unreachable,
)
from connectors.http.files import Files
from connectors.http.scope import UpstreamCall, current_loader, current_scope
from connectors.http.transport import ANSWERING_TIME, Transport, path_of
from connectors.settings import System

K = TypeVar("K")
T = TypeVar("T")


class Answer(msgspec.Struct, frozen=True, gc=False):
    """Status, headers and whole body of a success, a 404, or an answer with a status that the driver judges."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient(Transport):
    """All requests to one system pass here; every way in which one can fail leaves as a `ConnectorError`."""

    def __init__(self, name: str, system: System, session: aiohttp.ClientSession) -> None:
        super().__init__(name, system, session)
        self._bulkhead = asyncio.Semaphore(system.concurrency)
        self._files = Files(self)

    async def get(
        self,
        path_and_query: str,
        keys: Sequence[str],
        read: Callable[[Answer], T],
        *,
        judged: Collection[int] = (),
        doubted: Collection[int] = (),
    ) -> T:
        """Read `path_and_query` (already encoded). `read` decodes the answer; what it cannot read is `Garbled`.

        `read` gets answers with a `judged` status, too, as it does a 404: a 422 may say which key the product does not
        know. None of them counts against the system's health, unless `read` raises.

        A `Failed` with a `doubted` status says nothing about the system's health: the product answers so to the
        client's own mistakes, too, and the driver finds out which it was.
        """
        return await self._ask("GET", path_and_query, keys, None, read, judged, doubted)

    async def post_query(self, path: str, body: bytes, keys: Sequence[str], read: Callable[[Answer], T]) -> T:
        """Send a JSON body to a resource that only asks (a TMF task such as queryUsageConsumption): safe to repeat."""
        return await self._ask("POST", path, keys, body, read)

    async def _ask(
        self,
        method: str,
        target: str,
        keys: Sequence[str],
        body: bytes | None,
        read: Callable[[Answer], T],
        judged: Collection[int] = (),
        doubted: Collection[int] = (),
    ) -> T:
        scope = current_scope.get()
        what = f"{method} {path_of(target)}"
        started = time.monotonic()
        call = UpstreamCall(
            self.name,
            method,
            target,
            tuple(keys),
            current_loader.get(),
            (started - scope.started) * 1000 if scope else 0.0,
        )
        if scope:
            scope.calls.append(call)
        try:
            with await self.place(self._bulkhead, what):
                asked = time.monotonic()
                answer = await self._in_time(method, target, body, call, judged, doubted)
                result = self._readable(read, answer, what)
        except ConnectorError as error:
            call.error = error.code
            raise
        except asyncio.CancelledError:
            call.error = "REQUEST_CANCELLED"
            raise
        finally:
            call.duration_ms = (time.monotonic() - started) * 1000
        self.health.answered((time.monotonic() - asked) * 1000)
        return result

    async def _in_time(
        self,
        method: str,
        target: str,
        body: bytes | None,
        call: UpstreamCall,
        judged: Collection[int],
        doubted: Collection[int],
    ) -> Answer:
        allowance = self._allowance()
        try:
            async with asyncio.timeout(allowance):
                return await self._twice(method, target, body, call, judged)
        except TimeoutError as error:
            late = TimedOut(self.name, f"{method} {path_of(target)} did not answer in time")
            # A client's own deadline that cut a call short says nothing about the system.
            if allowance >= 0.9 * self.system.timeout:
                self.health.failed(late)
            raise late from error
        except ConnectorError as error:
            if not (isinstance(error, Failed) and call.status in doubted):
                self.health.failed(error)
            raise

    def _readable(self, read: Callable[[Answer], T], answer: Answer, what: str) -> T:
        """What `read` makes of the answer: whatever is wrong with a body is the system's failure, never a fault here.

        Apart from what is not JSON or has another shape: nesting without end (RecursionError), and numbers and texts
        that no type holds (ValueError, ArithmeticError).
        """
        try:
            return read(answer)
        except ConnectorError as error:
            self.health.failed(error)
            raise
        except (msgspec.MsgspecError, RecursionError, ValueError, ArithmeticError) as error:
            garbled = Garbled(self.name, f"{what}: {str(error)[:200]}")
            self.health.failed(garbled)
            raise garbled from error

    def _allowance(self) -> float:
        scope = current_scope.get()
        if scope is None:
            return self.system.timeout
        return min(self.system.timeout, scope.remaining() - ANSWERING_TIME)

    async def _twice(
        self, method: str, target: str, body: bytes | None, call: UpstreamCall, judged: Collection[int]
    ) -> Answer:
        """Ask; once more when the connection broke (a kept-alive one may have been closed) or the credentials aged."""
        credentials = await self.credentials.headers()
        try:
            return await self._once(method, target, body, credentials, call, judged)
        except Refused as refusal:
            if not refusal.login_wanted or not await self.credentials.renew(credentials):
                raise
            credentials = await self.credentials.headers()
        except Unreachable as error:
            # aiohttp itself asks a second time where a GET got no answer; what it leaves is a body that broke off.
            if method == "GET" and not isinstance(error.__cause__, aiohttp.ClientPayloadError):
                raise
            if error.at_all:
                raise
        return await self._once(method, target, body, credentials, call, judged)

    async def _once(
        self,
        method: str,
        target: str,
        body: bytes | None,
        credentials: dict[str, str],
        call: UpstreamCall,
        judged: Collection[int],
    ) -> Answer:
        headers = {"Accept": "application/json", **credentials}
        if body is not None:
            headers["Content-Type"] = "application/json"
        call.status, call.bytes = None, 0
        with self.translated(f"{method} {path_of(target)}"):
            async with self.request(method, self.address(target), headers, body) as response:
                call.status = response.status
                content = await self._read(response)
                call.bytes = len(content)
                login_wanted = self.credentials.wants_login(response)
                if login_wanted or response.status not in judged:
                    self.judge(response, method, target, len(content), login_wanted)
                return Answer(response.status, response.headers, content)

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
