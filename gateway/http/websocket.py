"""GraphQL over WebSocket, by the protocol `graphql-transport-ws`, as one ASGI endpoint.

A client sends its token in the payload of `connection_init`, or in the upgrade's Authorization header, and may send a
fresh one in the payload of a `ping` before the first ends.
"""

import asyncio
import math
from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

import msgspec
from starlette.types import Receive, Scope, Send

from gateway.auth.refusals import AuthenticationError, AuthUnavailableError
from gateway.auth.tokens import bearer_token
from gateway.errors import RequestError
from gateway.http.admission import Admission
from gateway.http.allowance import Allowance
from gateway.http.close_codes import (
    BAD_MESSAGE,
    FORBIDDEN,
    ID_IN_USE,
    NO_PONG,
    NO_SUBPROTOCOL,
    NOT_INITIALISED,
    RESTART,
    TOO_MANY,
    TRY_LATER,
    UNAUTHORIZED,
    closing,
)
from gateway.http.exact_json import exact_number
from gateway.http.headers import IndexedHeaders
from gateway.http.link import Link, link_of
from gateway.http.operations import Operations
from gateway.http.origins import is_allowed
from gateway.http.outgoing import Outgoing
from gateway.http.rates import Rates
from gateway.http.request import checked
from gateway.http.request_id import identify
from gateway.http.turns import Turns
from gateway.http.websocket_operation import SocketOperation, failed
from gateway.live.counters import Ending, Refusal
from gateway.live.service import EXPIRED, Live, TooManyConnectionsError
from gateway.live.subscription import Subscriber
from gateway.live.sweeper import TICK
from resolvers.viewer import ANONYMOUS, Viewer, ViewerKind

SUBPROTOCOL: Final = "graphql-transport-ws"


LONGEST_ID: Final = 256
"""Characters of an operation's id, which each message about it repeats."""


class _State(Enum):
    NEW = "not acknowledged"
    READY = "acknowledged"
    CLOSING = "no message counts any more"


class _FromClient(msgspec.Struct, frozen=True):
    type: str
    id: str = ""
    payload: dict[str, Any] | None = None


_PONG: Final = {"type": "websocket.send", "text": '{"type":"pong"}'}
_PING: Final = {"type": "websocket.send", "text": '{"type":"ping"}'}
_ACKNOWLEDGED: Final = {"type": "websocket.send", "text": '{"type":"connection_ack"}'}

_NO_HEADERS: Final = IndexedHeaders({"headers": []})

_decode: Final = msgspec.json.Decoder(_FromClient, float_hook=exact_number).decode


