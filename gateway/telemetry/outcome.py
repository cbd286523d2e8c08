"""What became of an operation, from what was seen of it."""

from collections.abc import Sequence

from connectors.http.scope import UpstreamCall
from gateway.errors import code_of
from gateway.telemetry.names import REFUSED, OperationNames
from gateway.telemetry.seen import CALLERS, Seen


def name_of(seen: Seen, names: OperationNames) -> str:
    """The operation's name, as it may be told."""
    ready, viewer = seen.ready, seen.viewer
    if ready is None or viewer is None:
        return REFUSED
    name = ready.operation.name
    return names.of(name.value if name else None, is_signed_in=viewer.is_signed_in)


def caller_of(seen: Seen) -> str:
    """The kind of caller; one whose token was not taken is nobody."""
    return "anonymous" if seen.viewer is None else CALLERS[seen.viewer.kind]


def codes_of(seen: Seen) -> Sequence[str]:
    """The codes of the answer's errors, each once, in their order."""
    if seen.refusal is not None:
        return [seen.refusal.code]
    return list(dict.fromkeys(map(code_of, seen.errors))) if seen.errors else ()


def waited(calls: Sequence[UpstreamCall]) -> float:
    """Seconds in which at least one of these calls was under way."""
    total = until = 0.0
    for call in sorted(calls, key=_start) if len(calls) > 1 else calls:
        end = call.start_ms + call.duration_ms
        if end > until:
            total += end - max(call.start_ms, until)
            until = end
    return total / 1000


def _start(call: UpstreamCall) -> float:
    return call.start_ms
