"""The access log: one line of JSON for each operation, by the logger `gateway.access`, where `log.access` says so.

| key | says |
| --- | --- |
| `time`, `logger` | when the operation ended (UTC), and `gateway.access` |
| `request` | the id of the request, which its answer has as `X-Request-Id` |
| `operation`, `type`, `hash` | the operation's name as metrics have it, its type, and the hash of its document; null where none was run |
| `caller`, `who` | the kind of caller, and a name for it that tells nobody who it is; null without a token |
| `method`, `status` | of HTTP; null for an operation over a WebSocket |
| `ms`, `calls` | milliseconds that it took, and calls to systems that it waited for |
| `codes` | codes of the answer's errors |
| `trace` | id of its trace, where it is traced |

It holds no token, no variable, no text of a document and nothing that was read. Lines are written a few times a second,
many at once: a line by itself costs as much as a small request.
"""  # noqa: E501  # a table

import asyncio
import logging
from time import gmtime, strftime, time
from typing import Final

import orjson

from gateway.http.request_id import current_request_id
from gateway.logs import ACCESS
from gateway.telemetry.documents import hash_of
from gateway.telemetry.pseudonyms import Pseudonyms
from gateway.telemetry.seen import Seen

_log: Final = logging.getLogger(ACCESS)

_EVERY: Final = 0.25
"""Seconds for which lines wait for others."""

_MOST: Final = 1000
"""Lines that wait at most."""


class AccessLog:
    """Is told of each operation. To be used within the event loop."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms
        self._waiting: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._second, self._until_seconds = 0, b""

    def __call__(self, seen: Seen) -> None:
        """Write a line of an operation, soon. It is made at once: what waited would keep the whole request alive."""
        self._waiting.append(self._line(time(), current_request_id.get(), seen))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_EVERY, self.write)
        elif len(self._waiting) >= _MOST:
            self.write()

    def write(self) -> None:
        """Write what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        if waiting:
            _log.info("%s", b"\n".join(waiting).decode())

    def _line(self, at: float, request: str, seen: Seen) -> bytes:
        viewer, trace, scope = seen.viewer, seen.trace, seen.scope
        milliseconds = int(at * 1000 + 0.5)
        if (second := milliseconds // 1000) != self._second:
            self._second, self._until_seconds = second, strftime("%Y-%m-%dT%H:%M:%S", gmtime(second)).encode()
        who = self._pseudonyms.of(viewer) if viewer is not None and viewer.is_signed_in else None
        return _LINE % (
            self._until_seconds,
            milliseconds % 1000,
            orjson.dumps(request or None),
            _of_operation(seen),
            seen.caller.encode(),
            b'"%b"' % who.encode() if who is not None else b"null",
            orjson.dumps(seen.method or None),
            b"%d" % seen.status if seen.status else b"null",
            seen.seconds * 1000,
            len(scope.calls) if scope is not None else 0,
            orjson.dumps(seen.codes) if seen.codes else b"[]",
            b'"%b"' % trace.trace_id.encode() if trace is not None and trace.is_sampled else b"null",
        )


_LINE: Final = (
    b'{"time":"%b.%03dZ","logger":"' + ACCESS.encode() + b'","request":%b,%b,"caller":"%b","who":%b,"method":%b,'
    b'"status":%b,"ms":%.2f,"calls":%d,"codes":%b,"trace":%b}'
)

_OPERATION: Final = "telemetry: operation"


def _of_operation(seen: Seen) -> bytes:
    """What is the same for all requests with one operation, which is kept with its document."""
    prepared, operation = seen.prepared, seen.operation
    if prepared is None:
        return b'"operation":null,"type":null,"hash":null'
    kept: dict[tuple[str, int], bytes] = prepared.derived.setdefault(_OPERATION, {})
    key = seen.name, id(operation)  # the document has it as long as this is kept
    found = kept.get(key)
    if found is None:
        name = seen.name if operation is not None else None
        kind = operation.operation.value if operation is not None else None
        told = {"operation": name, "type": kind, "hash": hash_of(prepared)}
        found = kept[key] = orjson.dumps(told)[1:-1]
    return found
