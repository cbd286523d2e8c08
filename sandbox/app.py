"""The ASGI application of one system: it applies the switches, then answers by TMF630."""

from asyncio import create_task, sleep
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from random import Random
from threading import Event
from typing import Any

from sandbox.data import shapes
from sandbox.data.world import World
from sandbox.protocol.answers import Answer, Refused, to_json
from sandbox.protocol.api import Api
from sandbox.protocol.credentials import CredentialCheck
from sandbox.protocol.strict import check_patch_type
from sandbox.protocol.switches import Switches
from sandbox.protocol.systems import SystemName
from sandbox.protocol.writes import body_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

ABORT = "sandbox.abort"
"""Key in the scope's extensions: a function that cuts the connection without an answer."""
_REMEMBERED = 10_000
_LARGEST_BODY = 1_000_000
_ROWS = b',{"id":"1"}' * 10_000
_LOGIN = b"<!doctype html><html><title>Sign in</title><form><input name=user><input name=password></form></html>"


class SandboxApp:
    """One system over HTTP.

    `switches` may be changed at any time. `requests` are the last requests to the system:
    ``{"method", "path", "query", "status"}``, with status None until it is answered. `hanging` is set when a request
    starts to hang (see the switch `hang`), `abandoned` when the client of such a request disconnects.
    """

    def __init__(self, system: SystemName, world: World, switches: Switches | None = None) -> None:
        self.system, self.world = system, world
        self.switches = switches or Switches()
        self.requests: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)
        self._api = Api(system, world)
        self._credentials = CredentialCheck()
        self.hanging, self.abandoned = Event(), Event()
        self._chance = Random(world.seed)  # noqa: S311  # which request fails, not a secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, or run the lifespan."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            if scope["path"].startswith("/_sandbox"):
                await _send(send, await self._administer(scope, receive))
            else:
                await self._serve(scope, receive, send)

    def rewrite(self, resource: str, ident: str, **attributes: Any) -> None:
        """Change a row behind the system's back, also where its API would refuse that."""
        self._api.rewrite(resource, ident, attributes)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._api.hub.close(forgets=self.switches.hub_forgets)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        switches = self.switches
        seen: dict[str, Any] = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
            "status": None,
        }
        if traceparent := next((value for name, value in scope["headers"] if name == b"traceparent"), None):
            seen["traceparent"] = traceparent.decode("latin-1")
        self.requests.append(seen)
        body = await _read(receive)
        if switches.drop_connections:
            switches.drop_connections -= 1
            scope["extensions"][ABORT]()
            await _wait_for_disconnect(receive)
            return
        if switches.hang or (switches.hang_rate and self._chance.random() < switches.hang_rate):
            self.hanging.set()
            await _wait_for_disconnect(receive)
            self.abandoned.set()
            return
        if wait := switches.latency_ms + self._chance.random() * switches.jitter_ms:
            await sleep(wait / 1000)
        if switches.endless:
            seen["status"] = 200
            await _send_without_end(send, receive)
            return
        answer = self._answer(scope, body)
        if switches.lose_answers and answer.status < 300 and _writes(scope):
            switches.lose_answers -= 1
            scope["extensions"][ABORT]()
            await _wait_for_disconnect(receive)
            return
        seen["status"] = answer.status
        await _send(send, answer, cut=switches.close_early)

    def _answer(self, scope: Scope, body: bytes | None) -> Answer:
        switches, headers = self.switches, dict(scope["headers"])
        writes = _writes(scope)
        try:
            if switches.error_rate and self._chance.random() < switches.error_rate:
                later = [(b"retry-after", b"1")] if switches.error_status != 500 else []
                raise Refused(switches.error_status, "the sandbox was told to fail", later)
            if switches.html:
                return Answer(200, _LOGIN, b"text/html;charset=utf-8")
            if switches.garbage:
                return Answer(200, b'[{"id": "10\xff, <<<')
            self._credentials.check(switches.auth, headers)
            if body is None:
                raise Refused(413, f"the body is larger than {_LARGEST_BODY} bytes")
            if writes and switches.refuse_writes:
                raise Refused(switches.refuse_writes, "the sandbox was told to refuse writes")
            if switches.strict_writes and scope["method"] == "PATCH":
                check_patch_type(headers.get(b"content-type", b"").decode("latin-1"), switches.version)
            return self._api.answer(
                scope["method"],
                scope["path"],
                scope["query_string"].decode("latin-1"),
                body,
                switches,
                headers.get(b"host", b"").decode("latin-1"),
            )
        except Refused as refused:
            answer = refused.answer()
            if writes and switches.refusals_in_200:
                answer.status = 200
            return answer

    async def _administer(self, scope: Scope, receive: Receive) -> Answer:
        method, path = scope["method"], scope["path"]
        body = await _read(receive) or b""
        try:
            if path == "/_sandbox/oauth/token" and method == "POST":
                return self._credentials.issue(self.switches.auth, body, dict(scope["headers"]))
            if path == "/_sandbox/switches":
                if method in ("PUT", "PATCH"):
                    try:
                        self.switches.merge(body_of(body))
                    except ValueError as problem:
                        raise Refused(400, str(problem)) from problem
                elif method == "DELETE":
                    self.switches.reset()
                elif method != "GET":
                    raise Refused(405, f"{method} is not allowed here; GET, PUT, PATCH and DELETE are")
                return Answer(200, to_json(self.switches.document()))
            if path == "/_sandbox/requests":
                if method == "DELETE":
                    self.requests.clear()
                elif method != "GET":
                    raise Refused(405, f"{method} is not allowed here; GET and DELETE are")
                return Answer(200, to_json(list(self.requests)))
            if path.startswith("/_sandbox/outages") and self.system == "ticketing":
                return self._administer_outages(method, path, body, dict(scope["headers"]).get(b"host", b"").decode())
            raise Refused(
                404,
                f"{path} is not one of /_sandbox/switches, /_sandbox/requests, /_sandbox/oauth/token, and in ticketing"
                " /_sandbox/outages",
            )
        except Refused as refused:
            return refused.answer()

    def _administer_outages(self, method: str, path: str, body: bytes, host: str) -> Answer:
        """Begin an outage of a cabinet (POST, ``{"cabinet": 1}``), or end one (DELETE, by its id)."""
        ident = path.removeprefix("/_sandbox/outages").removeprefix("/")
        if method == "POST" and not ident:
            cabinet = body_of(body).get("cabinet", 1) if body else 1
            if cabinet not in self.world.cabinets:
                raise Refused(400, f"cabinet is {cabinet!r}; it must be one of 1 to {self.world.cabinets[-1]}")
            return self._api.begin_outage(cabinet, self.switches, host)
        if method == "DELETE" and ident:
            return self._api.end_outage(ident, self.switches, host)
        raise Refused(405, f"{method} is not allowed here; POST is, and DELETE of one outage by its id")