class WebSocketEndpoint:
    """ASGI application for WebSockets, to be served with `WebSocketProtocol`."""

    def __init__(self, operations: Operations, live: Live, admission: Admission, rates: Rates) -> None:
        self._operations, self._live, self._admission, self._turns = operations, live, admission, Turns()
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection to its end."""
        await receive()  # websocket.connect
        await self._turns.take()
        live, headers = self._live, IndexedHeaders(scope)
        origin = headers.get("origin")
        if origin is not None and not is_allowed(origin, headers.get("host", ""), live.settings.origins):
            live.counters.refused("origin")
            message = f"Pages of {origin} may not connect. The gateway's operator can allow them: [live] origins."
            await RequestError(message, status=403, code="FORBIDDEN").response()(scope, receive, send)
            return
        if SUBPROTOCOL not in scope["subprotocols"]:
            live.counters.refused("subprotocol")
            await send({"type": "websocket.accept"})
            await send(closing(NO_SUBPROTOCOL, f"Subprotocol not acceptable: offer {SUBPROTOCOL}"))
            return
        request_id = identify(headers)  # of all operations over this connection
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL, "headers": [request_id]})
        if not live.connections.enter():
            live.counters.refused("connections")
            await send(closing(TRY_LATER, "The gateway has as many connections as it may. Try again later."))
            return
        given = headers.getlist("authorization")
        address = self._rates.address_of(scope)
        connection = _Connection(
            self._operations, live, link_of(scope), send, given, self._turns, self._admission, self._rates, address
        )
        del headers
        scope.clear()  # It is kept by the server as long as the connection is open, and takes 3 kB.
        try:
            await connection.run(receive)
        finally:
            connection.stop()
            live.connections.leave()


class _Connection:
    """One open connection."""

    __slots__ = (
        "_allowance", "_authorization", "_ends", "_heard", "_leaves", "_link", "_live", "_operations",
        "_pinged", "_running", "_since", "_state", "_turns", "_why", "address", "admission", "admits", "due",
        "headers", "out", "rates", "subscriber",
    )  # fmt: skip

    def __init__(
        self,
        operations: Operations,
        live: Live,
        link: Link,
        send: Send,
        authorization: Sequence[str],
        turns: Turns,
        admission: Admission,
        rates: Rates,
        address: str,
    ) -> None:
        self._operations, self._live, self._link, self._turns = operations, live, link, turns
        self._authorization = authorization
        self.admission, self.rates, self.address = admission, rates, address
        self.out, self.admits = Outgoing(send, link.reserve), link.admit
        self.subscriber = Subscriber(ANONYMOUS)
        self.headers = _NO_HEADERS
        self.due = 0
        self._running: dict[str, SocketOperation] = {}
        self._state = _State.NEW
        self._since = self._heard = self.out.sent_at
        self._pinged = 0.0
        self._allowance = Allowance(live.limits, self._since)
        self._ends = self._leaves = math.inf
        self._why: Ending = "client"

    async def run(self, receive: Receive) -> None:
        """Heed the client's messages until the connection is closed."""
        self._link.narrow()
        self._link.leave = self._leave
        self._live.sweeper.watch(self, self._since + self._live.limits.initialise)
        self._live.newcomers.add(self)
        while (message := await receive())["type"] != "websocket.disconnect":
            if self._state is not _State.CLOSING:
                await self._wait()
                await self._turns.take()
            if self._state is not _State.CLOSING:
                await self._heed(message.get("text"))
                await self.out.has_room()

    async def _wait(self) -> None:
        """Wait before the message that has come is heeded; the connection is closed where its client floods on."""
        limits = self._live.limits
        self._heard = asyncio.get_running_loop().time()
        delay = self._allowance.delay(limits, self._heard)
        if delay is None:
            most = f"{limits.messages_per_second:g} messages a second for {limits.flood:g} seconds"
            self._refuse("protocol", TOO_MANY, f"More than {most}")
        elif delay:
            await asyncio.sleep(delay)

    def give_way(self) -> None:
        """Close it for another that may be initialised sooner."""
        self._refuse("initialise", NOT_INITIALISED, "Connection initialisation timeout: too many others wait, too")

    def stop(self) -> None:
        """End all that belongs to the connection, which is closed."""
        self._link.leave = None
        self._live.newcomers.discard(self)
        self._live.sweeper.forget(self)
        self._live.connections.leave_of(self.subscriber.viewer)
        self._state = _State.CLOSING
        for operation in [*self._running.values()]:
            operation.end(self._why)
        self._running.clear()
        self.out.stop()

    def over(self, operation: SocketOperation) -> None:
        """The operation is over; its id may be used again."""
        if self._running.get(operation.id) is operation:
            del self._running[operation.id]

    def look(self, now: float) -> float:
        """Ping the client, or close the connection where its time is over."""
        limits, out = self._live.limits, self.out
        if out.waits_since and now >= out.waits_since + limits.send:
            self._why = "not reading"
            self._link.abort()
            return math.inf
        heard, pinged = self._heard, self._pinged
        if self._state is _State.NEW and now >= self._since + limits.initialise:
            self._refuse("initialise", NOT_INITIALISED, "Connection initialisation timeout")
        elif now >= self._ends:
            self._close("token", FORBIDDEN, EXPIRED)
        elif now >= self._leaves:
            if out.is_empty and not any(one.is_writing for one in self._running.values()):
                self._close("restart", RESTART, "The gateway restarts: connect again.")
            self._leaves = now + TICK
        elif pinged > heard and now >= pinged + limits.pong:
            self._close("pong", NO_PONG, f"No pong within {limits.pong:g} seconds: connect again.")
        elif pinged <= heard and now >= heard + limits.ping and not out.waits_since:
            self._pinged = pinged = now
            out.put(_PING)
        if self._state is _State.CLOSING:
            return now + limits.send
        silent_until = pinged + limits.pong if pinged > heard else heard + limits.ping
        initialised = self._since + limits.initialise if self._state is _State.NEW else math.inf
        return min(initialised, self._ends, self._leaves, max(silent_until, now + TICK), now + limits.send)

    async def _heed(self, text: str | None) -> None:
        if text is None:
            return self._refuse("protocol", BAD_MESSAGE, "Invalid message: send text, not binary data")
        try:
            message = _decode(text)
        except (ValueError, RecursionError) as error:  # the latter for endless nesting
            return self._refuse("protocol", BAD_MESSAGE, f"Invalid message: {error}")
        match message.type:
            case "connection_init":
                await self._initialise(message.payload or {})
            case "subscribe":
                self._subscribe(message)
            case "complete":
                if (operation := self._running.pop(message.id, None)) is not None:
                    operation.end("client")
            case "ping":
                await self._answer_ping(message.payload or {})
            case "pong":
                pass
            case other:
                self._refuse("protocol", BAD_MESSAGE, f"Invalid message: unknown type {other!r}")
        return None

    async def _initialise(self, payload: dict[str, Any]) -> None:
        if self._state is not _State.NEW:
            return self._refuse("protocol", TOO_MANY, "Too many initialisation requests")
        self._live.newcomers.discard(self)
        given = _authorization(payload)
        authorization = self._authorization if given is None else [given]
        self._authorization = ()
        if authorization:
            await self._sign_in(authorization)
        if self._state is _State.NEW:  # else it has been closed
            self._state = _State.READY
            self.out.put(_ACKNOWLEDGED)
        return None

    async def _sign_in(self, authorization: Sequence[str]) -> None:
        """Take the first token, or a fresh one. The connection is closed if it is not accepted."""
        try:
            token = bearer_token(authorization)
            signed_in = await self._live.sign_in(token)
            if self._state is _State.CLOSING:  # closed meanwhile, as when the keys could not be read in time
                return None
            if self._state is _State.NEW:
                self._live.enter_of(signed_in.viewer)
        except AuthUnavailableError as error:
            return self._refuse("token", TRY_LATER, str(error))
        except TooManyConnectionsError as error:
            return self._refuse("caller", TOO_MANY, str(error))
        except AuthenticationError as error:
            return self._refuse("token", FORBIDDEN, str(error))
        before = self.subscriber
        if self._state is _State.READY and _who(before.viewer) != _who(signed_in.viewer):
            return self._refuse("token", FORBIDDEN, "The fresh token is not the same caller's: connect again with it.")
        self._ends = self._live.ends_at(signed_in)
        limits = self._live.limits
        self._live.sweeper.watch(self, min(self._ends, self._heard + min(limits.ping, limits.send)))
        self.subscriber = self._live.subscriber(signed_in, token)
        if self.subscriber.token is not None:
            self.headers = IndexedHeaders({"headers": [(b"authorization", f"Bearer {token}".encode("latin-1"))]})
        if (before.viewer, before.token) != (self.subscriber.viewer, self.subscriber.token):
            for operation in [*self._running.values()]:
                operation.renew(self.subscriber)
        return None

    async def _answer_ping(self, payload: dict[str, Any]) -> None:
        given = _authorization(payload)
        if given is not None and self._state is _State.NEW:
            return self._refuse("protocol", UNAUTHORIZED, "Unauthorized: a token comes in connection_init first")
        if given is not None:
            await self._sign_in([given])
        self.out.put(_PONG)
        return None

    def _subscribe(self, message: _FromClient) -> None:
        if self._state is not _State.READY:
            return self._refuse("protocol", UNAUTHORIZED, "Unauthorized: send connection_init and wait for its answer")
        if not 0 < len(message.id) <= LONGEST_ID:
            reason = f"Invalid message: subscribe needs an id of 1 to {LONGEST_ID} characters"
            return self._refuse("protocol", BAD_MESSAGE, reason)
        if message.id in self._running:
            return self._refuse("protocol", ID_IN_USE, f"Subscriber for {message.id} already exists")
        try:
            parameters = checked(message.payload or {})
        except RequestError as error:
            return self._refuse("protocol", BAD_MESSAGE, f"Invalid message: {error}")
        if len(self._running) >= self._live.limits.operations:
            text = f"{len(self._running)} operations are under way on this connection, as many as may be. Complete one."
            too_many = RequestError(text, code="LIMIT_EXCEEDED").presented()
            too_many["extensions"]["retryable"] = True
            for answer in failed(message.id, [too_many]):
                self.out.put(answer)
            return None
        operation = self._running[message.id] = SocketOperation(self, self._live, message.id)
        operation.start(self._operations, parameters)
        return None

    def _leave(self) -> None:
        self._leaves = self._live.leaves_at()
        self._live.sweeper.watch(self, self._leaves)

    def _refuse(self, counted: Refusal, code: int, reason: str) -> None:
        """Close the connection for what its client did."""
        if self._state is _State.NEW:
            self._live.counters.refused(counted)
        self._close("token" if code == FORBIDDEN else "protocol", code, reason)

    def _close(self, why: Ending, code: int, reason: str) -> None:
        if self._state is not _State.CLOSING:
            self._state, self._why = _State.CLOSING, why
            self._live.newcomers.discard(self)
            self.out.put_last(closing(code, reason))


def _authorization(payload: dict[str, Any]) -> str | None:
    """The value of `authorization`, in whatever case. One that is no text is given on to be refused."""
    return next((str(value) for name, value in payload.items() if name.lower() == "authorization"), None)


def _who(viewer: Viewer) -> tuple[str, str, ViewerKind]:
    return viewer.issuer, viewer.subject, viewer.kind
