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
from datetime import UTC, datetime
from time import time
from typing import Final

import orjson
from graphql import OperationType

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
        self._waiting: list[tuple[float, str, Seen]] = []
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self, seen: Seen) -> None:
        """Write a line of an operation, soon."""
        self._waiting.append((time(), current_request_id.get(), seen))
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
            _log.info("%s", b"\n".join([self._line(*one) for one in waiting]).decode())

    def _line(self, at: float, request: str, seen: Seen) -> bytes:
        operation, prepared, viewer, trace = seen.operation, seen.prepared, seen.viewer, seen.trace
        return orjson.dumps(
            {
                "time": datetime.fromtimestamp(round(at, 3), UTC),
                "logger": ACCESS,
                "request": request or None,
                "operation": seen.name if operation is not None else None,
                "type": _TYPES[operation.operation] if operation is not None else None,
                "hash": hash_of(prepared) if prepared is not None else None,
                "caller": seen.caller,
                "who": self._pseudonyms.of(viewer) if viewer is not None and viewer.is_signed_in else None,
                "method": seen.method or None,
                "status": seen.status or None,
                "ms": round(seen.seconds * 1000, 2),
                "calls": len(seen.scope.calls) if seen.scope is not None else 0,
                "codes": seen.codes,
                "trace": trace.trace_id if trace is not None and trace.is_sampled else None,
            },
            option=orjson.OPT_UTC_Z,
        )


_TYPES: Final = {one: one.value for one in OperationType}
