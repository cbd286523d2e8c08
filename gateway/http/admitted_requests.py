"""uvicorn's HTTP protocol, whose requests start when the process bears them, and are refused at once when it does not.

A request starts when its body is there: who sends but a part of one takes no place of those under way. Neither a task
nor a context is made for what waits or is refused, and neither its token nor its body is looked at.
"""

from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from starlette.types import Receive, Scope, Send
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from gateway.http.admission import Admission, OverloadedError
from gateway.http.bounded_answers import BoundedAnswer
from gateway.http.bounded_requests import IGNORED, BoundedRequests
from gateway.http.health import at_once
from gateway.http.link import EXTENSION
from gateway.http.refusals import written

if TYPE_CHECKING:
    from gateway.http.cors import Cors

ALWAYS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that are answered at once whatever the load."""

STATE: Final = "admission"
"""Name of the process's `Admission` in the lifespan's state; without one every request starts at once."""

LONGEST_BODY: Final = "longest_body"
"""Name of the bytes of the longest body that the application takes, likewise. It is asked at once about longer ones."""

CORS: Final = "cors"
"""Name of what lets pages of other origins read a refusal, too."""

_GRAPHQL: Final = b"/graphql"

_NEVER: Final = frozenset({b"expect", b"transfer-encoding", b"upgrade"})
"""Headers of requests that are not answered before their bodies are read."""

_REFUSAL: Final = OverloadedError().response()
_BODY: Final = bytes(_REFUSAL.body)

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

_FRAMES: Final = (b"content-length", b"transfer-encoding")
"""Headers that say that a body follows."""


class _Refusal:
    """The refusal as it is sent, which is written anew when uvicorn has new headers for all answers: once a second."""

    def __init__(self) -> None:
        self._headers: list[tuple[bytes, bytes]] | None = None
        self._written = b""

    def with_headers(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """The whole answer, with these headers, too."""
        if headers is not self._headers:
            self._headers, self._written = headers, written(OverloadedError(), headers)
        return self._written


_REFUSED: Final = _Refusal()


class AdmittedRequests(BoundedRequests):
    """Asks the process's `Admission` before it starts a request."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._admission: Admission | None = self.app_state.get(STATE)
        self.longest_body = self.app_state.get(LONGEST_BODY, HIGH_WATER_LIMIT)
        self._cors: Cors | None = self.app_state.get(CORS)
        self._queued: _Queued | None = None
        self._answer: BoundedAnswer | None = None
        """The answer that was begun last."""
        self._extensions: dict[str, Any] = {}
        self._probed_at = 0.0
        """When a probe was answered without a task: whoever sends many ahead gets one in each turn."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Start nothing for a client that has gone."""
        super().connection_lost(exc)
        if self._queued is not None and self._admission is not None:
            self._admission.forget(self._queued, self._queued.address)
            self._queued = None

    def stays(self) -> None:
        """The request is answered by a stream, which does not count as under way."""
        if self._answer is not None:
            self._answer.leave()

    @property
    def is_gathered(self) -> bool:
        """While requests are refused, those that come are read together. Each waits a moment, some 4 % more start."""
        return self._admission is not None and self._admission.is_shedding

    def turned_away(self) -> bool:
        """Refuse an operation with its head, without making a request of it, where the queue would not hold it.

        What is less usual, or comes first over its connection, is refused in the usual way.
        """
        admission = self._admission
        if admission is None or not admission.is_shedding or not self.url.startswith(_GRAPHQL):
            return False
        last, named, parser = self.cycle, self.named, self.parser
        if (
            last is None
            or not last.response_complete
            or self.is_last
            or self.flow.write_paused
            or self.version != "1.1"
            or self.announced > min(self.longest_body, IGNORED)
            or not _NEVER.isdisjoint(named)
            or (self._cors is not None and b"origin" in named)
            or parser.get_method() == b"HEAD"
            or not parser.should_keep_alive()
            or self.transport.is_closing()
            or not admission.turns_away(admission.address_of({"client": self.client, "headers": self.headers}))
        ):
            return False
        self.server_state.total_requests += 1
        self._idle_since = self._heard_at
        self.write_whole(_REFUSED.with_headers(self.server_state.default_headers))
        return True

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        answer = BoundedAnswer(app, cycle, self._extensions[EXTENSION], self.tasks)
        if cycle.scope["path"] in ALWAYS:
            if cycle.more_body and _has_no_body(cycle):  # it ends with its head, which is read at this moment
                self._at_end = partial(self._answer_probe, answer)
            else:
                self.start(answer)
        elif cycle.more_body and self.announced <= self.longest_body:
            if cycle.waiting_for_100_continue:
                cycle.waiting_for_100_continue = False
                self.transport.write(_CONTINUE)
            self._at_end = partial(self._admit, answer)
        else:
            self._admit(answer)

    def _admit(self, answer: BoundedAnswer) -> None:
        """Start a request, or let it wait."""
        admission = self._admission
        if admission is None:
            self.start(answer)
        elif admission.enter():
            answer.admission = admission
            self.start(answer)
        else:
            self._queued = _Queued(self, answer, admission.address_of(cast(Scope, answer.cycle.scope)))
            admission.wait(self._queued, self._queued.address)

    def _answer_probe(self, answer: BoundedAnswer) -> None:
        is_first, self._probed_at = self._probed_at != self._heard_at, self._heard_at
        response = at_once(answer.cycle.scope["path"], self.app_state) if is_first else None
        if response is None or not answer.send_at_once(200, response.raw_headers, bytes(response.body)):
            self.start(answer)

    def start(self, answer: BoundedAnswer) -> None:
        """Start a request, as uvicorn does."""
        self._queued, self._answer = None, answer
        task = self.loop.create_task(answer.cycle.run_asgi(answer))
        task.add_done_callback(answer.end)
        self.tasks.add(task)

    def let_in(self, answer: BoundedAnswer) -> None:
        """Start a request that has waited."""
        answer.admission = self._admission
        self.start(answer)

    def turn_away(self, answer: BoundedAnswer) -> None:
        """Answer a request that has waited: the gateway is overloaded."""
        self._queued = None
        headers = _REFUSAL.raw_headers
        if self._cors is not None and (origin := self._cors.origin(cast(Scope, answer.cycle.scope))) is not None:
            headers = [*headers, *self._cors.marks(origin)]
        if not self.transport.is_closing() and not answer.send_at_once(503, headers, _BODY):
            self.start(answer.instead(_refuse))  # type: ignore[arg-type]  # Starlette types messages as dictionaries


def _has_no_body(cycle: RequestResponseCycle) -> bool:
    """Whether a request is a GET without a body: nothing else is a probe that can be answered at once.

    A body must not be waited for without a task: nothing would read on once uvicorn has paused reading.
    """
    return cycle.scope["method"] == "GET" and not any(name in _FRAMES for name, _ in cycle.scope["headers"])


class _Queued:
    """A request that waits."""

    __slots__ = ("_answer", "_connection", "address")

    def __init__(self, connection: AdmittedRequests, answer: BoundedAnswer, address: str) -> None:
        self._connection, self._answer, self.address = connection, answer, address

    def start(self) -> None:
        """Begin."""
        self._connection.let_in(self._answer)

    def refuse(self) -> None:
        """Answer that the gateway is overloaded."""
        self._connection.turn_away(self._answer)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    await _REFUSAL(scope, receive, send)