def _writes(scope: Scope) -> bool:
    """Return whether a request creates or changes a resource, which neither a subscription nor a usage task is."""
    last = scope["path"].rstrip("/").rpartition("/")[2]
    return scope["method"] in ("POST", "PATCH") and last not in ("hub", shapes.USAGE.rpartition("/")[2])


async def _read(receive: Receive) -> bytes | None:
    """Return the request's body; None if it is too large."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > _LARGEST_BODY:
            return None
    return body


async def _wait_for_disconnect(receive: Receive) -> None:
    """Return when the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(send: Send, answer: Answer, *, cut: bool = False) -> None:
    length = str(len(answer.body)).encode()
    headers = [(b"content-type", answer.content_type), (b"content-length", length), *answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if cut:  # the rest never comes: the server closes the connection
        await send({"type": "http.response.body", "body": answer.body[: len(answer.body) // 2], "more_body": True})
    else:
        await send({"type": "http.response.body", "body": answer.body})


async def _send_without_end(send: Send, receive: Receive) -> None:
    """Send rows until the client disconnects."""
    gone = create_task(_wait_for_disconnect(receive))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": b"[{}", "more_body": True})
    while not gone.done():
        await send({"type": "http.response.body", "body": _ROWS, "more_body": True})
        await sleep(0)
    await gone


def create_app(system: SystemName, world: World, switches: Switches | None = None) -> SandboxApp:
    """Return the ASGI application of one system over the data of `world`."""
    return SandboxApp(system, world, switches)
