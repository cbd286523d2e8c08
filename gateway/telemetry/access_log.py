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

It holds no token, no variable, no text of a document and nothing that was read.
"""  # noqa: E501  # a table

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from gateway.logs import ACCESS
from gateway.telemetry.seen import Seen

_log: Final = logging.getLogger(ACCESS)


class _Line(msgspec.Struct, frozen=True, gc=False):
    time: datetime
    logger: str
    request: str | None
    operation: str | None
    type: str | None
    hash: str | None
    caller: str
    who: str | None
    method: str | None
    status: int | None
    ms: float
    calls: int
    codes: Sequence[str]
    trace: str | None


class AccessLog:
    """Is told of operations."""

    def __init__(self, pseudonym: Callable[[tuple[object, ...]], str]) -> None:
        """`pseudonym` is the name of a caller by its identity."""
        self._pseudonym, self._encoder = pseudonym, msgspec.json.Encoder()

    def __call__(self, ended: Sequence[Seen]) -> None:
        """Write a line of each."""
        wall = time.time() - time.monotonic()
        lines = self._encoder.encode_lines([self._line(one, wall) for one in ended])
        _log.info("%s", lines[:-1].decode())

    def _line(self, seen: Seen, wall: float) -> _Line:
        viewer, trace, operation = seen.viewer, seen.trace, seen.operation
        return _Line(
            datetime.fromtimestamp(seen.began + seen.seconds + wall, UTC),
            ACCESS,
            seen.request or None,
            seen.name if operation is not None else None,
            operation.type if operation is not None else None,
            operation.hash if operation is not None else None,
            seen.caller,
            self._pseudonym(viewer.identity) if viewer is not None and viewer.is_signed_in else None,
            seen.method or None,
            seen.status or None,
            int(seen.seconds * 1e5 + 0.5) / 100,
            seen.calls,
            seen.codes,
            trace.trace_id if trace is not None and trace.is_sampled else None,
        )
