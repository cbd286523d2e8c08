"""uvicorn's HTTP protocol, whose requests start when the process bears them, and are refused at once when it does not.

Neither a task nor a context is made for what waits or is refused, and neither its token nor its body is looked at.
"""

from typing import Any, Final, cast

from starlette.types import Receive, Scope, Send
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from gateway.http.admission import Admission, OverloadedError
from gateway.http.bounded_answers import BoundedCycle
from gateway.http.bounded_requests import BoundedRequests
from gateway.http.link import EXTENSION

ALWAYS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that are answered at once whatever the load."""

STATE: Final = "admission"
"""Name of the process's `Admission` in the lifespan's state; without one every request starts at once."""

_REFUSAL: Final = OverloadedError().response()
_BODY: Final = bytes(_REFUSAL.body)


class AdmittedRequests(BoundedRequests):
    """Asks the process's `Admission` before it starts a request."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._admission: Admission | None = self.app_state.get(STATE)
        self._queued: _Queued | None = None
        self._extensions: dict[str, Any] = {}

    def connection_lost(self, exc: Exception | None) -> None:
        """Start nothing for a client that has gone."""
        super().connection_lost(exc)
        if self._queued is not None and self._admission is not None:
            self._admission.forget(self._queued, self._queued.address)
            self._queued = None

    def stays(self) -> None:
        """The request is answered by a stream, which does not count as under way."""
        cast(BoundedCycle, self.cycle).leave()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        cycle.__class__ = BoundedCycle  # uvicorn makes it, and takes no other class
        bounded = cast(BoundedCycle, cycle)
        bounded.holder = self._extensions[EXTENSION]
        admission = self._admission
        if admission is None or cycle.scope["path"] in ALWAYS:
            self.start(bounded, app)
        elif admission.enter():
            bounded.admission = admission
            self.start(bounded, app)
        else:
            self._queued = _Queued(self, bounded, app, admission.address_of(cast(Scope, cycle.scope)))
            admission.wait(self._queued, self._queued.address)

    def start(self, cycle: BoundedCycle, app: ASGI3Application) -> None:
        """Start a request, as uvicorn does."""
        self._queued = None
        task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(cycle.leave)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def let_in(self, cycle: BoundedCycle, app: ASGI3Application) -> None:
        """Start a request that has waited."""
        cycle.admission = self._admission
        self.start(cycle, app)

    def turn_away(self, cycle: BoundedCycle) -> None:
        """Answer a request that has waited: the gateway is overloaded."""
        self._queued = None
        if not self.transport.is_closing() and not cycle.send_at_once(503, _REFUSAL.raw_headers, _BODY):
            self.start(cycle, _refuse)  # type: ignore[arg-type]  # Starlette types messages as dictionaries


class _Queued:
    """A request that waits."""

    __slots__ = ("_app", "_connection", "_cycle", "address")

    def __init__(self, connection: AdmittedRequests, cycle: BoundedCycle, app: ASGI3Application, address: str) -> None:
        self._connection, self._cycle, self._app, self.address = connection, cycle, app, address

    def start(self) -> None:
        """Begin."""
        self._connection.let_in(self._cycle, self._app)

    def refuse(self) -> None:
        """Answer that the gateway is overloaded."""
        self._connection.turn_away(self._cycle)


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    await _REFUSAL(scope, receive, send)
