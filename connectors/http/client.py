"""Requests to one system: what the policies allow of them, deadline, size limit, health and trace."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from types import CoroutineType
from typing import Any, TypeVar, overload

import aiohttp
import msgspec

from connectors.errors import Cancelled, ConnectorError, Failed, Garbled, Refused, TooLarge, TooMuch
from connectors.files import ByteRange, File
from connectors.http.encoding import AT_ONCE, as_utf8, as_utf8_in_turns
from connectors.http.files import Files
from connectors.http.policy.deadline import Deadline, seconds_left
from connectors.http.policy.operation import OperationPolicy
from connectors.http.request import Answer, Request
from connectors.http.scope import UpstreamCall, current_loader, current_scope
from connectors.http.transport import CONNECTION_ERRORS, Transport
from connectors.reading.repair import REPLACED, repaired_in_turns
from connectors.reading.turns import Turns
from connectors.settings import System

K = TypeVar("K")
T = TypeVar("T")

Read = Callable[[Answer], Any]
"""Decodes an answer; a coroutine function, where a long one takes several turns. Raises what `HttpClient.send` says."""


class HttpClient(Transport):
    """Sends all requests to one system. Every failure is raised as a `ConnectorError`."""

    def __init__(
        self,
        name: str,
        system: System,
        session: aiohttp.ClientSession,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock`: seconds, by which the policies judge what was, and when an operation is tried again."""
        super().__init__(name, system, session, clock)
        self._deadline_header = system.policy.deadline_header
        self._files = Files(self)

    @overload
    async def send(self, request: Request, read: Callable[[Answer], Coroutine[Any, Any, T]]) -> T: ...

    @overload
    async def send(self, request: Request, read: Callable[[Answer], T]) -> T: ...

    async def send(self, request: Request, read: Read) -> Any:
        """Send a request as its operation's policies allow, and return its answer decoded by `read`.

        `read` gets answers with a status below 300, 404, or one in `request.expected`. If it fails to decode the answer
        (msgspec's errors, ValueError, ArithmeticError, RecursionError), `Garbled` is raised. Raises `ConnectorError`,
        that of the last attempt.
        """
        started = time.monotonic()
        call = self._start_trace(request, started)
        policy = self.policies.of(request.operation)
        sending = Sending(request, read, policy, call)
        hedges, repeated = policy.hedges and not _writes(request), 0
        try:
            while True:
                try:
                    return await (self._hedged(sending) if hedges else self.attempt(sending))
                except ConnectorError as failure:
                    left = min(sending.ends - self.clock(), seconds_left(self.system.timeout))
                    pause = policy.pause_before_retry(failure, request, repeated, left)
                    if pause is None:
                        raise
                await asyncio.sleep(pause)
                repeated += 1
        except ConnectorError as failure:
            call.error = failure.code
            if not (isinstance(failure, Failed) and call.status in request.ambiguous):
                self.health.failed(failure, request.about)
            raise
        except asyncio.CancelledError:
            call.error = Cancelled.code
            raise
        finally:
            call.duration_ms = (time.monotonic() - started) * 1000

    async def attempt(self, sending: "Sending") -> Any:
        """Send the request once, as soon as there is a place for it, and if it may be sent then."""
        request, policy, most = sending.request, sending.policy, self.system.timeout
        left = seconds_left(most)
        if left <= 0 or not policy.take_place():
            await policy.wait_for_place(request, left)
            left = seconds_left(most)
        try:
            permit = policy.admit(request)
            asked = self.clock()
            sending.ends = ends = min(sending.ends, asked + most)
            left = min(left, ends - asked)
            sending.until = asked + left
            try:
                async with Deadline(self.name, request, left, most):
                    answer = await self._answer(sending)
                answered = self.clock()
                result = await self._decode(sending.read, answer, request)
            except BaseException as failure:
                policy.failed(permit, asked, failure, request)
                raise
            policy.succeeded(permit, asked, answered)
            self.health.answered((answered - asked) * 1000)
            return result
        finally:
            policy.leave_place()

    async def _hedged(self, sending: "Sending") -> Any:
        """Send the request, and once more beside it if that takes unusually long; what is answered first counts."""
        after = sending.policy.hedges_after
        if after is None:
            return await self.attempt(sending)
        attempts = {asyncio.create_task(self.attempt(sending))}
        another: Sending | None = None
        began = time.monotonic()
        try:
            done, _ = await asyncio.wait(attempts, timeout=after)
            if not done and sending.policy.may_hedge():
                request = sending.request
                call = self._start_trace(request, time.monotonic())
                another = Sending(request, sending.read, sending.policy, call, sending.ends)
                attempts.add(asyncio.create_task(self.attempt(another)))
            while True:
                done, waiting = await asyncio.wait(attempts, return_when=asyncio.FIRST_COMPLETED)
                for attempt in done:
                    if attempt.exception() is None or not waiting:
                        return attempt.result()
                attempts = waiting
        finally:
            for attempt in attempts:
                attempt.cancel()
            await asyncio.gather(*attempts, return_exceptions=True)
            if another is not None:
                another.call.duration_ms = (time.monotonic() - began - after) * 1000

    def _start_trace(self, request: Request, started: float) -> UpstreamCall:
        """A trace entry for the request, already added to the current scope."""
        scope = current_scope.get()
        call = UpstreamCall(
            self.name,
            request.method,
            request.target,
            tuple(request.keys),
            current_loader.get(),
            (started - scope.started) * 1000 if scope else 0.0,
            operation="" if request.operation is None else request.operation.name,
        )
        if scope:
            scope.calls.append(call)
        return call

    async def _answer(self, sending: "Sending") -> Answer:
        """The answer; asked for once more if the credentials were refused and could be renewed.

        That holds for writes too, because a system that answers 401 has done nothing.
        """
        credentials = await self.credentials.headers()
        try:
            return await self.once(sending, credentials)
        except Refused as refusal:
            if not refusal.login_wanted or not await self.credentials.renew(credentials):
                raise
        return await self.once(sending, await self.credentials.headers())

    async def once(self, sending: "Sending", credentials: dict[str, str]) -> Answer:
        """Send the request with these credentials. Raises `ConnectorError`, also for what is no success."""
        request, call = sending.request, sending.call
        typed = {"Content-Type": "application/json"} if request.body is not None else {}
        headers = {"Accept": "application/json", **typed, **request.headers, **credentials}
        if self._deadline_header is not None:
            headers[self._deadline_header] = str(max(1, int((sending.until - self.clock()) * 1000)))
        call.status, call.bytes = None, 0
        scope = current_scope.get()
        if scope is not None and not request.repeatable:
            scope.writes_sent += 1
        try:
            async with self.open(request, self.address(request.target), headers) as response:
                call.status = response.status
                content = await self._read(response)
                call.bytes = len(content)
                kind = response.headers.get("Content-Type")
                content = as_utf8(content, kind) if len(content) <= AT_ONCE else await as_utf8_in_turns(content, kind)
                # A product may answer a successful write with a redirect or a page; only 401 means it did nothing.
                login_wanted = self.credentials.wants_login(response) if request.repeatable else response.status == 401
                if login_wanted or response.status not in request.expected:
                    self.raise_for_status(response, request, content, login_wanted)
                return Answer(response.status, response.headers, content)
        except CONNECTION_ERRORS as error:
            raise self.failure(request, error) from error

    async def _decode(self, read: Read, answer: Answer, request: Request) -> Any:
        """The answer decoded by `read`. Raises `Garbled` if the body is not JSON or not of the expected shape.

        So are endless nesting (RecursionError) and values that no type holds (ValueError, ArithmeticError). Of a body
        that is not JSON because of a wrong escape or byte in a text, or of NaN for a number, the rest is read.
        """
        try:
            return await self._read_or_repaired(read, answer)
        except (msgspec.MsgspecError, RecursionError, ValueError, ArithmeticError) as error:
            failure = Garbled(self.name, f"{request}: {str(error)[:200]}")
            raise self.with_answer(failure, request, answer.body) from error

    async def _read_or_repaired(self, read: Read, answer: Answer) -> Any:
        try:
            found = read(answer)
            return await found if isinstance(found, CoroutineType) else found
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, UnicodeDecodeError):
            body = await repaired_in_turns(answer.body)
            if body is answer.body:
                raise
        found = read(Answer(answer.status, answer.headers, body, is_repaired=True))
        found = await found if isinstance(found, CoroutineType) else found
        if REPLACED in body:
            self.health.notice("sends texts with wrong escapes or bytes: they are shown with a replacement character")
        if body.count(b"NaN") + body.count(b"Infinity") < answer.body.count(b"NaN") + answer.body.count(b"Infinity"):
            self.health.notice("sends numbers that JSON does not have (NaN, Infinity): they are null")
        return found

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        content, most = await response.content.readany(), self.system.max_bytes
        parts, size, turns = [content], len(content), None
        while size <= most and (part := await response.content.readany()):
            parts.append(part)
            size += len(part)
            turns = turns or Turns()
            if turns.is_over:  # A compressed body is always there at once: nothing else would have its turn.
                await turns.next()
        if size > most:
            raise TooLarge(self.name, f"{response.url.path}: more than max_bytes = {most} bytes")
        return content if len(parts) == 1 else b"".join(parts)

    async def for_each(self, items: Sequence[K], ask: Callable[[K], Awaitable[T]]) -> list[T | ConnectorError]:
        """Call `ask` for each item concurrently, within `concurrency`. The results are in the items' order.

        The result of an item that fails is its `ConnectorError`; that of an item beyond `max_calls` is `TooMuch`.
        """

        async def one(asked: K) -> T | ConnectorError:
            try:
                return await ask(asked)
            except ConnectorError as failure:
                return failure

        most = self.system.max_calls
        refused = TooMuch(self.name, f"{len(items)} calls, more than max_calls = {most}")
        return [*await asyncio.gather(*map(one, items[:most])), *[refused] * len(items[most:])]

    def stream(self, address: str, part: ByteRange | None = None) -> AbstractAsyncContextManager[File | None]:
        """Open a file of the system, as `Files.stream` does."""
        return self._files.stream(address, part)


class Sending(msgspec.Struct):
    """One request on its way. `ends`: when it must be answered, all attempts together; `until`: this attempt.

    `began`: when it was sent last, where that is observed.
    """

    request: Request
    read: Read
    policy: OperationPolicy
    call: UpstreamCall
    ends: float = math.inf
    until: float = math.inf
    began: float = 0.0


def _writes(request: Request) -> bool:
    return not request.repeatable or (request.operation is not None and request.operation.is_write)
