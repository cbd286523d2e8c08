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
import time
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from gateway.http.request_id import current_request_id
from gateway.logs import ACCESS
from gateway.telemetry.documents import hash_of
from gateway.telemetry.names import OperationNames
from gateway.telemetry.outcome import caller_of, codes_of, name_of
from gateway.telemetry.pseudonyms import Pseudonyms
from gateway.telemetry.seen import Seen

_log: Final = logging.getLogger(ACCESS)

_EVERY: Final = 0.25
"""Seconds for which lines wait for others."""

_MOST: Final = 1000
"""Lines that wait at most."""


class AccessLog:
    """Is told of each operation. To be used within the event loop."""

    def __init__(self, names: OperationNames, pseudonyms: Pseudonyms) -> None:
        self._names, self._pseudonyms = names, pseudonyms
        self._waiting: list[tuple[Any, ...]] = []
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self, seen: Seen, seconds: float) -> None:
        """Write a line of an operation that took so long, soon."""
        viewer, ready, scope, trace = seen.viewer, seen.ready, seen.scope, seen.trace
        self._waiting.append(
            (
                time.time(),
                current_request_id.get(),
                None if ready is None else name_of(seen, self._names),
                None if ready is None else (ready.operation.operation.value, ready.prepared),
                caller_of(seen),
                viewer if viewer is not None and viewer.is_signed_in else None,
                seen.method or None,
                seen.status or None,
                seconds,
                0 if scope is None else len(scope.calls),
                codes_of(seen),
                trace.trace_id if trace is not None and trace.is_sampled else None,
            )
        )
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_EVERY, self.write)
        elif len(self._waiting) >= _MOST:
            self.write()

    def write(self) -> None:
        """Write what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._waiting = self._waiting, []
        if lines:
            _log.info("%s", "\n".join([self._line(*one) for one in lines]))

    def _line(
        self,
        at: float,
        request: str,
        name: str | None,
        what: Any,
        caller: str,
        viewer: Any,
        method: str | None,
        status: int | None,
        seconds: float,
        calls: int,
        codes: Any,
        trace: str | None,
    ) -> str:
        kind, prepared = what or (None, None)
        line = {
            "time": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "logger": ACCESS,
            "request": request or None,
            "operation": name,
            "type": kind,
            "hash": None if prepared is None else hash_of(prepared),
            "caller": caller,
            "who": None if viewer is None else self._pseudonyms.of(viewer),
            "method": method,
            "status": status,
            "ms": round(seconds * 1000, 2),
            "calls": calls,
            "codes": list(codes),
            "trace": trace,
        }
        return orjson.dumps(line).decode()
