"""One operation over a WebSocket: from the client's `subscribe` to `complete` or `error`."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Final, Protocol

import orjson
from graphql import GraphQLError, OperationType
from starlette.types import Message

from gateway.engine import Outcome
from gateway.errors import RequestError, present
from gateway.http.admission import TOO_MUCH_WAITS, Admission, OverloadedError
from gateway.http.disconnect import DeadlinePassed
from gateway.http.headers import IndexedHeaders
from gateway.http.operations import Operations, Ready, answer
from gateway.http.outgoing import SMALL, Outgoing
from gateway.http.rates import REQUEST, Rates
from gateway.http.request import GraphQLRequest
from gateway.http.turn import admitted
from gateway.live.counters import Ending
from gateway.live.service import Live
from gateway.live.subscription import Subscriber, Subscription

_MAY_SUCCEED_LATER: Final = frozenset({"DEADLINE_EXCEEDED", "INTERNAL"})
"""Codes of errors beside those that are `retryable`."""


class Caller(Protocol):
    """The connection of an operation."""

    subscriber: Subscriber
    admission: Admission
    rates: Rates
    address: str
    """Of the client."""
    headers: IndexedHeaders
    out: Outgoing

    @property
    def admits(self) -> Callable[[int], bool]:
        """Tells whether so many bytes more may wait for their clients."""

    def over(self, operation: "SocketOperation") -> None:
        """The operation is over; its id may be used again."""


class SocketOperation:
    """An operation that a client has subscribed to, or is about to."""

    __slots__ = ("_caller", "_is_ended", "_live", "_subscription", "_task", "_writes", "id")

    def __init__(self, caller: Caller, live: Live, number: str) -> None:
        self._caller, self._live, self.id = caller, live, number
        self._subscription: Subscription | None = None
        self._task: asyncio.Task[None] | None = None
        self._writes = self._is_ended = False

    def start(self, operations: Operations, parameters: GraphQLRequest) -> None:
        """Begin, in a task of its own: what is sent is put into the caller's messages."""
        self._task = asyncio.get_running_loop().create_task(self._run(operations, parameters))

    @property
    def is_writing(self) -> bool:
        """Whether it is a mutation that has not ended."""
        return self._writes and self._task is not None

    def end(self, why: Ending) -> None:
        """End it, because the client wants it no more, or has gone. A mutation goes on to its end.

        Nothing is sent of it any more: the client may use its id for another operation.
        """
        self._is_ended = True
        if self._subscription is not None:
            self._live.remove(self._subscription)
            self._live.counters.ended("websocket", why)
            self._subscription = None
        if self._task is not None:
            if self._writes:
                self._live.finish_without(self._task)
            else:
                self._task.cancel()

    def renew(self, subscriber: Subscriber) -> None:
        """Follow on with the caller's fresh token, with the rights that it gives."""
        followed = self._subscription
        if followed is None:
            return
        self._live.remove(followed)
        followed.subscriber = subscriber
        if errors := self._live.add(followed):
            self._subscription = None
            self._live.counters.ended("websocket", "rights")
            self._fail([present(error) for error in errors])
            self._caller.over(self)

    async def _run(self, operations: Operations, parameters: GraphQLRequest) -> None:
        try:
            async with admitted(self._caller.admission, self._caller.address):
                await self._answer(operations, parameters)
        except RequestError as error:
            self._fail([error.presented()])
        except Exception as error:  # noqa: BLE001 - the last one before the client: logged with an id
            self._fail([present(GraphQLError("", original_error=error))])
        finally:
            self._task = None
            if self._subscription is None:
                self._caller.over(self)

    async def _answer(self, operations: Operations, parameters: GraphQLRequest) -> None:
        caller = self._caller
        viewer = caller.subscriber.viewer
        payer = caller.rates.payer(viewer, caller.address)
        caller.rates.spend(payer, REQUEST)
        ready = await operations.ready(parameters, viewer, payer)
        if isinstance(ready, list):
            self._fail([present(error) for error in ready])
        elif ready.kind is OperationType.SUBSCRIPTION:
            self._follow(ready, parameters.variables)
        else:
            self._writes = ready.kind is OperationType.MUTATION
            ran = await operations.run(
                ready, parameters.variables, caller.headers, caller.subscriber.viewer, _until_deadline
            )
            assert ran is not None  # noqa: S101  # as _until_deadline waits to the end
            outcome, extensions = ran
            body = answer(outcome, extensions)
            if outcome.executed:
                whole = orjson.dumps(body)
                if len(whole) > SMALL and not caller.admits(len(whole)):
                    raise OverloadedError(TOO_MUCH_WAITS)
                self._put(_frame(self.id, "next", whole), _frame(self.id, "complete"))
            else:
                self._fail(body["errors"])

    def _follow(self, ready: Ready, variables: Mapping[str, Any]) -> None:
        followed = Subscription(self._caller.subscriber, ready.prepared, ready.operation, variables, self._wake)
        if errors := self._live.add(followed):
            self._fail([present(error) for error in errors])
        else:
            self._subscription = followed
            self._live.counters.started("websocket")

    def _wake(self) -> None:
        self._caller.out.put(self._take)

    def _take(self) -> Iterable[Message]:
        if self._subscription is None:
            return ()
        messages = self._subscription.take()
        self._live.counters.sent("websocket", len(messages))
        return [_frame(self.id, "next", message) for message in messages]

    def _fail(self, errors: list[dict[str, Any]]) -> None:
        """Send `error` for what can never succeed; what may succeed later is an answer with errors."""
        self._put(*failed(self.id, errors))

    def _put(self, *messages: Message) -> None:
        for message in messages if not self._is_ended else ():
            self._caller.out.put(message)


def failed(number: str, errors: list[dict[str, Any]]) -> list[Message]:
    """The messages of an operation that was not executed: `error` for what can never succeed.

    After an `error` there is no `complete`. What may succeed later is an answer with errors, and complete.
    """
    if any(one["extensions"].get("retryable") or one["extensions"]["code"] in _MAY_SUCCEED_LATER for one in errors):
        return [_frame(number, "next", orjson.dumps({"errors": errors})), _frame(number, "complete")]
    return [_frame(number, "error", orjson.dumps(errors))]


def _frame(number: str, kind: str, payload: bytes | None = None) -> Message:
    head = f'{{"id":{orjson.dumps(number).decode()},"type":"{kind}"'
    return {"type": "websocket.send", "text": f'{head},"payload":{payload.decode()}}}' if payload else head + "}"}


async def _until_deadline(work: Coroutine[Any, Any, Outcome], seconds: float) -> Outcome:
    try:
        async with asyncio.timeout(seconds) as deadline:
            return await work
    except TimeoutError:
        if deadline.expired():
            raise DeadlinePassed from None
        raise
